//! A third language, as it was seen on a real Pimcore with
//! `pimcore.general.valid_languages: [en, ar, fr]`: the rows of the recordings are named. In a
//! binary of its own, because a process has its languages once.
#![allow(dead_code, clippy::unwrap_used, reason = "a test may fail by panicking, and uses a part of the world")]

#[path = "contract/world.rs"]
mod world;

use serde_json::{Value, json};
use world::World;

const PATH: &str = "/catalog/products/p";
const READ: &str = "{getCatalogProduct(fullpath:\"/catalog/products/p\"){contentHash en:name(language:\"en\") ar:name(language:\"ar\") \
                    fr:name(language:\"fr\") de:name(language:\"de\") own:marketingName(language:\"en\") leur:marketingName(language:\"fr\")}}";

struct Room(World);

impl Room {
    async fn update(&self, input: Value) -> Value {
        let query = "mutation($p:String,$i:UpdateCatalogProductInput){a:updateCatalogProduct(fullpath:$p,omitVersionCreate:true,input:$i){success}}";
        self.0.query(query, json!({"p": PATH, "i": input})).await
    }

    /// The texts that are there, by the name that the query gives them.
    async fn texts(&self) -> Value {
        let mut node = self.0.query(READ, Value::Null).await["data"]["getCatalogProduct"].take();
        node.as_object_mut().unwrap().retain(|name, text| name != "contentHash" && !text.is_null());
        node
    }
}

#[tokio::test]
async fn a_third_language_is_written_read_and_left_alone_as_on_a_real_pimcore() {
    assert!(pim::model::speak("fr"));
    let folder = std::env::temp_dir().join(format!("pim-languages-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let world = World::open(&folder.join("pim.db"), 1000, false).await;
    world.set_clock(100, Vec::new());
    let create = "mutation($i:UpdateCatalogProductInput){a:createCatalogProduct(key:\"p\",path:\"/catalog/products\",input:$i){success}}";
    let input = json!({"externalId": "s:p", "contentHash": "h0", "name": {"en": "Pot", "ar": "قدر"}});
    assert_eq!(world.query(create, json!({"i": input})).await["data"]["a"]["success"], true);

    // people.md 4: the input type has a member for it by itself, which is what the pipeline asks
    // for.
    let asked = world.query("{__type(name:\"LocalizedString\"){inputFields{name}}}", Value::Null).await;
    assert_eq!(asked["data"]["__type"]["inputFields"], json!([{"name": "en"}, {"name": "ar"}, {"name": "fr"}]));

    let edit = json!({"name": {"fr": "Marmite"}, "marketingName": {"en": "Fine pot", "fr": "Belle marmite"}});
    pim::person::edit(&world.app, &pim::person::Target::Path(PATH.into()), edit.as_object().unwrap(), false).unwrap();
    let room = Room(world);
    for (row, input, texts) in [
        (
            "people.md 4: an update that does not name it leaves it, and people's texts; null empties its own language only",
            json!({"contentHash": "h1", "name": {"en": "Pan", "ar": null}}),
            json!({"en": "Pan", "fr": "Marmite", "own": "Fine pot", "leur": "Belle marmite"}),
        ),
        (
            "24a, of the general recordings: one language leaves the others",
            json!({"name": {"ar": "مقلاة"}}),
            json!({"en": "Pan", "ar": "مقلاة", "fr": "Marmite", "own": "Fine pot", "leur": "Belle marmite"}),
        ),
        (
            "24b: several at once",
            json!({"name": {"en": "Wok", "fr": "Poêle"}}),
            json!({"en": "Wok", "ar": "مقلاة", "fr": "Poêle", "own": "Fine pot", "leur": "Belle marmite"}),
        ),
        (
            "24c: null clears one",
            json!({"name": {"fr": null}}),
            json!({"en": "Wok", "ar": "مقلاة", "own": "Fine pot", "leur": "Belle marmite"}),
        ),
        (
            "24d: null in the place of all changes none",
            json!({"name": null}),
            json!({"en": "Wok", "ar": "مقلاة", "own": "Fine pot", "leur": "Belle marmite"}),
        ),
    ] {
        let done = room.update(input).await;
        assert_eq!(done["data"]["a"]["success"], true, "{row}: {done}");
        assert_eq!(room.texts().await, texts, "{row}");
    }

    // 24f: one that it lacks is refused before anything is done.
    let refused = room.update(json!({"contentHash": "h2", "name": {"de": "Topf"}})).await;
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("Field \"de\" is not defined by type \"LocalizedString\""), "{message}");
    assert!(refused["data"].is_null());
    assert_eq!(room.texts().await["en"], "Wok");
    std::fs::remove_dir_all(&folder).unwrap();
}
