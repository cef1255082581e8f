//! One table: conditional writes, batch reads with what was left unprocessed, and the sparse index.

use std::collections::HashMap;
use std::hash::Hash;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};

use super::LedgerError;
use super::render::{render, to_item};
use crate::core::{Change, Condition, Item, ItemKey, Operand, Write};

pub(super) const CURSOR: &str = "cursor";

/// Name of the sparse index.
const INDEX: &str = "pending";

#[derive(Debug, Clone)]
pub(super) struct Table {
    client: Client,
    name: String,
}

impl Table {
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

    /// The item after the write, or the item that refused it.
    pub(super) async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.update(write, ReturnValue::AllNew, OnFailure::AllOld).await
    }

    /// Whether the write happened. The item is not transferred: for large ones.
    pub(super) async fn write_large(&self, write: &Write) -> Result<bool, LedgerError> {
        Ok(self.update(write, ReturnValue::None, OnFailure::None).await?.is_ok())
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

    /// Consistent reads of many items; those that are not there are empty.
    pub(super) async fn read<K>(
        &self,
        keys: &[K],
        item_key: impl Fn(&K) -> ItemKey,
    ) -> Result<HashMap<K, Item>, LedgerError>
    where
        K: Clone + Eq + Hash,
    {
        let mut by_item: HashMap<(String, String), K> = HashMap::with_capacity(keys.len());
        for key in keys {
            let ItemKey { pk, sk } = item_key(key);
            by_item.insert((pk, sk), key.clone());
        }
        let mut found: HashMap<K, Item> = by_item.values().map(|key| (key.clone(), Item::new())).collect();
        let wanted: Vec<HashMap<String, AttributeValue>> = by_item
            .keys()
            .map(|(pk, sk)| {
                HashMap::from([
                    ("pk".to_owned(), AttributeValue::S(pk.clone())),
                    ("sk".to_owned(), AttributeValue::S(sk.clone())),
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
                    // DynamoDB leaves keys unprocessed when it is throttled or the answer exceeds 16 MB.
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
                    if let Some(key) = by_item.get(&(pk, sk)) {
                        found.insert(key.clone(), to_item(attributes));
                    }
                }
                if let Some(rest) = output.unprocessed_keys.unwrap_or_default().remove(&self.name) {
                    left = rest.keys;
                }
            }
        }
        Ok(found)
    }

    /// Keys in one partition of the sparse index with their sort value, up to `before`.
    pub(super) async fn list(
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
}

impl Table {
    /// The items of a partition after a sort key, consistently read.
    pub(super) async fn after(&self, pk: &str, sk: &str) -> Result<Vec<(String, Item)>, LedgerError> {
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk > :sk")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .expression_attribute_values(":sk", AttributeValue::S(sk.to_owned()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| self.error("Query", &error))?;
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

pub(super) fn watermark_key(name: &str) -> ItemKey {
    ItemKey { pk: format!("W#{name}"), sk: "watermark".to_owned() }
}

pub(super) fn move_watermark(name: &str, from: Option<&str>, to: &str) -> Write {
    Write {
        key: watermark_key(name),
        condition: from.map_or(Condition::Absent(CURSOR), |from| Condition::Eq(CURSOR, Operand::Value(from.into()))),
        changes: vec![Change::Set(CURSOR, to.into())],
    }
}
