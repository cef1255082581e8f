//! Whether a product has to be written, and what becomes of its publication: a pure decision.
//!
//! Publication belongs to people. The pipeline touches it in three cases only: it creates a product
//! published if the policy says so, it unpublishes what the source withdrew (unless people keep
//! it), and it publishes again what it had unpublished when the source offers it again. What a
//! person unpublished stays unpublished, also across a withdrawal.

use catalog::{ContentHash, Failure};
use pimcore::Head;

use crate::aside::are_told;
use crate::codes;

/// Who publishes new products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishPolicy {
    /// The pipeline.
    Auto,
    /// A person.
    Review,
}

impl PublishPolicy {
    /// Reads the stack parameter.
    ///
    /// # Errors
    /// For anything but `auto` and `review`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "auto" => Ok(Self::Auto),
            "review" => Ok(Self::Review),
            other => Err(Failure::transient(
                codes::CONFIGURATION,
                format!("PUBLISH_POLICY is auto or review, got: {other:?}"),
            )),
        }
    }
}

/// Remark on a product that was unpublished already when the source withdrew it. It is how we know,
/// when the product comes back, that it was a person who had unpublished it.
pub const UNPUBLISHED_BEFORE: &str =
    "Was unpublished before the source withdrew it, so it stays unpublished when it comes back.";

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Pimcore holds it already.
    Unchanged,
    /// Pimcore does not have it, and the source has withdrawn it: there is nothing to create.
    Absent,
    /// Pimcore had it and does not have it any more: a person deleted it, and that stands (D11).
    Deleted,
    Write {
        /// Publish it if it has to be created.
        publish_new: bool,
        /// Publish or unpublish an existing product.
        published: Option<bool>,
        /// Leave [`UNPUBLISHED_BEFORE`].
        remark: bool,
    },
}

/// Decides for a product with this stamp (`pimcore::stamp`). `had`: Pimcore is known to have had it. `aside`: the lines that its remarks are to have on what people took off sale in the shop.
#[must_use]
pub fn decide(
    hash: &ContentHash,
    withdrawn: bool,
    head: Option<&Head>,
    had: bool,
    aside: &[String],
    policy: PublishPolicy,
) -> Decision {
    let publish_new = policy == PublishPolicy::Auto && !withdrawn;
    let Some(head) = head else {
        let write = Decision::Write { publish_new, published: None, remark: false };
        return match (had, withdrawn) {
            (true, _) => Decision::Deleted,
            (false, true) => Decision::Absent,
            (false, false) => write,
        };
    };
    let published_rightly = !withdrawn || !head.published || head.keep_when_withdrawn;
    let same = head.content_hash.as_ref() == Some(hash) && head.withdrawn == withdrawn;
    if same && published_rightly && are_told(head, aside) {
        return Decision::Unchanged;
    }
    let remarked = head.warnings.contains(UNPUBLISHED_BEFORE);
    let write = |published, remark| Decision::Write { publish_new, published, remark };
    match (withdrawn, head.withdrawn) {
        (true, _) if head.keep_when_withdrawn => write(None, false),
        (true, false) => write(Some(false), !head.published),
        (true, true) => write(Some(false), remarked),
        (false, true) if policy == PublishPolicy::Auto && !remarked => write(Some(true), false),
        (false, _) => write(None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pimcore::ProductPath;

    fn head(published: bool, withdrawn: bool) -> Head {
        Head {
            id: 1,
            path: ProductPath::of(&"demo:1".parse().unwrap()),
            modified: 1,
            published,
            withdrawn,
            keep_when_withdrawn: false,
            content_hash: Some(ContentHash::from_text("old")),
            warnings: String::new(),
            apart: false,
        }
    }

    fn new() -> ContentHash {
        ContentHash::from_text("new")
    }

    fn published(decision: Decision) -> Option<bool> {
        let Decision::Write { published, .. } = decision else { panic!("{decision:?}") };
        published
    }

    #[test]
    fn the_policy_decides_about_new_products_only() {
        for (policy, publish_new) in [(PublishPolicy::Auto, true), (PublishPolicy::Review, false)] {
            let created = decide(&new(), false, None, false, &[], policy);
            assert_eq!(created, Decision::Write { publish_new, published: None, remark: false });
            for shown in [true, false] {
                assert_eq!(published(decide(&new(), false, Some(&head(shown, false)), true, &[], policy)), None);
            }
        }
    }

    #[test]
    fn what_a_person_deleted_is_not_made_again_whatever_the_source_says() {
        for policy in [PublishPolicy::Auto, PublishPolicy::Review] {
            for withdrawn in [false, true] {
                assert_eq!(decide(&new(), withdrawn, None, true, &[], policy), Decision::Deleted);
            }
        }
        // Restored, it is like any other.
        assert_eq!(published(decide(&new(), false, Some(&head(true, false)), true, &[], PublishPolicy::Auto)), None);
    }

    #[test]
    fn the_same_hash_is_not_written() {
        let same = ContentHash::from_text("old");
        for shown in [true, false] {
            assert_eq!(
                decide(&same, false, Some(&head(shown, false)), true, &[], PublishPolicy::Auto),
                Decision::Unchanged
            );
        }
        assert_eq!(decide(&same, true, Some(&head(false, true)), true, &[], PublishPolicy::Auto), Decision::Unchanged);
    }

    #[test]
    fn what_is_set_aside_in_the_shop_is_told_and_changes_no_publication() {
        let same = ContentHash::from_text("old");
        let lines = ["Off sale in the shop: somebody deleted it in the shop".to_owned()];
        for shown in [true, false] {
            let plain = head(shown, false);
            assert_eq!(published(decide(&same, false, Some(&plain), true, &lines, PublishPolicy::Auto)), None);
            let told = Head { warnings: lines[0].clone(), ..plain };
            assert_eq!(decide(&same, false, Some(&told), true, &lines, PublishPolicy::Auto), Decision::Unchanged);
            assert_eq!(
                published(decide(&same, false, Some(&told), true, &[], PublishPolicy::Auto)),
                None,
                "it has ended"
            );
        }
    }

    #[test]
    fn a_withdrawn_product_is_unpublished_and_comes_back_published() {
        assert_eq!(
            published(decide(&new(), true, Some(&head(true, false)), true, &[], PublishPolicy::Auto)),
            Some(false)
        );
        assert_eq!(
            published(decide(&new(), false, Some(&head(false, true)), true, &[], PublishPolicy::Auto)),
            Some(true)
        );
        assert_eq!(published(decide(&new(), false, Some(&head(false, true)), true, &[], PublishPolicy::Review)), None);
        assert_eq!(decide(&new(), true, None, false, &[], PublishPolicy::Auto), Decision::Absent);
    }

    #[test]
    fn what_a_person_unpublished_stays_so_across_a_withdrawal() {
        let decision = decide(&new(), true, Some(&head(false, false)), true, &[], PublishPolicy::Auto);
        assert_eq!(decision, Decision::Write { publish_new: false, published: Some(false), remark: true });
        let withdrawn = Head { warnings: format!("x\n{UNPUBLISHED_BEFORE}"), ..head(false, true) };
        let again = decide(&new(), true, Some(&withdrawn), true, &[], PublishPolicy::Auto);
        assert_eq!(again, Decision::Write { publish_new: false, published: Some(false), remark: true });
        assert_eq!(published(decide(&new(), false, Some(&withdrawn), true, &[], PublishPolicy::Auto)), None);
    }

    #[test]
    fn people_can_keep_a_withdrawn_product() {
        let kept = Head { keep_when_withdrawn: true, ..head(true, false) };
        assert_eq!(published(decide(&new(), true, Some(&kept), true, &[], PublishPolicy::Auto)), None);
        let kept = Head { keep_when_withdrawn: true, withdrawn: true, content_hash: Some(new()), ..head(true, true) };
        assert_eq!(decide(&new(), true, Some(&kept), true, &[], PublishPolicy::Auto), Decision::Unchanged);
        // No longer kept, and still published.
        let dropped = Head { keep_when_withdrawn: false, ..kept };
        assert_eq!(published(decide(&new(), true, Some(&dropped), true, &[], PublishPolicy::Auto)), Some(false));
    }
}
