//! The connection to Data Hub, and everything that only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{ContentHash, Failure, Fate, Hide, Languages, ProductKey};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use self::listings::{CategoryListing, CensusNode, ChangeNode, HeadNode, HealthNode, IdNode, Listing, Page};
use crate::answer::{self, Answer};
use crate::external;
use crate::operations;
use crate::path::ProductPath;
use crate::product::{self, PimProduct, object_id};
use crate::tree::{self, CategoryTree};
use crate::{codes, languages};

mod listings;

/// Name of the Data Hub configuration.
const CONFIGURATION: &str = "catalog";
/// Rows that the change feed and the census ask for at once, as their documents say. 1000 rows of
/// scalars take 1.3 s on a small machine.
const PAGE: usize = 500;
/// Objects looked up by id at once: at most the rows that the document asks for.
const INVENTORY: usize = 100;
/// More versions than these are not told apart.
const MOST_VERSIONS: i64 = 1 << 20;
/// Categories asked for at once, as the document says.
const CATEGORY_PAGE: usize = 1000;
/// Products looked up by external id at once: half of the rows that the documents ask for, because
/// each is asked for by both forms of its external id, and Pimcore has each form once.
const LOOK_UP: usize = 50;
/// No single request may take longer, however far the deadline is: a batch of 20 takes about a
/// second.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The key that Data Hub knows this client by. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key as it stands in the secret.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// How writes are spread over requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Products in one request. 10 to 20 are two to three times as fast as one by one; more gain
    /// nothing.
    pub products: usize,
    /// Bytes of input in one request, unless a single product has more. nginx takes 1 MB unless
    /// told otherwise.
    pub bytes: usize,
    /// Requests under way at once.
    pub connections: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self { products: 20, bytes: 900_000, connections: 2 }
    }
}

/// Client of one Pimcore. Cheap to clone; clones share connections and the cached category tree.
#[derive(Debug, Clone)]
pub struct Pimcore {
    pub(crate) batching: Batching,
    http: reqwest::Client,
    /// Of what Pimcore says nothing is passed on that is ours to keep.
    hide: Hide,
    endpoint: reqwest::Url,
    tree: Arc<Mutex<Option<CachedTree>>>,
    /// The languages that the shop shows.
    pub(crate) shown: Languages,
    /// Those of them that Pimcore has.
    pub(crate) languages: Arc<Mutex<Option<languages::Known>>>,
}

#[derive(Debug, Clone)]
struct CachedTree {
    read: Instant,
    tree: Arc<CategoryTree>,
}

/// What decides whether a product has to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub id: u32,
    pub path: ProductPath,
    /// When it was last saved, seconds since 1970.
    pub modified: i64,
    pub published: bool,
    /// Whether it is marked as withdrawn.
    pub withdrawn: bool,
    /// Whether people want to keep it when it is withdrawn.
    pub keep_when_withdrawn: bool,
    /// What was last written ([`crate::stamp`]).
    pub content_hash: Option<ContentHash>,
    pub warnings: String,
    /// Its external id has the form that keeps it apart from another's.
    pub apart: bool,
}

/// Where the change feed has been read to. Orders like the feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Modification date, seconds since 1970.
    pub modified: i64,
    /// Object id among those saved in that second.
    pub id: u32,
}

/// A product that was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in the feed.
    pub cursor: Cursor,
    /// Its external id, as text: people can make products with any.
    pub external_id: Option<String>,
    pub published: bool,
    /// What was last written ([`crate::stamp`]), unless somebody overwrote it.
    pub content_hash: Option<ContentHash>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Products up to the object id that was asked about; `None` if one was made while they were
    /// counted.
    pub known: Option<u64>,
    /// The object ids of the next ones, in order.
    pub newer: Vec<u32>,
    pub categories: u64,
    /// The category that was saved last.
    pub saved: Cursor,
}

/// What the health check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Object id of the folder that is the root of the category tree.
    pub category_folder: u32,
    pub products: u64,
    pub categories: u64,
}

impl Pimcore {
    /// A client of the Pimcore at `base` (`https://host[:port]`, and the path below which Pimcore
    /// is served, if it is not `/`).
    ///
    /// # Errors
    /// Transient, when address or key cannot be used: a person corrects the configuration and the
    /// messages go on.
    pub fn new(base: &str, key: &ApiKey) -> Result<Self, Failure> {
        let endpoint = format!("{}/pimcore-graphql-webservices/{CONFIGURATION}", base.trim_end_matches('/'));
        let usable = |url: &reqwest::Url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
        };
        let endpoint = reqwest::Url::parse(&endpoint).ok().filter(usable).ok_or_else(|| {
            configuration(&format!("PIMCORE_URL is an address like https://pim.example.com, got: {base:?}"))
        })?;
        let hide = Hide::new([key.0.as_str()]);
        let mut key = HeaderValue::from_str(&key.0)
            .map_err(|_| configuration("the API key has characters that no HTTP header can carry"))?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert("X-API-Key", key);
        // Without it errors are HTML pages.
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            // Load balancers close idle connections after 60 s, nginx after 75 s: none of those is
            // used again.
            .pool_idle_timeout(Duration::from_secs(50))
            // The key must not follow to wherever a redirect points.
            .redirect(reqwest::redirect::Policy::none())
            // Nor to a proxy that the environment names.
            .no_proxy()
            .build()
            .map_err(|error| configuration(&format!("the HTTP client cannot be built: {error}")))?;
        let (shown, languages) = (Languages::default(), Arc::default());
        Ok(Self { batching: Batching::default(), http, hide, endpoint, tree: Arc::default(), shown, languages })
    }

    /// The same client with writes spread differently.
    #[must_use]
    pub fn batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// The products with these keys, those of them that exist; found by external id, wherever in
    /// the tree people put them.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked. What cannot be read of a single product fails that
    /// product only.
    pub async fn read_products(
        &self,
        keys: &[ProductKey],
        deadline: Instant,
    ) -> Result<BTreeMap<ProductKey, Result<PimProduct, Failure>>, Failure> {
        let document = languages::document(operations::READ_PRODUCTS, &self.field_languages(deadline).await?);
        let nodes: Vec<product::Node> = self.by_external_id(&document, keys, deadline).await?;
        let wanted: BTreeMap<String, &ProductKey> = keys.iter().map(|key| (key.to_string(), key)).collect();
        let of_key = |node: product::Node| {
            let key = *wanted.get(node.external_id()?)?;
            Some((key.clone(), node.into_product(key)))
        };
        Ok(nodes.into_iter().filter_map(of_key).collect())
    }

    /// What decides whether these products have to be written. An error concerns its product only.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked.
    pub async fn read_heads(
        &self,
        keys: &[ProductKey],
        deadline: Instant,
    ) -> Result<BTreeMap<ProductKey, Result<Head, Failure>>, Failure> {
        let nodes: Vec<HeadNode> = self.by_external_id(operations::READ_HEADS, keys, deadline).await?;
        let mut heads = BTreeMap::new();
        for key in keys {
            let text = key.to_string();
            if let Some(node) = nodes.iter().find(|node| node.external_id() == Some(text.as_str())) {
                heads.insert(key.clone(), node.head(key));
            }
        }
        Ok(heads)
    }

    /// What keeps a product's external id from being used: an object that Pimcore takes for the
    /// same, by rules of its database's (letters with and without accents, say) that are not
    /// repeated here. Asked about alone, whatever comes back is it.
    pub(crate) async fn rival(&self, key: &ProductKey, deadline: Instant) -> Result<Option<Failure>, Failure> {
        let nodes: Vec<HeadNode> =
            self.by_external_id(operations::READ_HEADS, std::slice::from_ref(key), deadline).await?;
        Ok(nodes.iter().find_map(|node| node.head(key).err()))
    }

    async fn by_external_id<N: DeserializeOwned>(
        &self,
        document: &str,
        keys: &[ProductKey],
        deadline: Instant,
    ) -> Result<Vec<N>, Failure> {
        let mut nodes = Vec::new();
        for keys in keys.chunks(LOOK_UP) {
            let forms = keys.iter().map(ToString::to_string).flat_map(|plain| [external::apart(&plain), Some(plain)]);
            let filter: Vec<Value> = forms.flatten().map(|id| json!({"externalId": id})).collect();
            let page: Page<N> = self.list(document, &json!({"$or": filter}), deadline).await?;
            nodes.extend(page.into_nodes()?);
        }
        Ok(nodes)
    }

    /// Products saved after `cursor`, oldest first, at most 500; fewer mean that the end is
    /// reached.
    ///
    /// Pimcore takes the modification date when it starts to save and shows the product when it is
    /// done, so a reader has to go back some seconds behind what it has seen.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked.
    pub async fn changes(&self, cursor: Cursor, deadline: Instant) -> Result<Vec<Change>, Failure> {
        let later = json!({"modificationDate": {"$gt": cursor.modified}});
        // Inside `$or` an object with two keys means either of them, hence `$and`.
        let same_second = json!({"$and": [{"modificationDate": cursor.modified}, {"id": {"$gt": cursor.id}}]});
        let page: Page<ChangeNode> =
            self.list(operations::CHANGES, &json!({"$or": [later, same_second]}), deadline).await?;
        page.into_nodes()?.into_iter().map(ChangeNode::into_change).collect()
    }

    /// Those of these objects that exist, with what decides whether they are as they were written.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked.
    pub async fn inventory(&self, ids: &[u32], deadline: Instant) -> Result<Vec<Change>, Failure> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(INVENTORY) {
            let ids: Vec<String> = some.iter().map(u32::to_string).collect();
            let answer = self.post(operations::INVENTORY, &json!({"ids": ids.join(",")}), deadline).await?;
            let page: Page<ChangeNode> = answer::query::<Listing<ChangeNode>>(answer.view())?.page;
            found.extend(page.into_nodes()?);
        }
        found.into_iter().map(ChangeNode::into_change).collect()
    }

    /// Those of these objects that count more versions than is given with each. One that is gone
    /// counts none.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked.
    pub async fn above(&self, counts: &[(u32, i64)], deadline: Instant) -> Result<BTreeSet<u32>, Failure> {
        let mut found = BTreeSet::new();
        for some in counts.chunks(INVENTORY) {
            let each = |(id, count): &(u32, i64)| json!({"$and": [{"id": id}, {"versionCount": {"$gt": count}}]});
            let filter = json!({"$or": some.iter().map(each).collect::<Vec<Value>>()});
            let page: Page<IdNode> = self.list(operations::VERSIONS, &filter, deadline).await?;
            for node in page.into_nodes()? {
                found.insert(object_id(&node.id)?);
            }
        }
        Ok(found)
    }

    /// How many versions each of these objects counts: some requests, as only `above` can be asked.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked.
    pub async fn count_versions(&self, ids: &[u32], deadline: Instant) -> Result<BTreeMap<u32, i64>, Failure> {
        // Above the first, and, once that is known, not above the second.
        let mut bounds: BTreeMap<u32, (i64, Option<i64>)> = ids.iter().map(|id| (*id, (0, None))).collect();
        loop {
            let next = |(id, (low, high)): (&u32, &(i64, Option<i64>))| match high {
                Some(high) if high - low < 2 => None,
                Some(high) => Some((*id, low + (high - low) / 2)),
                None if *low > MOST_VERSIONS => None,
                None => Some((*id, low.max(&1) * 2)),
            };
            let asked: Vec<(u32, i64)> = bounds.iter().filter_map(next).collect();
            if asked.is_empty() {
                return Ok(bounds.into_iter().map(|(id, (low, high))| (id, high.unwrap_or(low))).collect());
            }
            let above = self.above(&asked, deadline).await?;
            for (id, count) in asked {
                let (low, high) = bounds.entry(id).or_default();
                if above.contains(&id) { *low = count } else { *high = Some(count) }
            }
        }
    }

    /// Counts the products up to object id `upto`, and shows the next ones, at most 500; fewer mean
    /// that there are no more.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked, and when the folder of the products is not there:
    /// then every listing is empty.
    pub async fn census(&self, upto: u32, deadline: Instant) -> Result<Census, Failure> {
        let filter = json!({"id": {"$gt": upto}}).to_string();
        let answer = self.post(operations::CENSUS, &json!({"filter": filter}), deadline).await?;
        let found: CensusNode = answer::query(answer.view())?;
        found.folder.ok_or_else(|| no_folder(crate::path::PRODUCT_FOLDER))?;
        let count = |count: Option<u64>| {
            count.ok_or_else(|| Failure::transient(crate::codes::QUERY_FAILED, "Pimcore gave no count and no reason"))
        };
        let (before, all) = (count(found.before.total_count)?, count(found.all.total_count)?);
        let newer = count(found.newer.total_count)?;
        let ids =
            found.newer.page.into_nodes()?.iter().map(|node| object_id(&node.id)).collect::<Result<Vec<_>, _>>()?;
        let categories = count(found.saved.total_count)?;
        let saved = found.saved.page.into_nodes()?.into_iter().next();
        let saved = saved.map(|node| Ok::<_, Failure>((object_id(&node.id)?, node.modification_date.unwrap_or(0))));
        Ok(Census {
            known: (before == newer).then(|| all.saturating_sub(newer)),
            newer: ids,
            categories,
            saved: saved.transpose()?.map(|(id, modified)| Cursor { modified, id }).unwrap_or_default(),
        })
    }

    /// The number of rows that [`changes`](Self::changes) and [`census`](Self::census) give at
    /// once.
    #[must_use]
    pub const fn page_size() -> usize {
        PAGE
    }

    async fn list<N: DeserializeOwned>(
        &self,
        document: &str,
        filter: &Value,
        deadline: Instant,
    ) -> Result<Page<N>, Failure> {
        let answer = self.post(document, &json!({"filter": filter.to_string()}), deadline).await?;
        answer::query::<Listing<N>>(answer.view()).map(|listing| listing.page)
    }

    /// The category tree, read again if what is known is older than `max_age`.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked.
    pub async fn category_tree(&self, max_age: Duration, deadline: Instant) -> Result<Arc<CategoryTree>, Failure> {
        // Held while reading: who comes second waits for the first one's answer.
        let mut cached = self.tree.lock().await;
        if let Some(known) = cached.as_ref().filter(|known| known.read.elapsed() < max_age) {
            return Ok(Arc::clone(&known.tree));
        }
        let read = Instant::now();
        let languages = self.field_languages(deadline).await?;
        let document = languages::document(operations::READ_CATEGORIES, &languages);
        let mut nodes = Vec::new();
        let mut after = 0;
        loop {
            let filter = json!({"id": {"$gt": after}}).to_string();
            let answer = self.post(&document, &json!({"filter": filter}), deadline).await?;
            let page: CategoryListing = answer::query(answer.view())?;
            let page = page.page.into_nodes()?;
            let full = page.len() >= CATEGORY_PAGE;
            let last = page.last().map(tree::Node::id).transpose()?.unwrap_or(after);
            nodes.extend(page);
            // A page that leads nowhere would be asked for again and again.
            if !full || last <= after {
                break;
            }
            after = last;
        }
        let nodes: Vec<Option<tree::TreeNode>> =
            nodes.into_iter().map(tree::Node::into_node).collect::<Result<_, _>>()?;
        let mut tree = CategoryTree::new(nodes.into_iter().flatten());
        tree.languages = languages.there;
        let tree = Arc::new(tree);
        *cached = Some(CachedTree { read, tree: Arc::clone(&tree) });
        Ok(tree)
    }

    /// Replaces what is known of the tree by what was just written. Its age stays.
    pub(crate) async fn remember_tree(&self, tree: &Arc<CategoryTree>) {
        if let Some(known) = self.tree.lock().await.as_mut() {
            known.tree = Arc::clone(tree);
        }
    }

    /// Asks whether the configuration answers and both folders are there.
    ///
    /// # Errors
    /// Transient, with what is wrong.
    pub async fn health(&self, deadline: Instant) -> Result<Health, Failure> {
        let answer = self.post(operations::HEALTH, &json!({}), deadline).await?;
        let found: HealthNode = answer::query(answer.view())?;
        found.products.ok_or_else(|| no_folder(crate::path::PRODUCT_FOLDER))?;
        let categories = found.categories.ok_or_else(|| no_folder(crate::path::CATEGORY_FOLDER))?;
        Ok(Health {
            category_folder: object_id(&categories.id)?,
            products: found.product_count.total_count.unwrap_or(0),
            categories: found.category_count.total_count.unwrap_or(0),
        })
    }

    /// Whether it answers what it always can: [`Self::health`].
    pub async fn works(&self, deadline: Instant) -> bool {
        let answer = self.health(deadline).await;
        answer.inspect_err(|failure| tracing::warn!(%failure, "Pimcore does not answer what it always can")).is_ok()
    }

    /// Sends one operation. The request ends at the deadline, or after 30 s.
    pub(crate) async fn post(&self, document: &str, variables: &Value, deadline: Instant) -> Result<Sent, Failure> {
        self.post_after_reading(document, variables, &Map::new(), deadline).await
    }

    /// Sends one operation that was decided upon objects of these modification dates, by path. Data
    /// Hub passes over what it is told about that; where our bundle is installed, a mutation is
    /// refused if another save came in between.
    pub(crate) async fn post_after_reading(
        &self,
        document: &str,
        variables: &Value,
        read: &Map<String, Value>,
        deadline: Instant,
    ) -> Result<Sent, Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::transient(codes::DEADLINE, "no time is left to ask Pimcore"));
        }
        let mut body = json!({"query": document, "variables": variables});
        if operations::writes(document) {
            body["extensions"] = json!({"catalogRelay": {"read": read}});
        }
        let request = self.http.post(self.endpoint.clone()).timeout(left.min(REQUEST_LIMIT)).json(&body);
        let lost = |error: reqwest::Error| {
            let failure = self.unreachable(&error);
            if operations::writes(document) { failure } else { answer::only_read(failure) }
        };
        let response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await.map_err(lost)?;
        Ok(Sent { status, retry_after, body: self.hide.bytes(body.into()) })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let host = self.endpoint.host_str().unwrap_or_default();
        if error.is_timeout() {
            return Failure::transient(codes::TIMEOUT, format!("Pimcore did not answer in time: {host}"))
                .request(Fate::MayStillLand);
        }
        // The innermost cause is the one that says something ("connection refused").
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Failure::transient(codes::UNREACHABLE, format!("no connection to Pimcore at {host}: {cause}"))
            .request(if error.is_connect() { Fate::NoConnection } else { Fate::MayStillLand })
    }
}

fn configuration(message: &str) -> Failure {
    Failure::transient(codes::CONFIGURATION, message)
}

fn no_folder(folder: &str) -> Failure {
    configuration(&format!("Pimcore has no folder {folder}; run the installer of the catalog model"))
}

#[derive(Debug)]
pub(crate) struct Sent {
    status: u16,
    retry_after: Option<String>,
    body: Vec<u8>,
}

impl Sent {
    pub(crate) fn view(&self) -> Answer<'_> {
        Answer { status: self.status, retry_after: self.retry_after.as_deref(), body: &self.body }
    }
}
