//! What the ledger is kept in: a DynamoDB table, or a map ([`Memory`](super::memory::Memory)).
//! Everything above is the same for both.

use std::collections::HashMap;
use std::future::Future;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};

use super::LedgerError;
use super::render::{render, to_item};
use crate::core::{Item, ItemKey, Write};

/// Name of the sparse index.
const INDEX: &str = "pending";

/// Items of one request of a scan, and where to go on.
pub type Scanned = (Vec<(ItemKey, Item)>, Option<ItemKey>);

/// One table: conditional writes, consistent reads, a sparse index.
pub trait Table: Send + Sync {
    /// The item after the write, or the item that refused it.
    fn write(&self, write: &Write) -> impl Future<Output = Result<Result<Item, Item>, LedgerError>> + Send;

    /// Whether the write happened. The item is not transferred: for large ones.
    fn write_large(&self, write: &Write) -> impl Future<Output = Result<bool, LedgerError>> + Send;

    /// Consistent reads of many items; those that are not there are empty.
    fn read(&self, keys: &[ItemKey]) -> impl Future<Output = Result<HashMap<ItemKey, Item>, LedgerError>> + Send;

    /// Keys in one partition of the sparse index with their sort value, up to `before`.
    fn list(
        &self,
        shard: &str,
        before: i64,
        limit: usize,
        oldest_first: bool,
    ) -> impl Future<Output = Result<Vec<(ItemKey, i64)>, LedgerError>> + Send;

    /// Some of the items with this sort key, of every partition, and where to go on: one request.
    /// Not consistently read.
    fn scan(&self, sk: &str, after: Option<&ItemKey>) -> impl Future<Output = Result<Scanned, LedgerError>> + Send;

    /// The same of one of so many segments, which together are all. A table that knows none has all
    /// in the first.
    fn scan_segment(
        &self,
        sk: &str,
        (segment, _of): (u32, u32),
        after: Option<&ItemKey>,
    ) -> impl Future<Output = Result<Scanned, LedgerError>> + Send {
        async move { if segment > 0 { Ok((Vec::new(), None)) } else { self.scan(sk, after).await } }
    }

    /// The items of a partition after a sort key, consistently read.
    fn after(&self, pk: &str, sk: &str) -> impl Future<Output = Result<Vec<(String, Item)>, LedgerError>> + Send;
}

#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    name: String,
}

impl DynamoDb {
    /// DynamoDB's limit for BatchGetItem.
    const BATCH: usize = 100;
    /// Tries after which keys that DynamoDB leaves unprocessed fail the read: about 10 s.
    const TRIES: u32 = 12;

    pub(super) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    fn error<E: std::error::Error>(&self, operation: &'static str, error: &E) -> LedgerError {
        LedgerError::Store { operation, table: self.name.clone(), message: DisplayErrorContext(error).to_string() }
    }

    async fn update(
        &self,
        write: &Write,
        after: ReturnValue,
        refused: OnFailure,
    ) -> Result<Result<Item, Item>, LedgerError> {
        let rendered = render(write);
        let answer = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(write.key.pk.clone()))
            .key("sk", AttributeValue::S(write.key.sk.clone()))
            .set_update_expression((!rendered.update.is_empty()).then_some(rendered.update))
            .set_condition_expression(rendered.condition)
            .set_expression_attribute_names((!rendered.names.is_empty()).then_some(rendered.names))
            .set_expression_attribute_values((!rendered.values.is_empty()).then_some(rendered.values))
            .return_values(after)
            .return_values_on_condition_check_failure(refused)
            .send()
            .await;
        match answer {
            Ok(output) => Ok(Ok(to_item(output.attributes.unwrap_or_default()))),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                let UpdateItemError::ConditionalCheckFailedException(refused) = error.into_err() else {
                    return Ok(Err(Item::new()));
                };
                Ok(Err(to_item(refused.item.unwrap_or_default())))
            }
            Err(error) => Err(self.error("UpdateItem", &error)),
        }
    }

    async fn scan_part(
        &self,
        sk: &str,
        part: Option<(u32, u32)>,
        after: Option<&ItemKey>,
    ) -> Result<Scanned, LedgerError> {
        let start = after.map(|key| {
            let text = |value: &str| AttributeValue::S(value.to_owned());
            HashMap::from([("pk".to_owned(), text(&key.pk)), ("sk".to_owned(), text(&key.sk))])
        });
        let output = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression("sk = :sk")
            .expression_attribute_values(":sk", AttributeValue::S(sk.to_owned()))
            .set_segment(part.and_then(|(segment, _)| i32::try_from(segment).ok()))
            .set_total_segments(part.and_then(|(_, of)| i32::try_from(of).ok()))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| self.error("Scan", &error))?;
        let key_of = |row: &HashMap<String, AttributeValue>| {
            let text = |name: &str| row.get(name).and_then(|v| v.as_s().ok()).cloned();
            Some(ItemKey { pk: text("pk")?, sk: text("sk")? })
        };
        let rows = output.items.unwrap_or_default();
        let next = output.last_evaluated_key.as_ref().and_then(key_of);
        Ok((rows.into_iter().filter_map(|row| Some((key_of(&row)?, to_item(row)))).collect(), next))
    }
}

impl Table for DynamoDb {
    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.update(write, ReturnValue::AllNew, OnFailure::AllOld).await
    }

    async fn write_large(&self, write: &Write) -> Result<bool, LedgerError> {
        Ok(self.update(write, ReturnValue::None, OnFailure::None).await?.is_ok())
    }

    async fn read(&self, keys: &[ItemKey]) -> Result<HashMap<ItemKey, Item>, LedgerError> {
        // DynamoDB refuses a key that is asked for twice.
        let mut found: HashMap<ItemKey, Item> = keys.iter().map(|key| (key.clone(), Item::new())).collect();
        let wanted: Vec<HashMap<String, AttributeValue>> = found
            .keys()
            .map(|key| {
                HashMap::from([
                    ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
                    ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
                ])
            })
            .collect();
        for batch in wanted.chunks(Self::BATCH) {
            let mut left = batch.to_vec();
            let mut tries = 0_u32;
            while !left.is_empty() {
                if tries > Self::TRIES {
                    let message = format!("{} keys stay unprocessed", left.len());
                    return Err(LedgerError::Store { operation: "BatchGetItem", table: self.name.clone(), message });
                }
                if tries > 0 {
                    // DynamoDB leaves keys unprocessed when it is throttled or the answer exceeds
                    // 16 MB.
                    tokio::time::sleep(std::time::Duration::from_millis(25 << tries.min(6))).await;
                }
                tries += 1;
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(std::mem::take(&mut left)))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| self.error("BatchGetItem", &error))?;
                let output = self
                    .client
                    .batch_get_item()
                    .request_items(&self.name, request)
                    .send()
                    .await
                    .map_err(|error| self.error("BatchGetItem", &error))?;
                for attributes in output.responses.unwrap_or_default().remove(&self.name).unwrap_or_default() {
                    let text = |name: &str| attributes.get(name).and_then(|v| v.as_s().ok()).cloned();
                    let (Some(pk), Some(sk)) = (text("pk"), text("sk")) else { continue };
                    if let Some(item) = found.get_mut(&ItemKey { pk, sk }) {
                        *item = to_item(attributes);
                    }
                }
                if let Some(rest) = output.unprocessed_keys.unwrap_or_default().remove(&self.name) {
                    left = rest.keys;
                }
            }
        }
        Ok(found)
    }

    async fn list(
        &self,
        shard: &str,
        before: i64,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Vec<(ItemKey, i64)>, LedgerError> {
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(INDEX)
                .key_condition_expression("pending_shard = :shard AND pending_since <= :before")
                .expression_attribute_values(":shard", AttributeValue::S(shard.to_owned()))
                .expression_attribute_values(":before", AttributeValue::N(before.to_string()))
                .scan_index_forward(oldest_first)
                .limit(i32::try_from((limit - rows.len()).max(1)).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| self.error("Query", &error))?;
            for row in output.items.unwrap_or_default() {
                let text = |name: &str| row.get(name).and_then(|v| v.as_s().ok()).cloned();
                let at = row.get("pending_since").and_then(|v| v.as_n().ok()).and_then(|n| n.parse().ok());
                if let (Some(pk), Some(sk), Some(at)) = (text("pk"), text("sk"), at) {
                    rows.push((ItemKey { pk, sk }, at));
                }
            }
            start = output.last_evaluated_key;
            if start.is_none() || rows.len() >= limit {
                return Ok(rows);
            }
        }
    }

    async fn scan(&self, sk: &str, after: Option<&ItemKey>) -> Result<Scanned, LedgerError> {
        self.scan_part(sk, None, after).await
    }

    async fn scan_segment(&self, sk: &str, part: (u32, u32), after: Option<&ItemKey>) -> Result<Scanned, LedgerError> {
        self.scan_part(sk, Some(part), after).await
    }

    async fn after(&self, pk: &str, sk: &str) -> Result<Vec<(String, Item)>, LedgerError> {
        let mut rows = Vec::new();
        let mut start = None;
        // DynamoDB knows no empty key: behind it lies everything.
        let behind = Some(sk).filter(|sk| !sk.is_empty());
        loop {
            let query = self.client.query().table_name(&self.name).consistent_read(true);
            let query = query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
            let query = match behind {
                None => query.key_condition_expression("pk = :pk"),
                Some(sk) => query
                    .key_condition_expression("pk = :pk AND sk > :sk")
                    .expression_attribute_values(":sk", AttributeValue::S(sk.to_owned())),
            };
            let output =
                query.set_exclusive_start_key(start).send().await.map_err(|error| self.error("Query", &error))?;
            for row in output.items.unwrap_or_default() {
                let sk = row.get("sk").and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
                rows.push((sk, to_item(row)));
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }
}
