//! `relay diff <product>`: as it should be, as Pimcore has it, as the shop has it.

use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use ledger::{DesiredDoc, ProductState};
use medusa::api::model::{DEEP_FIELDS, Product, TRANSLATION_FIELDS};
use medusa::{CompareAt, Credentials, Medusa, References};
use pimcore::{ApiKey, PimProduct, Pimcore};
use runtime::Secrets;
use serde::{Deserialize, Serialize};

use super::{rules_in_force, trace};
use crate::answer::Answer;
use crate::error::CliError;
use crate::facets::{self, Row};
use crate::remedy;
use crate::render::{short, table};
use crate::set_aside;
use crate::stack::Stack;

mod parts;

/// How long both targets may take together.
const TIME: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Diff {
    product: String,
    desired: bool,
    /// Pimcore's object id.
    pimcore_id: Option<u32>,
    medusa_id: Option<String>,
    /// The article that shows it; compared is what that shows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    article: Option<String>,
    rows: Vec<Row>,
    /// What its parts say, of a product that comes in several.
    parts: parts::Parts,
    /// Places that could not be asked.
    problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PimcoreSecret {
    api_key: String,
}

#[derive(Deserialize)]
struct Products {
    products: Vec<Product>,
}

/// The command.
///
/// # Errors
/// When AWS does not answer, or nobody knows the product.
pub async fn run(stack: &Stack, product: &str, now: i64) -> Result<Answer, CliError> {
    let key = super::product_key(product)?;
    let state = stack.ledger.read_states(std::slice::from_ref(&key)).await?.remove(&key).unwrap_or_default();
    if key.is_article() {
        return Err(refused_article(stack, &key).await?);
    }
    // One that is apart from its article is there by itself, too.
    let article = state.homes.first().filter(|home| home.is_article() && !state.homes.contains(&key));
    let shown_at = article.unwrap_or(&key);
    let doc = stack.ledger.read_docs(std::slice::from_ref(&key)).await?.remove(&key).transpose()?;
    let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(&stack.aws));
    let deadline = Instant::now() + TIME;
    let (pim, shop) =
        tokio::join!(in_pimcore(stack, &secrets, &key, deadline), in_medusa(stack, &secrets, shown_at, deadline));
    let mut problems = Vec::new();
    let mut told = |failure: &Failure| problems.push(format!("{failure}: {}", remedy::advice(&failure.code)));
    let pim = pim?.inspect_err(&mut told).ok();
    let mut shop = shop?.inspect_err(&mut told).ok();
    if let (Some(_), Some((_, Some(product)))) = (article, &mut shop) {
        facets::keep_member(product, &key);
    }
    let found = doc.is_some() || matches!(pim, Some(Some(_))) || matches!(shop, Some((_, Some(_))));
    if !found && problems.is_empty() {
        return Err(nowhere(&key));
    }
    let ledger = match &doc {
        Some(doc) => Some(facets::of_ledger(&rules_in_force::shown(stack, &key, doc, now).await?, &doc.hash)),
        None => None,
    };
    let in_pim = pim.as_ref().and_then(Option::as_ref);
    let source = in_pim.map(facets::of_pimcore_source);
    let mut shown = to_be_shown(pim.as_ref(), shop.as_ref().map(|(references, _)| references));
    let parts = parts_of(stack, &key, doc.as_ref(), &state).await?;
    let asides = state.aside;
    // What a person unpublished is kept current.
    let draft = asides.iter().any(|aside| aside.what == "draft");
    let mut medusa = match &shop {
        Some((references, product)) => Some(of_shop(stack, shown_at, product.as_ref(), references, draft).await?),
        None => None,
    };
    if let (Some(shown), Some(medusa)) = (&mut shown, &mut medusa) {
        like_with_like(stack, in_pim, article.is_some(), shown, medusa);
    }
    let mut rows = facets::compare(ledger.as_ref(), source.as_ref(), shown.as_ref(), medusa.as_ref());
    set_aside::explain(&mut rows, &asides);
    let diff = Diff {
        product: key.to_string(),
        desired: doc.is_some(),
        pimcore_id: in_pim.map(|product| product.id),
        article: article.map(ToString::to_string),
        medusa_id: shop.and_then(|(_, product)| product).map(|product| product.id),
        rows,
        parts,
        problems,
    };
    let missing = diff.desired && pim.is_some() && diff.pimcore_id.is_none();
    Ok(answer(&diff, missing))
}

/// `missing`: the PIM lacks what is desired.
fn answer(diff: &Diff, missing: bool) -> Answer {
    let differs = missing || diff.rows.iter().any(|row| row.pimcore_differs || row.medusa_differs);
    Answer::new(diff, text(diff, missing), differs || !diff.problems.is_empty())
}

fn nowhere(key: &ProductKey) -> CliError {
    CliError::NotFound {
        what: format!("neither the ledger nor Pimcore nor Medusa has a product {key}"),
        advice: format!("`relay trace {key}` looks for it among the rejected records"),
    }
}

/// Evens out what the shop shows elsewhere: reductions in price lists, and of an article all that is
/// not this member's.
fn like_with_like(
    stack: &Stack,
    in_pim: Option<&PimProduct>,
    in_article: bool,
    shown: &mut facets::Facts,
    medusa: &mut facets::Facts,
) {
    let lists = stack.setting("COMPARE_AT").is_ok_and(|setting| setting.parse() == Ok(CompareAt::PriceLists));
    if let (true, Some(product)) = (lists, in_pim) {
        facets::reduced_by_lists(&product.prices, shown, medusa);
    }
    if in_article {
        facets::as_member(shown, medusa);
    }
}

/// What the shop shows, with the figures that were applied there.
async fn of_shop(
    stack: &Stack,
    shown_at: &ProductKey,
    product: Option<&Product>,
    references: &References,
    draft: bool,
) -> Result<facets::Facts, CliError> {
    let mut facts = facets::of_medusa(product, references, draft);
    if let Some(product) = product {
        let stock = stack.ledger.stock(std::slice::from_ref(shown_at)).await?.remove(shown_at).transpose()?;
        facets::figures_applied(product, &trace::book(stock), &mut facts);
    }
    Ok(facts)
}

/// What the shop should show: of a product that the PIM does not have nothing, and what cannot be
/// known if one of both did not answer.
fn to_be_shown(pim: Option<&Option<PimProduct>>, references: Option<&References>) -> Option<facets::Facts> {
    match (pim?, references?) {
        (Some(product), references) => Some(facets::of_pimcore_shown(product, references)),
        (None, _) => Some(facets::Facts::from([("for sale".to_owned(), "false".to_owned())])),
    }
}

async fn parts_of(
    stack: &Stack,
    key: &ProductKey,
    doc: Option<&DesiredDoc>,
    state: &ProductState,
) -> Result<parts::Parts, CliError> {
    let Some(doc) = doc.filter(|_| state.parts.is_some()) else { return Ok(parts::Parts::default()) };
    let said = stack.ledger.read_parts(key).await?;
    let said: Vec<_> = said.into_iter().filter_map(|(name, doc)| Some((name?, doc))).collect();
    let lines = match &state.lines {
        Some(declared) => stack.ledger.lines_of(&doc.product, declared).await?,
        None => Vec::new(),
    };
    Ok(parts::compared(doc, &said, &lines))
}

/// An article is compared by its members.
async fn refused_article(stack: &Stack, key: &ProductKey) -> Result<CliError, CliError> {
    let members = stack.ledger.members(key).await?;
    let each: Vec<String> = members.iter().map(|member| format!("`relay diff {}`", member.key)).collect();
    let advice = if each.is_empty() { format!("`relay trace {key}` tells what it is") } else { each.join(", ") };
    Ok(CliError::Refused { what: format!("{key} is an article: its members are compared, one by one"), advice })
}

pub(super) type Asked<T> = Result<Result<T, Failure>, CliError>;

pub(super) async fn in_pimcore(
    stack: &Stack,
    secrets: &Secrets,
    key: &ProductKey,
    deadline: Instant,
) -> Asked<Option<PimProduct>> {
    let name = stack.setting("PIMCORE_SECRET")?;
    let asked = async {
        let secret: PimcoreSecret = secrets.get(&name).await?;
        let client = Pimcore::new(&stack.pimcore_url, &ApiKey::new(secret.api_key))?;
        client.read_products(std::slice::from_ref(key), deadline).await?.remove(key).transpose()
    };
    Ok(asked.await)
}

/// A client for the stack's shop.
pub(super) async fn medusa_of(stack: &Stack, secrets: &Secrets) -> Asked<Medusa> {
    let name = stack.setting("MEDUSA_SECRET")?;
    let opened = async {
        let credentials: Credentials = secrets.get(&name).await?;
        Medusa::new(&stack.medusa_url, credentials)
            .map_err(|error| Failure::transient("medusa_configuration", error.to_string()))
    };
    Ok(opened.await)
}

async fn in_medusa(
    stack: &Stack,
    secrets: &Secrets,
    key: &ProductKey,
    deadline: Instant,
) -> Asked<(References, Option<Product>)> {
    let (channel, location) = (stack.setting("SALES_CHANNEL_ID")?, stack.setting("STOCK_LOCATION_ID")?);
    let medusa = medusa_of(stack, secrets).await?;
    let asked = async {
        let medusa = medusa?;
        let references = References::check(&medusa, &channel, &location, None, deadline).await?;
        let mut fields = DEEP_FIELDS.to_owned();
        if references.translations {
            fields.push_str(TRANSLATION_FIELDS);
        }
        let id = key.to_string();
        let query = [("external_id[]", id.as_str()), ("fields", fields.as_str()), ("limit", "2")];
        let found: Products = medusa.get("/admin/products", &query, deadline).await?;
        // External ids are not unique; the oldest is ours, and ids sort by time.
        Ok((references, found.products.into_iter().min_by(|a, b| a.id.cmp(&b.id))))
    };
    Ok(asked.await)
}

fn text(diff: &Diff, missing: bool) -> String {
    let id = |id: Option<String>| id.unwrap_or_else(|| "not there".to_owned());
    let mut text = format!(
        "{}   ledger: {}, Pimcore: {}, Medusa: {}\n\n",
        diff.product,
        if diff.desired { "there" } else { "not there" },
        id(diff.pimcore_id.map(|id| id.to_string())),
        id(diff.medusa_id.clone())
    );
    if let Some(article) = &diff.article {
        text.push_str(&format!("Shown by {article}: compared is what that shows of it.\n\n"));
    }
    let cell = |value: &Option<String>| value.as_ref().map_or_else(|| "-".to_owned(), |value| short(value, 40));
    let rows = diff.rows.iter().map(|row| {
        let mark = match (row.pimcore_differs, row.medusa_differs) {
            (false, false) => "",
            (true, false) => "≠ Pimcore",
            (false, true) => "≠ Medusa",
            (true, true) => "≠ both",
        };
        [mark.to_owned(), row.fact.clone(), cell(&row.desired), cell(&row.pimcore), cell(&row.medusa)]
    });
    text.push_str(&table(["", "fact", "should be", "Pimcore", "Medusa"], rows));
    let count = diff.rows.iter().filter(|row| row.pimcore_differs || row.medusa_differs).count();
    text.push_str("\n\n");
    if missing {
        text.push_str(&format!("It is not in Pimcore: `relay trace {}` says why.", diff.product));
    } else if count == 0 && diff.problems.is_empty() {
        text.push_str("No difference.");
    } else if count > 0 {
        text.push_str(&format!(
            "{count} facts differ. If nothing is on its way (`relay trace {0}`): `relay replay {0}` makes them equal.",
            diff.product
        ));
    }
    if let Some(parts) = parts::text(&diff.parts) {
        text.push_str(&format!("\n\n{parts}"));
    }
    for problem in &diff.problems {
        text.push_str(&format!("\nNot compared: {problem}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shown::{WILD, assert_tame};

    #[test]
    fn what_others_hold_does_nothing_to_the_terminal() {
        let wild = || Some(WILD.to_owned());
        let row = Row {
            fact: WILD.into(),
            desired: wild(),
            pimcore: wild(),
            medusa: None,
            pimcore_differs: true,
            medusa_differs: true,
        };
        let problems = vec![WILD.to_owned()];
        let diff = Diff {
            product: WILD.into(),
            desired: true,
            pimcore_id: None,
            medusa_id: wild(),
            article: wild(),
            rows: vec![row],
            parts: parts::Parts {
                parts: vec![WILD.into()],
                lines: 1,
                rows: vec![parts::PartRow { part: WILD.into(), fact: WILD.into(), says: WILD.into(), counts: wild() }],
            },
            problems,
        };
        assert_tame(&Answer::new(&diff, text(&diff, true), true));
    }
}
