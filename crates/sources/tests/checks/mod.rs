//! What must hold for any mapping, any XML and any workbook. The fuzz targets feed these checks
//! with what the fuzzer makes up (`crates/feeds/fuzz`), `tests/findings.rs` with their seeds and
//! what was found before.
#![allow(dead_code, unreachable_pub, clippy::expect_used, reason = "each of those who include it uses some of it")]

use std::sync::{Arc, LazyLock};

use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, Reason};
use sources::Mapping;

const CSV: &[u8] = b"id,title,price,size,tags,currency\n1,Cup,2.50,S,\"a, b\",EUR\n1,Cup,2.50,M,,EUR\n2,,x,\"y\",,\n";
const JSON: &[u8] = b"[{\"id\":1,\"title\":\"Cup\",\"price\":2.5,\"tags\":[\"a\",\"b\"],\"variants\":[{\"size\":\"S\",\"price\":\"3\"}],\"currency\":\"EUR\"}]";
const XML: &[u8] =
    b"<r><item><id>1</id><title>Cup</title><price currency=\"EUR\">2.50</price><size>S</size></item></r>";

/// Any text as a mapping: problems with their places, or a mapping that does something with a feed,
/// and ends.
pub fn mapping(bytes: &[u8]) {
    static BOOK: LazyLock<Vec<u8>> = LazyLock::new(|| book(&[]));
    let text = String::from_utf8_lossy(bytes);
    match Mapping::read("demo.yaml", &text) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(!problem.shown(&text).is_empty());
            }
        }
        Ok(mapping) => {
            let mapping = Arc::new(mapping);
            for feed in [CSV, JSON, XML, &BOOK] {
                read(&mapping, feed, usize::MAX, Limits::default());
            }
        }
    }
    let _ = sources::draft("demo", bytes);
}

/// The limits under which XML is looked at: so small that a few bytes reach them.
const SMALL: Limits = Limits {
    record_bytes: 128,
    depth: 8,
    gap_bytes: 1 << 16,
    feed_bytes: 1 << 20,
    ratio: 100,
    ratio_from: 1 << 16,
    zstd_window_log: 23,
    excerpt_bytes: 16,
};

/// Any bytes as XML, cut anywhere: the pieces must not matter, nor where it is taken up again. The
/// first byte says how long the pieces are.
pub fn xml(input: &[u8]) {
    static MAPPING: LazyLock<Arc<Mapping>> = LazyLock::new(|| demo("{ type: xml, records: item }"));
    let Some((piece, bytes)) = input.split_first() else { return };
    let (whole, end) = read(&MAPPING, bytes, usize::MAX, SMALL);
    let (cut, cut_end) = read(&MAPPING, bytes, usize::from(*piece).max(1), SMALL);
    assert_eq!((&whole, end), (&cut, cut_end));
    let half = &bytes[..bytes.len() / 2];
    let mut feed = open(&MAPPING, Checkpoint::default(), SMALL);
    let mut resumed = Vec::new();
    feed.offer(half);
    while let Ok(Progress::More) = feed.step(&mut resumed) {}
    let checkpoint = feed.checkpoint();
    let begin = usize::try_from(checkpoint.object_offset()).unwrap_or(usize::MAX);
    if begin > 0 && begin <= half.len() {
        let (mut places, mut feed) = (places(resumed), open(&MAPPING, checkpoint, SMALL));
        let (rest, rest_end) = drain(&mut feed, &bytes[begin..], usize::MAX);
        places.extend(rest);
        assert_eq!((places, rest_end), (whole, end));
    }
}

/// Any bytes as a workbook: with 0 before them the archive itself, else its parts, with 0xFF
/// between them.
pub fn xlsx(input: &[u8]) {
    static MAPPING: LazyLock<Arc<Mapping>> = LazyLock::new(|| demo("xlsx"));
    let Some((mode, bytes)) = input.split_first() else { return };
    let archive =
        if *mode == 0 { bytes.to_vec() } else { book(&bytes.split(|byte| *byte == 0xFF).collect::<Vec<_>>()) };
    let (whole, end) = read(&MAPPING, &archive, usize::MAX, Limits::default());
    let (cut, cut_end) = read(&MAPPING, &archive, usize::from(*mode).max(1) * 16, Limits::default());
    assert_eq!((whole, end), (cut, cut_end));
    if *mode % 8 == 1 {
        let _ = sources::draft("demo.xlsx", &archive);
    }
}

fn demo(form: &str) -> Arc<Mapping> {
    let text = format!(
        "source: demo\nform: {form}\nproduct:\n  id: id\n  name: title\n  variants: {{ price: {{ from: price, currency: EUR }} }}\n"
    );
    Arc::new(Mapping::read("demo.yaml", &text).expect("a mapping"))
}

/// Place and kind of what became of each record.
type Places = Vec<(u64, u64, Option<Reason>)>;

fn places(out: Vec<Outcome>) -> Places {
    let place = |outcome| match outcome {
        Outcome::Product(mapped) => {
            assert!(mapped.product.key().is_ok());
            (mapped.index, mapped.offset, None)
        }
        Outcome::Line(line) => (line.index, line.offset, None),
        Outcome::Rejected(rejection, _) => (rejection.index, rejection.offset, Some(rejection.reason)),
    };
    out.into_iter().map(place).collect()
}

fn open(mapping: &Arc<Mapping>, checkpoint: Checkpoint, limits: Limits) -> Feed {
    sources::feed(None, Arc::clone(mapping), "feed", checkpoint, limits).expect("a feed")
}

fn read(mapping: &Arc<Mapping>, bytes: &[u8], piece: usize, limits: Limits) -> (Places, Option<Reason>) {
    drain(&mut open(mapping, Checkpoint::default(), limits), bytes, piece)
}

fn drain(feed: &mut Feed, bytes: &[u8], piece: usize) -> (Places, Option<Reason>) {
    let (mut out, mut steps) = (Vec::new(), 0);
    let mut end = None;
    'read: for piece in bytes.chunks(piece.min(bytes.len().max(1))) {
        feed.offer(piece);
        loop {
            steps += 1;
            assert!(steps < 100_000, "a step that does nothing and asks for another");
            match feed.step(&mut out) {
                Ok(Progress::More) => {}
                Ok(Progress::Hungry) => break,
                Err(broken) => {
                    end = Some(broken.reason);
                    break 'read;
                }
            }
        }
    }
    if end.is_none() {
        end = feed.finish(&mut out).err().map(|broken| broken.reason);
    }
    (places(out), end)
}

/// A workbook of these parts: sheet, texts, styles, the workbook's own; what is missing is as it
/// has to be.
fn book(parts: &[&[u8]]) -> Vec<u8> {
    const NAMES: [(&str, &str); 5] = [
        (
            "xl/worksheets/sheet1.xml",
            "<worksheet><sheetData><row r=\"1\"><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c><c t=\"s\"><v>2</v></c></row><row><c><v>1</v></c><c t=\"str\"><v>Cup</v></c><c s=\"1\"><v>2.5</v></c></row></sheetData></worksheet>",
        ),
        ("xl/sharedStrings.xml", "<sst><si><t>id</t></si><si><t>title</t></si><si><t>price</t></si></sst>"),
        ("xl/styles.xml", "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"2\"/></cellXfs></styleSheet>"),
        ("xl/workbook.xml", "<workbook><sheets><sheet name=\"S\" r:id=\"a\"/></sheets></workbook>"),
        (
            "xl/_rels/workbook.xml.rels",
            "<Relationships><Relationship Id=\"a\" Type=\"x/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
        ),
    ];
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (number, (name, usual)) in NAMES.iter().enumerate() {
        let text = parts.get(number).filter(|part| !part.is_empty()).copied().unwrap_or(usual.as_bytes());
        let size = u32::try_from(text.len()).unwrap_or_default().to_le_bytes();
        let length = u16::try_from(name.len()).unwrap_or_default().to_le_bytes();
        let fields =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc(text).to_le_bytes(), &size, &size, &length, &[0, 0]].concat();
        let begin = u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes();
        directory.extend([b"PK\x01\x02\x14\x00", &fields[..], &[0; 10], &begin, name.as_bytes()].concat());
        bytes.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), text].concat());
    }
    let end = [directory.len(), bytes.len()].map(|number| u32::try_from(number).unwrap_or_default().to_le_bytes());
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06\0\0\0\0\x05\0\x05\0", &end[0][..], &end[1], &[0, 0]].concat());
    bytes
}

/// The check sum of a ZIP archive's part.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}
