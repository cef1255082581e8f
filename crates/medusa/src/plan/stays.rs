//! Variants of members that the PIM cannot show just now: they stay as they are.
//!
//! What is the article's own (title, options, images, metadata) depends on all members, so it stays,
//! too. The others' prices and stock are brought, their new variants where there is room for them
//! beside what stays, and what is no longer on sale is sold out.

use std::collections::{BTreeMap, BTreeSet};

use super::kept;
use crate::api::model::{Metadata, Product, Variant};
use crate::articles::MEMBER;
use crate::aside::{MADE, Made};
use crate::desired::Article;

/// The variants that stay.
pub(crate) fn of<'t>(article: &Article, there: &'t Product) -> Vec<&'t Variant> {
    let is_of = |variant: &&Variant| {
        let member = variant.metadata.as_ref().and_then(|metadata| metadata.get(MEMBER)?.as_str());
        member.is_some_and(|member| article.stays.contains(member))
    };
    let is_sold = |variant: &&Variant| !kept::is_gone(variant) && !kept::has_lent_its_item(variant);
    there.variants.iter().filter(is_of).filter(is_sold).collect()
}

/// What the others can have beside them: the choices that they have, or new ones of the same axes.
pub(crate) fn beside(article: &Article, there: &Product, stays: &[&Variant]) -> Article {
    let titles: Vec<String> = there.options.iter().map(|option| option.title.clone()).collect();
    let same = titles.iter().collect::<BTreeSet<_>>() == article.options.iter().collect();
    let options = if same { article.options.clone() } else { titles };
    let choice = |variant: &Variant| -> Option<Vec<String>> {
        let chosen = chosen(there, variant);
        options.iter().map(|title| chosen.get(title.as_str()).map(|value| (*value).to_owned())).collect()
    };
    let mut taken: BTreeSet<Vec<String>> = stays.iter().filter_map(|variant| choice(variant)).collect();
    let mut beside = Article { options: options.clone(), ..article.clone() };
    beside.variants.retain_mut(|wanted| {
        let now = there.variants.iter().find(|now| now.sku.as_deref() == Some(&wanted.sku));
        match now.and_then(choice) {
            Some(choice) => wanted.options = choice,
            None if !same => return false,
            None => {}
        }
        taken.insert(wanted.options.clone())
    });
    beside
}

/// SKUs of the others for which there is no room beside what stays.
pub(crate) fn without_room(article: &Article, there: &Product) -> BTreeSet<String> {
    let stays = of(article, there);
    if stays.is_empty() {
        return BTreeSet::new();
    }
    let room = beside(article, there, &stays);
    let has: BTreeSet<&str> = room.variants.iter().map(|variant| variant.sku.as_str()).collect();
    let wanted = article.variants.iter().map(|variant| &variant.sku);
    wanted.filter(|sku| !has.contains(sku.as_str())).cloned().collect()
}

/// A variant's values by the titles of their options.
fn chosen<'t>(there: &'t Product, variant: &'t Variant) -> BTreeMap<&'t str, &'t str> {
    let of = |value: &'t crate::api::model::OptionValue| {
        let option = there.options.iter().find(|option| {
            value.option_id.as_deref() == Some(&option.id) || option.values.iter().any(|row| row.id == value.id)
        })?;
        Some((option.title.as_str(), value.value.as_str()))
    };
    variant.options.iter().filter_map(of).collect()
}

/// What is noted as made goes on to say what stays.
pub(crate) fn keep_made(done: &mut Metadata, there: &Product, stays: &[&Variant]) {
    if stays.is_empty() {
        return;
    }
    let (Some(before), Some(mut made)) = (Made::of(there.metadata.as_ref()), Made::of(Some(done))) else { return };
    made.skus.extend(stays.iter().filter_map(|variant| variant.sku.clone()));
    made.images = before.images;
    done.insert(MADE.to_owned(), made.value());
}
