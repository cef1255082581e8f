//! `relay handles`: addresses of products in the shop.
//!
//! A move is a wish in the ledger and an announcement; medusa-push fulfils it with its next look at
//! the product, as with everything else. So a move that was interrupted is gone on with by the same
//! command: what has moved is not named again.

use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use medusa::HandleTemplate;
use medusa::address::{Moving, candidates, moving};
use medusa::api::model::Product;
use medusa::redirects::{Redirect, members, table as redirects_of};
use runtime::{Announcement, Announcer, Cause, ProductMessage, Secrets};
use serde::{Deserialize, Serialize};

use super::diff::{Asked, medusa_of};
use crate::answer::Answer;
use crate::cli::{Form, Handles};
use crate::error::CliError;
use crate::remedy;
use crate::render::table;
use crate::stack::Stack;

/// How long reading the shop may take.
const TIME: Duration = Duration::from_secs(600);
/// Products of one request.
const PAGE: usize = 500;
/// Rows that people are shown; JSON has all.
const SHOWN: usize = 50;

#[derive(Deserialize)]
struct Page {
    products: Vec<Product>,
}

/// A product that would move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    product: String,
    from: String,
    /// Where somebody has that by then, digits follow.
    to: String,
    /// Who is looked at: of an article one of its members, which bring it.
    #[serde(skip)]
    by: String,
}

/// What a move would do.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moves {
    moves: Vec<Move>,
    /// Products whose address is what it would be.
    right: usize,
    /// Products whose address a person chose: it stays.
    by_people: usize,
    /// More would move than were asked for.
    left: usize,
    executed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

/// The command.
///
/// # Errors
/// When AWS or the shop does not answer.
pub async fn run(stack: &Stack, command: &Handles, now: i64) -> Result<Answer, CliError> {
    let products = match all(stack).await? {
        Ok(products) => products,
        Err(failure) => {
            return Err(CliError::Refused {
                what: format!("the shop cannot be read: {failure}"),
                advice: remedy::advice(&failure.code).to_string(),
            });
        }
    };
    match command {
        Handles::Redirects { format } => {
            let channel = stack.setting("SALES_CHANNEL_ID")?;
            Ok(redirects(&redirects_of(&products, &channel), *format))
        }
        Handles::Move { source, max, rate, execute } => {
            // A stack that was deployed before there was the parameter does not name it.
            let template = stack.setting("HANDLE_TEMPLATE").unwrap_or_else(|_| "{title}".to_owned());
            let template: HandleTemplate = template.parse().map_err(|error| CliError::Refused {
                what: format!("HANDLE_TEMPLATE {error}"),
                advice: "correct the stack's parameter HandleTemplate".to_owned(),
            })?;
            let mut moves = planned(&products, &template, source.as_deref(), max.unwrap_or(usize::MAX));
            if *execute {
                let correlation_id = format!("move-{now}");
                announce(stack, &moves.moves, &correlation_id, *rate, now).await?;
                moves.executed = true;
                moves.correlation_id = Some(correlation_id);
            }
            Ok(Answer::new(&moves, text(&moves), false))
        }
    }
}

/// Every product of the shop, drafts too.
async fn all(stack: &Stack) -> Asked<Vec<Product>> {
    let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(&stack.aws));
    let medusa = match medusa_of(stack, &secrets).await? {
        Ok(medusa) => medusa,
        Err(failure) => return Ok(Err(failure)),
    };
    let deadline = Instant::now() + TIME;
    let read = async {
        let mut products: Vec<Product> = Vec::new();
        loop {
            let (limit, offset) = (PAGE.to_string(), products.len().to_string());
            let fields = "id,handle,external_id,status,title,metadata,sales_channels.id";
            let query = [("fields", fields), ("limit", &limit), ("offset", &offset), ("order", "id")];
            let page: Page = medusa.get("/admin/products", &query, deadline).await?;
            let more = page.products.len() == PAGE;
            products.extend(page.products);
            if !more {
                return Ok::<_, Failure>(products);
            }
        }
    };
    Ok(read.await)
}

/// Which products would move, and where.
fn planned(products: &[Product], template: &HandleTemplate, source: Option<&str>, max: usize) -> Moves {
    let mut moves = Moves::default();
    let mut taken: std::collections::HashSet<String> = products.iter().map(|product| product.handle.clone()).collect();
    for product in products.iter().filter(|product| product.status == "published") {
        let Some(key) = product.external_id.as_ref().and_then(|id| id.parse::<ProductKey>().ok()) else { continue };
        if source.is_some_and(|source| source != key.source()) {
            continue;
        }
        match moving(template, &key, product) {
            Moving::There => moves.right += 1,
            Moving::Persons => moves.by_people += 1,
            Moving::To(_) if moves.moves.len() >= max => moves.left += 1,
            Moving::To(base) => {
                let free = candidates(&base, &key).into_iter().find(|handle| taken.insert(handle.clone()));
                let by =
                    if key.is_article() { members(product).next().map(str::to_owned) } else { Some(key.to_string()) };
                let Some(by) = by else { continue };
                let (product, from) = (key.to_string(), product.handle.clone());
                moves.moves.push(Move { product, from, to: free.unwrap_or(base), by });
            }
        }
    }
    moves
}

async fn announce(stack: &Stack, moves: &[Move], correlation_id: &str, rate: u32, now: i64) -> Result<(), CliError> {
    let announcer = Announcer::new(aws_sdk_eventbridge::Client::new(&stack.aws), &stack.bus);
    let rate = usize::try_from(rate).unwrap_or(1).max(1);
    for (n, some) in moves.chunks(rate).enumerate() {
        let begun = tokio::time::Instant::now();
        let mut announcements = Vec::with_capacity(some.len());
        for row in some {
            let key = super::product_key(&row.by)?;
            // The wish first: whoever looks at the product from now on fulfils it, announced or
            // not.
            stack.ledger.wish_to_move(&key, now).await?;
            let message = ProductMessage { key, correlation_id: correlation_id.to_owned(), cause: Cause::Repair };
            announcements.push(Announcement::product_synced(&message));
        }
        for answer in announcer.announce(&announcements).await {
            answer?;
        }
        if (n + 1) * rate < moves.len() {
            tokio::time::sleep_until(begun + Duration::from_secs(1)).await;
        }
    }
    Ok(())
}

fn text(moves: &Moves) -> String {
    let rows = moves.moves.iter().take(SHOWN).map(|row| [row.product.clone(), row.from.clone(), row.to.clone()]);
    let mut text = String::new();
    if !moves.moves.is_empty() {
        text = table(["product", "address", "would be"], rows);
        text.push_str("\n\n");
    }
    let (count, right, people) = (moves.moves.len(), moves.right, moves.by_people);
    let what = if moves.executed { "asked to move" } else { "would move" };
    text.push_str(&format!(
        "{count} products {what}, {right} are right, {people} have an address that a person chose."
    ));
    if moves.left > 0 {
        text.push_str(&format!(" {} more would move after these.", moves.left));
    }
    match &moves.correlation_id {
        Some(id) => text.push_str(&format!(
            "\nTheir log lines carry the correlation id {id}. The same command again names what has not moved yet; then tell the storefront: `relay handles redirects`."
        )),
        None if count > 0 => text.push_str("\nNothing was changed: --execute moves them, and keeps the old addresses as redirects."),
        None => {}
    }
    text
}

fn redirects(rows: &[Redirect], format: Form) -> Answer {
    let text = match format {
        Form::Json => serde_json::to_string_pretty(rows).unwrap_or_default(),
        // Handles are letters, digits and hyphens; a product's id can be anything.
        Form::Csv => std::iter::once("from,to,product".to_owned())
            .chain(rows.iter().map(|row| format!("{},{},{}", quoted(&row.from), quoted(&row.to), quoted(&row.product))))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    Answer::new(&rows, text, false)
}

/// A field of a CSV file.
fn quoted(text: &str) -> String {
    let plain = !text.contains(['"', ',', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use medusa::address::REDIRECTS;
    use serde_json::json;

    use super::*;
    use crate::shown::{WILD, assert_tame};

    fn product(id: &str, handle: &str, title: &str, metadata: serde_json::Value) -> Product {
        serde_json::from_value(
            json!({"id": format!("prod_{id}"), "handle": handle, "title": title, "status": "published", "sales_channels": [{"id": "sc_1"}],
            "external_id": format!("demo:{id}"), "metadata": metadata}),
        )
        .unwrap()
    }

    #[test]
    fn a_preview_names_what_would_move_and_what_people_chose() {
        let marked = || json!({"relay_state": "m"});
        let shop = [
            product("1", "demo-1", "Dress", marked()),
            product("2", "demo-2", "Dress", marked()),
            product("3", "nicer", "Gown", marked()),
            product("4", "robe", "Robe", json!({"relay_made": {"handle": "robe"}})),
            Product { external_id: Some("other:5".into()), ..product("5", "other-5", "Cape", marked()) },
            Product { external_id: None, ..product("6", "by-hand", "Hat", json!(null)) },
            Product { status: "draft".into(), ..product("7", "demo-7", "Scarf", marked()) },
        ];
        let moves = planned(&shop, &HandleTemplate::default(), Some("demo"), 9);
        let [first, second] = moves.moves.as_slice() else { panic!("{moves:?}") };
        assert_eq!((first.from.as_str(), first.to.as_str()), ("demo-1", "dress"));
        assert!(second.to.starts_with("dress-"), "{}", second.to);
        assert_eq!((moves.right, moves.by_people, moves.left), (1, 1, 0));
        let one = planned(&shop, &HandleTemplate::default(), None, 1);
        assert_eq!((one.moves.len(), one.left), (1, 2));
        assert!(text(&moves).contains("--execute"));
        let done = Moves { executed: true, correlation_id: Some("m-1".into()), ..moves };
        assert!(text(&done).contains("m-1") && !text(&done).contains("--execute"));
    }

    #[test]
    fn an_article_moves_with_a_member_and_what_it_shows_does_not() {
        let article = Product {
            external_id: Some("demo~article:G".into()),
            ..product(
                "1",
                "demo-article-g",
                "Dress",
                json!({"relay_state": "m", "relay_made": {"handle": "demo-article-g"}, "relay_members": ["demo:7", "demo:8"]}),
            )
        };
        let moved = json!({"relay_state": "m", "relay_moved_to": "demo~article:G"});
        let old = Product { status: "draft".into(), ..product("7", "demo-7", "Dress, red", moved) };
        let moves = planned(&[article.clone(), old], &HandleTemplate::default(), None, 9);
        let [one] = moves.moves.as_slice() else { panic!("{moves:?}") };
        assert_eq!((one.product.as_str(), one.to.as_str(), one.by.as_str()), ("demo~article:G", "dress", "demo:7"));
        let nobody = Product {
            metadata: Some([("relay_made".to_owned(), json!({"handle": "demo-article-g"}))].into()),
            ..article
        };
        assert_eq!(planned(&[nobody], &HandleTemplate::default(), None, 9).moves, []);
    }

    #[test]
    fn redirects_are_written_as_files_that_others_read() {
        let shop = [product("1,2", "dress", "Dress", json!({REDIRECTS: ["demo-1"]}))];
        let rows = redirects_of(&shop, "sc_1");
        assert_eq!(redirects(&rows, Form::Csv).text, "from,to,product\ndemo-1,dress,\"demo:1,2\"");
        let json = redirects(&rows, Form::Json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json.text).unwrap(), json.json);
    }

    #[test]
    fn what_the_shop_holds_does_nothing_to_the_terminal() {
        let wild = || WILD.to_owned();
        let moves =
            Moves { moves: vec![Move { product: wild(), from: wild(), to: wild(), by: wild() }], ..Moves::default() };
        assert_tame(&Answer::new(&moves, text(&moves), false));
    }
}
