//! Products by key, in a temporary file: 32 bytes of memory for each, however large it is.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use catalog::{Product, ProductKey};

use crate::error::CliError;

/// Products by key.
pub struct Index {
    file: File,
    end: u64,
    places: HashMap<u128, (u64, u32, bool)>,
}

impl Index {
    /// An empty one. Its file has no name, and is gone with it.
    ///
    /// # Errors
    /// When there is no temporary folder to write to.
    pub fn new() -> Result<Self, CliError> {
        Ok(Self { file: unnamed()?, end: 0, places: HashMap::new() })
    }

    /// Adds a product; the later one of two with one key counts.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn add(&mut self, key: &ProductKey, product: &Product) -> Result<(), CliError> {
        let bytes = serde_json::to_vec(product).map_err(std::io::Error::from)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        self.places.insert(digest(key), (self.end, length, product.withdrawn));
        self.end += u64::from(length);
        Ok(())
    }

    /// The product of this key, if there is one.
    ///
    /// # Errors
    /// When it cannot be read back.
    pub fn get(&mut self, key: &ProductKey) -> Result<Option<Product>, CliError> {
        let Some((at, length, _)) = self.places.get(&digest(key)) else { return Ok(None) };
        let mut bytes = vec![0; *length as usize];
        self.file.seek(SeekFrom::Start(*at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(Some(serde_json::from_slice(&bytes).map_err(std::io::Error::from)?))
    }

    /// How many there are that are offered and not among those `seen`.
    #[must_use]
    pub fn unseen(&self, seen: &Seen) -> u64 {
        self.places.iter().filter(|(key, (.., withdrawn))| !withdrawn && !seen.0.contains(*key)).count() as u64
    }
}

/// Keys that were met: 16 bytes each.
#[derive(Debug, Default)]
pub struct Seen(std::collections::HashSet<u128>);

impl Seen {
    /// Notes a key; false if it was met before.
    pub fn meet(&mut self, key: &ProductKey) -> bool {
        self.0.insert(digest(key))
    }

    /// Whether a key was met.
    #[must_use]
    pub fn has(&self, key: &ProductKey) -> bool {
        self.0.contains(&digest(key))
    }
}

fn digest(key: &ProductKey) -> u128 {
    let hash = blake3::hash(key.to_string().as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    u128::from_le_bytes(half)
}

fn unnamed() -> Result<File, CliError> {
    let name =
        format!("relay-preview-{}-{}", std::process::id(), COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    // It stays as long as it is open.
    std::fs::remove_file(&path)?;
    Ok(file)
}

static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
