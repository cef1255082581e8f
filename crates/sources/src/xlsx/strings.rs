//! Texts that cells share.

use super::Fault;
use super::cell::unescaped;
use super::part::{Next, Part};

/// Bytes of all of them.
const BYTES: usize = 64 << 20;
/// How many there may be.
const COUNT: usize = 4_000_000;

/// All of them in one text: a workbook has many, and they are short.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    pub(super) fn read(mut part: Part) -> Result<Self, Fault> {
        let mut all = Self::default();
        let (mut within, mut phonetic, mut one) = (false, 0_u32, String::new());
        while let Some(next) = part.next()? {
            match next {
                Next::Tag(tag) => match &*tag.name {
                    "si" => one.clear(),
                    "rPh" => phonetic += 1,
                    "t" => within = phonetic == 0,
                    _ => {}
                },
                Next::End(name) => match &*name {
                    "si" => all.push(&one)?,
                    "rPh" => phonetic = phonetic.saturating_sub(1),
                    "t" => within = false,
                    _ => {}
                },
                Next::Text(text) if within => {
                    one.push_str(&text);
                    if one.len() > BYTES {
                        return Err(too_many());
                    }
                }
                Next::Text(_) => {}
            }
        }
        Ok(all)
    }

    fn push(&mut self, one: &str) -> Result<(), Fault> {
        self.text.push_str(&unescaped(one));
        if self.text.len() > BYTES || self.ends.len() >= COUNT {
            return Err(too_many());
        }
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        Ok(())
    }

    pub(super) fn get(&self, number: u32) -> Option<&str> {
        let number = usize::try_from(number).ok()?;
        let begin = number.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or_default());
        let end = self.ends.get(number)?;
        self.text.get(begin as usize..*end as usize)
    }
}

fn too_many() -> Fault {
    Fault::too_much(format!("the workbook has more than {} MiB of texts; save the sheet as CSV", BYTES >> 20))
}
