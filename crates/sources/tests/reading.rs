//! How feeds are read: encodings, compression, resuming, grouping, and what is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::io::Write;
use std::sync::Arc;

use common::{fixture, map, map_bytes, mapping, read};
use feeds::{Checkpoint, Limits, Outcome, Progress, Reason};
use sources::Mapping;

const GERMAN: &str = "source: german
form: { type: csv, encoding: windows-1252 }
language: de
product:
  id: Artikel
  name: Bezeichnung
  description: Beschreibung
  images: Bild
  variants:
    price: { from: Preis, currency: EUR, decimal: \",\" }
    stock: { from: Bestand, table: { ausverkauft: 0 } }
";

#[test]
fn windows_1252_with_decimal_commas_and_a_table() {
    let mapping = read("german.yaml", GERMAN);
    for piece in [1, 3, 7, 4_096] {
        let (out, end) = map_bytes(&mapping, "x.csv", &fixture("german.csv"), piece);
        end.unwrap();
        let [Outcome::Product(shirt), Outcome::Product(door), Outcome::Rejected(refused, _)] = &out[..] else {
            panic!("{out:?}")
        };
        assert_eq!(shirt.product.name.get("de"), Some("Größe S – Hemd"));
        assert_eq!(shirt.product.variants[0].prices[0].amount.to_string(), "1299.50");
        assert_eq!((door.product.name.get("de"), door.product.variants[0].stock), (Some("Tür"), 0));
        assert_eq!(
            (refused.reason, refused.product_id.as_deref(), refused.path.as_deref()),
            (Reason::MissingPrice, Some("A-3"), Some("$.Preis"))
        );
        assert!(refused.message.ends_with("(german.yaml line 10: Preis)"), "{}", refused.message);
    }
    let utf16: Vec<u8> =
        "\u{feff}Artikel;Bezeichnung;Preis\n1;Tür;2,50\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (products, _) = map(&read("german.yaml", &GERMAN.replace("windows-1252", "utf-16le")), &utf16);
    assert_eq!(products[0].name.get("de"), Some("Tür"));
}

#[test]
fn compressed_feeds_are_read_like_others() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&fixture("google.xml")).unwrap();
    let mapping = mapping("google-merchant-xml");
    assert_eq!(map(&mapping, &gzip.finish().unwrap()), map(&mapping, &fixture("google.xml")));
}

#[test]
fn a_csv_without_a_header_has_columns_by_number() {
    let text = "source: bare\nform: { type: csv, header: false, delimiter: \"|\" }\nproduct:\n  id: 1\n  name: 2\n  variants: { price: { from: 3, currency: EUR } }\n";
    let (products, refused) = map(&read("bare.yaml", text), "7|Cup, blue|4.50\n8|Plate|5|more\n".as_bytes());
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!((products[0].id.as_str(), products[0].name.get("en")), ("7", Some("Cup, blue")));
    assert_eq!(products[1].variants[0].prices[0].amount.to_string(), "5.00");
}

#[test]
fn a_list_is_found_at_any_depth() {
    let text = "source: deep\nform: { type: json, records: a.b.things }\nproduct:\n  id: n\n  name: t\n  variants: { price: { from: p.v, currency: EUR } }\n";
    let feed = br#"{"x":[{"n":0}],"a":{"b":{"y":1,"things":[{"n":1,"t":"A","p":{"v":12.50}},{"n":2,"t":"B","p":{"v":"3"}}],"z":[]}},"w":{}}"#;
    let mapping = read("deep.yaml", text);
    for piece in 1..feed.len() {
        let (out, end) = map_bytes(&mapping, "x.json", feed, piece);
        end.unwrap();
        assert_eq!(out.len(), 2);
        let Outcome::Product(one) = &out[0] else { panic!("{out:?}") };
        assert_eq!(one.product.variants[0].prices[0].amount.to_string(), "12.50");
    }
    let broken = map_bytes(&read("deep.yaml", &text.replace("things", "thing")), "x.json", feed, 50).1.unwrap_err();
    assert_eq!(broken.reason, Reason::UnknownFormat);
}

#[test]
fn a_header_that_lacks_what_is_needed_says_what_was_meant() {
    let broken = map_bytes(&mapping("shopify-csv"), "x.csv", b"Handel,Title,Variant Price\na,b,1\n", 99).1.unwrap_err();
    assert_eq!(broken.reason, Reason::CsvHeader);
    assert!(broken.message.contains("\"Handle\" (did you mean \"Handel\"?)"), "{}", broken.message);
}

#[test]
fn a_product_with_a_damaged_record_is_refused_rather_than_sold_without_a_variant() {
    let rows =
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\na,A,Size,S,a-s,1.00\na,,,M\nb,B,,,b,2.00\n";
    let (products, refused) = map(&mapping("shopify-csv"), rows.as_bytes());
    assert_eq!(products.iter().map(|product| product.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let seen: Vec<_> = refused.iter().map(|one| (one.index, one.reason, one.product_id.as_deref())).collect();
    assert_eq!(seen, [(0, Reason::CsvFieldCount, Some("a")), (1, Reason::CsvFieldCount, Some("a"))]);
}

/// Rows of 30 MB of which each product has two, far apart.
fn spread_over_30_mb() -> Vec<u8> {
    let mut feed =
        "ID,Type,SKU,Name,Regular price,Parent,Attribute 1 name,Attribute 1 value(s),Description\n".to_owned();
    let long = "x".repeat(30_000);
    for number in 0..500 {
        feed.push_str(&format!("{number},variable,P{number},N,,,Size,S,{long}\n"));
    }
    feed.push_str("broken\n,simple,,Nobody,1,,,,\n");
    for number in 0..500 {
        feed.push_str(&format!("9{number},variation,P{number}-S,,{number}.50,P{number},Size,S,{long}\n"));
    }
    feed.into_bytes()
}

#[test]
fn rows_spread_over_more_than_is_held_in_memory_wait_in_temporary_files() {
    let mapping = mapping("woocommerce-csv");
    let feed = spread_over_30_mb();
    assert!(feed.len() > 28 << 20);
    let (out, end) = map_bytes(&mapping, "x.csv", &feed, 64 << 10);
    end.unwrap();
    let products: Vec<_> =
        out.iter().filter_map(|one| if let Outcome::Product(one) = one { Some(one) } else { None }).collect();
    assert_eq!((products.len(), out.len()), (500, 502));
    for one in products {
        let number = one.product.id.trim_start_matches('P');
        assert_eq!(one.product.variants[0].prices[0].amount.to_string(), format!("{number}.50"), "{number}");
        assert_eq!(one.index, number.parse::<u64>().unwrap(), "the place of its first record");
    }
    // Interrupted while it hands out, it goes on behind what was.
    for steps in [1, 2, 100] {
        let reading = |checkpoint: Checkpoint| {
            sources::feed(None, Arc::clone(&mapping), "x", checkpoint, Limits::default()).unwrap()
        };
        let mut all = Vec::new();
        let mut first = reading(Checkpoint::default());
        first.offer(&feed[..]);
        while first.step(&mut all).unwrap() == Progress::More {}
        for _ in 0..steps {
            assert_eq!(first.conclude(&mut all).unwrap(), Progress::More);
        }
        let kept = serde_json::to_string(&first.checkpoint()).unwrap();
        let checkpoint: Checkpoint = serde_json::from_str(&kept).unwrap();
        assert_eq!((checkpoint.object_offset(), checkpoint.steps), (0, steps));
        let mut second = reading(checkpoint);
        second.offer(&feed[..]);
        second.finish(&mut all).unwrap();
        assert!(all == out, "after {steps} steps");
    }
}

/// Reads a feed and is interrupted behind every piece: what comes out is what comes out of one
/// reading.
fn interrupted(mapping: &Arc<Mapping>, bytes: &[u8], piece: usize) -> Vec<Outcome> {
    let mut all = Vec::new();
    let mut checkpoint = Checkpoint::default();
    loop {
        let begin = usize::try_from(checkpoint.object_offset()).unwrap();
        let mut feed = sources::feed(None, Arc::clone(mapping), "x", checkpoint.clone(), Limits::default()).unwrap();
        let mut out = Vec::new();
        let mut ended = true;
        for bytes in bytes[begin..].chunks(piece) {
            feed.offer(bytes);
            while feed.step(&mut out).unwrap() == Progress::More {}
            if !out.is_empty() && feed.checkpoint() != checkpoint {
                ended = false;
                break;
            }
        }
        if ended {
            loop {
                if feed.conclude(&mut out).unwrap() == Progress::Hungry {
                    all.append(&mut out);
                    return all;
                }
                if !out.is_empty() && feed.checkpoint() != checkpoint {
                    break;
                }
            }
        }
        all.append(&mut out);
        let json = serde_json::to_string(&feed.checkpoint()).unwrap();
        checkpoint = serde_json::from_str(&json).unwrap();
    }
}

#[test]
fn a_run_that_is_interrupted_gives_every_product_once() {
    let deep = read(
        "deep.yaml",
        "source: deep\nform: { type: json, records: a }\ngroup: { by: g }\nproduct:\n  id: g\n  name: t\n  options: [{ name: { en: { is: Size } }, value: n }]\n  variants: { price: { from: p, currency: EUR } }\n",
    );
    let mut grouped = br#"{"a":["#.to_vec();
    for number in 0..9 {
        grouped.extend(
            format!(
                r#"{}{{"g":"g{}","n":"{number}","t":"A","p":"1.{number}0"}}"#,
                if number == 0 { "" } else { ", " },
                number / 2
            )
            .bytes(),
        );
    }
    grouped.extend(b"],\"b\":1}");
    let plain_xml = read(
        "x.yaml",
        "source: x\nform: { type: xml, records: item }\nproduct:\n  id: \"g:id\"\n  name: { from: [\"g:title\", title] }\n  variants: { price: \"g:price\" }\n",
    );
    for (mapping, bytes) in [
        (mapping("shopify-csv"), fixture("shopify.csv")),
        (mapping("shopify-json"), fixture("shopify.json")),
        (mapping("woocommerce-csv"), fixture("woocommerce.csv")),
        (mapping("google-merchant-xml"), fixture("google.xml")),
        (plain_xml, fixture("google.xml")),
        (read("german.yaml", GERMAN), fixture("german.csv")),
        (deep, grouped),
    ] {
        let (whole, end) = map_bytes(&mapping, "x", &bytes, 1 << 20);
        end.unwrap();
        assert!(whole.len() > 1);
        for piece in [1, 7, 40, 200] {
            assert_eq!(interrupted(&mapping, &bytes, piece), whole, "{} in pieces of {piece}", mapping.source());
        }
    }
}

#[test]
fn whose_a_damaged_record_was_is_told_where_it_stands_before_the_damage() {
    let ids = |mapping: &Arc<Mapping>, feed: &[u8]| -> Vec<Option<String>> {
        map(mapping, feed).1.into_iter().map(|refused| refused.product_id).collect()
    };
    let some = |id: &str| Some(id.to_owned());
    let priced = "  name: name\n  variants: { price: { from: price, currency: EUR } }\n";
    let csv = read("c.yaml", &format!("source: c\nform: {{ type: csv }}\nproduct:\n  id: id\n{priced}"));
    let feed = b"id,name,price\n1,Cup,2.00\n2,Plate\n3,Bowl,4.00,more\n,Nobody\n4,\xff,1\n";
    assert_eq!(ids(&csv, feed), [some("2"), some("3"), None, some("4")]);
    // A comma too many before it, and it would be another's: a full feed would withdraw the product
    // that it is.
    let behind = read("b.yaml", &format!("source: b\nform: {{ type: csv }}\nproduct:\n  id: id\n{priced}"));
    assert_eq!(ids(&behind, b"name,id,price\nCup, blue,1,2.00\nPlate,2\nBowl,3,\n"), [None, None, some("3")]);
    // An id made of what is not all there would be another's.
    let made = read(
        "m.yaml",
        &format!("source: m\nform: {{ type: csv }}\nproduct:\n  id: {{ expr: id + \"-\" + size }}\n{priced}"),
    );
    assert_eq!(ids(&made, b"id,size,name,price\n1,S,Cup\n1\n"), [some("1-S"), None]);

    let json = read("j.yaml", &format!("source: j\nform: {{ type: json }}\nproduct:\n  id: info.id\n{priced}"));
    let feed = b"{\"info\":{\"id\":7,\"x\":tru},\"name\":\"Cup\"}\n{\"name\":\"Cup\",\"price\":oops,\"info\":{\"id\":8}}\n{\"info\":{\"id\":\"9\"},\"info\":{\"id\":\"10\"},\"price\":1}\n";
    assert_eq!(ids(&json, feed), [some("7"), None, None]);

    let xml = read("x.yaml", &format!("source: x\nform: {{ type: xml, records: item }}\nproduct:\n  id: id\n{priced}"));
    let feed = b"<l><item><id>5</id><name>A & B</name></item><item><name>&no;</name><id>6</id></item></l>";
    assert_eq!(ids(&xml, feed), [some("5"), None]);
    let attribute =
        read("a.yaml", &format!("source: a\nform: {{ type: xml, records: item }}\nproduct:\n  id: \"@id\"\n{priced}"));
    assert_eq!(ids(&attribute, b"<l><item id=\"5\"><name>&no;</name></item></l>"), [some("5")]);
}

#[test]
fn a_record_without_its_products_key_still_tells_its_id() {
    for rows in ["adjacent", "spread"] {
        let text = format!(
            "source: g\nform: {{ type: csv }}\ngroup: {{ by: model, rows: {rows} }}\nproduct:\n  id: id\n  name: name\n  variants: {{ price: {{ from: price, currency: EUR }} }}\n"
        );
        let feed = b"id,model,name,price\n1,a,Cup,1.00\n2,,Plate,2.00\n3,c\n";
        let (_, refused) = map(&read("g.yaml", &text), feed);
        let seen: Vec<_> = refused.iter().map(|one| one.product_id.as_deref()).collect();
        assert!(seen.contains(&Some("2")) && seen.contains(&Some("3")), "{rows}: {refused:?}");
    }
}

#[test]
fn a_feed_that_is_not_known_is_told_the_nearest_mappings_too() {
    let adapter = feeds::adapter::find("shein-brightdata").unwrap();
    let feed = feeds::Feed::new(adapter, "x.csv", Checkpoint::default(), Limits::default()).unwrap();
    let mut feed = feed.knowing(sources::shipped::layouts());
    feed.offer("Handle,Title,Body (HTML),Vendor,Variant SKU,Variant Price\nscarf,Scarf,x,T,S-1,10.00\n");
    let mut out = Vec::new();
    let broken = loop {
        match feed.step(&mut out) {
            Ok(Progress::More) => {}
            Ok(Progress::Hungry) => break feed.finish(&mut out).unwrap_err(),
            Err(broken) => break broken,
        }
    };
    assert_eq!(broken.reason, Reason::UnknownFormat);
    assert!(broken.message.contains("nearest: shopify-csv (5 of its "), "{}", broken.message);
    // Neither is one that comes under another mapping's name.
    let told = map_bytes(&mapping("woocommerce-csv"), "x.csv", b"Handle,Title,Vendor,Variant Price\na,b,c,1\n", 99).1;
    let message = told.unwrap_err().message;
    assert!(message.contains("nearest to what it has: shopify-csv ("), "{message}");
}
