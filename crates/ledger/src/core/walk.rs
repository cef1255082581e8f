//! A walk: something that concerns all products changed, and each is looked at once, in the background, without a feed.
//!
//! A walk has a *goal*, a text that is another one whenever there is something to look for anew. It goes through the table in segments; each is an item that says
//! which goal it is on its way to, or has arrived at, and where it is. It is moved after the products before it were dealt with, by a conditional write: a walk that
//! dies goes on there, two at once do no harm, and a new goal begins anew wherever the last one was.
//!
//! What a walk looks for is decided against a state and a document that were read *after* the goal was ([`super::wanted`] for the shop's rules).

use super::config::Head;
use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};

const REVISION: &str = "revision";
const GOAL: &str = "goal";
const AT_PK: &str = "at_pk";
const AT_SK: &str = "at_sk";
const DONE: &str = "done_at";
const BEGAN: &str = "began";
const MOVED: &str = "moved";
const LOOKED: &str = "looked";
const MARKED: &str = "marked";

/// Parts of the table that are walked through one by one, or by several walkers.
pub const SEGMENTS: u32 = 4;

/// Where a segment is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Counts what was written; 0 where there is no item.
    pub revision: i64,
    /// What it is on its way to.
    pub goal: Option<String>,
    /// Behind which item it goes on; `None` at the beginning.
    pub at: Option<ItemKey>,
    /// When (ms) it arrived.
    pub done: Option<i64>,
    /// When (ms) it set out.
    pub began: Option<i64>,
    /// When (ms) it last moved.
    pub moved: Option<i64>,
    /// Products that were looked at on this way.
    pub looked: i64,
    /// Those among them that have something to be done.
    pub marked: i64,
}

/// Products that were dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dealt {
    pub looked: usize,
    pub marked: usize,
}

impl Segment {
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(Value::text).map(str::to_owned);
        let number = |name: &str| item.get(name).and_then(Value::number);
        Self {
            revision: number(REVISION).unwrap_or(0),
            goal: text(GOAL),
            at: text(AT_PK).zip(text(AT_SK)).map(|(pk, sk)| ItemKey { pk, sk }),
            done: number(DONE),
            began: number(BEGAN),
            moved: number(MOVED),
            looked: number(LOOKED).unwrap_or(0),
            marked: number(MARKED).unwrap_or(0),
        }
    }

    /// Where this segment is to go for `goal` by now: on to where it is on its way, where that is the same at an earlier tick, so that it arrives
    /// however soon the next one comes.
    #[must_use]
    pub fn bound_for(&self, goal: &str, tick: Option<i64>) -> String {
        let now = at_tick(goal, tick);
        let on = self
            .goal
            .as_deref()
            .filter(|on| self.done.is_none() && is_for(on, goal) && tick.is_some() == (*on != goal));
        on.map_or(now, str::to_owned)
    }

    /// Whether it has arrived at this goal, at any tick.
    #[must_use]
    pub fn has_been_at(&self, goal: &str) -> bool {
        self.done.is_some() && self.is_for(goal)
    }

    /// Whether it is on its way to this goal, or has arrived, at any tick.
    #[must_use]
    pub fn is_for(&self, goal: &str) -> bool {
        self.goal.as_deref().is_some_and(|on| is_for(on, goal))
    }

    /// Whether nothing is left of the way to this goal.
    #[must_use]
    pub fn has_arrived_at(&self, goal: &str) -> bool {
        self.goal.as_deref() == Some(goal) && self.done.is_some()
    }

    /// Behind which item the way to this goal goes on.
    #[must_use]
    pub fn position(&self, goal: &str) -> Option<&ItemKey> {
        self.at.as_ref().filter(|_| self.goal.as_deref() == Some(goal))
    }
}

/// The goal of a walk that a configuration asks for; none where there was never one. The time is part of it: what was in force before is a goal of its own when
/// it comes back.
#[must_use]
pub fn goal(head: &Head) -> Option<String> {
    let since = head.since?;
    Some(format!("{}@{since}", head.digest.as_deref().unwrap_or("none")))
}

/// The goal of a walk that a setting asks for which is in force since then (ms): what is written
/// down where a function notes by which setting it works.
#[must_use]
pub fn goal_of_setting(setting: &str, since: i64) -> String {
    format!("{setting}@{since}")
}

/// The setting and the time of such a goal.
#[must_use]
pub fn setting_of(goal: &str) -> Option<(&str, i64)> {
    let (setting, since) = goal.rsplit_once('@')?;
    Some((setting, since.parse().ok()?))
}

/// A goal that is another one with every tick: time alone changes what is wanted.
#[must_use]
pub fn at_tick(goal: &str, tick: Option<i64>) -> String {
    tick.map_or_else(|| goal.to_owned(), |tick| format!("{goal}+{tick}"))
}

fn is_for(on: &str, goal: &str) -> bool {
    on.strip_prefix(goal).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// The key of a segment.
#[must_use]
pub fn key(name: &str, segment: u32) -> ItemKey {
    ItemKey { pk: format!("W#walk-{name}"), sk: format!("{segment:02}") }
}

/// Moves a segment to `to`, or, without one, to its end, if it is still where it was `seen`.
#[must_use]
pub fn advance(
    (name, segment): (&str, u32),
    seen: &Segment,
    goal: &str,
    to: Option<&ItemKey>,
    dealt: Dealt,
    now: i64,
) -> Write {
    let count = |name, more: usize| {
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        if seen.goal.as_deref() == Some(goal) { Change::Add(name, more) } else { Change::Set(name, more.into()) }
    };
    let mut changes = vec![
        Change::Add(REVISION, 1),
        Change::Set(MOVED, now.into()),
        count(LOOKED, dealt.looked),
        count(MARKED, dealt.marked),
    ];
    if seen.goal.as_deref() != Some(goal) {
        changes.extend([Change::Set(GOAL, goal.into()), Change::Set(BEGAN, now.into())]);
    }
    changes.extend(match to {
        Some(to) => {
            [Change::Set(AT_PK, to.pk.clone().into()), Change::Set(AT_SK, to.sk.clone().into()), Change::Remove(DONE)]
        }
        None => [Change::Remove(AT_PK), Change::Remove(AT_SK), Change::Set(DONE, now.into())],
    });
    let condition = match seen.revision {
        0 => Condition::Absent(REVISION),
        revision => Condition::Eq(REVISION, Operand::Value(revision.into())),
    };
    Write { key: key(name, segment), condition, changes }
}

/// Counts what somebody announced who was overtaken: the other took it for under way already.
#[must_use]
pub fn marked_too((name, segment): (&str, u32), goal: &str, marked: usize) -> Write {
    let condition = Condition::Eq(GOAL, Operand::Value(goal.into()));
    let changes = vec![Change::Add(MARKED, i64::try_from(marked).unwrap_or(i64::MAX))];
    Write { key: key(name, segment), condition, changes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(digest: Option<&str>, since: i64) -> Head {
        Head { digest: digest.map(str::to_owned), since: Some(since), ..Head::default() }
    }

    #[test]
    fn with_every_tick_there_is_another_way_and_none_is_left_half_done() {
        let goal = goal(&head(Some("a"), 1)).unwrap();
        let mut item = Item::new();
        let bound = |item: &Item, tick| Segment::of(item).bound_for(&goal, tick);
        assert_eq!((bound(&item, None), bound(&item, Some(5))), ("a@1".to_owned(), "a@1+5".to_owned()));
        let to = ItemKey { pk: "P#s#1".into(), sk: "state".into() };
        item =
            advance(("rules", 0), &Segment::of(&item), "a@1+5", Some(&to), Dealt::default(), 1).apply(&item).unwrap();
        assert_eq!(bound(&item, Some(6)), "a@1+5", "on to its end first");
        item = advance(("rules", 0), &Segment::of(&item), "a@1+5", None, Dealt::default(), 1).apply(&item).unwrap();
        assert_eq!(bound(&item, Some(6)), "a@1+6");
        let seen = Segment::of(&item);
        assert!(
            seen.has_been_at("a@1") && !seen.has_arrived_at("a@1+6") && !seen.has_been_at("a@12") && !seen.is_for("a@")
        );
        assert_eq!(seen.bound_for("a@12", Some(6)), "a@12+6");
    }

    #[test]
    fn a_setting_is_read_back_whatever_it_says() {
        for setting in ["grouped", r#"{"default":"separate","a@1":"grouped"}"#, ""] {
            assert_eq!(setting_of(&goal_of_setting(setting, 17)), Some((setting, 17)));
        }
        assert_eq!(setting_of("grouped").or(setting_of("grouped@now")), None);
    }

    #[test]
    fn it_goes_on_where_it_was_and_begins_anew_for_another_goal() {
        let goals = [head(Some("a"), 1), head(Some("b"), 2), head(Some("a"), 3), head(None, 4)]
            .map(|head| goal(&head).unwrap());
        assert_eq!(goal(&Head::default()), None);
        let mut item = Item::new();
        let to = ItemKey { pk: "P#s#1".into(), sk: "state".into() };
        for goal in &goals {
            let seen = Segment::of(&item);
            assert!(!seen.has_arrived_at(goal) && seen.position(goal).is_none(), "{goal}");
            let dealt = Dealt { looked: 5, marked: 2 };
            item = advance(("rules", 0), &seen, goal, Some(&to), dealt, 10).apply(&item).unwrap();
            let stale = advance(("rules", 0), &seen, goal, None, dealt, 11).apply(&item);
            assert!(stale.is_err(), "somebody else was there");
            item = marked_too(("rules", 0), goal, 1).apply(&item).unwrap();
            assert!(marked_too(("rules", 0), "other", 1).apply(&item).is_err());
            let seen = Segment::of(&item);
            assert_eq!((seen.position(goal), seen.looked, seen.marked, seen.done), (Some(&to), 5, 3, None));
            item = advance(("rules", 0), &seen, goal, None, dealt, 20).apply(&item).unwrap();
            let seen = Segment::of(&item);
            assert!(seen.has_arrived_at(goal) && seen.looked == 10 && seen.began == Some(10), "{seen:?}");
        }
    }
}
