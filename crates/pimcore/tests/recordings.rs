//! What the recorded answers of a real Pimcore mean.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::time::Duration;

use catalog::ErrorKind;
use common::{Recording, recordings};
use pimcore::answer::{self, AliasOutcome, Answer, RequestError};

const CATALOG: &str = "catalog/recordings";
const GENERAL: &str = "record";

fn single(folder: &str, name: &str, field: &str) -> Option<Result<AliasOutcome, RequestError>> {
    Recording::named(folder, name).map(|recording| answer::single(recording.answer(), field))
}

fn refused(outcome: Option<Result<AliasOutcome, RequestError>>) -> Option<(String, String)> {
    match outcome? {
        Ok(AliasOutcome::Refused(failure)) => {
            assert_eq!(failure.kind, ErrorKind::Permanent);
            Some((failure.code, failure.message))
        }
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn a_saved_object_is_read_back() {
    let Some(outcome) = single(CATALOG, "02-create-product-full", "createCatalogProduct") else { return };
    let AliasOutcome::Done(saved) = outcome.unwrap() else { panic!("not saved") };
    assert_eq!((saved.id, saved.fullpath.as_str()), (5073, "/catalog/products/demo-p-1"));
}

#[test]
fn a_duplicate_has_two_wordings() {
    for name in
        ["11a-duplicate-key", "11b-duplicate-externalId", "11c-duplicate-externalId-case", "11f-duplicate-unpublished"]
    {
        let Some(outcome) = single(CATALOG, name, "createCatalogProduct") else { return };
        assert!(matches!(outcome, Ok(AliasOutcome::Exists(_))), "{name}: {outcome:?}");
    }
    let outcome = single(CATALOG, "01e-create-category-again", "createCatalogCategory");
    assert!(matches!(outcome, Some(Ok(AliasOutcome::Exists(_)))), "{outcome:?}");
}

#[test]
fn an_update_of_what_is_not_there_is_missing() {
    let outcome = single(CATALOG, "04e-update-missing", "updateCatalogProduct");
    assert!(matches!(outcome, None | Some(Ok(AliasOutcome::Missing))), "{outcome:?}");
}

#[test]
fn a_refusal_names_the_field() {
    for (name, field) in [
        ("12-limit-sku-191", "sku"),
        ("12-limit-name-ar-513", "name.ar"),
        ("12-limit-images.url-2049", "images[1].url"),
        ("12-limit-variants.sku-191", "variants[1].sku"),
        ("12-limit-prices.currency-9", "prices[1].currency"),
    ] {
        let Some((code, message)) = refused(single(CATALOG, name, "updateCatalogProduct")) else { return };
        assert_eq!(code, "pimcore_field_too_long", "{message}");
        assert!(message.starts_with(&format!("Pimcore refuses {field}: ")), "{name}: {message}");
    }
}

#[test]
fn an_object_of_another_class_is_never_taken_for_success() {
    for name in ["18p-updateCatalogProduct-on-a-category", "18r-updateCatalogProduct-on-the-folder"] {
        let Some((code, _)) = refused(single(CATALOG, name, "updateCatalogProduct")) else { return };
        assert_eq!(code, "pimcore_not_readable");
    }
}

#[test]
fn a_category_that_is_gone_means_a_stale_tree() {
    for (name, field) in [
        ("16s-missing-category-fails-product", "updateCatalogProduct"),
        ("16w4-update-with-deleted-category", "updateCatalogProduct"),
        ("01f-create-category-parent-missing", "createCatalogCategory"),
    ] {
        let Some(outcome) = single(CATALOG, name, field) else { return };
        assert!(matches!(outcome, Ok(AliasOutcome::StaleTree(_))), "{name}: {outcome:?}");
    }
}

#[test]
fn a_move_to_a_missing_parent_is_seen_in_the_path() {
    let Some(Ok(AliasOutcome::Done(saved))) = single(CATALOG, "16g-move-to-missing-parent", "updateCatalogCategory")
    else {
        assert!(recordings().is_none(), "not answered with success");
        return;
    };
    assert_eq!(saved.fullpath, "/catalog/categories/shoes", "where it was before");
}

#[test]
fn missing_permission_waits_for_a_person() {
    let Some(Ok(AliasOutcome::Again(failure))) = single(CATALOG, "16h-move-outside-workspace", "updateCatalogCategory")
    else {
        assert!(recordings().is_none());
        return;
    };
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "pimcore_permission"));
}

#[test]
fn of_a_batch_each_alias_has_its_own_outcome() {
    let Some(recording) = Recording::named(CATALOG, "05f-batch-update-one-too-long") else { return };
    let outcomes = answer::mutation(recording.answer(), 3).unwrap();
    assert!(
        matches!(&outcomes[..], [AliasOutcome::Done(_), AliasOutcome::Refused(_), AliasOutcome::Done(_)]),
        "{outcomes:?}"
    );
}

#[test]
fn after_an_alias_that_died_nothing_counts_as_done() {
    // The recorded answer (a PHP error made to happen in the second of four aliases) with this
    // crate's alias names.
    let Some(recording) = Recording::named(GENERAL, "63-batch-with-php-Error-in-first-alias") else { return };
    let mut body: serde_json::Value = serde_json::from_slice(&recording.body).unwrap();
    let data = body["data"].as_object_mut().unwrap();
    for (n, name) in ["pre", "a", "b", "c"].into_iter().enumerate() {
        let mut alias = data.remove(name).unwrap();
        if !alias.is_null() {
            alias["output"] = serde_json::json!({"id": "1", "fullpath": "/catalog/products/x", "modificationDate": 1});
        }
        data.insert(format!("a{n}"), alias);
    }
    body["errors"][0]["path"] = serde_json::json!(["a1"]);
    let body = serde_json::to_vec(&body).unwrap();
    let outcomes = answer::mutation(Answer { status: 200, retry_after: None, body: &body }, 4).unwrap();
    assert!(
        matches!(
            &outcomes[..],
            [AliasOutcome::Done(_), AliasOutcome::Died, AliasOutcome::NotDone, AliasOutcome::NotDone]
        ),
        "{outcomes:?}"
    );
}

#[test]
fn validation_blames_one_alias_and_does_nothing() {
    let Some(recording) = Recording::named(CATALOG, "12-stock-over") else { return };
    let body = String::from_utf8(recording.body.clone()).unwrap().replace("$input", "$i2");
    let error = answer::mutation(Answer { body: body.as_bytes(), ..recording.answer() }, 3).unwrap_err();
    let RequestError::Alias(2, failure) = error else { panic!("{error:?}") };
    assert!(failure.message.contains("CatalogVariant[0].stock"), "{failure}");
    assert!(failure.message.contains("32-bit"), "{failure}");
}

#[test]
fn a_class_without_the_field_waits_for_the_installer() {
    let Some(recording) = Recording::named(CATALOG, "06a-enrichment-marketingName-plain") else { return };
    let error = answer::mutation(recording.answer(), 1).unwrap_err();
    let RequestError::Failed(failure) = error else { panic!("{error:?}") };
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "pimcore_schema_mismatch"));
}

#[test]
fn http_errors_say_nothing_about_the_data() {
    for (folder, name, code) in [
        (CATALOG, "18a-wrong-key", "pimcore_forbidden"),
        (CATALOG, "18b-no-key", "pimcore_forbidden"),
        (CATALOG, "18c-unknown-config", "pimcore_not_found"),
        (CATALOG, "16f-move-below-itself", "pimcore_unavailable"),
        (GENERAL, "57-db-down", "pimcore_unavailable"),
        (GENERAL, "57-php-fpm-down", "pimcore_unavailable"),
        (GENERAL, "51b-invalid-json", "pimcore_unexpected_answer"),
        (GENERAL, "51l-unknown-field", "pimcore_schema_mismatch"),
        (GENERAL, "54f-introspection-disabled", "pimcore_schema_mismatch"),
    ] {
        let Some(recording) = Recording::named(folder, name) else { return };
        let failure = catalog::Failure::from(answer::mutation(recording.answer(), 1).unwrap_err());
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, code), "{name}");
    }
}

#[test]
fn a_listing_that_failed_is_not_empty() {
    let Some(recording) = Recording::named(GENERAL, "70o-unknown-column") else { return };
    let failure = answer::query::<serde_json::Value>(recording.answer()).unwrap_err();
    assert_eq!(failure.code, "pimcore_query_failed");
}

#[test]
fn strange_bodies_are_transient_and_waiting_times_are_kept() {
    let judge = |status, retry_after, body: &[u8]| {
        catalog::Failure::from(answer::mutation(Answer { status, retry_after, body }, 1).unwrap_err())
    };
    for body in [&b""[..], b"{\"data\":{\"a0\":{\"succ", b"<html>", b"[]", b"null", b"\xff\xfe"] {
        let failure = judge(200, None, body);
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "pimcore_unexpected_answer"));
    }
    for (message, code) in [
        ("Internal server error", "pimcore_internal_error"),
        ("An exception occurred: SQLSTATE[HY000] [2002] Connection refused", "pimcore_database"),
    ] {
        let body = serde_json::to_vec(&serde_json::json!({"errors": [{"message": message}]})).unwrap();
        let failure = judge(200, None, &body);
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, code));
    }
    assert_eq!(judge(503, Some("7"), b"").retry_after, Some(Duration::from_secs(7)));
    assert_eq!(judge(429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), b"").retry_after, None);
    let too_large = answer::mutation(Answer { status: 413, retry_after: None, body: b"" }, 1).unwrap_err();
    assert!(matches!(too_large, RequestError::TooLarge(_)), "{too_large:?}");
}

/// No recorded mutation, whatever it was about, is judged a success where Pimcore did not report
/// one.
#[test]
fn every_recorded_mutation_is_judged_as_it_was() {
    let Some(root) = recordings() else { return };
    let mut judged = 0;
    for entry in std::fs::read_dir(root.join(CATALOG)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let Some(recording) = Recording::read(&path) else { continue };
        let body: serde_json::Value = serde_json::from_slice(&recording.body).unwrap_or_default();
        let Some(data) = body["data"].as_object() else { continue };
        for (field, answer) in data {
            if !(answer.is_object() && answer.get("success").is_some()) {
                continue;
            }
            judged += 1;
            let outcome = answer::single(recording.answer(), field).unwrap();
            let done = matches!(outcome, AliasOutcome::Done(_));
            let visible = answer["output"]["fullpath"].is_string() && answer["output"]["id"].is_string();
            assert_eq!(done, answer["success"] == true && visible, "{}: {field}: {outcome:?}", recording.name);
        }
    }
    assert!(judged > 100, "only {judged} recorded mutations were found");
}

/// The limits checked before sending are those that Pimcore was seen to have: the recorded refusals
/// of "limit + 1".
#[test]
fn the_limits_are_the_recorded_ones() {
    use pimcore::limits;
    for (field, limit) in [
        ("externalId", limits::NAME),
        ("sku", limits::NAME),
        ("brand", limits::NAME),
        ("groupId", limits::NAME),
        ("url", limits::URL),
        ("name", limits::TITLE),
        ("source", limits::SHORT),
        ("contentHash", limits::SHORT),
        ("feedRun", limits::SHORT),
        ("images.url", limits::URL),
        ("attributes.code", limits::NAME),
        ("attributes.lang", limits::LANG),
        ("attributes.name", limits::LABEL),
        ("variants.title", limits::LABEL),
        ("variants.option1Value", limits::LABEL),
        ("prices.currency", limits::CURRENCY),
        ("prices.amount", limits::SHORT),
    ] {
        let Some(recording) = Recording::named(CATALOG, &format!("12-limit-{field}-{}", limit + 1)) else { return };
        let text = String::from_utf8(recording.body).unwrap();
        assert!(text.contains(&format!("longer than {limit} characters")), "{field}: {text}");
    }
}
