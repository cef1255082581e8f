//! Reads an object from front to back, a few range reads ahead of the reader.

use std::collections::VecDeque;

use catalog::Failure;
use tokio::task::JoinHandle;

use crate::codes;
use crate::message::FeedObject;
use crate::ports::{ObjectError, Objects};

/// Bytes of one range read.
pub const RANGE: u64 = 2 << 20;
/// Range reads under way at once. With [`RANGE`] this is what of an object is in memory.
pub const AHEAD: usize = 3;

/// The rest of an object, from some byte on.
#[derive(Debug)]
pub struct ObjectReader<O> {
    objects: O,
    work: FeedObject,
    next: u64,
    size: u64,
    under_way: VecDeque<JoinHandle<Result<Vec<u8>, ObjectError>>>,
}

impl<O: Objects> ObjectReader<O> {
    /// Reads bytes `from..size`.
    #[must_use]
    pub fn new(objects: O, work: FeedObject, from: u64, size: u64) -> Self {
        Self { objects, work, next: from, size, under_way: VecDeque::new() }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// As [`Objects::range`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ObjectError> {
        while self.under_way.len() < AHEAD && self.next < self.size {
            let (from, to) = (self.next, (self.next + RANGE).min(self.size));
            let (objects, work) = (self.objects.clone(), self.work.clone());
            self.under_way.push_back(tokio::spawn(async move { objects.range(&work, from, to).await }));
            self.next = to;
        }
        match self.under_way.pop_front() {
            None => Ok(None),
            Some(read) => match read.await {
                Ok(bytes) => bytes.map(Some),
                Err(error) => {
                    let message = format!("{}: a read was aborted: {error}", self.work.location());
                    Err(ObjectError::Failed(Failure::transient(codes::BUCKET_UNAVAILABLE, message)))
                }
            },
        }
    }
}

impl<O> Drop for ObjectReader<O> {
    fn drop(&mut self) {
        for read in &self.under_way {
            read.abort();
        }
    }
}
