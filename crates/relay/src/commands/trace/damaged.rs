//! What a damaged file said is doubtful, until a good one said it.

use catalog::{Failure, PartName, ProductKey};
use ledger::RunStatus;
use withdrawal::contents;
use withdrawal::manifest::Manifests;

use super::of_source;
use crate::commands::runs::RunLine;

/// Whether a run ended at damaged data, so that what it had read before may have been damaged, too.
/// A later run of the same object ends it: what that says alike is not written again, and keeps
/// the name of the run that brought it.
#[must_use]
pub(super) fn is_doubtful(run: &RunLine, all: &[RunLine]) -> bool {
    let damaged = run.run.reason.as_deref().is_some_and(|reason| reason.starts_with("corrupt_compression"));
    let ends_it = |line: &RunLine| line.object == run.object && is_later(line, run);
    run.run.status == RunStatus::Failed && damaged && !all.iter().any(ends_it)
}

fn is_later(line: &RunLine, run: &RunLine) -> bool {
    line.run.started > run.run.started && line.run.status == RunStatus::Completed
}

/// Whether a later full feed of the source, under whatever name, contained the product: then it is
/// as that says.
///
/// # Errors
/// When the bucket does not answer.
pub(super) async fn ended_by_a_full_feed<M: Manifests>(
    manifests: &M,
    bucket: &str,
    (key, part): (&ProductKey, Option<&PartName>),
    run: &RunLine,
    all: &[RunLine],
) -> Result<bool, Failure> {
    let later = || all.iter().filter(|line| is_later(line, run) && of_source(&line.object, key.source()));
    if later().next().is_none() {
        return Ok(false);
    }
    let full = contents::full_runs(manifests, bucket, key.source()).await?;
    for line in later().filter(|line| full.contains(&line.run.name)) {
        if contents::contains(manifests, bucket, (key.source(), &line.run.name), key.id(), part).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Bucket(BTreeMap<String, Vec<u8>>);

    impl Manifests for Bucket {
        async fn get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, Failure> {
            Ok(self.0.get(key).cloned())
        }

        async fn list(&self, _: &str, prefix: &str) -> Result<Vec<(String, u64)>, Failure> {
            let under = self.0.iter().filter(|(key, _)| key.starts_with(prefix));
            Ok(under.map(|(key, body)| (key.clone(), body.len() as u64)).collect())
        }

        async fn range(&self, _: &str, key: &str, from: u64, to: u64) -> Result<Vec<u8>, Failure> {
            Ok(self.0[key][usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0)].to_vec())
        }
    }

    fn line(name: &str, object: &str, started: i64, status: RunStatus, reason: Option<&str>) -> RunLine {
        RunLine {
            object: object.into(),
            strict: false,
            run: ledger::Run {
                name: name.into(),
                status,
                offset: 0,
                record: 0,
                resume: None,
                counts: ledger::Counts::default(),
                started,
                finished: None,
                reason: reason.map(str::to_owned),
                owner: None,
                until: None,
            },
            advice: None,
        }
    }

    fn damaged() -> RunLine {
        line("bad", "s3://b/incoming/demo/a", 10, RunStatus::Failed, Some("corrupt_compression: no"))
    }

    fn good(name: &str, object: &str, started: i64) -> RunLine {
        line(name, object, started, RunStatus::Completed, None)
    }

    #[test]
    fn a_good_file_in_its_place_ends_the_doubt() {
        let place = "s3://b/incoming/demo/a";
        for (others, doubtful) in [
            (vec![], true),
            (vec![good("1", place, 5)], true),
            (vec![good("1", "s3://b/incoming/demo/b", 20)], true),
            (vec![line("1", place, 20, RunStatus::Failed, Some("truncated: so"))], true),
            (vec![good("1", place, 20)], false),
        ] {
            assert_eq!(is_doubtful(&damaged(), &others), doubtful, "{others:?}");
        }
        assert!(!is_doubtful(&line("1", "a", 10, RunStatus::Failed, Some("truncated: so")), &[]));
    }

    #[tokio::test]
    async fn a_later_full_feed_under_another_name_ends_the_doubt_of_what_it_contains() {
        let elsewhere = "s3://b/incoming/demo/b";
        let of = |parts: &str| {
            format!(
                r#"{{"parts":"manifests/demo/full/","object":"o","version":"v","complete":false,"speaksFor":[{parts}]}}"#
            )
        };
        let bucket = |parts: &str| {
            Bucket(BTreeMap::from([
                ("manifests/demo/full.json".to_owned(), of(parts).into_bytes()),
                ("manifests/demo/full/1".to_owned(), b"1\n7\n".to_vec()),
                ("manifests/demo/full/2".to_owned(), b"3\n77\n".to_vec()),
            ]))
        };
        let ended = async |id: &str, part: Option<&str>, parts: &str, line: RunLine| {
            let (key, part) = (ProductKey::new("demo", id).unwrap(), part.map(PartName::from_text));
            let (bucket, lines) = (bucket(parts), [damaged(), line]);
            ended_by_a_full_feed(&bucket, "b", (&key, part.as_ref()), &lines[0], &lines).await.unwrap()
        };
        for id in ["1", "3", "7", "77"] {
            assert!(ended(id, None, "", good("full", elsewhere, 20)).await, "{id}");
        }
        assert!(!ended("5", None, "", good("full", elsewhere, 20)).await, "it says nothing of this one");
        assert!(!ended("7", None, "", good("full", elsewhere, 5)).await, "it came before");
        assert!(!ended("7", None, "", good("partial", elsewhere, 20)).await, "nobody knows what it contained");
        let other = "s3://b/incoming/other/b";
        assert!(!ended("7", None, "", good("full", other, 20)).await, "it is another source's");
        let failed = line("full", elsewhere, 20, RunStatus::Failed, Some("truncated: so"));
        assert!(!ended("7", None, "", failed).await);
        assert!(ended("7", Some("us"), r#""us""#, good("full", elsewhere, 20)).await);
        assert!(!ended("7", Some("fr"), r#""us""#, good("full", elsewhere, 20)).await, "another storefront's");
    }
}
