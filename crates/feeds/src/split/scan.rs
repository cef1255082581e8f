//! Finds where a JSON value ends without understanding it.
//!
//! Sixty-four bytes at a time become four bit masks (quotes, backslashes, opening and closing
//! brackets). What lies inside a string is the running parity of the unescaped quotes; brackets
//! outside strings change the depth. Only a block in which the depth could come back to zero is
//! looked at bit by bit. The idea is that of simdjson's first stage (Langdale and Lemire, 2019).
//!
//! `{` and `[` are not told apart: whether brackets match is for the parser of the record to say.

use wide::u8x16;

const BLOCK: usize = 64;

/// The state of a scan between two pieces of input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scanner {
    in_string: bool,
    escaped: bool,
    depth: u32,
    deepest: u32,
}

impl Scanner {
    /// A scan that begins within so many containers.
    pub(crate) fn within(depth: u32) -> Self {
        Self { depth, deepest: depth, ..Self::default() }
    }

    /// The greatest depth met so far.
    pub(crate) fn deepest(&self) -> u32 {
        self.deepest
    }

    /// Reads on. Returns the number of bytes up to and including the bracket that closes the
    /// outermost container, or `None` if all of `bytes` belongs to it.
    pub(crate) fn end_of_value(&mut self, bytes: &[u8]) -> Option<usize> {
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for (number, block) in blocks.iter().enumerate() {
            if let Some(end) = self.block(block) {
                return Some(number * BLOCK + end);
            }
        }
        let done = bytes.len() - rest.len();
        rest.iter().position(|byte| self.byte(*byte)).map(|at| done + at + 1)
    }

    /// One byte; true if it closes the outermost container.
    fn byte(&mut self, byte: u8) -> bool {
        if std::mem::take(&mut self.escaped) {
            return false;
        }
        match byte {
            b'\\' => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            }
            b'}' | b']' if !self.in_string => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    fn block(&mut self, block: &[u8; BLOCK]) -> Option<usize> {
        let masks = Masks::of(block);
        let mut plain = u64::MAX;
        if masks.backslashes != 0 || self.escaped {
            plain = !self.escaped_by(masks.backslashes);
        }
        let quotes = masks.quotes & plain;
        let inside = parity(quotes) ^ if self.in_string { u64::MAX } else { 0 };
        let opens = masks.opens & plain & !inside;
        let closes = masks.closes & plain & !inside;
        let in_string_after = inside >> 63 == 1;

        if self.depth > closes.count_ones() {
            self.in_string = in_string_after;
            let highest = self.depth + opens.count_ones();
            if highest <= self.deepest {
                self.depth = highest - closes.count_ones();
                return None;
            }
        }
        self.in_string = in_string_after;
        let mut brackets = opens | closes;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            brackets &= brackets - 1;
            if opens >> at & 1 == 1 {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            } else {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Some(at as usize + 1);
                }
            }
        }
        None
    }

    /// The bits of the bytes that follow an unescaped backslash.
    fn escaped_by(&mut self, backslashes: u64) -> u64 {
        let mut escaped = u64::from(std::mem::take(&mut self.escaped));
        let mut rest = backslashes & !escaped;
        while rest != 0 {
            let at = rest.trailing_zeros();
            rest &= rest - 1;
            if at == 63 {
                self.escaped = true;
            } else {
                escaped |= 1 << (at + 1);
                rest &= !(1 << (at + 1));
            }
        }
        escaped
    }
}

struct Masks {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

impl Masks {
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Self {
        let mut masks = Self { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        let (parts, _) = block.as_chunks::<16>();
        for (number, part) in parts.iter().enumerate() {
            let part = u8x16::new(*part);
            // `[` and `{`, `]` and `}` differ in this bit only.
            let folded = part | u8x16::splat(0x20);
            let bits = |equal: u8x16| u64::from(equal.to_bitmask()) << (16 * number);
            masks.quotes |= bits(part.simd_eq(u8x16::splat(b'"')));
            masks.backslashes |= bits(part.simd_eq(u8x16::splat(b'\\')));
            masks.opens |= bits(folded.simd_eq(u8x16::splat(b'{')));
            masks.closes |= bits(folded.simd_eq(u8x16::splat(b'}')));
        }
        masks
    }
}

/// Bit i of the result is the parity of bits 0 to i.
#[inline]
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte, in one piece.
    fn reference(bytes: &[u8]) -> (Option<usize>, u32) {
        let mut scanner = Scanner::default();
        let end = bytes.iter().position(|byte| scanner.byte(*byte)).map(|at| at + 1);
        (end, scanner.deepest)
    }

    proptest! {
        #[test]
        fn blocks_and_cuts_change_nothing(
            text in proptest::collection::vec(proptest::sample::select(br#"{}[]""\\a ,:"#.to_vec()), 0..400),
            cut in 0usize..400,
        ) {
            let mut text = text;
            text.insert(0, b'{');
            let cut = cut.min(text.len());
            let mut scanner = Scanner::default();
            let end = scanner
                .end_of_value(&text[..cut])
                .or_else(|| scanner.end_of_value(&text[cut..]).map(|end| cut + end));
            prop_assert_eq!((end, scanner.deepest), reference(&text));
        }
    }

    #[test]
    fn brackets_in_strings_and_escaped_quotes_do_not_count() {
        let text = br#"{"a":"}]\"}\\","b":[{}]} tail"#;
        assert_eq!(Scanner::default().end_of_value(text), Some(text.len() - 5));
    }
}
