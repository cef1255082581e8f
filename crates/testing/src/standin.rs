//! The stand-in for Pimcore, in this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use pim::app::{App, Settings, system_clock};
use pim::editor;
pub use pim::latency::Latency;
use pim::person::{self, Target};
use pimcore::{ApiKey, Pimcore};
use serde_json::Value;

pub const KEY: &str = "a-key-of-the-stand-in";

/// A running stand-in with an empty database of its own.
pub struct StandIn {
    pub app: Arc<App>,
    pub url: String,
    /// Seconds that its clock is ahead of the machine's.
    pub ahead: Arc<AtomicI64>,
    folder: PathBuf,
}

impl StandIn {
    pub async fn start(name: &str) -> Self {
        Self::with_latency(name, Latency::of(0, 0, 0)).await
    }

    /// One whose fields have these languages, too, a list with commas. The first in its process only.
    pub async fn speaking(name: &str, further: &str) -> Self {
        assert!(pim::model::speak(further), "a stand-in of this process has its languages already");
        Self::start(name).await
    }

    /// One that behaves as with our bundle.
    pub async fn with_bundle(name: &str) -> Self {
        Self::open(name, Latency::of(0, 0, 0), true).await
    }

    pub async fn with_latency(name: &str, latency: Latency) -> Self {
        Self::open(name, latency, false).await
    }

    async fn open(name: &str, latency: Latency, bundle: bool) -> Self {
        Self::on(Self::folder(name), latency, bundle).await
    }

    /// One that is opened on what an earlier version has left, as a dump.
    pub async fn filled(name: &str, dump: &str) -> Self {
        let folder = Self::folder(name);
        pim::store::fill(&folder.join("pim.db"), dump).unwrap();
        Self::on(folder, Latency::of(0, 0, 0), false).await
    }

    /// The same file, opened once more.
    pub async fn again(&self) -> Self {
        Self::on(self.folder.clone(), Latency::of(0, 0, 0), false).await
    }

    /// The columns of its tables.
    pub fn shape(&self) -> Vec<String> {
        pim::store::shape(&self.folder.join("pim.db")).unwrap()
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("stand-in-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    async fn on(folder: PathBuf, latency: Latency, bundle: bool) -> Self {
        let settings = Settings {
            database: folder.join("pim.db"),
            api_key: KEY.into(),
            with_delete: false,
            bundle,
            latency,
            first_id: 1000,
        };
        let ahead = Arc::new(AtomicI64::new(0));
        let (now, offset) = (system_clock(), Arc::clone(&ahead));
        let clock = Box::new(move || now() + offset.load(Ordering::Relaxed));
        let app = Arc::new(App::open(settings, clock).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, pim::http::router(Arc::clone(&app))).into_future());
        Self { app, url, ahead, folder }
    }

    pub fn client(&self) -> Pimcore {
        Pimcore::new(&self.url, &ApiKey::new(KEY)).unwrap()
    }

    /// A person edits and saves.
    pub fn edit(&self, path: &str, set: Value) {
        let Value::Object(set) = set else { panic!("fields are an object") };
        person::edit(&self.app, &Target::Path(path.into()), &set, false)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// A person saves a draft.
    pub fn draft(&self, path: &str, set: Value) {
        let Value::Object(set) = set else { panic!("fields are an object") };
        person::edit(&self.app, &Target::Path(path.into()), &set, true)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// A person deletes.
    pub fn delete(&self, path: &str) {
        person::delete(&self.app, &Target::Path(path.into())).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The same, as the editor does it: what was there can be restored.
    pub fn delete_into_bin(&self, path: &str) {
        editor::put_into_bin(&self.app, &Target::Path(path.into())).unwrap_or_else(|error| panic!("{path}: {error}"));
        self.delete(path);
    }

    /// A person restores the newest item of the bin that was at this path; whether it worked.
    pub fn restore(&self, path: &str) -> bool {
        let item =
            editor::newest_in_bin(&self.app, path).unwrap().unwrap_or_else(|| panic!("{path} is not in the bin"));
        editor::restore_item(&self.app, item).is_ok()
    }

    /// What a person sees.
    pub fn view(&self, path: &str) -> Option<Value> {
        person::read(&self.app, &Target::Path(path.into())).unwrap()
    }

    /// Something is to go wrong.
    pub fn fault(&self, fault: Value) {
        self.app.faults.add(serde_json::from_value(fault).unwrap());
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Far away.
pub fn later() -> Instant {
    Instant::now() + Duration::from_secs(30)
}
