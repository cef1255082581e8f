//! How much of anything a feed may contain.

/// Limits that keep memory flat and hostile input harmless. The defaults fit a function with 256
/// MB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one record. The largest document seen from the product-detail API has 140 kB.
    pub record_bytes: usize,
    /// Containers nested in each other. `serde_json` itself gives up at 128.
    pub depth: u32,
    /// Bytes of white space and commas between two records.
    pub gap_bytes: u64,
    /// Bytes of the whole feed after decompression.
    pub feed_bytes: u64,
    /// Decompressed bytes for each compressed one, counted since the last record that became a
    /// product. Text compresses by 5 to 15, deflate by 1,032 at the very most.
    pub ratio: u64,
    /// Decompressed bytes since the last product below which the ratio is not looked at.
    pub ratio_from: u64,
    /// Base-2 logarithm of the window a zstd frame may ask for. 23 (8 MiB) is what RFC 8878 wants
    /// every decoder to support.
    pub zstd_window_log: u32,
    /// Bytes of a raw record that are kept with its rejection when the record itself is over its
    /// limit or unfinished.
    pub excerpt_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes: 4 << 20,
            depth: 100,
            gap_bytes: 4 << 20,
            feed_bytes: 64 << 30,
            ratio: 300,
            ratio_from: 64 << 20,
            zstd_window_log: 23,
            excerpt_bytes: 64 << 10,
        }
    }
}
