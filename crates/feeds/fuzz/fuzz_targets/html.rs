//! Any description at all: cleaned without a hang, to text that is safe, not much longer, and stays
//! what it is when it is cleaned again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The last byte says how often the rest stands there: what grows, grows with it.
    let Some((times, bytes)) = bytes.split_last() else { return };
    let text = String::from_utf8_lossy(bytes).repeat(1 + usize::from(*times));
    let (clean, beyond) = medusa::text::cleaned(&text);
    assert!(beyond <= text.trim().len());
    // Beyond the markup that is taken (500 kB) a character becomes `&quot;` at most.
    assert!(clean.len() <= 1_000_000 + 6 * text.len(), "{} bytes became {}", text.len(), clean.len());
    let lower = clean.to_lowercase();
    for forbidden in ["<script", "<style", "<iframe", "<form", "<object"] {
        assert!(!lower.contains(forbidden), "{forbidden} in {clean}");
    }
});
