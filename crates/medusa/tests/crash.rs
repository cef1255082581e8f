//! Medusa dies in the middle of a batch. After the next delivery the shop is complete: no
//! duplicate, no orphaned inventory item, no variant without a price, nothing half-made for sale.
//! (That the function dies: functions/medusa-push/tests/crash.rs.)
//!
//! Needs a Medusa that may be killed: `RELAY_MEDUSA_COMMAND` starts it in the foreground at
//! `RELAY_MEDUSA_URL`. `RELAY_CRASHES` says how often (default 4).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

#[path = "crash/joining.rs"]
mod joining;
mod support;

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use catalog::ProductKey;
use medusa::{Article, Change, CompareAt, Depth, Desired};
use support::{NobodyWants, Real, Shown, deadline, medusa_client, offered, rows_are_sound, setting, shirt};

const PRODUCTS: usize = 60;

/// A Medusa in a process group of its own.
struct Server {
    child: Child,
}

impl Server {
    async fn start(command: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let server = Self { child: shell.spawn().unwrap() };
        let medusa = medusa_client().unwrap();
        let until = Instant::now() + Duration::from_secs(120);
        while !medusa.healthy(deadline()).await {
            assert!(Instant::now() < until, "Medusa does not start");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        server
    }

    /// kill -9, and gone.
    fn kill(&mut self) {
        let group = format!("-{}", self.child.id());
        assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

#[tokio::test]
async fn after_a_crash_the_next_delivery_completes_the_shop() {
    let Some(command) = setting("RELAY_MEDUSA_COMMAND") else {
        eprintln!(
            "SKIPPED: no RELAY_MEDUSA_COMMAND. This test needs a Medusa of its own to kill, see crates/medusa/README.md"
        );
        return;
    };
    let crashes: u32 = setting("RELAY_CRASHES").map_or(4, |count| count.parse().unwrap());
    let mut server = Server::start(&command).await;
    let real = Real::connect_with(CompareAt::PriceLists).await.unwrap();
    // When an undisturbed batch writes, so that the blows are spread over all of it.
    let (warm, timed) = (batch(&real).await, batch(&real).await);
    push(&real, &warm, Depth::Light).await;
    let course = course(&real, &timed).await;
    complete(&real, &timed).await;

    for n in 0..crashes {
        let before = orphans(&real).await;
        let products = batch(&real).await;
        let keys: Vec<ProductKey> = products.iter().map(|(key, _)| key.clone()).collect();
        // Half of the blows fall before the longest write, which creates, the others in it or after
        // it.
        let longest = (1..course.len()).max_by_key(|end| course[*end] - course[end - 1]).unwrap() - 1;
        let (from, to) =
            if n % 2 == 0 { (Duration::ZERO, course[longest]) } else { (course[longest], course[course.len() - 1]) };
        let blow = from + (to - from).mul_f64((f64::from(n / 2) + 0.5) / f64::from(crashes.div_ceil(2)));
        // So long after the write that was the last before this moment: a batch that goes slower is
        // hit at the same place.
        let write = course.partition_point(|begun| *begun <= blow).max(1);
        let later = blow.saturating_sub(course[write - 1]);
        let written = real.shop.medusa.writes();
        let wanted = desired(&products);
        let orders: Vec<_> = wanted.iter().map(|desired| (desired, Depth::Light)).collect();
        let pushing = real.shop.push(&orders, &NobodyWants, deadline());
        let killing = async {
            has_written(&real, written + u64::try_from(write).unwrap()).await;
            tokio::time::sleep(later).await;
            server.kill();
        };
        let (outcomes, ()) = tokio::join!(pushing, killing);
        let failures = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let permanent: Vec<_> = failures.filter(|failure| failure.kind == catalog::ErrorKind::Permanent).collect();
        assert!(permanent.is_empty(), "a crash is nobody's fault: {permanent:?}");
        server = Server::start(&command).await;
        let halves = half_made(&real, &keys).await;
        push(&real, &products, Depth::Full).await;
        complete(&real, &products).await;
        assert_eq!(orphans(&real).await, before, "inventory items without a variant");
        let of = course.len() - 1;
        println!(
            "crash {n}, {} ms after the beginning of write {write} of {of}: {halves}, then complete",
            later.as_millis()
        );
    }
    joining::kill(&command, server, &real, crashes).await;
}

type Product = (ProductKey, Article);

/// Returns when so many writes were begun.
async fn has_written(real: &Real, writes: u64) {
    while real.shop.medusa.writes() < writes {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Pushes and says when each write began, and when all was done.
async fn course(real: &Real, products: &[Product]) -> Vec<Duration> {
    let started = Instant::now();
    let before = real.shop.medusa.writes();
    let begun = std::cell::RefCell::new(Vec::new());
    let watch = async {
        for write in 1.. {
            has_written(real, before + write).await;
            begun.borrow_mut().push(started.elapsed());
        }
    };
    tokio::select! {
        () = push(real, products, Depth::Light) => {}
        () = watch => {}
    }
    let mut course = begun.into_inner();
    course.push(started.elapsed());
    course
}

fn desired(products: &[Product]) -> Vec<Desired> {
    products.iter().map(|(key, article)| offered(key, article)).collect()
}

/// 40 new products and 20 that are there and need new sizes, prices and images.
async fn batch(real: &Real) -> Vec<Product> {
    let keys: Vec<ProductKey> = (0..PRODUCTS).map(|_| real.new_key()).collect();
    let old: Vec<Product> = keys.iter().take(20).map(|key| (key.clone(), shirt(key, &["S", "M"]))).collect();
    push(real, &old, Depth::Light).await;
    keys.into_iter()
        .map(|key| {
            let mut article = shirt(&key, &["M", "L", "XL"]);
            article.images.reverse();
            article.variants[0].prices.insert("sar".into(), "99.95".parse().unwrap());
            for variant in &mut article.variants {
                variant.list_prices.insert("sar".into(), "120".parse().unwrap());
            }
            (key, article)
        })
        .collect()
}

async fn push(real: &Real, products: &[Product], depth: Depth) {
    let wanted = desired(products);
    let orders: Vec<_> = wanted.iter().map(|desired| (desired, depth)).collect();
    for outcome in real.shop.push(&orders, &NobodyWants, deadline()).await {
        outcome.unwrap();
    }
}

/// Inventory items that belong to no variant; some shops have such from before.
async fn orphans(real: &Real) -> i64 {
    real.count("/admin/inventory-items").await - real.count("/admin/product-variants").await
}

/// What the crash left behind, for the record.
async fn half_made(real: &Real, keys: &[ProductKey]) -> String {
    let (mut absent, mut drafts, mut bare, mut priceless) = (0, 0, 0, 0);
    for product in real.admin_products(keys).await {
        let Some(product) = product else {
            absent += 1;
            continue;
        };
        let variants = product["variants"].as_array().unwrap();
        drafts += usize::from(product["status"] == "draft");
        bare += usize::from(variants.is_empty());
        priceless += usize::from(variants.iter().any(|variant| variant["prices"].as_array().is_none_or(Vec::is_empty)));
        assert!(product["status"] == "draft" || !variants.is_empty(), "for sale without variants: {product}");
    }
    format!("{absent} absent, {drafts} drafts, {bare} without variants, {priceless} without prices")
}

async fn complete(real: &Real, products: &[Product]) {
    let keys: Vec<ProductKey> = products.iter().map(|(key, _)| key.clone()).collect();
    let there = real.admin_products(&keys).await;
    for product in &there {
        rows_are_sound(product.as_ref().unwrap()).unwrap();
    }
    // The full comparison covers all; the storefront and the price lists are asked about some.
    for ((key, article), product) in products.iter().zip(&there).step_by(12) {
        assert_eq!(real.shown(key).await, Some(Shown::expected(article, real)));
        assert_eq!(real.entries(product.as_ref().unwrap()).await, real.expected_entries(article));
    }
    let wanted = desired(products);
    let orders: Vec<_> = wanted.iter().map(|desired| (desired, Depth::Full)).collect();
    for outcome in real.shop.push(&orders, &NobodyWants, deadline()).await {
        assert_eq!(outcome.unwrap().change, Change::Unchanged);
    }
}
