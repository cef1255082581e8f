//! Values that several tests start from.

use std::collections::{BTreeMap, BTreeSet};

use catalog::ProductKey;

use crate::api::Amount;
use crate::api::model::{
    CategoryRef, Image, ImageWrite, InventoryItem, InventoryLink, Level, Metadata, OptionValue, OptionsBatch, Price,
    PriceWrite, Product, ProductOption, ProductUpdate, Ref, Translation, TranslationsBatch, Variant, VariantWrite,
    VariantsBatch,
};
use crate::compare_at::{PriceList, PriceLists};
use crate::desired::{self, Article, MARKER, ON_SALE, Texts};
use crate::handle::handle;
use crate::plan::{Entry, Needed, Plan, Shelf, Structure, create_variant, on_sale, sale_entries};
use crate::references::References;
use crate::stock::{Applied, Recall, Said, StockSettings, Terms, adopted};

pub(crate) fn key(text: &str) -> ProductKey {
    text.parse().unwrap()
}

pub(crate) fn references() -> References {
    References {
        sales_channel_id: "sc_1".into(),
        stock_location_id: "sloc_1".into(),
        shipping_profile_id: "sp_1".into(),
        currencies: ["sar", "usd"].map(str::to_owned).into(),
        locales: ["ar-SA", "en-US"].map(str::to_owned).into(),
        translations: true,
        price_lists: PriceLists::default(),
        stock: StockSettings::default(),
        languages: catalog::Languages::default(),
        // What is kept has tests of its own.
        retention: 0,
        product_retention: 0,
        articles: crate::Articles::default(),
        handles: crate::address::HandleTemplate::default(),
    }
}

/// The same in a shop with a managed price list for each currency.
pub(crate) fn references_with_lists() -> References {
    let list = |currency: &str| PriceList { currency: currency.to_owned(), id: format!("plist_{currency}") };
    References { price_lists: PriceLists { in_use: ["sar", "usd"].map(list).into(), retired: vec![] }, ..references() }
}

/// A shirt in one colour and `sizes` sizes.
pub(crate) fn article(sizes: usize) -> Article {
    let variants =
        ["S", "M", "L", "XL", "XXL", "3XL"].iter().take(sizes).enumerate().map(|(n, size)| desired::Variant {
            sku: format!("demo-1-{n}"),
            title: format!("Red / {size}"),
            options: vec!["Red".into(), (*size).into()],
            prices: [("sar", "23.80"), ("usd", "6.35")].map(|(c, a)| (c.to_owned(), a.parse().unwrap())).into(),
            list_prices: [("sar".to_owned(), "28.00".parse().unwrap())].into(),
            stock: 20,
            metadata: BTreeMap::new(),
            columns: BTreeMap::new(),
            item: None,
        });
    Article {
        title: "Shirt".into(),
        description: "<p>Cotton</p>".into(),
        translations: [("ar-SA".to_owned(), Texts { title: "قميص".into(), description: "قطن".into() })].into(),
        options: vec!["Color".into(), "Size".into()],
        variants: variants.collect(),
        images: vec!["https://img.test/a.jpg".into(), "https://img.test/b.jpg".into()],
        categories: ["pcat_1".to_owned()].into(),
        metadata: [("relay_brand".to_owned(), "Acme".into())].into(),
        columns: BTreeMap::new(),
        stays: BTreeSet::new(),
    }
}

/// An article as Medusa holds it after a complete push under `key`.
pub(crate) fn held(key: &ProductKey, article: &Article) -> Product {
    held_with(key, article, &references())
}

/// The same in the shop with these references.
pub(crate) fn held_with(key: &ProductKey, article: &Article, references: &References) -> Product {
    let mut shop = Simulated::new(Product {
        id: "prod_1".into(),
        handle: handle(key),
        external_id: Some(key.to_string()),
        status: "published".into(),
        title: article.title.clone(),
        description: Some(article.description.clone()),
        thumbnail: article.images.first().cloned(),
        metadata: Some(article.facts()),
        columns: article.columns.iter().map(|(column, value)| ((*column).to_owned(), value.clone())).collect(),
        sales_channels: vec![Some(Ref::to("sc_1"))],
        shipping_profile: Some(Ref::to("sp_1")),
        ..Product::default()
    });
    for (n, title) in article.options.iter().enumerate() {
        shop.add_option(title, &article.values_of(n));
    }
    for variant in &article.variants {
        shop.create(&create_variant(article, variant, &references.price_lists)).unwrap();
    }
    let update = ProductUpdate {
        images: Some(article.images.iter().map(|url| ImageWrite { id: None, url: url.clone() }).collect()),
        categories: Some(article.categories.iter().map(|id| Ref::to(id.as_str())).collect()),
        ..ProductUpdate::of("prod_1")
    };
    shop.update(&update);
    for (n, variant) in article.variants.iter().enumerate() {
        let item = shop.product.variants[n].inventory_items[0].inventory.as_mut().unwrap();
        let level = Level { location_id: "sloc_1".into(), stocked_quantity: variant.stock, reserved_quantity: 0 };
        item.location_levels.push(level);
    }
    for (locale, texts) in &article.translations {
        let texts = [("title", &texts.title), ("description", &texts.description)];
        shop.product.translations.push(Translation {
            id: format!("trans_{locale}"),
            locale_code: locale.clone(),
            translations: texts.map(|(field, text)| (field.to_owned(), Some(text.clone()))).into(),
        });
    }
    shop.product
}

/// What is remembered of a product whose levels are as figures said.
pub(crate) fn remembered(product: &Product) -> Recall {
    let mut recall = Recall::default();
    for link in product.variants.iter().flat_map(|variant| &variant.inventory_items) {
        for level in link.inventory.iter().flat_map(|item| &item.location_levels) {
            recall.book.0.insert(link.inventory_item_id.clone(), applied(level.stocked_quantity));
        }
    }
    recall
}

fn applied(figure: i64) -> Applied {
    adopted("", figure, &Said::default(), figure, &Terms::default(), 0)
}

/// Why a plan was not carried out to its end.
pub(crate) const CRASH: &str = "crash";

/// A product in a Medusa that follows the rules observed on the real one, and refuses what that
/// refuses.
pub(crate) struct Simulated {
    pub(crate) product: Product,
    /// Entries of price lists of the type sale, by list and variant.
    pub(crate) entries: BTreeMap<(String, String), PriceWrite>,
    /// What is remembered of its stock.
    pub(crate) recall: Recall,
    /// Steps until everything stops, as at a crash.
    pub(crate) steps_left: Option<usize>,
    /// What customers paid after each step, by SKU and currency.
    pub(crate) paid: Vec<BTreeMap<(String, String), Amount>>,
    next: u32,
}

impl Simulated {
    pub(crate) fn new(product: Product) -> Self {
        // A product that is there already has ids from below.
        let next = if product.variants.is_empty() { 0 } else { 5000 };
        let recall = remembered(&product);
        Self { product, recall, entries: BTreeMap::new(), steps_left: None, paid: vec![], next }
    }

    /// After a complete push of `article`, price lists and all.
    pub(crate) fn complete(key: &ProductKey, article: &Article, references: &References) -> Self {
        let mut shop = Self::new(held_with(key, article, references));
        let ids: BTreeMap<String, String> =
            shop.product.variants.iter().map(|row| (row.sku.clone().unwrap(), row.id.clone())).collect();
        let entries = sale_entries(article, references, |sku| ids.get(sku).map(String::as_str));
        shop.put(&entries.collect::<Vec<_>>());
        shop.mark(article, references);
        shop
    }

    fn put(&mut self, entries: &[Entry]) {
        for entry in entries {
            let row = PriceWrite {
                id: None,
                currency_code: entry.currency.clone(),
                amount: entry.amount,
                min_quantity: None,
                max_quantity: None,
                rules: None,
            };
            self.entries.insert((entry.list_id.clone(), entry.variant_id.clone()), row);
        }
    }

    fn drop_entries(&mut self, entries: &[Entry], needed: Needed) {
        for entry in entries.iter().filter(|entry| entry.needed == needed) {
            self.entries.remove(&(entry.list_id.clone(), entry.variant_id.clone()));
        }
    }

    /// What one pays: the lower of the variant's own price and its entries.
    pub(crate) fn prices(&self) -> BTreeMap<(String, String), Amount> {
        let mut paid: BTreeMap<(String, String), Amount> = BTreeMap::new();
        for variant in &self.product.variants {
            let own = variant.prices.iter().flatten().map(|price| (price.currency_code.clone(), price.amount));
            let entries = self.entries.iter().filter(|((_, id), _)| *id == variant.id);
            let entries = entries.map(|(_, entry)| (entry.currency_code.clone(), entry.amount));
            for (currency, amount) in own.chain(entries) {
                let lowest = paid.entry((variant.sku.clone().unwrap_or_default(), currency)).or_insert(amount);
                if amount.0 < lowest.0 {
                    *lowest = amount;
                }
            }
        }
        paid
    }

    fn step(&mut self) -> Result<(), String> {
        self.paid.push(self.prices());
        if self.steps_left == Some(0) {
            self.steps_left = None;
            return Err(CRASH.to_owned());
        }
        self.steps_left = self.steps_left.map(|left| left - 1);
        Ok(())
    }

    fn id(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}_{:04}", self.next)
    }

    /// Carries a plan out.
    pub(crate) fn apply(&mut self, plan: &Plan) -> Result<(), String> {
        if !plan.is_one_call() {
            merge(&mut self.product.metadata, &[(MARKER.to_owned(), "".into())].into());
        }
        self.put(&plan.sale.put);
        self.step()?;
        self.drop_entries(&plan.sale.put, Needed::Never);
        self.step()?;
        for step in &plan.structure {
            self.step()?;
            self.restructure(step)?;
        }
        if plan.look_again {
            return Ok(());
        }
        self.fill(&plan.stock.due)?;
        self.translate(&plan.translations)?;
        self.step()?;
        self.drop_entries(&plan.sale.put, Needed::UntilChanged);
        let variants: Vec<&String> = self.product.variants.iter().map(|variant| &variant.id).collect();
        self.entries.retain(|(list, variant), _| !plan.sale.leave.contains(list) && variants.contains(&variant));
        self.step()?;
        self.update(&plan.product);
        Ok(())
    }

    /// One call on options, variants or inventory items.
    fn restructure(&mut self, step: &Structure) -> Result<(), String> {
        match step {
            Structure::RenameOption { option_id, title } => {
                if self.product.options.iter().any(|option| option.title == *title && option.id != *option_id) {
                    return Err(format!("two options would be called {title}"));
                }
                self.option(option_id)?.title = title.clone();
            }
            Structure::RenameValue { option_id, value_id, value } => {
                let option = self.option(option_id)?;
                if option.values.iter().any(|row| row.value == *value && row.id != *value_id) {
                    return Err(format!("two values would be called {value}"));
                }
                option.values.iter_mut().find(|row| row.id == *value_id).ok_or("no such value")?.value = value.clone();
                let choices = self.product.variants.iter_mut().flat_map(|variant| &mut variant.options);
                choices.filter(|choice| choice.id == *value_id).for_each(|choice| choice.value = value.clone());
            }
            Structure::Options(batch) => self.options(batch)?,
            Structure::Variants(batch) => self.variants(batch)?,
            Structure::Stock { variant_id, sku } => {
                let item_id = self.id("iitem");
                let item = InventoryItem { sku: Some(sku.clone()), ..InventoryItem::default() };
                let link = InventoryLink { inventory_item_id: item_id, inventory: Some(item) };
                self.variant(variant_id)?.inventory_items.push(link);
            }
            Structure::Item { item_id, columns } => overwrite(&mut self.item(item_id)?.columns, columns),
            Structure::RenameItem { item_id, sku } => {
                self.item(item_id)?.sku = Some(sku.clone());
            }
        }
        Ok(())
    }

    /// Writes levels.
    fn fill(&mut self, due: &[Shelf]) -> Result<(), String> {
        for shelf in due {
            let item = self.item(&shelf.item_id)?;
            let there = item.location_levels.iter_mut().find(|there| there.location_id == shelf.location_id);
            match (there, shelf.there) {
                (Some(there), true) => there.stocked_quantity = shelf.figure,
                (None, false) => item.location_levels.push(Level {
                    location_id: shelf.location_id.clone(),
                    stocked_quantity: shelf.figure,
                    reserved_quantity: 0,
                }),
                _ => return Err(format!("stock level of {}", shelf.item_id)),
            }
            self.recall.book.0.insert(shelf.item_id.clone(), applied(shelf.figure));
        }
        Ok(())
    }

    /// Adds and changes translations.
    fn translate(&mut self, texts: &TranslationsBatch) -> Result<(), String> {
        for new in &texts.create {
            if self.product.translations.iter().any(|row| row.locale_code == new.locale_code) {
                return Err(format!("translation {} exists", new.locale_code));
            }
            let said = new.translations.iter().map(|(field, text)| ((*field).to_owned(), Some(text.clone())));
            self.product.translations.push(Translation {
                id: format!("trans_{}", new.locale_code),
                locale_code: new.locale_code.clone(),
                translations: said.collect(),
            });
        }
        for change in &texts.update {
            let row =
                self.product.translations.iter_mut().find(|row| row.id == change.id).ok_or("no such translation")?;
            row.translations.extend(change.translations.iter().map(|(f, text)| ((*f).to_owned(), Some(text.clone()))));
        }
        Ok(())
    }

    /// Writes down that it is complete, as the last step of a push does.
    pub(crate) fn mark(&mut self, article: &Article, references: &References) {
        let on_sale = on_sale(article, references).unwrap_or_default();
        let notes = [(MARKER, "x".to_owned()), (ON_SALE, on_sale)].map(|(k, v)| (k.to_owned(), v.into()));
        merge(&mut self.product.metadata, &notes.into());
    }

    fn update(&mut self, update: &ProductUpdate) {
        let images = update.images.clone().map(|images| {
            let rows = images.into_iter().enumerate();
            rows.map(|(n, image)| Image {
                id: image.id.unwrap_or_else(|| self.id("img")),
                url: image.url,
                rank: i64::try_from(n).ok(),
            })
            .collect()
        });
        let product = &mut self.product;
        let set = |field: &mut String, value: &Option<String>| *field = value.clone().unwrap_or_else(|| field.clone());
        set(&mut product.handle, &update.handle);
        set(&mut product.title, &update.title);
        set(&mut product.status, &update.status.map(str::to_owned));
        product.external_id = update.external_id.clone().or_else(|| product.external_id.take());
        product.description = update.description.clone().or_else(|| product.description.take());
        product.thumbnail = update.thumbnail.clone().unwrap_or_else(|| product.thumbnail.take());
        product.images = images.unwrap_or_else(|| std::mem::take(&mut product.images));
        if let Some(categories) = &update.categories {
            let ours = |category: &Ref| CategoryRef { id: category.id.clone(), external_id: Some("test:c".into()) };
            product.categories = categories.iter().map(ours).collect();
        }
        if let Some(channels) = &update.sales_channels {
            product.sales_channels = channels.iter().cloned().map(Some).collect();
        }
        if let Some(profile) = &update.shipping_profile_id {
            product.shipping_profile = Some(Ref::to(profile.as_str()));
        }
        merge(&mut product.metadata, &update.metadata);
        overwrite(&mut product.columns, &update.columns);
    }

    fn add_option(&mut self, title: &str, values: &[&str]) {
        let id = self.id("opt");
        let values = values.iter().map(|value| self.value(&id, value)).collect();
        self.product.options.push(ProductOption { id, title: title.to_owned(), values });
    }

    fn value(&mut self, option_id: &str, value: &str) -> OptionValue {
        OptionValue { id: self.id("optval"), value: value.to_owned(), option_id: Some(option_id.to_owned()) }
    }

    fn option(&mut self, id: &str) -> Result<&mut ProductOption, String> {
        self.product.options.iter_mut().find(|option| option.id == id).ok_or_else(|| format!("no option {id}"))
    }

    fn variant(&mut self, id: &str) -> Result<&mut Variant, String> {
        self.product.variants.iter_mut().find(|variant| variant.id == id).ok_or_else(|| format!("no variant {id}"))
    }

    fn item(&mut self, id: &str) -> Result<&mut InventoryItem, String> {
        let links = self.product.variants.iter_mut().flat_map(|variant| &mut variant.inventory_items);
        let item = links.filter(|link| link.inventory_item_id == id).find_map(|link| link.inventory.as_mut());
        item.ok_or_else(|| format!("no inventory item {id}"))
    }

    fn in_use(&self, value_id: &str) -> bool {
        self.product.variants.iter().any(|variant| variant.options.iter().any(|choice| choice.id == value_id))
    }

    fn options(&mut self, batch: &OptionsBatch) -> Result<(), String> {
        for id in &batch.remove {
            let values: Vec<String> = self.option(id)?.values.iter().map(|value| value.id.clone()).collect();
            if values.iter().any(|value| self.in_use(value)) {
                return Err(format!("option {id} is in use"));
            }
            self.product.options.retain(|option| option.id != *id);
        }
        for new in &batch.add {
            if self.product.options.iter().any(|option| option.title == new.title) {
                return Err(format!("option {} exists", new.title));
            }
            self.add_option(&new.title, &new.values.iter().map(String::as_str).collect::<Vec<_>>());
        }
        for update in &batch.update {
            for id in &update.remove {
                if self.in_use(id) {
                    return Err(format!("value {id} is in use"));
                }
                self.option(&update.product_option_id)?.values.retain(|value| value.id != *id);
            }
            for new in &update.add {
                if self.option(&update.product_option_id)?.values.iter().any(|value| value.value == new.value) {
                    return Err(format!("value {} exists", new.value));
                }
                let value = self.value(&update.product_option_id, &new.value);
                self.option(&update.product_option_id)?.values.push(value);
            }
        }
        Ok(())
    }

    fn variants(&mut self, batch: &VariantsBatch) -> Result<(), String> {
        // The real one does the three in parallel, so a create must not need what a delete of the
        // same batch frees.
        let combinations: Vec<_> =
            self.product.variants.iter().map(choice_of).filter(|choice| !choice.is_empty()).collect();
        for new in &batch.create {
            let choice = self.choice(new.options.as_ref().ok_or("no options")?)?;
            if combinations.contains(&sorted(&choice)) {
                return Err(format!("{:?} has the choice of another", new.sku));
            }
        }
        for change in &batch.update {
            if let Some(options) = &change.options {
                let choice = self.choice(options)?;
                let others = self.product.variants.iter().filter(|other| Some(&other.id) != change.id.as_ref());
                if !choice.is_empty() && others.map(choice_of).any(|other| other == sorted(&choice)) {
                    return Err(format!("{:?} gets the choice of another", change.id));
                }
                self.variant(change.id.as_deref().unwrap_or_default())?.options = choice;
            }
            self.change(change)?;
        }
        for new in &batch.create {
            self.create(new)?;
        }
        for id in &batch.delete {
            let variant = self.variant(id)?;
            let items = variant.inventory_items.iter().filter_map(|link| link.inventory.as_ref());
            if items.flat_map(|item| &item.location_levels).any(|level| level.reserved_quantity > 0) {
                return Err(format!("{id} is reserved"));
            }
            self.product.variants.retain(|variant| variant.id != *id);
        }
        Ok(())
    }

    fn choice(&self, options: &BTreeMap<String, String>) -> Result<Vec<OptionValue>, String> {
        if options.is_empty() {
            return Ok(vec![]);
        }
        if options.len() != self.product.options.len() {
            return Err(format!("{} options, {} were named", self.product.options.len(), options.len()));
        }
        let pick = |(title, value): (&String, &String)| {
            let option = self.product.options.iter().find(|option| option.title == *title);
            let row = option.and_then(|option| option.values.iter().find(|row| row.value == *value));
            row.cloned().ok_or_else(|| format!("Option value {value} does not exist for option {title}"))
        };
        options.iter().map(pick).collect()
    }

    fn change(&mut self, change: &VariantWrite) -> Result<(), String> {
        let price_ids: Vec<String> = change.prices.iter().flatten().map(|_| self.id("price")).collect();
        let variant = self.variant(change.id.as_deref().unwrap_or_default())?;
        if let Some(sku) = &change.sku {
            variant.sku = sku.clone();
        }
        if let Some(title) = &change.title {
            variant.title = title.clone();
        }
        variant.variant_rank = change.variant_rank.or(variant.variant_rank);
        variant.manage_inventory = change.manage_inventory.unwrap_or(variant.manage_inventory);
        variant.allow_backorder = change.allow_backorder.or(variant.allow_backorder);
        merge(&mut variant.metadata, &change.metadata);
        overwrite(&mut variant.columns, &change.columns);
        if let Some(prices) = &change.prices {
            if variant.prices.is_none() {
                return Err("Variants do not have prices associated".to_owned());
            }
            let row = |(price, id): (&PriceWrite, String)| Price {
                id: price.id.clone().unwrap_or(id),
                amount: price.amount,
                currency_code: price.currency_code.clone(),
                min_quantity: price.min_quantity.clone(),
                max_quantity: price.max_quantity.clone(),
                rules: price.rules.clone(),
            };
            variant.prices = Some(prices.iter().zip(price_ids).map(row).collect());
        }
        Ok(())
    }

    fn create(&mut self, new: &VariantWrite) -> Result<(), String> {
        let sku = new.sku.clone().flatten();
        if self.product.variants.iter().any(|variant| variant.sku == sku) {
            return Err(format!("{sku:?} exists"));
        }
        let options = self.choice(new.options.as_ref().ok_or("no options")?)?;
        let id = self.id("variant");
        // Medusa copies the variant's columns when it makes the item.
        let mut item = InventoryItem { sku: sku.clone(), ..InventoryItem::default() };
        overwrite(&mut item.columns, &crate::columns::without_codes(&new.columns));
        let link = InventoryLink { inventory_item_id: self.id("iitem"), inventory: Some(item) };
        self.product.variants.push(Variant {
            id: id.clone(),
            options,
            manage_inventory: true,
            prices: Some(vec![]),
            inventory_items: vec![link],
            ..Variant::default()
        });
        self.change(&VariantWrite { id: Some(id), ..new.clone() })
    }
}

fn choice_of(variant: &Variant) -> Vec<String> {
    sorted(&variant.options)
}

fn sorted(choice: &[OptionValue]) -> Vec<String> {
    let mut ids: Vec<String> = choice.iter().map(|value| value.id.clone()).collect();
    ids.sort();
    ids
}

fn overwrite(there: &mut BTreeMap<String, serde_json::Value>, changes: &crate::columns::Columns) {
    there.extend(changes.iter().map(|(column, value)| ((*column).to_owned(), value.clone())));
}

fn merge(there: &mut Option<Metadata>, changes: &Metadata) {
    let there = there.get_or_insert_default();
    for (key, value) in changes {
        if value == "" {
            there.remove(key);
        } else {
            there.insert(key.clone(), value.clone());
        }
    }
}
