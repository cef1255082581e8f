//! Excel workbooks: what a cell says, which cells count, and what is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;
use crate::workbook;

use std::fmt::Write as _;
use std::sync::Arc;

use catalog::Product;
use common::{fixture, map, map_bytes, read};
use feeds::{Broken, Checkpoint, Limits, Outcome, Progress, Reason};
use sources::Mapping;
use workbook::{archive, of_rows, parts, rows};

const MAPPING: &str = "source: excel
form: { type: xlsx }
product:
  id: Article
  name: Name
  attributes: [Since, Colour]
  variants:
    price: { from: Price, currency: EUR }
    stock: { from: Stock, default: 0 }
";

fn excel(form: &str) -> Arc<Mapping> {
    read("excel.yaml", &MAPPING.replace("{ type: xlsx }", form))
}

fn broken(mapping: &Arc<Mapping>, bytes: &[u8]) -> Broken {
    map_bytes(mapping, "x.xlsx", bytes, 4_096).1.unwrap_err()
}

fn price(product: &Product) -> String {
    product.variants[0].prices[0].amount.to_string()
}

fn attribute<'p>(product: &'p Product, name: &str) -> Option<&'p str> {
    let found = product.attributes.iter().find(|one| one.name.get("en") == Some(name))?;
    found.values.first().and_then(|value| value.get("en"))
}

/// A price list as people keep it: a title above it, notes beside it, a hidden sheet before it.
fn price_list() -> Vec<u8> {
    let rows = r#"<dimension ref="A1:H99"/><sheetData>
        <row r="1"><c r="A1" t="s"><v>0</v></c></row>
        <row r="2"/>
        <row r="3"><c r="A3" t="s"><v>1</v></c><c r="B3" t="s"><v>2</v></c><c r="C3" t="s"><v>3</v></c><c r="D3" t="s"><v>4</v></c><c r="E3" t="s"><v>5</v></c><c r="F3" t="s"><v>6</v></c></row>
        <row r="4"><c r="A4" s="2"><v>123</v></c><c r="B4" t="s"><v>7</v></c><c r="C4" s="3"><v>19.990000000000002</v></c><c r="D4"><v>3</v></c><c r="E4" s="1"><v>46353</v></c><c r="H4" t="inlineStr"><is><t>a note</t></is></c></row>
        <row r="5"><c r="A5"><v>4.006381333931E12</v></c><c r="B5" t="s"><v>8</v></c><c r="C5"><f>A1*2</f><v>21.299999999999997</v></c><c r="D5" t="b"><v>1</v></c><c r="F5" t="s"><v>9</v></c></row>
        <row r="6"><c r="A6" t="str"><f>"X"&amp;1</f><v>X1</v></c><c r="C6"><v>7</v></c><c r="F6" t="inlineStr"><is><r><t>Red</t></r><r><t xml:space="preserve"> and blue</t></r></is></c></row>
        <row r="7"><c r="A7"><v>8</v></c><c r="B7" t="s"><v>7</v></c><c r="C7"><f>SUM(A1)</f></c></row>
        <row r="8"><c r="A8"><v>9</v></c><c r="B8" t="s"><v>7</v></c><c r="C8" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>
        <row r="9"><c r="A9" s="1"/><c r="B9" t="s"><v>10</v></c></row>
        <row r="10"><c r="A10"><v>10</v></c><c r="B10" t="s"><v>7</v></c><c r="G10" t="e"><v>#N/A</v></c><c r="C10"><v>1</v></c></row>
        </sheetData><mergeCells count="2"><mergeCell ref="A1:F1"/><mergeCell ref="B5:B6"/></mergeCells>"#;
    let strings = [
        "<t>Prices of autumn</t>",
        "<t>Article</t>",
        "<t>  Name \n</t>",
        "<t>Price</t>",
        "<t>Stock</t>",
        "<t>Since</t>",
        "<t>Colour</t>",
        "<r><t>Cup, </t></r><r><rPr><b/></rPr><t>large</t></r><rPh><t>no</t></rPh>",
        "<t>Jug \"old\"_x000A_second line</t>",
        "<t>Groß &amp; rot</t>",
        "<t xml:space=\"preserve\">  </t>",
    ];
    let styles = r#"<numFmts><numFmt numFmtId="164" formatCode="dd.mm.yyyy"/><numFmt numFmtId="165" formatCode="00000000"/></numFmts>
        <cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="2"/></cellXfs>"#;
    archive(&parts(&[("Secret", "hidden", "<sheetData/>"), ("Articles", "visible", rows)], &strings, styles, ""))
}

#[test]
fn cells_say_what_excel_shows() {
    let (out, end) = map_bytes(&excel("{ type: xlsx, header_row: 3 }"), "x.xlsx", &price_list(), 100);
    end.unwrap();
    let (mut products, mut refused) = (Vec::new(), Vec::new());
    for outcome in out {
        match outcome {
            Outcome::Product(mapped) => products.push(mapped.product),
            Outcome::Line(line) => panic!("{line:?}"),
            Outcome::Rejected(rejection, raw) => refused.push((rejection, String::from_utf8(raw).unwrap())),
        }
    }
    let [cup, jug, merged, last] = &products[..] else { panic!("{products:?} {refused:?}") };
    // A number with the zeros that its format shows; 15 digits of a price; a date.
    assert_eq!((cup.id.as_str(), price(cup).as_str(), cup.variants[0].stock), ("00000123", "19.99", 3));
    assert_eq!((cup.name.get("en"), attribute(cup, "Since")), (Some("Cup, large"), Some("2026-11-27")));
    // The kept result of a formula, a number of thirteen digits, true as a stock.
    assert_eq!((jug.id.as_str(), price(jug).as_str(), jug.variants[0].stock), ("4006381333931", "21.30", 1));
    assert_eq!(attribute(jug, "Colour"), Some("Groß & rot"));
    assert!(jug.name.get("en").unwrap().starts_with("Jug \"old\""), "{jug:?}");
    // What is merged over two rows stands in both.
    assert_eq!(
        (merged.id.as_str(), merged.name == jug.name, attribute(merged, "Colour")),
        ("X1", true, Some("Red and blue"))
    );
    // An error in a column that nobody reads is nobody's business.
    assert_eq!((last.id.as_str(), price(last).as_str()), ("10", "1.00"));
    let [(formula, raw), (division, _)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!((formula.reason, formula.path.as_deref(), formula.index), (Reason::SourceError, Some("$.Price"), 3));
    assert!(formula.message.contains("has no result") && raw.starts_with("\"8\",\"Cup, large\","), "{formula:?} {raw}");
    assert_eq!((division.reason, division.value.as_deref()), (Reason::SourceError, Some("#DIV/0!")));
}

#[test]
fn a_draft_finds_the_header_and_its_mapping_reads_the_workbook() {
    let text = sources::draft("prices.xlsx", &price_list()).unwrap();
    assert!(text.contains("form: { type: xlsx, header_row: 3 }"), "{text}");
    let (products, _) = map(&read("prices.yaml", &text), &price_list());
    assert_eq!(products.len(), 4, "{text}");
    let plain = sources::draft("plain.xlsx", &fixture("plain.xlsx")).unwrap();
    assert!(plain.contains("form: { type: xlsx }"), "{plain}");
}

#[test]
fn a_sheet_is_chosen_by_name_or_number_and_its_header_by_row() {
    let one = rows(&[&["Article", "Name", "Price"], &["1", "Cup", "2"]]);
    let two = rows(&[&["a title"], &["Article", "Name", "Price"], &["2", "Jug", "3"]]);
    let book = |first: &str| archive(&parts(&[("Cups", first, &one), ("Jugs 2026", "visible", &two)], &[], "", ""));
    let ids = |form: &str, first: &str| {
        map(&excel(form), &book(first)).0.iter().map(|product| product.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("xlsx", "visible"), ["1"]);
    for form in [
        "{ type: xlsx, sheet: Jugs 2026, header_row: 2 }",
        "{ type: xlsx, sheet: \" jugs 2026\", header_row: 2 }",
        "{ type: xlsx, sheet: 2, header_row: 2 }",
    ] {
        assert_eq!(ids(form, "visible"), ["2"], "{form}");
    }
    // Numbers count what is shown; a hidden sheet has to be named.
    assert_eq!(ids("{ type: xlsx, sheet: 1, header_row: 2 }", "hidden"), ["2"]);
    assert_eq!(ids("{ type: xlsx, sheet: Cups }", "veryHidden"), ["1"]);
    let none = broken(&excel("{ type: xlsx, sheet: Pots }"), &book("hidden"));
    assert_eq!(none.reason, Reason::UnknownFormat);
    assert!(
        none.message.contains("no sheet \"Pots\"; its sheets: \"Cups\" (hidden), \"Jugs 2026\""),
        "{}",
        none.message
    );
    let empty = broken(&excel("{ type: xlsx, header_row: 9 }"), &book("visible"));
    assert_eq!((empty.reason, empty.message.contains("row 9 of the sheet is empty")), (Reason::CsvHeader, true));
    let lacks = broken(&excel("xlsx"), &of_rows(&rows(&[&["Artikle", "Name", "Price"]])));
    assert!(lacks.message.contains("did you mean"), "{}", lacks.message);
    let numbers = MAPPING
        .replace("{ type: xlsx }", "{ type: xlsx, header: false }")
        .replace("Article", "1")
        .replace("Name", "2")
        .replace("Price", "3")
        .replace("Stock", "4");
    let numbers = numbers.replace("  attributes: [Since, Colour]\n", "");
    let (products, refused) =
        map(&read("n.yaml", &numbers), &of_rows(&rows(&[&["[7", "Cup", "2"], &["8", "Jug, old", "3", "4"]])));
    assert_eq!((products.len(), products[1].variants[0].stock, refused.len()), (2, 4, 0), "{products:?} {refused:?}");
}

#[test]
fn years_since_1904_and_places_that_are_not_written() {
    let rows = "<sheetData><row><c t=\"inlineStr\"><is><t>Article</t></is></c><c t=\"inlineStr\"><is><t>Name</t></is></c><c t=\"inlineStr\"><is><t>Price</t></is></c><c t=\"inlineStr\"><is><t>Since</t></is></c></row>\
        <x:row xmlns:x=\"u\"><x:c><x:v>1</x:v></x:c><x:c t=\"str\"><x:v>Cup</x:v></x:c><x:c><x:v>2</x:v></x:c><x:c s=\"0\"><x:v>44891</x:v></x:c></x:row></sheetData>";
    let styles = "<cellXfs><xf numFmtId=\"14\"/></cellXfs>";
    let bytes = archive(&parts(&[("S", "visible", rows)], &[], styles, " date1904=\"1\""));
    let (products, _) = map(&excel("xlsx"), &bytes);
    assert_eq!(attribute(&products[0], "Since"), Some("2026-11-27"));
}

fn many(products: usize) -> Vec<u8> {
    let mut xml = String::from("<sheetData>");
    xml.push_str(
        rows(&[&["Article", "Name", "Price"]]).trim_start_matches("<sheetData>").trim_end_matches("</sheetData>"),
    );
    for number in 0..products {
        write!(xml, "<row><c><v>{number}</v></c><c t=\"s\"><v>{}</v></c><c><v>1.5</v></c></row>", number % 2).unwrap();
    }
    archive(&parts(&[("S", "visible", &(xml + "</sheetData>"))], &["<t>Cup, small</t>", "<t>Jug</t>"], "", ""))
}

/// Reads a feed that is taken up again after every few steps.
fn interrupted(mapping: &Arc<Mapping>, bytes: &[u8]) -> Vec<String> {
    let (mut ids, mut checkpoint, mut rounds) = (Vec::new(), Checkpoint::default(), 0);
    loop {
        let json = serde_json::to_string(&checkpoint).unwrap();
        let resumed: Checkpoint = serde_json::from_str(&json).unwrap();
        assert_eq!(resumed.object_offset(), 0, "a workbook is read from its beginning");
        let mut feed = sources::feed(None, Arc::clone(mapping), "x.xlsx", resumed, Limits::default()).unwrap();
        let (mut out, mut steps) = (Vec::new(), 0);
        feed.offer(bytes);
        while feed.step(&mut out).unwrap() == Progress::More {}
        let ended = loop {
            if feed.conclude(&mut out).unwrap() == Progress::Hungry {
                break true;
            }
            steps += 1;
            // As many more as it takes to come behind what was handed out before.
            if steps > rounds + 1 {
                break false;
            }
        };
        ids.extend(out.into_iter().map(|outcome| match outcome {
            Outcome::Product(mapped) => mapped.product.id,
            other => panic!("{other:?}"),
        }));
        if ended {
            return ids;
        }
        (checkpoint, rounds) = (feed.checkpoint(), rounds + 1);
    }
}

#[test]
fn a_run_that_is_interrupted_gives_every_row_once() {
    let all: Vec<String> = (0..12_000).map(|number| number.to_string()).collect();
    assert_eq!(interrupted(&excel("xlsx"), &many(12_000)), all);
    let grouped = read(
        "g.yaml",
        &MAPPING
            .replace("product:\n", "group: { by: Name, rows: spread }\nproduct:\n")
            .replace("{ type: xlsx }", "xlsx"),
    );
    let (products, refused) = map(&grouped, &many(10));
    assert_eq!(refused.len() + products.len(), 2, "{products:?} {refused:?}");
}

#[test]
fn what_is_no_workbook_or_too_large_says_so() {
    let excel = excel("xlsx");
    let reason = |bytes: &[u8]| broken(&excel, bytes).reason;
    assert_eq!(reason(b"Article,Name\n1,2\n"), Reason::UnknownFormat);
    assert_eq!(reason(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and so on"), Reason::UnknownFormat);
    assert_eq!(reason(b""), Reason::EmptyFeed);
    assert_eq!(reason(&of_rows("<sheetData/>")), Reason::EmptyFeed);
    let whole = many(3);
    assert_eq!(reason(&whole[..whole.len() - 30]), Reason::Truncated);
    let large = broken(&excel, &vec![b'P'; 33 << 20]);
    assert_eq!((large.reason, large.message.contains("more than 32 MiB")), (Reason::TooMuchData, true));
    let wide: Vec<String> = (0..1_001).map(|number| number.to_string()).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    assert_eq!(reason(&of_rows(&rows(&[&wide]))), Reason::CsvHeader);
    // A byte of the sheet is another one: nothing of it is taken.
    let (mut any, mut taken) = (0, 0);
    for at in (40..whole.len() - 30).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        let (out, end) = map_bytes(&excel, "x.xlsx", &damaged, 4_096);
        any += usize::from(end.is_err());
        taken += usize::from(end.is_err() && !out.is_empty());
    }
    assert!(any > 20 && taken == 0, "{any} damaged, {taken} taken in part");
}

#[test]
fn what_unfolds_without_end_stops_at_its_limit() {
    let excel = excel("xlsx");
    let head = rows(&[&["Article", "Name", "Price"]]).replace("</sheetData>", "");
    // A text of 70 MB in a few kilobytes.
    let strings = format!("<t>{}</t>", "a".repeat(1 << 19));
    let strings: Vec<&str> = std::iter::repeat_n(&*strings, 140).collect();
    let book = archive(&parts(&[("S", "visible", &format!("{head}</sheetData>"))], &strings, "", ""));
    assert!(book.len() < 1 << 20, "{}", book.len());
    let texts = broken(&excel, &book);
    assert_eq!((texts.reason, texts.message.contains("64 MiB of texts")), (Reason::TooMuchData, true), "{texts:?}");
    // A tag without end.
    let tag = broken(&excel, &of_rows(&format!("<sheetData {}", "a=\"1\" ".repeat(400_000))));
    assert_eq!(tag.reason, Reason::TooMuchData, "{tag:?}");
    // Elements within elements are no recursion, and end somewhere.
    let deep = |depth| format!("{head}<row>{}{}</row></sheetData>", "<a>".repeat(depth), "</a>".repeat(depth));
    assert_eq!(map(&excel, &of_rows(&deep(200))).0.len(), 0);
    assert_eq!(broken(&excel, &of_rows(&deep(50_000))).reason, Reason::TooMuchData);
    // Texts that are merged downwards are held for their rows, and are limited together.
    let merged = |columns: usize| {
        let cell = |n: usize| {
            let place = format!("{}{}", char::from(b'A' + u8::try_from(n).unwrap()), n + 2);
            let text = "m".repeat(900_000);
            let row = format!("<row r=\"{}\"><c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c></row>", n + 2);
            (row, format!("<mergeCell ref=\"{place}:{}1000\"/>", &place[..1]))
        };
        let (rows, areas): (String, String) = (0..columns).map(cell).unzip();
        of_rows(&format!("{head}{rows}</sheetData><mergeCells>{areas}</mergeCells>"))
    };
    assert!(map(&excel, &merged(3)).0.is_empty());
    assert_eq!(broken(&excel, &merged(12)).reason, Reason::TooMuchData);
    // A row that is as wide as Excel's, of one long text.
    let long = ["<t>", &"b".repeat(30_000), "</t>"].concat();
    let cells = "<c t=\"s\"><v>0</v></c>".repeat(16_384);
    let named: Vec<String> =
        (0..900).map(|number| format!("c{number}")).chain(["Article".into(), "Name".into(), "Price".into()]).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let wide = format!("{}<row>{cells}</row></sheetData>", rows(&[&named]).replace("</sheetData>", ""));
    let (out, end) = map_bytes(&excel, "x.xlsx", &archive(&parts(&[("S", "visible", &wide)], &[&long], "", "")), 4_096);
    let [Outcome::Rejected(refused, _)] = &out[..] else { panic!("{} {end:?}", out.len()) };
    assert_eq!(refused.reason, Reason::RecordTooLarge);
    // A document type, and an entity that only it would explain.
    let bytes = archive(&[(
        "xl/workbook.xml".to_owned(),
        "<!DOCTYPE x [<!ENTITY a \"b\">]><workbook>&a;</workbook>".to_owned(),
    )]);
    assert_eq!(broken(&excel, &bytes).reason, Reason::UnknownFormat);
}

#[test]
fn texts_and_formats_are_where_the_workbook_s_relations_lead() {
    let strings = ["<t>Cup</t>", "<t>Article</t>", "<t>Name</t>", "<t>Price</t>"];
    let sheet = "<sheetData><row><c t=\"s\"><v>1</v></c><c t=\"s\"><v>2</v></c><c t=\"s\"><v>3</v></c></row>\
        <row><c s=\"1\"><v>7</v></c><c t=\"s\"><v>0</v></c><c><v>2</v></c></row></sheetData>";
    let styles = "<numFmts><numFmt numFmtId=\"165\" formatCode=\"0000\"/></numFmts><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"165\"/></cellXfs>";
    let mut elsewhere = parts(&[("S", "visible", sheet)], &strings, styles, "");
    for (name, text) in &mut elsewhere {
        match name.as_str() {
            "xl/sharedStrings.xml" => "texts/Shared Strings2.xml".clone_into(name),
            "xl/styles.xml" => "xl/looks/a.xml".clone_into(name),
            "xl/_rels/workbook.xml.rels" => {
                *text = text.replace(
                    "</Relationships>",
                    "<Relationship Id=\"t\" Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/sharedStrings\" Target=\"../texts/./Shared Strings2.xml\"/>\
                     <Relationship Id=\"l\" Type=\"x/styles\" Target=\"/xl/looks/a.xml\"/></Relationships>",
                );
            }
            _ => {}
        }
    }
    // Another program's leftovers are where Excel has its own.
    elsewhere.push(("xl/sharedStrings.xml".to_owned(), "<sst><si><t>old</t></si></sst>".to_owned()));
    let (products, refused) = map(&excel("xlsx"), &archive(&elsewhere));
    assert_eq!((products.len(), refused.len()), (1, 0), "{refused:?}");
    assert_eq!((products[0].id.as_str(), products[0].name.get("en")), ("0007", Some("Cup")));
}

#[test]
fn number_cells_have_a_point_whatever_the_mapping_says_of_texts_and_formulas_have_more_decimals_than_money() {
    let cell = |kind: &str, value: &str| {
        format!("<row><c><v>1</v></c><c t=\"str\"><v>Cup</v></c><c{kind}><v>{value}</v></c></row>")
    };
    let head = rows(&[&["Article", "Name", "Price"]]).replace("</sheetData>", "");
    let read_price = |decimal: &str, kind: &str, value: &str| {
        let mapping = read("m.yaml", &MAPPING.replace("currency: EUR", &format!("currency: EUR{decimal}")));
        let (products, refused) = map(&mapping, &of_rows(&format!("{head}{}</sheetData>", cell(kind, value))));
        match (&products[..], &refused[..]) {
            ([product], []) => Ok(price(product)),
            ([], [refused]) => Err(refused.reason),
            other => panic!("{other:?}"),
        }
    };
    for decimal in [", decimal: \",\"", ", decimal: \".\"", ""] {
        for (value, amount) in [
            ("12.5", "12.50"),
            ("1299", "1299.00"),
            ("850.625", "850.63"),
            ("0.125", "0.13"),
            ("1000.125", "1000.13"),
            // Of a formula, cut and rounded once; what a float left is none of it.
            ("12.333333333333334", "12.33"),
            ("2.67499999999999", "2.67"),
            ("21.299999999999997", "21.30"),
        ] {
            assert_eq!(read_price(decimal, "", value).as_deref(), Ok(amount), "{decimal} {value}");
        }
        assert_eq!(read_price(decimal, "", "0.00000012"), Err(Reason::InvalidAmount), "{decimal}");
        assert_eq!(read_price(decimal, "", "-12.3333333333"), Err(Reason::NegativePrice), "{decimal}");
    }
    let comma = ", decimal: \",\"";
    for (text, amount) in [("1.299,50", Ok("1299.50")), ("1.299", Ok("1299.00")), ("12,50", Ok("12.50"))] {
        assert_eq!(read_price(comma, " t=\"str\"", text).as_deref(), amount.as_deref(), "{text}");
    }
}

#[test]
fn in_a_text_file_a_point_under_decimal_commas_stands_between_thousands_or_is_refused() {
    let text = MAPPING.replace("{ type: xlsx }", "csv").replace("currency: EUR", "currency: EUR, decimal: \",\"");
    let feed = "Article;Name;Price;Stock\n1;Cup;1.299;1\n2;Jug;0.125;1\n3;Pot;12.5;1\n4;Pan;12,3333333;1\n";
    let text = text.replace("  attributes: [Since, Colour]\n", "");
    let (products, refused) = map(&read("t.yaml", &text), feed.as_bytes());
    assert_eq!(products.iter().map(price).collect::<Vec<_>>(), ["1299.00"]);
    assert_eq!(refused.iter().map(|one| one.reason).collect::<Vec<_>>(), [Reason::InvalidAmount; 3]);
}
