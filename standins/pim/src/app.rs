//! What a running stand-in has: settings, database, clock, faults and counters; and what one
//! request carries along.

use crate::counters::Counters;
use crate::faults::Faults;
use crate::latency::{Cost, Latency};
use crate::model::{CATEGORIES, PRODUCTS};
use crate::store::{self, Store, Workspace};
use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use rusqlite::Connection;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Unix seconds now.
pub type Clock = Box<dyn Fn() -> i64 + Send + Sync>;

/// The clock of the machine.
pub fn system_clock() -> Clock {
    Box::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// How the stand-in is set up.
#[derive(Debug)]
pub struct Settings {
    pub database: PathBuf,
    /// The key that clients have to send.
    pub api_key: String,
    /// Whether the configuration offers the mutations that delete.
    pub with_delete: bool,
    /// Whether it behaves as with the bundle of `platforms/pimcore-bundle`.
    pub bundle: bool,
    /// How slow it pretends to be.
    pub latency: Latency,
    /// The number of the first object in an empty database.
    pub first_id: i64,
}

/// The running stand-in.
pub struct App {
    /// How it was set up.
    pub settings: Settings,
    pub store: Store,
    /// What GraphQL offers.
    pub schema: Valid<Schema>,
    pub clock: Clock,
    /// What is to go wrong next.
    pub faults: Faults,
    /// What was asked for so far.
    pub counters: Counters,
    workspaces: Vec<Workspace>,
    moments: AtomicU64,
    /// Who created an object, and when: tells a race from a plain duplicate.
    created: Mutex<HashMap<i64, (u64, u64)>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("App").finish_non_exhaustive()
    }
}

/// So many creations are remembered to recognise races.
const REMEMBERED: usize = 10_000;

impl App {
    /// Opens the database and prepares the schema.
    pub fn open(settings: Settings, clock: Clock) -> rusqlite::Result<Self> {
        let now = clock();
        let store = Store::open(&settings.database, settings.first_id, now)?;
        let workspaces = store.read(|connection| {
            let mut found = Vec::new();
            for path in [PRODUCTS, CATEGORIES] {
                if let Some(folder) = store::by_path(connection, path)? {
                    found.push(Workspace { folder: folder.id, path });
                }
            }
            Ok(found)
        })?;
        Ok(Self {
            schema: crate::schema::schema(settings.with_delete, now.unsigned_abs()),
            store,
            clock,
            faults: Faults::default(),
            counters: Counters::default(),
            workspaces,
            moments: AtomicU64::new(1),
            created: Mutex::default(),
            settings,
        })
    }

    /// The folders that the configuration covers.
    pub fn workspaces(&self) -> &[Workspace] {
        &self.workspaces
    }

    /// Whether the configuration may read and write an element with that path: it is a workspace
    /// folder or lies below one. Permissions hold the folder's number, so they follow a rename.
    pub fn allowed(&self, connection: &Connection, fullpath: &str) -> rusqlite::Result<bool> {
        for workspace in &self.workspaces {
            if let Some(folder) = store::by_id(connection, workspace.folder)?
                && (fullpath == folder.fullpath() || fullpath.starts_with(&folder.children_path()))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }
}

/// What one GraphQL request carries along while it is executed.
pub struct Request<'a> {
    pub app: &'a App,
    started: u64,
    /// Held from the moment at which an alias died: its transaction stays open until the request
    /// ends.
    trapped: RefCell<Option<MutexGuard<'a, Connection>>>,
    /// The process is gone: the answer is an HTML page, and nothing more is executed.
    pub fatal: Cell<bool>,
    /// The language of localized fields without an explicit one. A `defaultLanguage` argument
    /// changes it for everything that follows in the request.
    pub language: RefCell<String>,
    /// The modification dates that the request says it read, by path:
    /// `extensions.catalogRelay.read`. Only the bundle looks there.
    pub read_dates: RefCell<HashMap<String, i64>>,
    began: Instant,
    /// Time that has been paid for by alias or row.
    paid: Cell<Duration>,
}

impl<'a> Request<'a> {
    pub fn new(app: &'a App) -> Self {
        Self {
            app,
            started: app.moment(),
            trapped: RefCell::new(None),
            fatal: Cell::new(false),
            language: RefCell::new("en".to_owned()),
            read_dates: RefCell::default(),
            began: Instant::now(),
            paid: Cell::new(Duration::ZERO),
        }
    }

    /// Makes the work that began then as slow as the settings say.
    pub fn pay(&self, work: Cost, began: Instant) {
        self.app.settings.latency.pay(work, began.elapsed());
        self.paid.set(self.paid.get() + began.elapsed());
    }

    /// Makes what all requests have in common as slow as the settings say.
    pub fn pay_rest(&self) {
        let spent = self.began.elapsed().saturating_sub(self.paid.get());
        self.app.settings.latency.pay(Cost::Request, spent);
    }

    /// Reads as this request sees the data: what it wrote itself is there, even if it will be
    /// rolled back.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        match self.trapped.borrow().as_ref() {
            Some(connection) => work(connection),
            None => self.app.store.read(work),
        }
    }

    /// Runs `work` in a transaction of its own and keeps it if it says so. Once an alias has died,
    /// transactions only nest in the one that it left open.
    pub fn write<T, E: From<rusqlite::Error>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let trapped = self.trapped.borrow();
        let Some(connection) = trapped.as_ref() else {
            return self.app.store.transaction(work);
        };
        connection.execute_batch("SAVEPOINT alias")?;
        let result = work(connection);
        connection.execute_batch(if result.is_ok() { "RELEASE alias" } else { "ROLLBACK TO alias; RELEASE alias" })?;
        result
    }

    /// An alias dies in the middle of a save: its transaction stays open, and whatever this request
    /// writes from now on is rolled back at its end although it is reported as done.
    pub fn die(&self) -> rusqlite::Result<()> {
        let mut trapped = self.trapped.borrow_mut();
        if trapped.is_none() {
            let connection = self.app.store.writer();
            connection.execute_batch("BEGIN IMMEDIATE")?;
            // The save had got as far as taking a number.
            connection.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'objects'", [])?;
            *trapped = Some(connection);
        }
        Ok(())
    }

    /// Remembers that this request created an object.
    pub fn note_created(&self, id: i64) {
        let mut created = self.app.created.lock().unwrap_or_else(PoisonError::into_inner);
        if created.len() >= REMEMBERED {
            created.clear();
        }
        created.insert(id, (self.app.moment(), self.started));
    }

    /// Whether another request created this object after this one began: then Pimcore has already
    /// looked for duplicates and runs into the unique index instead.
    pub fn lost_race(&self, id: i64) -> bool {
        let created = self.app.created.lock().unwrap_or_else(PoisonError::into_inner);
        created.get(&id).is_some_and(|(at, by)| *at > self.started && *by != self.started)
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.trapped.borrow_mut().take()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "stand-in: the open transaction of a dead alias could not be rolled back");
        }
    }
}
