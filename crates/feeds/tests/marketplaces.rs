//! Rows and documents as other marketplaces would send them: each is a correct product, or a
//! rejection that says why. All made up.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use catalog::Product;
use common::{csv, document, row, run};
use feeds::{Outcome, Reason, Rejection};
use serde_json::{Value, json};

fn outcomes(source: &str, feed: impl AsRef<[u8]>) -> Vec<Result<Product, Box<Rejection>>> {
    let (out, end) = run(source, feed);
    assert_eq!(end, Ok(()));
    let one = |outcome| match outcome {
        Outcome::Product(mapped) => Ok(mapped.product),
        Outcome::Line(line) => unreachable!("a part: {line:?}"),
        Outcome::Rejected(rejection, _) => Err(Box::new(rejection)),
    };
    out.into_iter().map(one).collect()
}

/// `currency amount [list]` of the first variant, or the reason and the path.
fn price(source: &str, record: &Value) -> Result<String, (Reason, String)> {
    let shown = |product: Product| {
        let price = &product.variants[0].prices[0];
        let list = price.list_amount.map(|list| format!(" [{list}]")).unwrap_or_default();
        format!("{} {}{list}", price.currency, price.amount)
    };
    let outcome = outcomes(source, record.to_string()).remove(0);
    eprintln!(
        "{source}: {}",
        outcome.as_ref().map_or_else(
            |r| format!("rejected, {}: {} at {:?} {:?}", r.reason, r.message, r.path, r.value),
            |p| shown(p.clone())
        )
    );
    outcome.map(shown).map_err(|rejection| (rejection.reason, rejection.path.clone().unwrap_or_default()))
}

#[test]
fn rows_of_every_storefront_have_the_price_they_show() {
    let refused = |reason, column: &str| Err((reason, format!("$.{column}")));
    let taken = |text: &str| Ok(text.to_owned());
    #[rustfmt::skip]
    let rows = [
        ("us.shein.com", "US", json!("USD"), json!(12.5), json!(10), taken("USD 10.00 [12.50]")),
        ("us.shein.com", "US", json!("$"), json!("$12.50"), json!("$10.00"), taken("USD 10.00 [12.50]")),
        ("us.shein.com", "US", json!(null), json!(""), json!("US$1,299.00"), taken("USD 1299.00")),
        ("de.shein.com", "DE", json!("EUR"), json!("1.499,00"), json!("1.234,56"), taken("EUR 1234.56 [1499.00]")),
        ("de.shein.com", "DE", json!("€"), json!(null), json!("12,99 €"), taken("EUR 12.99")),
        ("de.shein.com", "DE", json!("EUR"), json!(null), json!("12.99"), taken("EUR 12.99")),
        ("de.shein.com", "DE", json!("EUR"), json!(null), json!("1.299"), refused(Reason::InvalidAmount, "final_price")),
        ("de.shein.com", "DE", json!("EUR"), json!(null), json!("1.299 €"), taken("EUR 1299.00")),
        ("fr.shein.com", "FR", json!("EUR"), json!("1\u{202f}499,00\u{a0}€"), json!("1\u{202f}299,00\u{a0}€"), taken("EUR 1299.00 [1499.00]")),
        ("eur.shein.com", "", json!(""), json!(""), json!("€8,00"), taken("EUR 8.00")),
        ("uk.shein.com", "GB", json!("£"), json!("£10.00"), json!("£7.49"), taken("GBP 7.49 [10.00]")),
        ("ar.shein.com", "AE", json!("AED"), json!("AED 60.00"), json!("AED\u{a0}49.00"), taken("AED 49.00 [60.00]")),
        ("ar.shein.com", "AE", json!("د.إ"), json!(""), json!("\u{200f}٤٩٫٥٠ د.إ.\u{200f}"), taken("AED 49.50")),
        ("ar.shein.com", "SA", json!("SAR"), json!("28.00 ر.س"), json!("23.80 ر.س"), taken("SAR 23.80 [28.00]")),
        ("ar.shein.com", "SA", json!("﷼"), json!(""), json!("23.80"), taken("SAR 23.80")),
        ("kw.shein.com", "KW", json!("KWD"), json!(""), json!("5.500"), taken("KWD 5.500")),
        ("kw.shein.com", "KW", json!("KWD"), json!(""), json!("1,500"), refused(Reason::InvalidAmount, "final_price")),
        ("br.shein.com", "BR", json!("BRL"), json!("R$ 59,90"), json!("R$ 49,90"), taken("BRL 49.90 [59.90]")),
        ("br.shein.com", "BR", json!("R$"), json!(""), json!("R$1.249,90"), taken("BRL 1249.90")),
        ("mx.shein.com", "MX", json!("MXN"), json!("$MXN299.00"), json!("$MXN189.00"), taken("MXN 189.00 [299.00]")),
        ("mx.shein.com", "MX", json!("$"), json!(""), json!("$1,189.00"), taken("MXN 1189.00")),
        ("cl.shein.com", "CL", json!("CLP"), json!(""), json!("$CLP9.990"), taken("CLP 9990")),
        ("co.shein.com", "CO", json!("COP"), json!(""), json!("39.900"), taken("COP 39900.00")),
        ("jp.shein.com", "JP", json!("JPY"), json!("¥1,499"), json!("¥1,299"), taken("JPY 1299 [1499]")),
        ("jp.shein.com", "JP", json!("¥"), json!(""), json!(1299), taken("JPY 1299")),
        ("pl.shein.com", "PL", json!("zł"), json!(""), json!("59,00zł"), taken("PLN 59.00")),
        ("se.shein.com", "SE", json!("kr"), json!(""), json!("99,00 kr"), taken("SEK 99.00")),
        ("il.shein.com", "IL", json!("ILS"), json!(""), json!("₪49.90"), taken("ILS 49.90")),
        ("in.shein.com", "IN", json!("INR"), json!(""), json!("₹1,29,900.00"), taken("INR 129900.00")),
        ("ch.shein.com", "CH", json!("CHF"), json!(""), json!("CHF1'299.00"), taken("CHF 1299.00")),
        // Rejections, each with what is wrong.
        ("us.shein.com", "US", json!("USD"), json!(""), json!(""), refused(Reason::MissingPrice, "final_price")),
        ("us.shein.com", "US", json!("USD"), json!(""), json!(0), refused(Reason::ZeroPrice, "final_price")),
        ("us.shein.com", "US", json!("USD"), json!(""), json!("€10.00"), refused(Reason::InvalidAmount, "final_price")),
        ("us.shein.com", "US", json!("USD"), json!(""), json!("10.00 - 12.00"), refused(Reason::InvalidAmount, "final_price")),
        ("us.shein.com", "US", json!("USD"), json!("from 12"), json!("10"), refused(Reason::InvalidAmount, "initial_price")),
        ("us.shein.com", "US", json!(""), json!(""), json!("10.00"), refused(Reason::UnknownCurrency, "currency")),
        ("www.shein.com", "", json!("$"), json!(""), json!("10.00"), refused(Reason::UnknownCurrency, "currency")),
        ("de.shein.com", "DE", json!("¥"), json!(""), json!("10.00"), refused(Reason::UnknownCurrency, "currency")),
    ];
    for (domain, country, currency, initial, paid, expected) in rows {
        let mut record = row("1");
        record["domain"] = json!(domain);
        record["url"] = json!(format!("https://{domain}/Vase-p-1.html"));
        record["country_code"] = json!(country);
        (record["currency"], record["initial_price"], record["final_price"]) = (currency, initial, paid);
        assert_eq!(price("shein-brightdata", &record), expected, "{domain}: {record}");
    }
}

#[test]
fn titles_are_in_the_language_of_the_storefront() {
    for (domain, title, lang) in [
        ("us.shein.com", "Vase", "en"),
        ("de.shein.com", "Vase aus Ton", "de"),
        ("mx.shein.com", "Jarrón", "es"),
        ("br.shein.com", "Vaso de barro", "pt"),
        ("pl.shein.com", "Wazon", "pl"),
        ("ar.shein.com", "مزهرية", "ar"),
        ("il.shein.com", "אגרטל", "he"),
        ("jp.shein.com", "花瓶", "ja"),
        ("ru.shein.com", "Ваза", "ru"),
        ("eur.shein.com", "Vaso di terracotta", "und"),
    ] {
        let mut record = row("1");
        record["domain"] = json!(domain);
        record["url"] = json!(null);
        record["product_name"] = json!(title);
        let product = outcomes("shein-brightdata", record.to_string()).remove(0).unwrap();
        assert_eq!(product.name.get(lang), Some(title), "{domain}: {:?}", product.name);
    }
}

/// The rows as a spreadsheet or another exporter writes them.
#[test]
fn the_form_of_the_file_does_not_matter() {
    let mut odd = row("8");
    odd["product_name"] = json!("Vase, \"tall\"\nwith a handle; 12\" | ½");
    odd["description"] = json!("a\tb;c,d|e\r\nf");
    let rows = [row("7"), odd];
    let expected: Vec<Product> =
        rows.iter().map(|row| outcomes("shein-brightdata", row.to_string()).remove(0).unwrap()).collect();
    let columns: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    let reversed: Vec<Value> = rows
        .iter()
        .map(|row| columns.iter().rev().map(|name| (name.to_string(), row[name.as_str()].clone())).collect())
        .collect();
    let mut more = rows.to_vec();
    for row in &mut more {
        row["timestamp"] = json!("2026-11-23");
        row["a column that nobody knows"] = json!("x;y");
    }
    let text = |value: &Value| if let Value::String(text) = value { text.clone() } else { value.to_string() };
    let separated = |by: &str| {
        let quoted = |text: String| format!("\"{}\"", text.replace('"', "\"\""));
        let lines = std::iter::once(columns.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(by));
        let cells =
            |row: &Value| columns.iter().map(|name| quoted(text(&row[name.as_str()]))).collect::<Vec<_>>().join(by);
        lines.chain(rows.iter().map(cells)).collect::<Vec<_>>().join("\n")
    };
    for (form, feed) in [
        ("CSV", csv(&rows)),
        ("CSV with its columns the other way round", csv(&reversed)),
        ("CSV with further columns", csv(&more)),
        ("CSV with a byte order mark", format!("\u{feff}{}", csv(&rows))),
        ("semicolons", separated(";")),
        ("tabs", separated("\t")),
        ("bars", separated("|")),
        ("commas, everything in quotes, no line end", separated(",")),
        ("JSON", json!(rows).to_string()),
        (
            "JSON, everything a string",
            json!(
                rows.iter()
                    .map(|row| columns
                        .iter()
                        .map(|name| (name.to_string(), json!(text(&row[name.as_str()]))))
                        .collect::<Value>())
                    .collect::<Vec<_>>()
            )
            .to_string(),
        ),
        ("JSON Lines", format!("{}\n{}\n", rows[0], rows[1])),
    ] {
        let products: Vec<Product> = outcomes("shein-brightdata", &feed).into_iter().map(Result::unwrap).collect();
        assert_eq!(products, expected, "{form}");
    }
}

#[test]
fn columns_that_are_missing_or_doubled() {
    let mut few = row("1");
    few.as_object_mut()
        .unwrap()
        .retain(|name, _| ["product_id", "product_name", "final_price", "currency"].contains(&name.as_str()));
    for feed in [csv(std::slice::from_ref(&few)), few.to_string()] {
        let product = outcomes("shein-brightdata", feed).remove(0).unwrap();
        assert_eq!((product.variants.len(), product.variants[0].stock), (1, 0), "nobody says that it is in stock");
    }
    for (feed, said) in [
        ("product_id,product_name,final_price\n1,a,2\n", "lacks currency"),
        ("product_id;product_name;currency\n1;a;USD\n", "lacks final_price"),
        ("product_id,product_name,final_price,currency,final_price\n1,a,2,USD,3\n", "final_price twice"),
    ] {
        let broken = run("shein-brightdata", feed).1.unwrap_err();
        assert_eq!(broken.reason, Reason::CsvHeader);
        assert!(broken.message.contains(said), "{}", broken.message);
    }
}

#[test]
fn a_row_that_tells_of_a_failed_collection_says_so() {
    let record = json!({"url": "https://us.shein.com/x-p-1.html", "error": "Page not found", "error_code": "dead_page", "product_id": null});
    let rejection = outcomes("shein-brightdata", record.to_string()).remove(0).unwrap_err();
    assert_eq!((rejection.reason, rejection.value.as_deref()), (Reason::SourceError, Some("dead_page")));
    assert!(rejection.message.contains("Page not found"), "{}", rejection.message);
}

#[test]
fn numbers_in_place_of_texts_are_as_good() {
    let mut record = row("1");
    record["product_id"] = json!(1);
    record["all_available_sizes"] = json!([38, 38.5, "39"]);
    record["model_number"] = json!(12.5);
    let product = outcomes("shein-brightdata", record.to_string()).remove(0).unwrap();
    let sizes: Vec<&str> = product.variants.iter().map(|variant| variant.title.as_str()).collect();
    assert_eq!((product.id.as_str(), sizes), ("1", vec!["38", "38.5", "39"]));
}

const SKUS: &str = "/info/saleAttr/multiLevelSaleAttribute/sku_list";

#[test]
fn documents_of_every_storefront_have_the_price_they_show() {
    let at = |field: &str| format!("$.info.saleAttr.multiLevelSaleAttribute.sku_list[0].priceInfo.salePrice.{field}");
    let refused = |reason, field: &str| Err((reason, at(field)));
    let taken = |text: &str| Ok(text.to_owned());
    for (amount, with_symbol, usd, expected) in [
        ("23.80", "SR23.80", "6.35", taken("SAR 23.80")),
        ("23.80", "\u{200f}23.80 ر.س.\u{200f}", "6.35", taken("SAR 23.80")),
        ("49.00", "AED49.00", "13.34", taken("AED 49.00")),
        ("49.00", "د.إ.\u{200f} 49.00", "13.34", taken("AED 49.00")),
        ("49.90", "R$ 49,90", "9.00", taken("BRL 49.90")),
        ("1249.90", "R$1.249,90", "230.00", taken("BRL 1249.90")),
        ("1,249.90", "R$1.249,90", "230.00", taken("BRL 1249.90")),
        ("12.99", "12,99€", "14.00", taken("EUR 12.99")),
        ("12.99", "€12.99", "14.00", taken("EUR 12.99")),
        ("12.99", "US$12.99", "12.99", taken("USD 12.99")),
        ("12.99", "$12.99", "12.99", taken("USD 12.99")),
        ("7.49", "£7.49", "9.50", taken("GBP 7.49")),
        ("49.90", "\u{2066}₪49.90\u{2069}", "13.60", taken("ILS 49.90")),
        ("59.00", "59,00zł", "15.00", taken("PLN 59.00")),
        ("189.00", "$MXN189.00", "10.20", taken("MXN 189.00")),
        ("9990", "$CLP9.990", "10.60", taken("CLP 9990")),
        ("5.500", "KD5.500", "17.90", taken("KWD 5.500")),
        ("1299", "1,299円", "8.60", taken("JPY 1299")),
        ("129.00", "CA$129.00", "94.00", taken("CAD 129.00")),
        ("1299.00", "1\u{a0}299,00 Kč", "57.00", taken("CZK 1299.00")),
        ("23.80", "SR24", "6.35", taken("SAR 23.80")),
        // Nobody can tell.
        ("189.00", "$189.00", "10.20", refused(Reason::UnknownCurrency, "amountWithSymbol")),
        ("1299", "¥1,299", "8.60", refused(Reason::UnknownCurrency, "amountWithSymbol")),
        ("99.00", "99,00 kr", "9.40", refused(Reason::UnknownCurrency, "amountWithSymbol")),
        ("12.99", "12.99", "14.00", refused(Reason::UnknownCurrency, "amountWithSymbol")),
        ("12.99", "₿12.99", "14.00", refused(Reason::UnknownCurrency, "amountWithSymbol")),
        // The two do not agree.
        ("1.299", "1.299,00€", "1400.00", refused(Reason::InvalidAmount, "amountWithSymbol")),
        ("12,34,56", "12€", "14.00", refused(Reason::InvalidAmount, "amount")),
    ] {
        let mut record = document("7");
        for sku in [0, 1] {
            let info = record.pointer_mut(&format!("{SKUS}/{sku}/priceInfo")).unwrap();
            *info = json!({"salePrice": {"amount": amount, "amountWithSymbol": with_symbol, "usdAmount": usd}});
        }
        assert_eq!(price("shein-api", &record), expected, "{amount} {with_symbol}");
    }
}

#[test]
fn what_a_document_says_in_latin_letters_is_english_only_where_it_is() {
    let english = outcomes("shein-api", document("7").to_string()).remove(0).unwrap();
    assert_eq!(english.name.get("en"), Some("Red Dress"));

    let mut french = document("7");
    let about = french.pointer_mut("/info/productInfo").unwrap();
    about["goods_name"] = json!("Robe rouge");
    about["cateInfos"]["30"]["category_name"] = json!("Robes");
    about["cateInfos"]["20"]["category_name"] = json!("Vêtements");
    for (number, (name, value)) in
        [("Matière", "Coton"), ("Matière", "Lin"), ("Type", "Soirée")].into_iter().enumerate()
    {
        let detail = &mut about["productDescriptionInfo"]["productDetails"][number];
        (detail["attr_name"], detail["attr_value"]) = (json!(name), json!(value));
    }
    let product = outcomes("shein-api", french.to_string()).remove(0).unwrap();
    assert_eq!((product.name.get("und"), product.name.get("en")), (Some("Robe rouge"), Some("Red Dress")));
    assert_eq!(product.description.get("und"), Some("Matière: Coton, Lin\nType: Soirée"));
    assert_eq!(product.description.get("en"), Some("Material: Cotton, Linen\nType: Evening"));
    let names: Vec<_> = product.categories[0].0.iter().map(|category| category.name.get("en").unwrap()).collect();
    assert_eq!(names, ["Women", "Clothing", "Dresses"], "{:?}", product.categories);

    let mut hebrew = document("7");
    hebrew.pointer_mut("/info/productInfo").unwrap()["goods_name"] = json!("שמלה אדומה");
    assert_eq!(outcomes("shein-api", hebrew.to_string()).remove(0).unwrap().name.get("he"), Some("שמלה אדומה"));
}
