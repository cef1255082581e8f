//! Why a record, or the rest of a feed, was not taken.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of rejection. Their names are stable: they stand in `rejected/`, in the counts of a
/// run and in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    // The feed as a whole.
    /// The object has no bytes, or nothing but white space.
    EmptyFeed,
    /// Neither JSON nor anything else this source can be.
    NotJson,
    /// An encoding that is not read.
    UnsupportedEncoding,
    /// Neither this source's nor any other that is known.
    UnknownFormat,
    /// The content is another source's than the key prefix says.
    WrongSource,
    /// The feed ends in the middle of something.
    Truncated,
    /// Something other than a comma or the end follows a record.
    BrokenStructure,
    /// Something follows the end of the document.
    TrailingContent,
    /// Compressed data that does not decompress.
    CorruptCompression,
    /// Far more data than a feed has: a decompression bomb, or endless white space.
    TooMuchData,
    /// The header of a CSV feed lacks columns.
    CsvHeader,
    /// The object did not arrive as it is stored.
    ObjectCorrupt,

    // One record, before it is understood.
    /// A comma with nothing before it.
    MissingRecord,
    /// A comma after the last record.
    TrailingComma,
    /// Over the size limit of a record.
    RecordTooLarge,
    /// Nested too deep.
    RecordTooDeep,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// Not well-formed JSON.
    MalformedJson,
    /// Not well-formed XML.
    MalformedXml,
    /// Well-formed, but not an object.
    RecordNotObject,
    /// A CSV record with more or fewer fields than the header.
    CsvFieldCount,

    // One record, understood.
    /// The source itself reports an error instead of a product.
    SourceError,
    /// A field without which there is no product is missing, null or blank.
    MissingField,
    /// A field has the wrong type.
    InvalidType,
    /// A field that the canonical shape does not have.
    UnknownField,
    /// A key that is needed occurs twice in one object.
    DuplicateKey,
    /// The product id cannot be used.
    InvalidId,
    /// A control character in a key.
    ControlCharacter,
    /// A later record of the same feed says something else of the same product, and counts.
    RepeatedRecord,
    /// A line of a declared part whose product has not come, and more wait than are kept.
    LineNotKept,
    /// Nothing to sell.
    NoVariants,
    /// More variants than a shop can hold.
    TooManyVariants,
    /// Two variants share a SKU.
    DuplicateSku,
    /// Two variants share all option values, or one lacks a value.
    AmbiguousOptions,
    /// More than three option axes.
    TooManyOptions,
    /// A variant without a price.
    MissingPrice,
    /// An amount that is no decimal number.
    InvalidAmount,
    /// An amount below zero.
    NegativePrice,
    /// An amount of zero.
    ZeroPrice,
    /// An amount above zero that is less than half of the currency's smallest coin.
    RoundsToZero,
    /// A price without a currency, or with a symbol nobody knows.
    UnknownCurrency,
    /// A stock level that is no whole number.
    InvalidStock,
    /// A field over its limit.
    TextTooLong,
    /// An expression of the source's mapping gives no value for this record.
    MappingFailed,
    /// Larger than the ledger can keep, even compressed.
    ProductTooLarge,
}

impl Reason {
    /// The stable name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyFeed => "empty_feed",
            Self::NotJson => "not_json",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::UnknownFormat => "unknown_format",
            Self::WrongSource => "wrong_source",
            Self::Truncated => "truncated",
            Self::BrokenStructure => "broken_structure",
            Self::TrailingContent => "trailing_content",
            Self::CorruptCompression => "corrupt_compression",
            Self::TooMuchData => "too_much_data",
            Self::CsvHeader => "csv_header",
            Self::ObjectCorrupt => "object_corrupt",
            Self::MissingRecord => "missing_record",
            Self::TrailingComma => "trailing_comma",
            Self::RecordTooLarge => "record_too_large",
            Self::RecordTooDeep => "record_too_deep",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::MalformedJson => "malformed_json",
            Self::MalformedXml => "malformed_xml",
            Self::RecordNotObject => "record_not_object",
            Self::CsvFieldCount => "csv_field_count",
            Self::SourceError => "source_error",
            Self::MissingField => "missing_field",
            Self::InvalidType => "invalid_type",
            Self::UnknownField => "unknown_field",
            Self::DuplicateKey => "duplicate_key",
            Self::InvalidId => "invalid_id",
            Self::ControlCharacter => "control_character",
            Self::RepeatedRecord => "repeated_record",
            Self::LineNotKept => "line_not_kept",
            Self::NoVariants => "no_variants",
            Self::TooManyVariants => "too_many_variants",
            Self::DuplicateSku => "duplicate_sku",
            Self::AmbiguousOptions => "ambiguous_options",
            Self::TooManyOptions => "too_many_options",
            Self::MissingPrice => "missing_price",
            Self::InvalidAmount => "invalid_amount",
            Self::NegativePrice => "negative_price",
            Self::ZeroPrice => "zero_price",
            Self::RoundsToZero => "rounds_to_zero",
            Self::UnknownCurrency => "unknown_currency",
            Self::InvalidStock => "invalid_stock",
            Self::TextTooLong => "text_too_long",
            Self::MappingFailed => "mapping_failed",
            Self::ProductTooLarge => "product_too_large",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with one record, as far as the record alone tells.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{reason}]")]
pub struct Defect {
    pub reason: Reason,
    pub message: String,
    /// Where in the record: `$.info.productInfo.goods_id`, or the column of a CSV record.
    pub path: Option<String>,
    /// The offending value, shortened.
    pub value: Option<String>,
    /// Bytes from the beginning of the record to the defect, where known.
    pub at: Option<usize>,
}

impl Defect {
    /// Characters kept of an offending value.
    const SHOWN: usize = 120;

    /// A defect without a place.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), path: None, value: None, at: None }
    }

    /// The same defect at a path within the record.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same defect with the value that caused it.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        self.value = Some(shorten(value, Self::SHOWN));
        self
    }

    /// The same defect at a number of bytes from the beginning of the record.
    #[must_use]
    pub fn at(mut self, at: usize) -> Self {
        self.at = Some(at);
        self
    }
}

/// A record that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// The record's number in the feed, from 0.
    pub index: u64,
    /// Where the record begins: bytes from the beginning of the feed, after decompression.
    pub offset: u64,
    /// Where the defect itself is, counted likewise, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect_offset: Option<u64>,
    /// The product's id, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// What kind of defect.
    pub reason: Reason,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The offending value, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A feed that cannot be read beyond a point. Everything before it has been handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message} [{reason}, byte {offset}, record {index}]")]
pub struct Broken {
    /// What kind of break.
    pub reason: Reason,
    /// Where: bytes from the beginning of the feed, after decompression.
    pub offset: u64,
    /// The number of the record it happened at, from 0.
    pub index: u64,
    pub message: String,
    /// The beginning of what was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// The first `limit` characters of a text, with a mark where something was left out.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
