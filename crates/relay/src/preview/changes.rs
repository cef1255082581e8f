//! Which facts of a product differ.

use catalog::{Product, Variant};

/// The facts that differ between what was wanted and what will be, in the order in which people
/// look at them.
#[must_use]
pub fn fields(before: &Product, after: &Product) -> Vec<&'static str> {
    let by_sku = |product: &Product| -> Vec<Variant> {
        let mut variants = product.variants.clone();
        variants.sort_by(|a, b| a.sku.cmp(&b.sku));
        variants
    };
    let (old, new) = (by_sku(before), by_sku(after));
    let both = || old.iter().filter_map(|old| Some((old, new.iter().find(|new| new.sku == old.sku)?)));
    let differ = |f: fn(&Variant, &Variant) -> bool| both().any(|(old, new)| f(old, new));
    let amounts = |variant: &Variant| -> Vec<_> {
        variant.prices.iter().map(|price| (price.currency.clone(), price.amount)).collect()
    };
    let lists = |variant: &Variant| -> Vec<_> {
        variant.prices.iter().filter_map(|price| Some((price.currency.clone(), price.list_amount?))).collect()
    };
    let skus = |variants: &[Variant]| variants.iter().map(|variant| variant.sku.clone()).collect::<Vec<_>>();
    let all = [
        ("name", before.name != after.name),
        ("description", before.description != after.description),
        ("brand", before.brand != after.brand),
        ("categories", before.categories != after.categories),
        ("attributes", before.attributes != after.attributes),
        (
            "options",
            before.options != after.options || differ(|old, new| old.options != new.options || old.title != new.title),
        ),
        ("variants", skus(&old) != skus(&new)),
        ("prices", both().any(|(old, new)| amounts(old) != amounts(new))),
        ("compare-at", both().any(|(old, new)| lists(old) != lists(new))),
        ("stock", differ(|old, new| old.stock != new.stock)),
        ("images", before.images != after.images || differ(|old, new| old.images != new.images)),
        ("withdrawn", before.withdrawn != after.withdrawn),
        ("other", (&before.group, &before.sku, &before.url) != (&after.group, &after.sku, &after.url)),
    ];
    all.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}
