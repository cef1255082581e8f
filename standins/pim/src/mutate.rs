//! The mutations: create, update and delete, one transaction each.

use crate::app::Request;
use crate::counters::Event;
use crate::faults;
use crate::input;
use crate::latency::Cost;
use crate::model::{Class, Field, Kind, SHOP_VISIBILITY};
use crate::refusal::Refusal;
use crate::store::{self, Object, Values};
use crate::text;
use crate::versions;
use rusqlite::Connection;
use serde_json::{Map, Value};
use std::time::Instant;

/// What a mutation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A new object.
    Create,
    /// Changes to one that exists.
    Update,
    Delete,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// How a mutation ended.
#[derive(Debug)]
pub enum Outcome {
    /// Done: `success: true` with this message; the object's number unless it was deleted.
    Done(String, Option<i64>),
    /// `success: false` with this reason.
    Refused(Refusal),
    /// The alias died: null with an internal error.
    Died,
}

/// Carries out one alias.
pub fn run(request: &Request<'_>, verb: Verb, class: &'static Class, arguments: &Map<String, Value>) -> Outcome {
    let began = Instant::now();
    let outcome = carry_out(request, verb, class, arguments);
    request.pay(if verb == Verb::Create { Cost::Create } else { Cost::Update }, began);
    outcome
}

fn carry_out(request: &Request<'_>, verb: Verb, class: &'static Class, arguments: &Map<String, Value>) -> Outcome {
    let app = request.app;
    let target = ["key", "fullpath"].into_iter().find_map(|name| arguments.get(name)?.as_str()).unwrap_or_default();
    match app.faults.for_alias(target) {
        Some(fault) if fault.kind == faults::Kind::AliasDies => {
            app.counters.count(Event::Fault);
            if let Err(error) = request.die() {
                tracing::error!(%error, "stand-in: cannot leave a transaction open");
            }
            return Outcome::Died;
        }
        Some(fault) => {
            app.counters.count(Event::Fault);
            app.counters.count(Event::Refused);
            let message = fault.message.unwrap_or_else(|| "refused by an injected fault".to_owned());
            return Outcome::Refused(Refusal::Injected(message));
        }
        None => {}
    }
    let mut renamed = false;
    let result = request.write(|connection| {
        let save = Save { request, connection, class, arguments };
        match verb {
            Verb::Create => save.create().map(|id| (format!("object created: {id}"), Some(id))),
            Verb::Update => save.update(&mut renamed).map(|id| (format!("object {id} updated"), Some(id))),
            Verb::Delete => save.delete(&mut renamed).map(|()| (String::new(), None)),
        }
    });
    match result {
        // The work is done, yet the answer is a refusal: the permissions could not be written.
        Ok(_) if renamed => Outcome::Refused(Refusal::Configuration),
        Ok((message, id)) => {
            app.counters.count(match verb {
                Verb::Create => Event::Created,
                Verb::Update => Event::Updated,
                Verb::Delete => Event::Deleted,
            });
            if let (Verb::Create, Some(id)) = (verb, id) {
                request.note_created(id);
            }
            Outcome::Done(message, id)
        }
        Err(Refusal::Database(error)) => {
            tracing::error!(%error, "stand-in: the database failed");
            Outcome::Died
        }
        Err(refusal) => {
            app.counters.count(Event::Refused);
            Outcome::Refused(refusal)
        }
    }
}

struct Save<'a, 'r> {
    request: &'a Request<'r>,
    connection: &'a Connection,
    class: &'static Class,
    arguments: &'a Map<String, Value>,
}

impl Save<'_, '_> {
    fn number(&self, name: &str) -> Option<i64> {
        self.arguments.get(name).and_then(Value::as_i64)
    }

    fn string(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).and_then(Value::as_str)
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.arguments.get(name).and_then(Value::as_bool)
    }

    fn input(&self) -> Map<String, Value> {
        self.arguments.get("input").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    fn allowed(&self, fullpath: &str) -> Result<bool, Refusal> {
        Ok(self.request.app.allowed(self.connection, fullpath)?)
    }

    fn create(&self) -> Result<i64, Refusal> {
        let parent = match (self.number("parentId"), self.string("path")) {
            (Some(id), _) => store::by_id(self.connection, id)?,
            (None, Some(path)) => store::by_path(self.connection, path)?,
            (None, None) => None,
        };
        let parent = parent.ok_or(Refusal::NoParent)?;
        if !self.allowed(&parent.fullpath())? {
            return Err(Refusal::MayNotCreate(self.class.name));
        }
        let now = (self.request.app.clock)();
        let mut object = Object {
            id: 0,
            parent: parent.id,
            class: Some(self.class),
            key: text::object_key(self.string("key").unwrap_or_default()),
            path: parent.children_path(),
            published: self.flag("published").unwrap_or(true),
            created: now,
            modified: now,
            version: None,
            version_count: 2,
            values: defaults(self.class),
        };
        input::apply(self.connection, &mut object, &self.input(), input::source_only)?;
        self.check(&object)?;
        input::validate(&object, self.class, self.flag("omitMandatoryCheck").unwrap_or(false))?;
        // Pimcore saves a new object twice, with a version each time.
        store::new_version(self.connection)?;
        object.version = Some(store::new_version(self.connection)?);
        store::insert(self.connection, &mut object)?;
        store::count_save(self.connection, object.id)?;
        Ok(object.id)
    }

    /// The object that the arguments name.
    fn target(&self, verb: Verb) -> Result<Object, Refusal> {
        let found = match (self.number("id"), self.string("fullpath")) {
            (None, None) => return Err(Refusal::NoTarget),
            (Some(_), Some(_)) => return Err(Refusal::TwoTargets),
            (Some(id), None) => store::by_id(self.connection, id)?,
            (None, Some(path)) => store::by_path(self.connection, path)?,
        };
        let object = found.ok_or(Refusal::Unknown(verb.name()))?;
        if self.allowed(&object.fullpath())? { Ok(object) } else { Err(Refusal::Denied) }
    }

    fn update(&self, renamed: &mut bool) -> Result<i64, Refusal> {
        let before = self.target(Verb::Update)?;
        self.fresh(&before)?;
        let mut object = before.clone();
        // A parent that does not exist is passed over without a word.
        if let Some(parent) = self.number("parentId").map(|id| store::by_id(self.connection, id)).transpose()?.flatten()
        {
            if !self.allowed(&parent.fullpath())? {
                return Err(Refusal::Denied);
            }
            if parent.id == object.id {
                return Err(Refusal::OwnParent);
            }
            if parent.fullpath().starts_with(&before.children_path()) {
                // Pimcore runs out of memory here.
                self.request.fatal.set(true);
                return Err(Refusal::Denied);
            }
            object.parent = parent.id;
            object.path = parent.children_path();
        }
        input::apply(self.connection, &mut object, &self.input(), input::source_only)?;
        self.check(&object)?;
        if let Some(class) = object.class {
            input::validate(&object, class, self.flag("omitMandatoryCheck").unwrap_or(false))?;
        }
        object.modified = versions::stamp(self.request.app, &before);
        object.version_count = versions::count(self.connection, &before)?;
        object.version = match self.flag("omitVersionCreate") {
            Some(true) => None,
            _ => {
                object.version_count += 1;
                Some(store::new_version(self.connection)?)
            }
        };
        store::update(self.connection, &before, &object)?;
        store::count_save(self.connection, object.id)?;
        if self.request.app.settings.bundle {
            versions::carry_over(self.connection, before.version_count, &object)?;
        }
        *renamed = self
            .request
            .app
            .workspaces()
            .iter()
            .any(|workspace| workspace.folder == object.id && workspace.path != object.fullpath());
        Ok(object.id)
    }

    /// The bundle refuses a write that was prepared from another state than the one that stands.
    fn fresh(&self, before: &Object) -> Result<(), Refusal> {
        let path = before.fullpath();
        let read = self.request.read_dates.borrow().get(&path).copied();
        match read.filter(|read| self.request.app.settings.bundle && *read != before.modified) {
            Some(read) => Err(Refusal::Conflict(path, before.modified, read)),
            None => Ok(()),
        }
    }

    fn delete(&self, removed: &mut bool) -> Result<(), Refusal> {
        let object = self.target(Verb::Delete)?;
        store::delete(self.connection, &object)?;
        *removed = self.request.app.workspaces().iter().any(|workspace| workspace.folder == object.id);
        Ok(())
    }

    /// What is wrong with the place of an object: no key, or the place is taken.
    fn check(&self, object: &Object) -> Result<(), Refusal> {
        if object.key.is_empty() {
            return Err(Refusal::NoKey);
        }
        match store::id_at(self.connection, &object.path, &object.key)? {
            Some(other) if other != object.id => Err(if self.request.lost_race(other) {
                Refusal::Unique
            } else {
                Refusal::DuplicatePath(object.fullpath())
            }),
            _ => Ok(()),
        }
    }
}

/// The values that a new object has.
fn defaults(class: &Class) -> Values {
    let selects = class.fields.iter().filter(|field: &&Field| matches!(field.kind, Kind::Select));
    selects.map(|field| (field.name.to_owned(), Value::from(SHOP_VISIBILITY[0]))).collect()
}
