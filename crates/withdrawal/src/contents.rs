//! What a full feed contained, asked from outside.

use std::collections::BTreeSet;

use catalog::{Failure, PartName};

use crate::manifest::{Index, Manifests, Part};
use crate::merge::Ids;

/// The runs of a source that left a manifest: those of its full feeds.
///
/// # Errors
/// When the bucket does not answer.
pub async fn full_runs<M: Manifests>(manifests: &M, bucket: &str, source: &str) -> Result<BTreeSet<String>, Failure> {
    let prefix = format!("manifests/{source}/");
    let keys = manifests.list(bucket, &prefix).await?;
    let run = |(key, _): &(String, u64)| Some(key.strip_prefix(&prefix)?.strip_suffix(".json")?.to_owned());
    Ok(keys.iter().filter_map(run).filter(|run| !run.contains('/')).collect())
}

/// Whether a full feed contained this product, as far as it spoke for the part that it is.
///
/// # Errors
/// When the bucket does not answer.
pub async fn contains<M: Manifests>(
    manifests: &M,
    bucket: &str,
    (source, run): (&str, &str),
    id: &str,
    part: Option<&PartName>,
) -> Result<bool, Failure> {
    let Some(bytes) = manifests.get(bucket, &format!("manifests/{source}/{run}.json")).await? else { return Ok(false) };
    let Ok(index) = serde_json::from_slice::<Index>(&bytes) else { return Ok(false) };
    let spoken_for = index.speaks_for.is_empty() || part.is_some_and(|part| index.speaks_for.contains(part));
    if !spoken_for {
        return Ok(false);
    }
    let parts = manifests.list(bucket, &index.parts).await?;
    let parts = parts.into_iter().map(|(key, size)| Part::new(bucket, key, size)).collect();
    let mut ids = Ids::open(manifests, parts, None).await?;
    while let Some(next) = ids.next().await? {
        if next.as_str() >= id {
            return Ok(next == id);
        }
    }
    Ok(false)
}
