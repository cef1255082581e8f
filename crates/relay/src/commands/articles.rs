//! `relay articles`: which setting of articles is in force, and how far products have followed it.

use std::collections::BTreeSet;

use catalog::ProductKey;
use ledger::core::article::{self, Asked, asks};
use ledger::core::walk::{self, SEGMENTS, Segment};
use ledger::{ProductState, StatesPage};
use medusa::Articles;
use serde::Serialize;

use crate::answer::Answer;
use crate::error::CliError;
use crate::render::{ago, count};
use crate::stack::Stack;

/// The setting by which products are brought to the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub text: String,
    /// Since when (ms).
    pub since: i64,
    pub articles: Articles,
    /// What tells its walk from others.
    goal: String,
}

impl Setting {
    /// What it asks of a product that it shows elsewhere than the shop does; `None` of one that is
    /// where it should be. `group`: its document's.
    #[must_use]
    pub fn elsewhere(&self, key: &ProductKey, state: &ProductState, group: Option<&str>) -> Option<String> {
        let moves = match asks(state, self.articles.groups(key.source())) {
            Asked::Leaves => "by itself".to_owned(),
            Asked::JoinsItsGroup => format!("by {}", self.articles.of(key, group)?),
            Asked::Nothing => return None,
        };
        Some(format!(
            "The setting `Articles` is another one by now, and shows it {moves}: `relay articles` tells how far products have followed."
        ))
    }
}

/// How far products have followed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArticlesProgress {
    /// Every product was looked at.
    pub done: bool,
    /// Parts of the ledger in which every product was looked at.
    pub parts: usize,
    /// When (ms) the first product was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<i64>,
    pub looked: i64,
    /// Those that the setting shows elsewhere.
    pub announced: i64,
}

/// Where products are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Products that are, or were, in the shop.
    pub products: usize,
    /// Those that an article shows.
    pub in_articles: usize,
    /// How many articles there are of these.
    pub articles: usize,
    /// Products that are announced and have not moved yet.
    pub left: usize,
    /// Those among them whose last attempt failed.
    pub failed: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ArticlesReport {
    /// In force; nothing where it was never noted.
    setting: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// The deployed one, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    deployed: Option<String>,
    walk: ArticlesProgress,
    shown: Shown,
    /// Products that were announced and have moved.
    moved: usize,
}

/// The command.
///
/// # Errors
/// When AWS does not answer.
pub async fn run(stack: &Stack, now: i64) -> Result<Answer, CliError> {
    let setting = in_force(stack).await?;
    let deployed = stack.setting("ARTICLES").ok().and_then(|text| text.parse::<Articles>().ok());
    let deployed = deployed.map(|articles| articles.to_string());
    let (mut walk, mut shown) = (ArticlesProgress::default(), Shown::default());
    if let Some(setting) = &setting {
        walk = progress(stack, setting).await?;
        shown = count_all(stack, setting).await?;
    }
    let report = ArticlesReport {
        deployed: deployed.filter(|text| Some(text) != setting.as_ref().map(|setting| &setting.text)),
        moved: usize::try_from(walk.announced).unwrap_or(0).saturating_sub(shown.left),
        since: setting.as_ref().map(|setting| setting.since),
        setting: setting.map(|setting| setting.text),
        walk,
        shown,
    };
    Ok(Answer::new(&report, text(&report, now), report.shown.failed > 0))
}

/// The setting by which products are brought; `None` where nobody has noted any yet.
///
/// # Errors
/// When the ledger does not answer.
pub async fn in_force(stack: &Stack) -> Result<Option<Setting>, CliError> {
    Ok(stack.ledger.watermark(article::SETTING).await?.as_deref().and_then(setting_of))
}

fn setting_of(goal: &str) -> Option<Setting> {
    let (text, since) = walk::setting_of(goal)?;
    Some(Setting { text: text.to_owned(), since, articles: text.parse().ok()?, goal: goal.to_owned() })
}

async fn progress(stack: &Stack, setting: &Setting) -> Result<ArticlesProgress, CliError> {
    let mut segments = Vec::new();
    for segment in 0..SEGMENTS {
        segments.push(stack.ledger.walk_segment(article::SETTING, segment).await?);
    }
    Ok(progress_of(&segments, &setting.goal))
}

fn progress_of(segments: &[Segment], goal: &str) -> ArticlesProgress {
    let own = || segments.iter().filter(|segment| segment.is_for(goal));
    let parts = own().filter(|segment| segment.has_been_at(goal)).count();
    ArticlesProgress {
        done: parts == segments.len(),
        parts,
        began: own().filter_map(|segment| segment.began).min(),
        looked: own().map(|segment| segment.looked).sum(),
        announced: own().map(|segment| segment.marked).sum(),
    }
}

/// For `relay status`, while products follow; `None` once all were looked at, or where there is
/// nothing to follow.
///
/// # Errors
/// When the ledger does not answer.
pub async fn under_way(stack: &Stack, now: i64) -> Result<Option<String>, CliError> {
    let Some(setting) = in_force(stack).await? else { return Ok(None) };
    let walk = progress(stack, &setting).await?;
    Ok((!walk.done).then(|| format!("{}, {}", setting.text, follows(&walk, setting.since, now))))
}

fn follows(walk: &ArticlesProgress, since: i64, now: i64) -> String {
    let looks = format!("{} products looked at, {} of them shown elsewhere by it", walk.looked, walk.announced);
    match walk.began {
        None => format!("in force since {}; products follow once nobody works by the one before", ago(since, now)),
        Some(_) if walk.done => format!("in force since {}; every product follows it: {looks}", ago(since, now)),
        Some(began) => format!(
            "in force since {}; products follow in the background since {}: {} of {SEGMENTS} parts, {looks}",
            ago(since, now),
            ago(began, now),
            walk.parts
        ),
    }
}

async fn count_all(stack: &Stack, setting: &Setting) -> Result<Shown, CliError> {
    let (mut shown, mut articles) = (Shown::default(), BTreeSet::new());
    let mut after = None;
    loop {
        let StatesPage { products, next } = stack.ledger.some_states(after.as_ref()).await?;
        for (key, state) in &products {
            shown.add(key, state, &setting.articles, &mut articles);
        }
        after = next;
        if after.is_none() {
            shown.articles = articles.len();
            return Ok(shown);
        }
    }
}

impl Shown {
    fn add(&mut self, key: &ProductKey, state: &ProductState, by: &Articles, articles: &mut BTreeSet<ProductKey>) {
        self.products += usize::from(state.medusa.applied.is_some());
        if let Some(article) = state.homes.first().filter(|home| home.is_article()) {
            self.in_articles += 1;
            articles.insert(article.clone());
        }
        // Whether a product has a group its state does not say: those alone count that wait.
        let left = match asks(state, by.groups(key.source())) {
            Asked::Leaves => true,
            Asked::JoinsItsGroup => state.pending_since.is_some(),
            Asked::Nothing => false,
        };
        self.left += usize::from(left);
        self.failed += usize::from(left && state.medusa.last_error.is_some());
    }
}

fn text(report: &ArticlesReport, now: i64) -> String {
    let mut text = match (&report.setting, report.since) {
        (Some(setting), Some(since)) => format!("Articles: {setting}\n  {}", follows(&report.walk, since, now)),
        _ => "Articles: medusa-push has not noted its setting yet; it does so every minute.".to_owned(),
    };
    if let Some(deployed) = report.deployed.as_ref().filter(|_| report.setting.is_some()) {
        text.push_str(&format!(
            "\n  {deployed} is deployed; it is in force once medusa-push has noted it, within a minute"
        ));
    }
    let Shown { products, in_articles, articles, left, failed } = &report.shown;
    text.push_str(&format!(
        "\n\n{} in the shop, {in_articles} of them in {}.",
        count(*products, "product"),
        count(*articles, "article")
    ));
    if report.walk.announced > 0 || *left > 0 {
        text.push_str(&format!("\n{} moved, {left} on their way.", count(report.moved, "product")));
    }
    if *failed > 0 {
        text.push_str(&format!("\n{} of them failed last: `relay status` says why.", count(*failed, "product")));
    }
    text
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};
    use ledger::Applied;
    use ledger::core::state::StageState;

    use super::*;
    use crate::shown::{WILD, assert_tame};

    const NOW: i64 = 1_795_000_000_000;

    fn key(text: &str) -> ProductKey {
        text.parse().unwrap()
    }

    fn state(homes: &[&str], waits: bool) -> ProductState {
        let (hash, version) = (ContentHash::from_text("h"), Version::from_text("v"));
        let applied = Applied { hash, version, remote_id: None, view: None, seen: None, at: 1 };
        ProductState {
            homes: homes.iter().map(|home| key(home)).collect(),
            pending_since: waits.then_some(1),
            medusa: StageState { applied: Some(applied), ..StageState::default() },
            ..ProductState::default()
        }
    }

    fn counted(setting: &str) -> Shown {
        let (mut shown, mut articles) = (Shown::default(), BTreeSet::new());
        for (id, state) in [
            ("1", state(&["demo~article:G"], false)),
            ("2", state(&["demo~article:G"], true)),
            ("3", state(&["demo~article:H", "demo:3"], false)),
            ("4", state(&[], false)),
            ("5", state(&[], true)),
            ("6", state(&["demo:6", "demo~article:G"], true)),
            ("7", ProductState { pending_since: Some(1), ..ProductState::default() }),
        ] {
            shown.add(&key(&format!("demo:{id}")), &state, &setting.parse().unwrap(), &mut articles);
        }
        Shown { articles: articles.len(), ..shown }
    }

    #[test]
    fn what_is_shown_where_and_what_is_left_is_counted() {
        let all = Shown { products: 6, in_articles: 3, articles: 2, left: 3, failed: 0 };
        assert_eq!(counted("separate"), all, "all members");
        assert_eq!(counted("grouped"), Shown { left: 2, ..all }, "those that wait");
        assert_eq!(counted(r#"{"default": "separate", "other": "grouped"}"#), all);
    }

    #[test]
    fn progress_is_that_of_the_setting_in_force() {
        let goal = format!("grouped@{}", NOW - 60_000);
        let on = |goal: &str, done| Segment {
            goal: Some(goal.to_owned()),
            done,
            began: Some(NOW - 30_000),
            looked: 5,
            marked: 2,
            ..Segment::default()
        };
        let segments = [on(&goal, Some(1)), on(&goal, None), on("separate@1", Some(1)), Segment::default()];
        let walk = progress_of(&segments, &goal);
        assert_eq!((walk.done, walk.parts, walk.looked, walk.announced), (false, 1, 10, 4));
        let setting = setting_of(&goal).unwrap();
        let said = follows(&walk, setting.since, NOW);
        assert!(said.contains("1 of 4 parts, 10 products looked at, 4 of them"), "{said}");
        let none = progress_of(&[], "x");
        assert!(
            follows(&ArticlesProgress { began: None, ..none }, NOW, NOW).contains("nobody works by the one before")
        );
        assert_eq!(setting_of("both@1"), None);
    }

    #[test]
    fn a_product_is_told_where_the_setting_shows_it() {
        let said = |setting: &str, homes: &[&str], group| {
            let setting = setting_of(&format!("{setting}@1")).unwrap();
            setting.elsewhere(&key("demo:1"), &state(homes, false), group)
        };
        assert!(said("separate", &["demo~article:G"], None).unwrap().contains("by itself"));
        assert!(said("grouped", &[], Some("G")).unwrap().contains("by demo~article:G"));
        assert_eq!(said("grouped", &[], None).or(said("grouped", &["demo~article:G"], Some("G"))), None);
        assert_eq!(said("separate", &[], Some("G")), None);
    }

    #[test]
    fn what_waits_and_fails_is_told_and_nothing_wild_reaches_the_terminal() {
        let walk = ArticlesProgress { done: true, parts: 4, began: Some(NOW), looked: 9, announced: 5 };
        let shown = Shown { products: 9, in_articles: 6, articles: 2, left: 2, failed: 1 };
        let report = ArticlesReport {
            setting: Some(WILD.into()),
            since: Some(NOW),
            deployed: Some(WILD.into()),
            walk,
            shown,
            moved: 3,
        };
        let said = text(&report, NOW);
        for part in [
            "9 products in the shop, 6 of them in 2 articles",
            "3 products moved, 2 on their way",
            "1 product of them failed",
        ] {
            assert!(said.contains(part), "{part} is missing in:\n{said}");
        }
        assert_tame(&Answer::new(&report, said, true));
        let nothing = ArticlesReport {
            setting: None,
            since: None,
            deployed: None,
            walk: ArticlesProgress::default(),
            shown: Shown::default(),
            moved: 0,
        };
        assert!(text(&nothing, NOW).contains("has not noted"));
    }
}
