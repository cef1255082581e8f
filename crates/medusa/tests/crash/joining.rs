//! Medusa dies while products become one: an article takes over what they sell, with its inventory
//! items, then they are withdrawn.

use std::collections::{BTreeMap, BTreeSet};

use catalog::ProductKey;
use medusa::{Article, Depth, Desired};

use super::support::{NobodyWants, Real, deadline, offered, rows_are_sound, shirt, variant, withheld};
use super::{Server, has_written, orphans};

const ARTICLES: usize = 6;
const MEMBERS: usize = 4;
const SIZES: [&str; 2] = ["S", "M"];

struct Joining {
    articles: Vec<(ProductKey, Article)>,
    members: Vec<(ProductKey, Article)>,
}

impl Joining {
    /// Members for sale by themselves, and what they are to become.
    async fn begin(real: &Real) -> Self {
        let mut joining = Self { articles: Vec::new(), members: Vec::new() };
        for _ in 0..ARTICLES {
            let members: Vec<ProductKey> = (0..MEMBERS).map(|_| real.new_key()).collect();
            let key = ProductKey::article(members[0].source(), format!("G-{}", members[0].id())).unwrap();
            let mut article = shirt(&key, &[]);
            for (n, member) in members.into_iter().enumerate() {
                let own = shirt(&member, &SIZES);
                for (size, held) in SIZES.iter().zip(&own.variants) {
                    let colour = format!("Colour {n}");
                    article.variants.push(medusa::Variant { sku: held.sku.clone(), ..variant(&key, &[&colour, size]) });
                }
                joining.members.push((member, own));
            }
            joining.articles.push((key, article));
        }
        joining.push_members(real).await;
        joining
    }

    async fn push_members(&self, real: &Real) {
        let members: Vec<Desired> = self.members.iter().map(|(key, own)| offered(key, own)).collect();
        assert_eq!(push(real, &members, Depth::Light).await, Vec::<String>::new());
    }

    /// Who takes over first, as the function does.
    async fn join(&self, real: &Real, depth: Depth) -> Vec<String> {
        let articles: Vec<Desired> = self.articles.iter().map(|(key, article)| offered(key, article)).collect();
        let failed = push(real, &articles, depth).await;
        if !failed.is_empty() {
            return failed;
        }
        let members: Vec<Desired> = self.members.iter().map(|(key, _)| withheld(key)).collect();
        push(real, &members, depth).await
    }

    /// What a crash left: nothing is for sale twice. Returns what is for sale.
    async fn sold(&self, real: &Real) -> BTreeMap<String, ProductKey> {
        let mut sold = BTreeMap::new();
        for key in self.articles.iter().chain(&self.members).map(|(key, _)| key) {
            let Some(shown) = real.shown(key).await else { continue };
            for (sku, variant) in shown.variants {
                // A nameless one has given its SKU and stock away, and its product is withdrawn next.
                if variant.stock > 0 && !variant.prices.is_empty() && !sku.is_empty() {
                    let twice = sold.insert(sku.clone(), key.clone());
                    assert_eq!(twice, None, "{sku} is for sale twice, also as {key}");
                }
            }
        }
        sold
    }

    async fn complete(&self, real: &Real) {
        for (key, article) in &self.articles {
            let product = real.admin_product(key).await.unwrap_or_else(|| panic!("{key} is not there"));
            rows_are_sound(&product).unwrap();
            let skus: BTreeSet<&str> =
                product["variants"].as_array().unwrap().iter().filter_map(|variant| variant["sku"].as_str()).collect();
            assert_eq!(skus, article.variants.iter().map(|variant| variant.sku.as_str()).collect());
        }
        let articles =
            self.articles.iter().flat_map(|(key, article)| article.variants.iter().map(move |own| (key, own)));
        let wanted: BTreeMap<String, ProductKey> = articles.map(|(key, own)| (own.sku.clone(), key.clone())).collect();
        assert_eq!(self.sold(real).await, wanted);
        for (key, _) in &self.members {
            let product = real.admin_product(key).await.unwrap();
            assert_eq!(product["status"], "draft", "{key}");
        }
    }
}

/// What failed for good: a crash is nobody's fault.
async fn push(real: &Real, desired: &[Desired], depth: Depth) -> Vec<String> {
    let orders: Vec<_> = desired.iter().map(|desired| (desired, depth)).collect();
    let outcomes = real.shop.push(&orders, &NobodyWants, deadline()).await;
    let failures: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(failures.iter().all(|failure| failure.kind != catalog::ErrorKind::Permanent), "{failures:?}");
    failures.into_iter().map(|failure| failure.message).collect()
}

/// Kills Medusa so often at writes that are spread over all of it.
pub(super) async fn kill(command: &str, mut server: Server, real: &Real, crashes: u32) {
    let undisturbed = Joining::begin(real).await;
    let before = real.shop.medusa.writes();
    assert_eq!(undisturbed.join(real, Depth::Light).await, Vec::<String>::new());
    let writes = real.shop.medusa.writes() - before;
    undisturbed.complete(real).await;
    for n in 0..crashes {
        let joining = Joining::begin(real).await;
        let orphaned = orphans(real).await;
        let write = u64::from(2 * n + 1) * writes / u64::from(2 * crashes) + 1;
        let from = real.shop.medusa.writes();
        let killing = async {
            has_written(real, from + write).await;
            server.kill();
        };
        let (failed, ()) = tokio::join!(joining.join(real, Depth::Light), killing);
        server = Server::start(command).await;
        let sold = joining.sold(real).await.len();
        assert_eq!(joining.join(real, Depth::Full).await, Vec::<String>::new());
        joining.complete(real).await;
        assert!(orphans(real).await <= orphaned, "inventory items without a variant");
        println!(
            "crash {n} of products that become one, at write {write} of {writes}: {} failed, {sold} for sale, then complete",
            failed.len()
        );
    }
}
