//! Workbooks, made by hand.

use std::fmt::Write as _;
use std::io::Write as _;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A ZIP archive of these parts.
pub(crate) fn archive(parts: &[(String, String)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in parts {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(text.as_bytes()).unwrap();
        let packed = deflate.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let size = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
        let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        for field in [crc.sum().to_le_bytes(), size(packed.len()), size(text.len())] {
            fields.extend(field);
        }
        fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend([0, 0]);
        let begin = size(bytes.len());
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&fields);
        bytes.extend(name.as_bytes());
        bytes.extend(packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(begin);
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    let (begin, length) = (bytes.len(), directory.len());
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    for number in [length, begin] {
        bytes.extend(u32::try_from(number).unwrap().to_le_bytes());
    }
    bytes.extend([0, 0]);
    bytes
}

/// The parts of a workbook: sheets by name, state and the XML of their rows and what follows;
/// shared texts; the XML of styles and of the workbook's properties.
pub(crate) fn parts(
    sheets: &[(&str, &str, &str)],
    strings: &[&str],
    styles: &str,
    properties: &str,
) -> Vec<(String, String)> {
    let (mut tabs, mut relations, mut parts) = (String::new(), String::new(), Vec::new());
    for (number, (name, state, rows)) in sheets.iter().enumerate() {
        write!(tabs, "<sheet name=\"{name}\" sheetId=\"{0}\" state=\"{state}\" r:id=\"r{0}\"/>", number + 1).unwrap();
        write!(
            relations,
            "<Relationship Id=\"r{0}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{0}.xml\"/>",
            number + 1
        )
        .unwrap();
        parts.push((
            format!("xl/worksheets/sheet{}.xml", number + 1),
            format!("<?xml version=\"1.0\"?><worksheet xmlns=\"{MAIN}\">{rows}</worksheet>"),
        ));
    }
    let texts: String = strings.iter().map(|text| format!("<si>{text}</si>")).collect();
    for (name, text) in [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        (
            "_rels/.rels",
            format!(
                "<Relationships><Relationship Id=\"r\" Type=\"{RELATIONS}/officeDocument\" Target=\"/xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><workbookPr{properties}/><sheets>{tabs}</sheets></workbook>"
            ),
        ),
        ("xl/_rels/workbook.xml.rels", format!("<Relationships>{relations}</Relationships>")),
        ("xl/sharedStrings.xml", format!("<sst xmlns=\"{MAIN}\" uniqueCount=\"99999999999999\">{texts}</sst>")),
        ("xl/styles.xml", format!("<styleSheet xmlns=\"{MAIN}\">{styles}</styleSheet>")),
    ] {
        parts.push((name.to_owned(), text));
    }
    parts
}

/// A workbook of one sheet.
pub(crate) fn of_rows(rows: &str) -> Vec<u8> {
    archive(&parts(&[("Sheet1", "visible", rows)], &[], "", ""))
}

/// Rows of texts in cells of their own.
pub(crate) fn rows(rows: &[&[&str]]) -> String {
    let mut xml = String::from("<sheetData>");
    for row in rows {
        xml.push_str("<row>");
        for cell in *row {
            write!(xml, "<c t=\"inlineStr\"><is><t>{cell}</t></is></c>").unwrap();
        }
        xml.push_str("</row>");
    }
    xml + "</sheetData>"
}
