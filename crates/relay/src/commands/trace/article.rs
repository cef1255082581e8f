//! The article that shows a product, with its members.

use catalog::ProductKey;
use ledger::{Ledger, LedgerError, ProductState, Table};
use serde::Serialize;

use super::{Stock, stock_lines};
use crate::answer::Answer;
use crate::error::CliError;
use crate::render::{ago, count, short};
use crate::stack::Stack;

/// What the members of a group are together in the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Article {
    /// `source~article:group`.
    pub key: String,
    /// Its product's id in the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// When (ms) it was last brought there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub key: String,
    /// What became of it, where it is not shown as wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fate: Option<String>,
}

/// The story of an article.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Story {
    #[serde(flatten)]
    article: Article,
    stock: Vec<Stock>,
}

/// The articles by which a product is, or may be, shown.
pub(super) async fn of<T: Table>(
    ledger: &Ledger<T>,
    state: Option<&ProductState>,
) -> Result<Vec<Article>, LedgerError> {
    let mut articles = Vec::new();
    for key in state.iter().flat_map(|state| &state.homes).filter(|home| home.is_article()) {
        articles.push(read(ledger, key).await?);
    }
    Ok(articles)
}

async fn read<T: Table>(ledger: &Ledger<T>, key: &ProductKey) -> Result<Article, LedgerError> {
    let state = ledger.read_states(std::slice::from_ref(key)).await?.remove(key).unwrap_or_default();
    let members = ledger.members(key).await?.into_iter();
    let applied = state.medusa.applied.as_ref();
    Ok(Article {
        key: key.to_string(),
        product_id: applied.and_then(|applied| applied.remote_id.clone()),
        at: applied.map(|applied| applied.at),
        error: state.medusa.last_error.as_ref().map(|error| format!("{} [{}]", error.message, error.code)),
        members: members.map(|member| Member { key: member.key.to_string(), fate: member.fate }).collect(),
    })
}

/// `relay trace source~article:group`.
pub(super) async fn run(stack: &Stack, key: &ProductKey, now: i64) -> Result<Answer, CliError> {
    let article = read(&stack.ledger, key).await?;
    let stock = stack.ledger.stock(std::slice::from_ref(key)).await?.remove(key).transpose()?;
    let story = Story { article, stock: stock_lines(key, stock, now) };
    let text = story.text(now);
    let told = |member: &Member| member.fate.is_some();
    let Article { error, members, product_id, .. } = &story.article;
    // One whose members all left was in the shop.
    let unknown = members.is_empty() && product_id.is_none();
    Ok(Answer::new(&story, text, error.is_some() || members.iter().any(told) || unknown))
}

impl Article {
    /// In a member's story.
    pub(super) fn beside(&self, member: &str) -> String {
        let others: Vec<String> =
            self.members.iter().filter(|other| other.key != member).map(|other| short(&other.key, 60)).collect();
        let with = if others.is_empty() { String::new() } else { format!(", with {}", others.join(", ")) };
        let own = self.members.iter().find(|own| own.key == member).and_then(|own| own.fate.as_deref());
        let fate = own.map_or_else(String::new, |fate| format!("; {}", fate.replace('\n', ", ")));
        format!("\n\nShown by {}{with}{fate}", short(&self.key, 100))
    }
}

impl Story {
    fn text(&self, now: i64) -> String {
        let Article { key, product_id, at, error, members } = &self.article;
        let mut text = format!("{}\n  {}", short(key, 100), count(members.len(), "member"));
        if let (Some(id), Some(at)) = (product_id, at) {
            text.push_str(&format!("\n  shop     {id}, {}", ago(*at, now)));
        }
        if let Some(error) = error {
            text.push_str(&format!("\n  failed   {}", short(error, 400)));
        }
        for Member { key, fate } in members {
            let fate = fate.as_ref().map_or_else(String::new, |fate| format!("  {}", fate.replace('\n', ", ")));
            text.push_str(&format!("\n  member   {}{fate}", short(key, 100)));
        }
        if members.is_empty() && product_id.is_some() {
            text.push_str("\n  Its members are shown by themselves, or elsewhere: it is not for sale.");
        } else if members.is_empty() {
            text.push_str("\n  No product has joined it: check source and group, and whether `Articles` is grouped.");
        }
        if !self.stock.is_empty() {
            text.push_str("\n\nStock in the shop");
            for stock in &self.stock {
                text.push_str(&format!("\n  {}  {}", short(&stock.sku, 60), stock.line));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn article() -> Article {
        let member = |key: &str, fate: Option<&str>| Member { key: key.into(), fate: fate.map(Into::into) };
        Article {
            key: "demo~article:G".into(),
            product_id: Some("prod_1".into()),
            at: Some(NOW - 60_000),
            error: None,
            members: vec![member("demo:1", None), member("demo:2", Some("medusa_same_options\nvariant a"))],
        }
    }

    #[test]
    fn an_article_tells_its_members_and_what_became_of_them() {
        let stock = vec![Stock { sku: "a".into(), line: "7 said = 7".into(), version: "v".into(), at: NOW }];
        let text = Story { article: article(), stock: stock.clone() }.text(NOW);
        for part in [
            "demo~article:G\n  2 members\n  shop     prod_1, ",
            "(1 min 0 s ago)",
            "\n  member   demo:1\n",
            "demo:2  medusa_same_options, variant a",
            "a  7 said = 7",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        let left = Article { members: vec![], ..article() };
        let none = Article { product_id: None, ..left.clone() };
        for (article, said) in [(left, "shown by themselves, or elsewhere"), (none, "No product has joined it")] {
            assert!(Story { article, stock: stock.clone() }.text(NOW).contains(said), "{said}");
        }
    }

    #[test]
    fn a_member_tells_its_article_and_the_others() {
        assert_eq!(article().beside("demo:1"), "\n\nShown by demo~article:G, with demo:2");
        assert_eq!(
            article().beside("demo:2"),
            "\n\nShown by demo~article:G, with demo:1; medusa_same_options, variant a"
        );
    }
}
