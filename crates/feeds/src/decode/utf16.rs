//! UTF-16 as UTF-8. A unit that is none becomes a byte that is no UTF-8, so that the record it
//! stands in is refused like any other with such a byte.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16LE};

use super::{STEP, Step};

/// Longest piece of input of one step: three bytes of UTF-8 at most for two of UTF-16.
const INPUT: usize = STEP / 2;

pub(super) struct Utf16 {
    encoding: &'static Encoding,
    decoder: Decoder,
    bytes: u64,
}

impl Utf16 {
    pub(super) fn new(encoding: &'static Encoding) -> Self {
        // The mark becomes that of UTF-8, which the splitter passes over.
        Self { encoding, decoder: encoding.new_decoder_without_bom_handling(), bytes: 0 }
    }

    pub(super) fn is_little(&self) -> bool {
        self.encoding == UTF_16LE
    }

    /// Whether what was read is whole units.
    pub(super) const fn is_whole(&self) -> bool {
        self.bytes.is_multiple_of(2)
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Step {
        let input = &input[..input.len().min(INPUT)];
        let mut read = 0;
        let mut space = vec![0; 3 * INPUT];
        loop {
            let (result, taken, written) =
                self.decoder.decode_to_utf8_without_replacement(&input[read..], &mut space, false);
            output.extend_from_slice(&space[..written]);
            read += taken;
            match result {
                DecoderResult::Malformed(..) => output.push(0xFF),
                DecoderResult::InputEmpty | DecoderResult::OutputFull => break,
            }
        }
        self.bytes += read as u64;
        Step { read, full: false }
    }
}
