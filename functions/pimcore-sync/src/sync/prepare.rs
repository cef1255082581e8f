//! What is to be done with each product: from what was read of it to a write, or to nothing.

use catalog::{Failure, ProductKey};
use jiff::Timestamp;
use ledger::core::gone::known_id;
use ledger::core::ours::Ours;
use ledger::{Applied, DesiredDoc, LedgerError, ProductState, Table};
use pimcore::{FieldLanguages, Head, ProductInput, Provenance, Write, stamp};
use runtime::{Bus, Clock};
use want::InForce;
use worker::rules::{Before, Wish};

use super::{Change, Claimed, SyncBatch, Synced};
use crate::decide::{Decision, UNPUBLISHED_BEFORE, decide};
use crate::lane::{content_of, is_told};

/// A product of which it is decided what is done.
pub(super) enum Prepared {
    Holds(Box<Claimed>, Synced),
    Write(Box<Claimed>, Box<Write>),
}

impl<T: Table, B: Bus, C: Clock> SyncBatch<'_, T, B, C> {
    /// A product as it is found: its document, what rules make of it, and what Pimcore has.
    pub(super) fn claimed(
        &self,
        key: &ProductKey,
        (doc, head): (DesiredDoc, Option<Head>),
        before: Before,
        state: Option<&ProductState>,
        rules: &InForce,
    ) -> Claimed {
        let wish = Wish::of(rules, &doc, &before, self.worker.clock.now_ms());
        let ours = state.and_then(Ours::of);
        let mut item = Claimed {
            key: key.clone(),
            doc,
            had: state.and_then(known_id).map(str::to_owned),
            untouched: head.as_ref().is_some_and(|head| is_untouched(state, ours.as_ref(), head)),
            head,
            ours,
            wish,
            ruled: rules.since > 0,
            past: before.past,
            content: None,
            told: false,
        };
        if self.lane {
            item.content = content_of(&item);
            item.told = is_told(state, &item);
        }
        item
    }

    pub(super) fn prepare(
        &self,
        item: Claimed,
        aside: &[String],
        languages: &FieldLanguages,
    ) -> Result<Prepared, Failure> {
        let Claimed { key, doc, head, had, wish, ruled, content, told, .. } = &item;
        let content = content.clone();
        let product = item.product();
        let stamp = stamp::stamp(&doc.hash, item.wanted());
        match decide(&stamp, product.withdrawn, head.as_ref(), had.is_some(), aside, self.policy) {
            // The id stays: by it this is known the next time.
            Decision::Deleted => {
                let applied = Applied { remote_id: had.clone(), ..applied(&item, None) };
                let ruled = *ruled;
                let (content, told) = (None, false);
                Ok(Prepared::Holds(Box::new(item), Synced { applied, change: Change::Deleted, ruled, content, told }))
            }
            Decision::Unchanged | Decision::Absent => {
                let id = head.as_ref().map(|head| head.id);
                let seen = item.ours.as_ref().map(ToString::to_string);
                let applied = Applied { seen, ..applied(&item, id) };
                let (change, ruled, told) = (Change::Unchanged, *ruled, false);
                let content = content.filter(|_| id.is_some());
                Ok(Prepared::Holds(Box::new(item), Synced { applied, change, ruled, content, told }))
            }
            Decision::Write { publish_new, published, remark } => {
                let provenance = Provenance {
                    hash: stamp,
                    version: doc.version.clone(),
                    feed_run: doc.run.clone(),
                    imported_at: Timestamp::from_millisecond(self.worker.clock.now_ms()).unwrap_or_default(),
                };
                let input = ProductInput::new(product, &provenance, &[])?;
                let mut input = input.in_languages(product, languages);
                if head.as_ref().is_some_and(|head| head.apart) {
                    input = input.kept_apart();
                }
                if let Some(wish) = wish {
                    input = input.beside(&doc.product, product, &wish.withheld);
                    input = wish.remarks.iter().fold(input, |input, line| input.remark(line));
                }
                if let Some(published) = published {
                    input = input.publish(published);
                }
                if remark {
                    input = input.remark(UNPUBLISHED_BEFORE);
                }
                input = aside.iter().fold(input, |input, line| input.remark(line));
                let existing = head.as_ref().map(|head| head.path.clone());
                let read = head.as_ref().map(|head| head.modified);
                let same_texts = item.ours.as_ref().is_some_and(|ours| ours.texts == input.texts_digest());
                let texts_stand = item.untouched && same_texts;
                let write = Write { key: key.clone(), existing, read, publish_new, texts_stand, input };
                let told = *told && published.is_none() && !remark;
                Ok(Prepared::Write(Box::new(Claimed { told, ..item }), Box::new(write)))
            }
        }
    }
}

/// What was read of a product.
pub(super) fn read_one(
    key: &ProductKey,
    doc: Option<Result<DesiredDoc, LedgerError>>,
    head: Option<Result<Head, Failure>>,
) -> Result<(DesiredDoc, Option<Head>), Failure> {
    let doc = doc
        .ok_or_else(|| {
            Failure::permanent(
                ledger::codes::LEDGER_DOC_MISSING,
                format!("{key}: the ledger has its state but not its document; upload the feed again"),
            )
        })?
        .map_err(|error| error.failure())?;
    Ok((doc, head.transpose()?))
}

pub(super) fn applied(item: &Claimed, id: Option<u32>) -> Applied {
    Applied {
        hash: item.doc.hash.clone(),
        version: item.doc.version.clone(),
        remote_id: id.map(|id| id.to_string()),
        view: item.wanted().map(str::to_owned),
        seen: None,
        at: 0,
    }
}

/// Whether the object is as our last save left it: of its date and with its stamp, as two saves of
/// one second look the same. In doubt an older write of ours may land between this look and the
/// write; where the count of versions rose, a person's save may have.
fn is_untouched(state: Option<&ProductState>, last: Option<&Ours>, head: &Head) -> bool {
    let Some(state) = state else { return false };
    let Some(applied) = &state.pimcore.applied else { return false };
    let certain = state.pimcore.recheck_at.is_none() && state.drafts.is_none_or(|known| known.hidden.is_none());
    let stamp = stamp::stamp(&applied.hash, applied.view.as_deref());
    let same = last.is_some_and(|last| last.date == head.modified) && head.content_hash.as_ref() == Some(&stamp);
    certain && same
}
