//! Records of one product that stand anywhere in the file.
//!
//! Nobody knows that a product is whole before the file ends, so nothing is handed out before.
//! Records wait as they were written: in memory up to [`HELD_BYTES`], then in [`PARTS`] temporary
//! files, by their product's key. At the end one file after another is read back, and its products
//! are handed out. So memory holds a part of the feed at a time; what it costs is the feed's size
//! in temporary storage, and that records are read twice.
//!
//! Both ways are the same for the same feed, so that a run that is interrupted while it hands out
//! goes on behind the [steps](Spread::steps) that were: it reads the object once more and passes
//! them over.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use feeds::Outcome;

use crate::groups::{self, Group, Unread};
use crate::mapping::Mapping;
use crate::record::Record;

/// Bytes of records that wait in memory.
pub(crate) const HELD_BYTES: usize = 16 << 20;
/// Temporary files.
const PARTS: usize = 256;
/// Bytes in temporary files altogether: the function has 2 GiB of temporary storage.
const SPILLED_BYTES: u64 = 1536 << 20;
/// Bytes of one file, which is held while its products are handed out. With keys spread evenly it
/// is a 256th of the feed.
const PART_BYTES: u64 = 32 << 20;
/// Products of a feed in memory that are handed out at once.
const AT_ONCE: usize = 1_000;
/// Bytes of records that the splitter refused.
const REFUSED_BYTES: usize = 8 << 20;

/// A record that waits. Without a key it is nobody's.
#[derive(Debug)]
struct WaitingRecord {
    index: u64,
    offset: u64,
    key: Option<String>,
    raw: Vec<u8>,
}

/// Records until the end of the file, and then products.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    held: Vec<WaitingRecord>,
    bytes: usize,
    refused: Vec<Outcome>,
    refused_bytes: usize,
    spilled: Option<Spilled>,
    /// Records that were handed out, as products or refused.
    handed_out: u64,
    /// Steps of the end that were handed out, by this attempt or those before.
    steps: u64,
    /// The steps that were handed out by attempts before.
    behind: u64,
    /// Steps of the end that this attempt has come to.
    ended: u64,
    /// Those of a feed in memory.
    waiting: std::vec::IntoIter<Vec<WaitingRecord>>,
}

#[derive(Debug)]
struct Spilled {
    files: Vec<BufWriter<File>>,
    bytes: u64,
}

/// Turns a record's bytes into a record.
pub(crate) type ReadRecord<'r> = &'r mut dyn FnMut(&[u8]) -> Result<Record, Box<Unread>>;

impl Spread {
    /// Goes on behind the steps that were handed out before.
    pub(crate) fn behind(steps: u64, handed_out: u64) -> Self {
        Self { behind: steps, steps, handed_out, ..Self::default() }
    }

    /// Steps of the end that were handed out.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    /// Records that were.
    pub(crate) const fn handed_out(&self) -> u64 {
        self.handed_out
    }

    /// Takes a record, and the key of its product if it has one.
    ///
    /// # Errors
    /// When there is more than temporary storage holds.
    pub(crate) fn take(&mut self, index: u64, offset: u64, raw: Vec<u8>, key: Option<String>) -> Result<(), String> {
        let held = WaitingRecord { index, offset, key, raw };
        self.bytes += held.raw.len() + 100;
        if self.spilled.is_none() && self.bytes > HELD_BYTES {
            let mut spilled = Spilled::new()?;
            for held in std::mem::take(&mut self.held) {
                spilled.write(&held)?;
            }
            self.spilled = Some(spilled);
        }
        match &mut self.spilled {
            Some(spilled) => spilled.write(&held),
            None => {
                self.held.push(held);
                Ok(())
            }
        }
    }

    /// Takes a record that the splitter refused.
    ///
    /// # Errors
    /// When there are too many of them.
    pub(crate) fn refuse(&mut self, mut outcome: Outcome) -> Result<(), String> {
        if let Outcome::Rejected(_, raw) = &mut outcome {
            raw.truncate(groups::RAW);
            self.refused_bytes += raw.len() + 200;
        }
        if self.refused_bytes > REFUSED_BYTES {
            return Err("most of what is in the file cannot be read".to_owned());
        }
        self.refused.push(outcome);
        Ok(())
    }

    /// Hands out some of what is left; whether there is more. The first step is what the splitter
    /// refused.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub(crate) fn end(
        &mut self,
        mapping: &Mapping,
        read: ReadRecord<'_>,
        out: &mut Vec<Outcome>,
    ) -> Result<bool, String> {
        let number = self.ended;
        self.ended += 1;
        // What was handed out before is passed over.
        let is_new = number >= self.behind;
        if number == 0 {
            if self.spilled.is_none() {
                self.waiting = steps_of(std::mem::take(&mut self.held)).into_iter();
            }
            let refused = std::mem::take(&mut self.refused);
            if is_new {
                self.steps = 1;
                self.handed_out += refused.len() as u64;
                out.extend(refused);
            }
            return Ok(true);
        }
        let step = match &mut self.spilled {
            None => match self.waiting.next() {
                None => return Ok(false),
                Some(step) => step,
            },
            Some(spilled) => match usize::try_from(number - 1).ok().filter(|part| *part < PARTS) {
                None => return Ok(false),
                Some(part) if is_new => spilled.read(part)?,
                Some(_) => return Ok(true),
            },
        };
        if is_new {
            self.steps = number + 1;
            self.handed_out += step.len() as u64;
            hand_out(mapping, step, read, out);
        }
        Ok(true)
    }
}

/// Products by the place of their first record, some at once.
fn steps_of(held: Vec<WaitingRecord>) -> Vec<Vec<WaitingRecord>> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut products: Vec<Vec<WaitingRecord>> = Vec::new();
    for one in held {
        let at = match &one.key {
            Some(key) => *numbers.entry(key.clone()).or_insert(products.len()),
            None => products.len(),
        };
        if at == products.len() {
            products.push(Vec::new());
        }
        products[at].push(one);
    }
    let mut steps: Vec<Vec<WaitingRecord>> = Vec::new();
    for (number, product) in products.into_iter().enumerate() {
        match steps.last_mut().filter(|_| number % AT_ONCE != 0) {
            Some(step) => step.extend(product),
            None => steps.push(product),
        }
    }
    steps
}

/// Turns records into products, in the order of their first records.
fn hand_out(mapping: &Mapping, step: Vec<WaitingRecord>, read: ReadRecord<'_>, out: &mut Vec<Outcome>) {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for WaitingRecord { index, offset, key, raw } in step {
        // It could be read when it came, but for what was refused then, and is refused now.
        let record = match read(&raw) {
            Ok(record) => record,
            Err(why) => {
                let Unread { defect, id } = *why;
                groups.push(Group::refused(groups::refused(index, offset, id, defect, raw)));
                continue;
            }
        };
        let found = match key {
            Some(key) => Ok((record, key)),
            None => groups::key(mapping, record),
        };
        let (record, key) = match found {
            Ok(found) => found,
            Err(why) => {
                let Unread { defect, id } = *why;
                groups.push(Group::refused(groups::refused(index, offset, id, defect, raw)));
                continue;
            }
        };
        let at = *numbers.entry(key.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Group::new(key, index, offset));
        }
        groups[at].add(record, &raw);
    }
    for group in groups {
        group.close(mapping, out);
    }
}

impl Spilled {
    fn new() -> Result<Self, String> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let folder = std::env::temp_dir();
        let file = |_| {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("relay-{}-{number}", std::process::id()));
            let file = File::options().create_new(true).read(true).write(true).open(&path);
            let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
            // It is there as long as it is open, and no longer.
            let _ = std::fs::remove_file(&path);
            Ok(BufWriter::with_capacity(16 << 10, file))
        };
        let files = (0..PARTS).map(file).collect::<Result<_, String>>()?;
        Ok(Self { files, bytes: 0 })
    }

    fn write(&mut self, held: &WaitingRecord) -> Result<(), String> {
        self.bytes += held.raw.len() as u64 + 30;
        if self.bytes > SPILLED_BYTES {
            return Err(format!(
                "the records of one product are spread over the file, and the file has more than {} MiB of them; sort it by what they share and say rows: adjacent",
                SPILLED_BYTES >> 20
            ));
        }
        let key = held.key.as_deref().unwrap_or_default();
        let hash =
            if held.key.is_some() { blake3::hash(key.as_bytes()).as_bytes()[0] } else { held.index.to_le_bytes()[0] };
        let file = &mut self.files[usize::from(hash) % PARTS];
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let mut head = Vec::with_capacity(24);
        head.extend_from_slice(&held.index.to_le_bytes());
        head.extend_from_slice(&held.offset.to_le_bytes());
        head.extend_from_slice(&length(key.len()));
        head.extend_from_slice(&length(held.raw.len()));
        for bytes in [&head, key.as_bytes(), &held.raw] {
            file.write_all(bytes).map_err(|error| format!("temporary storage: {error}"))?;
        }
        Ok(())
    }

    fn read(&mut self, part: usize) -> Result<Vec<WaitingRecord>, String> {
        let unreadable = |error: std::io::Error| format!("temporary storage: {error}");
        let file = &mut self.files[part];
        file.flush().map_err(unreadable)?;
        let file = file.get_mut();
        let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        if size > PART_BYTES {
            return Err(format!("the records of a few products have more than {} MiB", PART_BYTES >> 20));
        }
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut file = std::io::BufReader::with_capacity(256 << 10, file.take(size));
        let mut held = Vec::new();
        let mut head = [0; 24];
        let mut left = size;
        while left > 0 {
            file.read_exact(&mut head).map_err(unreadable)?;
            let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| head[at + byte]));
            let length = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| head[at + byte])) as usize;
            let (mut key, mut raw) = (vec![0; length(16)], vec![0; length(20)]);
            file.read_exact(&mut key).map_err(unreadable)?;
            file.read_exact(&mut raw).map_err(unreadable)?;
            left = left.saturating_sub(24 + key.len() as u64 + raw.len() as u64);
            let key = Some(String::from_utf8_lossy(&key).into_owned()).filter(|key| !key.is_empty());
            held.push(WaitingRecord { index: number(0), offset: number(8), key, raw });
        }
        Ok(held)
    }
}
