//! Where a product stands, in a sentence, and what to do: a pure function of what was found out.

use catalog::{ErrorKind, Failure, ProductKey};
use ledger::core::gone::By;
use ledger::{DesiredDoc, ProductState, Stage};
use redrive::overdue::stage_of;
use serde::Serialize;

use super::{InPimcore, Letter, Refusal, Searched, breakers};
use crate::commands::{rejected, release};
use crate::remedy;
use crate::render::{ago, count, short, span, time};

/// Where a product stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub summary: String,
    /// What to do; empty when there is nothing.
    pub advice: String,
    /// Whether a person should do something.
    pub attention: bool,
}

impl Verdict {
    fn fine(summary: String) -> Self {
        Self { summary, advice: String::new(), attention: false }
    }

    /// What is said besides of one that the shop is to show elsewhere.
    #[must_use]
    pub fn and_moves(mut self, elsewhere: Option<String>) -> Self {
        if let Some(words) = elsewhere {
            self.summary.push(' ');
            self.summary.push_str(&words);
        }
        self
    }

    fn wait(summary: String, advice: impl Into<String>) -> Self {
        Self { summary, advice: advice.into(), attention: false }
    }

    fn act(summary: String, advice: impl Into<String>) -> Self {
        Self { summary, advice: advice.into(), attention: true }
    }
}

/// What was found out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The ledger's state of it.
    pub state: Option<&'a ProductState>,
    pub doc: Option<&'a DesiredDoc>,
    /// Why that cannot be read.
    pub unreadable: Option<&'a Failure>,
    /// The file that brought it turned out damaged, and no good one has come since in its place.
    pub doubtful: bool,
    /// Rejected records, the newest first.
    pub rejected: &'a [Refusal],
    /// How far those were looked for.
    pub searched: Searched,
    /// Dead and parked letters.
    pub letters: &'a [Letter],
    /// The breakers of both targets.
    pub breakers: &'a [breakers::BreakerLine],
    /// What Pimcore says, if it was asked.
    pub in_pimcore: Option<&'a InPimcore>,
    /// Who deleted it there, if Pimcore said so.
    pub deleted_by: Option<&'a By>,
}

#[must_use]
pub fn verdict(key: &ProductKey, evidence: &Evidence<'_>, now: i64) -> Verdict {
    // Of a repeated record the later one counts: that is no reason for anything.
    let refusal = evidence.rejected.iter().find(|refusal| refusal.record.reason != rejected::REPEATED);
    let Some(state) = evidence.state else { return unknown(key, evidence) };
    if let Some(stage) = stage_of(state) {
        return under_way(key, state, stage, evidence.breakers, now);
    }
    // Every target holds what it should. What came after that?
    let arrived = evidence.doc.and_then(|doc| doc.version.as_str().get(..13)?.parse::<i64>().ok()).unwrap_or(0);
    if let Some(refusal) = refusal.filter(|refusal| refusal.started > arrived) {
        return refused(refusal, "It is as the last good record says, but a later record was rejected");
    }
    if let Some(failure) = evidence.unreadable {
        let summary = format!(
            "Both targets hold what they should, but the ledger's copy of it cannot be read: {} [{}]",
            failure.message, failure.code
        );
        return of_error(summary, &failure.code, failure.kind);
    }
    if evidence.doubtful {
        return Verdict::act(
            "It is as its feed says, but that file turned out damaged: what it says is doubtful.".to_owned(),
            "Compress and upload the feed again, under its name or as a full feed: what the good file says counts.",
        );
    }
    if let Some(error) = &state.medusa.last_error {
        let summary = format!("A change made in Pimcore has not reached the shop: {} [{}]", error.message, error.code);
        return of_error(summary, &error.code, error.kind);
    }
    if let Some(verdict) = deleted(key, state, evidence, now) {
        return verdict;
    }
    if let Some(verdict) = set_aside(key, state, now) {
        return verdict;
    }
    at_rest(key, state, evidence, now)
}

/// A person deleted it in Pimcore: that stands, and asks for nothing.
fn deleted(key: &ProductKey, state: &ProductState, evidence: &Evidence<'_>, now: i64) -> Option<Verdict> {
    if matches!(evidence.in_pimcore, Some(InPimcore::There { .. })) {
        // Somebody restored it: the change feed is about to see that.
        return None;
    }
    let seen = ago(state.gone?, now);
    let who = match evidence.deleted_by {
        Some(by) => format!("{}; seen {seen}.", who(by)),
        None => format!(
            "Somebody deleted it in Pimcore, or moved it out of /catalog/products; seen {seen}. Who did cannot be said: no notice of our bundle tells."
        ),
    };
    let summary = format!("{who} It is not for sale, and no feed makes it again.");
    Some(Verdict::wait(summary, how_to_end(key, "")))
}

/// As a notice of our bundle said.
fn who(by: &By) -> String {
    let did = if by.what == "move" { "moved it out of /catalog/products" } else { "deleted it" };
    let name = match (&by.name, by.user) {
        (Some(name), Some(user)) => format!("{} (user {user})", short(name, 100)),
        (Some(name), None) => short(name, 100),
        (None, Some(user)) => format!("User {user}"),
        (None, None) => "Somebody without a name".to_owned(),
    };
    format!("{name} {did} in Pimcore at {}, as Pimcore's notice says", time(by.at.saturating_mul(1000)))
}

fn how_to_end(key: &ProductKey, when: &str) -> String {
    format!(
        "That may be right. If not: restore it from Pimcore's recycle bin, with all texts, or move it back; or{when} `relay release {key}` makes it anew, without them."
    )
}

/// A person took it off sale in the shop: that stands, and asks for nothing.
fn set_aside(key: &ProductKey, state: &ProductState, now: i64) -> Option<Verdict> {
    let first = state.aside.first()?;
    let what: Vec<String> = state.aside.iter().map(ledger::Aside::words).collect();
    let mut opposites: Vec<&str> = state.aside.iter().filter_map(release::opposite).collect();
    opposites.dedup();
    let seen = ago(first.seen_at, now);
    let summary = format!("It is set aside: {}. Seen {seen}; it stays so whatever changes elsewhere.", what.join("; "));
    if state.release.is_some() {
        return Some(Verdict::wait(summary, "It was released: its next push puts it back."));
    }
    let or = opposites.iter().map(|opposite| format!(", or {opposite}")).collect::<String>();
    Some(Verdict::wait(summary, format!("That may be right. If not: `relay release {key}`{or}.")))
}

fn unknown(key: &ProductKey, evidence: &Evidence<'_>) -> Verdict {
    if let Some(refusal) = evidence.rejected.first() {
        return refused(refusal, "Its record was rejected");
    }
    if evidence.doc.is_some() {
        return Verdict::wait(
            "A feed has just brought it; its state is not written yet.".to_owned(),
            "If that stays, normalize died in between: the feed is resumed by its next message.",
        );
    }
    if let Some(Letter { queue, place, letter }) = evidence.letters.first() {
        let reason = &letter.reason;
        let summary = format!(
            "No feed has brought a product {key}, yet there was a message about it; it is {place} on the {queue} queue: {} [{}]",
            reason.message, reason.code
        );
        return Verdict::act(summary, remedy::advice(&reason.code));
    }
    let Searched { runs, since, more } = evidence.searched;
    let since = since.map_or_else(String::new, |since| format!(", back to {}", time(since)));
    let further =
        if more { format!(" Earlier runs: `relay trace {key} --runs {}`.", runs.max(20) * 10) } else { String::new() };
    let counted = format!("{} with rejected records", count(runs, "run"));
    Verdict::act(
        format!(
            "No feed has brought a product {key}, and no record of it was rejected ({} of this source looked through{since}).",
            counted
        ),
        format!("Check source and id, and with `relay runs` whether its feed was read.{further}"),
    )
}

fn under_way(
    key: &ProductKey,
    state: &ProductState,
    stage: Stage,
    breakers: &[breakers::BreakerLine],
    now: i64,
) -> Verdict {
    let held = state.stage(stage);
    let name = target(stage);
    if let Some(until) = held.until.filter(|until| held.owner.is_some() && *until > now) {
        let left = span(until - now);
        return Verdict::wait(
            format!("It is being brought to {name} right now."),
            format!(
                "Look again in a moment. If its function has died, its lease ends in {left} and its message comes back within six minutes; `relay replay {key}` sends another one now."
            ),
        );
    }
    if let Some(breaker) = breakers.iter().find(|breaker| breaker.holds_back(stage)) {
        let told = breaker.told(now);
        return Verdict::act(format!("It waits for {name}: {}", told.what), told.advice);
    }
    // An error without an attempt is about what was before: newer content came, or somebody sent
    // the product back.
    let before = held.last_error.as_ref().filter(|_| held.attempts == 0);
    if let Some(error) = held.last_error.as_ref().filter(|_| before.is_none()) {
        let attempts = held.attempts;
        let summary = format!(
            "It is not in {name}: {} [{}]; attempt {attempts} failed {} ago",
            error.message,
            error.code,
            span(now - error.at)
        );
        return of_error(summary, &error.code, error.kind);
    }
    if let Some(at) = held.recheck_at {
        let summary = format!(
            "It is to be compared with {name} once more: an earlier request may have landed late, or somebody asked for it."
        );
        let when = if at > now { format!("That is due in {}.", span(at - now)) } else { "That is due now.".to_owned() };
        return Verdict::wait(summary, format!("{when} If it stays: `relay replay {key}`"));
    }
    let waits = span(now - state.pending_since.unwrap_or(now));
    let summary = match before {
        Some(error) => format!(
            "It waits for {name} since {waits}; nobody has tried since it was sent back or its content changed. Before that: {} [{}].",
            error.message, error.code
        ),
        None => format!("It waits for {name} since {waits}; nobody has tried yet."),
    };
    let advice = format!(
        "`relay status` shows whether its queue moves. After ten minutes a sweep announces it again; `relay replay {key}` does so now."
    );
    Verdict::wait(summary, advice)
}

/// Nothing is pending. Whether it is for sale is up to people in Pimcore.
fn at_rest(key: &ProductKey, state: &ProductState, evidence: &Evidence<'_>, now: i64) -> Verdict {
    let withdrawn = evidence.doc.is_some_and(|doc| doc.product.withdrawn);
    let shop = state.medusa.applied.as_ref().filter(|shop| shop.remote_id.is_some());
    match evidence.in_pimcore {
        Some(InPimcore::Absent) if withdrawn => {
            Verdict::fine("Its source has withdrawn it; it is not in Pimcore and not for sale.".to_owned())
        }
        // Not noted yet.
        Some(InPimcore::Absent) => Verdict::wait(
            "Somebody deleted it in Pimcore: it leaves the shop within minutes, and no feed makes it again.".to_owned(),
            how_to_end(key, ", once that is noted,"),
        ),
        Some(InPimcore::There { id, published, hidden, withdrawn, offered: false }) => {
            let (why, how) = match (published, hidden, withdrawn) {
                (false, _, true) => {
                    ("its source has withdrawn it", "It comes back by itself when the source offers it again.")
                }
                (false, _, _) => ("it is not published", "Publish it in Pimcore."),
                (true, true, _) => {
                    ("somebody hid it from the shop", "Set its shop visibility in Pimcore to something else.")
                }
                (true, false, _) => {
                    ("its source has withdrawn it", "To sell it all the same, keep it when withdrawn, in Pimcore.")
                }
            };
            Verdict::wait(
                format!("It is in Pimcore (object {id}) and not for sale: {why}."),
                format!("That may be right. If not: {how} The shop follows within two minutes."),
            )
        }
        Some(InPimcore::There { id, .. }) if shop.is_none() => Verdict::wait(
            format!("It is published in Pimcore (object {id}); the shop has not heard of that yet."),
            format!("It does within two minutes; `relay replay {key}` tells it now."),
        ),
        asked => {
            let unsure = match asked {
                Some(InPimcore::Unknown { why }) => format!(" Pimcore was not asked whether that is still so: {why}."),
                _ => String::new(),
            };
            match shop {
                Some(shop) => {
                    let since = ago(shop.at, now);
                    Verdict::fine(format!("It is in Pimcore and in the shop as it should be, since {since}.{unsure}"))
                }
                None if state.medusa.applied.is_some() => Verdict::wait(
                    format!("It is in Pimcore and not for sale.{unsure}"),
                    "That is right if it is unpublished, hidden or withdrawn there; publishing it brings it to the shop.",
                ),
                None => {
                    Verdict::wait("Nothing is pending.".to_owned(), format!("`relay diff {key}` compares all three."))
                }
            }
        }
    }
}

fn of_error(summary: String, code: &str, kind: ErrorKind) -> Verdict {
    let advice = remedy::advice(code);
    let calm = !kind.is_final() && remedy::of(code).is_some_and(|remedy| remedy.passes);
    if calm { Verdict::wait(summary, advice) } else { Verdict::act(summary, advice) }
}

fn refused(refusal: &Refusal, what: &str) -> Verdict {
    let record = &refusal.record;
    let place = record.path.as_ref().map(|path| format!(" at {path}")).unwrap_or_default();
    let summary = format!(
        "{what}: {}{place} [{}], record {} of {}, byte {}",
        record.message, record.reason, record.index, record.object, record.offset
    );
    Verdict::act(summary, remedy::advice(&record.reason))
}

const fn target(stage: Stage) -> &'static str {
    match stage {
        Stage::Pimcore => "Pimcore",
        Stage::Medusa => "the shop",
    }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};
    use ledger::{Applied, RecordedError};

    use super::*;
    use crate::commands::rejected::Rejected;

    const NOW: i64 = 1_795_000_000_000;

    fn key() -> ProductKey {
        "demo:77".parse().unwrap()
    }

    fn pending() -> ProductState {
        ProductState {
            hash: Some(ContentHash::from_text("h")),
            version: Some(Version::new(1_794_999_000_000, "00", 0)),
            pending_since: Some(NOW - 90_000),
            run: Some("run-1".into()),
            ..ProductState::default()
        }
    }

    fn applied(remote_id: Option<&str>) -> Applied {
        let (hash, version) = (ContentHash::from_text("h"), Version::new(1, "00", 0));
        Applied { hash, version, remote_id: remote_id.map(str::to_owned), view: None, seen: None, at: NOW - 60_000 }
    }

    fn refusal(started: i64) -> Refusal {
        let record = Rejected {
            index: 4,
            offset: 812,
            product_id: Some("77".into()),
            reason: "negative_price".into(),
            message: "SKU s1: the SAR price is -3".into(),
            path: Some("$.price".into()),
            value: None,
            object: "s3://b/incoming/demo/a.json".into(),
        };
        Refusal { run: "run-2".into(), started, record }
    }

    fn said(state: Option<&ProductState>, rejected: &[Refusal]) -> (String, String, bool) {
        let verdict = verdict(&key(), &Evidence { state, rejected, ..Evidence::default() }, NOW);
        (verdict.summary, verdict.advice, verdict.attention)
    }

    #[test]
    fn what_is_set_aside_is_told_with_how_to_end_it() {
        let aside = |what: &str, sku: Option<&str>| ledger::Aside {
            what: what.into(),
            sku: sku.map(Into::into),
            id: None,
            seen_at: NOW - 60_000,
        };
        let told = |asides: Vec<ledger::Aside>, release| {
            let state = ProductState { aside: asides, release, hash: None, ..ProductState::default() };
            verdict(&key(), &Evidence { state: Some(&state), ..Evidence::default() }, NOW)
        };
        let draft = told(vec![aside("draft", None), aside("variant", Some("s1"))], None);
        assert!(
            !draft.attention && draft.summary.contains("unpublished") && draft.summary.contains("variant s1"),
            "{draft:?}"
        );
        assert!(draft.advice.contains("`relay release demo:77`") && draft.advice.contains("publish it"), "{draft:?}");
        assert!(told(vec![aside("deleted", None)], None).summary.contains("deleted"));
        assert!(told(vec![aside("deleted", None)], Some(NOW)).advice.contains("released"));
    }

    #[test]
    fn what_a_person_deleted_in_the_pim_is_told_with_since_when_and_how_to_end_it() {
        let mut state = ProductState { pending_since: None, gone: Some(NOW - 60_000), ..pending() };
        state.pimcore.applied = Some(applied(Some("7")));
        state.medusa.applied = Some(applied(Some("prod_1")));
        let told = |in_pimcore: Option<&InPimcore>| {
            verdict(&key(), &Evidence { state: Some(&state), in_pimcore, ..Evidence::default() }, NOW)
        };
        for asked in [None, Some(&InPimcore::Absent), Some(&InPimcore::Unknown { why: "no way".into() })] {
            let said = told(asked);
            assert!(
                said.summary.contains("deleted it in Pimcore, or moved it out of /catalog/products; seen")
                    && said.summary.contains("1 min"),
                "{said:?}"
            );
            assert!(said.advice.contains("recycle bin") && said.advice.contains("`relay release demo:77`"), "{said:?}");
            assert!(!said.attention, "it is a decision");
        }
        assert!(told(None).summary.contains("Who did cannot be said"), "{:?}", told(None));
        let by = By { what: "delete".into(), user: Some(4), name: Some("ann".into()), at: NOW / 1000 - 61 };
        let said = |by: &By| {
            let evidence = Evidence { state: Some(&state), deleted_by: Some(by), ..Evidence::default() };
            verdict(&key(), &evidence, NOW).summary
        };
        assert!(said(&by).starts_with("ann (user 4) deleted it in Pimcore at 2026-11-18T"), "{}", said(&by));
        assert!(said(&by).contains("as Pimcore's notice says; seen") && said(&by).contains("no feed makes it again"));
        let moved = By { what: "move".into(), name: None, ..by };
        assert!(said(&moved).starts_with("User 4 moved it out of /catalog/products in Pimcore"), "{}", said(&moved));
        let back = InPimcore::There { id: 7, published: true, hidden: false, withdrawn: false, offered: true };
        assert!(!told(Some(&back)).summary.contains("deleted"));
    }

    #[test]
    fn a_product_nobody_brought_and_one_that_was_rejected_are_told_apart() {
        let (summary, advice, attention) = said(None, &[]);
        assert!(summary.contains("No feed has brought a product demo:77") && attention, "{summary}");
        assert!(advice.contains("relay runs"));
        let (summary, advice, _) = said(None, &[refusal(NOW)]);
        assert!(summary.contains("-3") && summary.contains("record 4") && summary.contains("byte 812"), "{summary}");
        assert!(advice.contains("Ask the supplier"), "{advice}");
    }

    #[test]
    fn a_failed_attempt_is_told_with_its_remedy() {
        let mut state = pending();
        state.pimcore.attempts = 3;
        state.pimcore.last_error = Some(RecordedError {
            kind: ErrorKind::Transient,
            code: "pimcore_forbidden".into(),
            message: "Pimcore does not accept the API key".into(),
            at: NOW - 5_000,
        });
        let (summary, advice, attention) = said(Some(&state), &[]);
        assert!(summary.contains("not in Pimcore") && summary.contains("attempt 3 failed 5 s ago"), "{summary}");
        assert!(advice.contains("into the secret") && attention, "{advice}");
        state.pimcore.last_error =
            state.pimcore.last_error.map(|e| RecordedError { code: "pimcore_timeout".into(), ..e });
        assert!(!said(Some(&state), &[]).2, "a timeout needs nobody at once");
        state.pimcore.attempts = 0;
        let (summary, advice, attention) = said(Some(&state), &[]);
        assert!(summary.contains("sent back") && summary.contains("pimcore_timeout") && !attention, "{summary}");
        assert!(advice.contains("relay replay demo:77"), "{advice}");
    }

    #[test]
    fn waiting_working_and_checking_once_more_are_no_alarm() {
        let mut state = pending();
        let (summary, advice, attention) = said(Some(&state), &[]);
        assert!(summary.contains("waits for Pimcore since 1 min 30 s") && !attention, "{summary}");
        assert!(advice.contains("relay replay demo:77"));
        state.pimcore.owner = Some("w".into());
        state.pimcore.until = Some(NOW + 30_000);
        assert!(said(Some(&state), &[]).0.contains("right now"));
        state.pimcore = ledger::StageState {
            recheck_at: Some(NOW + 1_000),
            applied: Some(applied(Some("7"))),
            ..Default::default()
        };
        assert!(said(Some(&state), &[]).0.contains("compared with Pimcore once more"));
    }

    #[test]
    fn a_product_that_arrived_says_so_and_one_that_is_not_for_sale_says_why() {
        let mut state = ProductState { pending_since: None, ..pending() };
        state.pimcore.applied = Some(applied(Some("7")));
        state.medusa.applied = Some(applied(Some("prod_1")));
        assert!(said(Some(&state), &[]).0.contains("as it should be"));
        assert!(said(Some(&state), &[refusal(NOW)]).0.contains("a later record was rejected"));
        let mut repeated = refusal(NOW);
        repeated.record.reason = rejected::REPEATED.to_owned();
        assert!(
            !said(Some(&state), &[repeated]).0.contains("rejected"),
            "the record that counts stands later in the same feed"
        );
        state.medusa.applied = Some(applied(None));
        let (summary, advice, attention) = said(Some(&state), &[]);
        assert!(summary.contains("not for sale") && advice.contains("publishing it") && !attention);
    }

    #[test]
    fn what_a_damaged_file_said_is_doubtful() {
        let mut state = ProductState { pending_since: None, ..pending() };
        state.pimcore.applied = Some(applied(Some("7")));
        state.medusa.applied = Some(applied(Some("prod_1")));
        let evidence = Evidence { state: Some(&state), doubtful: true, ..Evidence::default() };
        let said = verdict(&key(), &evidence, NOW);
        assert!(said.summary.contains("turned out damaged") && said.attention, "{said:?}");
    }

    #[test]
    fn a_copy_that_cannot_be_read_is_told() {
        let mut state = ProductState { pending_since: None, ..pending() };
        state.pimcore.applied = Some(applied(Some("7")));
        state.medusa.applied = Some(applied(Some("prod_1")));
        let failure = Failure::permanent(ledger::codes::PRODUCT_BODY_MISSING, "the body of product demo:77 is gone");
        let evidence = Evidence { state: Some(&state), unreadable: Some(&failure), ..Evidence::default() };
        let said = verdict(&key(), &evidence, NOW);
        assert!(said.summary.contains("the body of product demo:77 is gone") && said.attention, "{said:?}");
        assert!(said.advice.contains("Upload its last feed again"), "{said:?}");
    }

    #[test]
    fn why_a_product_is_not_for_sale_is_what_pimcore_says() {
        let mut state = ProductState { pending_since: None, ..pending() };
        state.pimcore.applied = Some(applied(Some("7")));
        state.medusa.applied = Some(applied(Some("prod_1")));
        let said = |in_pimcore: &InPimcore| {
            let evidence = Evidence { state: Some(&state), in_pimcore: Some(in_pimcore), ..Evidence::default() };
            let verdict = verdict(&key(), &evidence, NOW);
            format!("{} {}", verdict.summary, verdict.advice)
        };
        let there =
            |published, hidden, withdrawn, offered| InPimcore::There { id: 7, published, hidden, withdrawn, offered };
        for (what, cause, remedy) in [
            (
                there(false, false, false, false),
                "object 7) and not for sale: it is not published",
                "Publish it in Pimcore",
            ),
            (there(true, true, false, false), "somebody hid it", "shop visibility"),
            (there(false, false, true, false), "withdrawn", "comes back by itself"),
            (there(true, false, true, false), "withdrawn", "keep it when withdrawn"),
            (there(true, false, false, true), "as it should be", ""),
            (InPimcore::Absent, "Somebody deleted it", "`relay release demo:77` makes it anew"),
            (InPimcore::Unknown { why: "no way there".into() }, "as it should be", "no way there"),
        ] {
            let said = said(&what);
            assert!(said.contains(cause) && said.contains(remedy), "{what:?}: {said}");
        }
    }

    #[test]
    fn how_far_was_looked_is_said() {
        let searched = Searched { runs: 20, since: Some(NOW), more: true };
        let found = verdict(&key(), &Evidence { searched, ..Evidence::default() }, NOW);
        assert!(found.summary.contains("20 runs with rejected records of this source"), "{found:?}");
        assert!(found.advice.contains("relay trace demo:77 --runs 200"), "{found:?}");
        let all = verdict(
            &key(),
            &Evidence { searched: Searched { runs: 1, ..Searched::default() }, ..Evidence::default() },
            NOW,
        );
        assert!(
            all.summary.contains("1 run with rejected records of this source") && !all.advice.contains("--runs"),
            "{all:?}"
        );
    }
}
