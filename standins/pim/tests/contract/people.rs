//! People beside the pipeline: drafts, dates, the bin, and the bundle. Each test names the row of
//! the table of what was seen on a real Pimcore that it holds the stand-in to; `tests/pimcore_real`
//! asks a real one the same.

use crate::scratch;
use crate::world::World;
use serde_json::{Value, json};

const UPDATE: &str = "mutation($p:String,$i:UpdateCatalogProductInput){a:updateCatalogProduct(fullpath:$p,omitVersionCreate:true,input:$i)\
                      {success message output{id modificationDate}}}";
const PATH: &str = "/catalog/products/p";

/// One product, a person, and the pipeline.
struct Room {
    world: World,
    id: i64,
    cookie: &'static str,
}

impl Room {
    async fn new(name: &str, bundle: bool) -> Self {
        let file = scratch(name).join("pim.db");
        let world = if bundle { World::with_bundle(&file).await } else { World::open(&file, 1000, false).await };
        world.set_clock(100, Vec::new());
        let mut room = Self { world, id: 0, cookie: "person=admin" };
        room.id = room.create().await["output"]["id"].as_str().unwrap().parse().unwrap();
        room.save("publish", json!({ "localizedfields": { "en": { "marketingName": "PUBLISHED" } } })).await;
        room.at(110);
        room
    }

    fn at(&self, now: i64) {
        self.world.set_clock(now, Vec::new());
    }

    async fn create(&self) -> Value {
        let query = "mutation($i:UpdateCatalogProductInput){a:createCatalogProduct(key:\"p\",path:\"/catalog/products\",input:$i)\
                     {success message output{id}}}";
        let input = json!({ "externalId": "s:p", "contentHash": "h0", "name": { "en": "Pot" } });
        self.world.query(query, json!({ "i": input })).await["data"]["a"].clone()
    }

    /// An update of the pipeline that says nothing of what it read.
    async fn update(&self, hash: &str) -> Value {
        let variables = json!({ "p": PATH, "i": { "contentHash": hash } });
        self.world.query(UPDATE, variables).await["data"]["a"].clone()
    }

    async fn update_read_at(&self, hash: &str, read: i64) -> Value {
        let url = format!("{}/pimcore-graphql-webservices/catalog", self.world.base);
        let body = json!({ "query": UPDATE, "variables": { "p": PATH, "i": { "contentHash": hash } },
                           "extensions": { "catalogRelay": { "read": { PATH: read } } } });
        let request = self.world.client().post(url).header("X-API-Key", crate::world::KEY).json(&body);
        request.send().await.unwrap().json::<Value>().await.unwrap()["data"]["a"].clone()
    }

    async fn send(&self, method: &str, path: &str, form: &[(&str, String)]) -> (u16, Value) {
        let url = format!("{}/admin/{path}", self.world.base);
        let request = self.world.client().request(method.parse().unwrap(), url).header("cookie", self.cookie);
        let response = if form.is_empty() { request } else { request.form(form) }.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn save(&self, task: &str, data: Value) -> Value {
        let form = [("id", self.id.to_string()), ("data", data.to_string())];
        self.send("PUT", &format!("object/save?task={task}"), &form).await.1
    }

    async fn draft(&self, task: &str, text: &str) {
        self.save(task, json!({ "localizedfields": { "en": { "marketingName": text } } })).await;
    }

    /// Text, hash and banner as the editor shows them.
    async fn editor(&self) -> (String, String, bool) {
        let (_, body) = self.send("GET", &format!("object/get?id={}", self.id), &[]).await;
        // Whoever opens it next would be told that it is open.
        self.send("PUT", "element/unlock-element", &[("id", self.id.to_string())]).await;
        let text = body["data"]["localizedfields"]["data"]["en"]["marketingName"].as_str().unwrap_or_default();
        let hash = body["data"]["contentHash"].as_str().unwrap_or_default();
        (text.to_owned(), hash.to_owned(), body["draft"].is_object())
    }

    /// Text, hash and date as Data Hub gives them.
    async fn live(&self) -> (String, String, i64) {
        let query = "query($p:String){getCatalogProduct(fullpath:$p){contentHash modificationDate marketingName(language:\"en\")}}";
        let node = self.world.query(query, json!({ "p": PATH })).await["data"]["getCatalogProduct"].clone();
        let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
        (text("marketingName"), text("contentHash"), node["modificationDate"].as_i64().unwrap())
    }

    async fn versions(&self) -> Vec<Value> {
        let (_, body) = self.send("GET", &format!("element/get-versions?id={}&elementType=object", self.id), &[]).await;
        body["versions"].as_array().unwrap().clone()
    }
}

fn shown(text: &str, hash: &str, banner: bool) -> (String, String, bool) {
    (text.to_owned(), hash.to_owned(), banner)
}

/// Section 1, rows "draft", "autosave" and "draft and update in the same second".
#[tokio::test]
async fn any_update_hides_a_draft_and_leaves_it_in_the_versions_tab() {
    for (name, task, later) in [("draft", "version", 5), ("autosave", "autoSave", 5), ("second", "version", 0)] {
        let room = Room::new(name, false).await;
        room.draft(task, "DRAFT TEXT").await;
        assert_eq!(room.editor().await, shown("DRAFT TEXT", "h0", true));
        assert_eq!(room.live().await.0, "PUBLISHED", "Data Hub shows no drafts");
        room.at(110 + later);
        room.update("h1").await;
        assert_eq!(room.editor().await, shown("PUBLISHED", "h1", false), "{name}");
        assert_eq!(room.versions().await.len(), 2, "{name}");
    }
}

/// Section 1, "Afterwards only": the row's count rises over a draft and not otherwise, and a filter
/// finds it.
#[tokio::test]
async fn a_count_of_versions_tells_afterwards_that_a_draft_was_hidden() {
    let room = Room::new("count", false).await;
    let above = |count: i64| {
        let filter = json!({ "$and": [{ "id": room.id }, { "versionCount": { "$gt": count } }] }).to_string();
        let query = "query($f:String){getCatalogProductListing(filter:$f,published:false){totalCount}}";
        let found = room.world.query(query, json!({ "f": filter }));
        async { found.await["data"]["getCatalogProductListing"]["totalCount"].as_i64().unwrap() }
    };
    room.update("h1").await;
    assert_eq!((above(2).await, above(3).await), (1, 0), "two of the creation, one of the person");
    room.draft("version", "DRAFT TEXT").await;
    assert_eq!(above(3).await, 0);
    room.update("h2").await;
    assert_eq!((above(3).await, above(4).await), (1, 0));
    room.update("h3").await;
    assert_eq!(above(4).await, 0);
}

/// Section 1, "Publishing a draft with no product update between" and "Editor left open over the
/// update".
#[tokio::test]
async fn publishing_takes_the_draft_that_is_offered_and_no_other() {
    let room = Room::new("publish", false).await;
    room.draft("version", "DRAFT TEXT").await;
    room.save("publish", json!({})).await;
    assert_eq!(room.live().await.0, "DRAFT TEXT");
    room.draft("version", "ANOTHER").await;
    room.at(120);
    room.update("h1").await;
    room.save("publish", json!({ "shopVisibility": "show" })).await;
    let (text, hash, _) = room.live().await;
    assert_eq!((text.as_str(), hash.as_str()), ("DRAFT TEXT", "h1"), "the draft's text is lost, and nothing is said");
}

/// Section 1, "Person finds the draft in the versions tab and presses Publish there".
#[tokio::test]
async fn a_version_published_by_hand_brings_back_the_old_hash_unless_the_bundle_is_there() {
    for (bundle, hash) in [(false, "h0"), (true, "h1")] {
        let room = Room::new(&format!("tab-{bundle}"), bundle).await;
        room.draft("version", "DRAFT TEXT").await;
        let id = room.versions().await.last().unwrap()["id"].to_string();
        room.at(120);
        room.update("h1").await;
        room.send("POST", "object/publish-version", &[("id", id)]).await;
        let (text, found, _) = room.live().await;
        assert_eq!((text.as_str(), found.as_str()), ("DRAFT TEXT", hash));
    }
}

/// Section 1, the remedy: the draft survives, with what was written, and copies do not pile up.
#[tokio::test]
async fn with_the_bundle_drafts_survive_updates() {
    for (name, task) in [("kept-draft", "version"), ("kept-autosave", "autoSave")] {
        let room = Room::new(name, true).await;
        room.draft(task, "DRAFT TEXT").await;
        let before = room.versions().await.len();
        for n in 1..4 {
            room.update(&format!("h{n}")).await;
            assert_eq!(room.editor().await, shown("DRAFT TEXT", &format!("h{n}"), true), "{name}");
        }
        assert!(room.versions().await.len() <= before + 1, "{name}");
        room.save("publish", json!({})).await;
        let (text, hash, _) = room.live().await;
        assert_eq!((text.as_str(), hash.as_str()), ("DRAFT TEXT", "h3"));
        assert!(!room.editor().await.2, "{name}: published, it is no draft any more, in the same second either");
    }
}

/// The bundle: two people's autosaves are each their own.
#[tokio::test]
async fn with_the_bundle_each_person_keeps_an_autosave() {
    let mut room = Room::new("two", true).await;
    room.draft("autoSave", "OF ONE").await;
    room.cookie = "person=two";
    room.draft("autoSave", "OF TWO").await;
    room.update("h1").await;
    assert_eq!(room.editor().await, shown("OF TWO", "h1", true));
    room.cookie = "person=admin";
    assert_eq!(room.editor().await, shown("OF ONE", "h1", true));
}

/// Section 5: without the bundle the dates that a request names mean nothing; with it a write
/// prepared from an older state is refused.
#[tokio::test]
async fn with_the_bundle_a_write_prepared_before_a_persons_save_is_refused() {
    for bundle in [false, true] {
        let room = Room::new(&format!("stale-{bundle}"), bundle).await;
        let read = room.live().await.2;
        // Within the second in which it was read, too.
        room.at(read);
        room.save("publish", json!({ "shopVisibility": "show" })).await;
        let answer = room.update_read_at("h1", read).await;
        assert_eq!(answer["success"], !bundle, "{answer}");
        if bundle {
            assert!(
                answer["message"].as_str().unwrap().starts_with("catalog conflict: /catalog/products/p was saved at "),
                "{answer}"
            );
            assert_eq!(room.live().await.1, "h0");
            let now = room.live().await.2;
            assert_eq!(room.update_read_at("h1", now).await["success"], true);
        }
        assert_eq!(room.live().await.1, "h1");
    }
}

/// Section 3, rows "unpublish", "edit while unpublished", "rename", "move out of /catalog" and
/// "lock".
#[tokio::test]
async fn what_people_decide_stands() {
    let room = Room::new("decide", false).await;
    room.save("unpublish", json!({})).await;
    room.draft("version", "A REAL SAVE").await;
    room.update("h1").await;
    assert_eq!(room.live().await.0, "A REAL SAVE");
    let id = || ("id", room.id.to_string());
    room.send("PUT", "object/update", &[id(), ("values", json!({ "locked": "self" }).to_string())]).await;
    assert_eq!(room.update("h2").await["success"], true, "a lock is for people");
    let (_, kept) = room.send("DELETE", &format!("object/delete?id={}", room.id), &[]).await;
    assert_eq!(kept["message"], format!("prevented deleting object, because it is locked: ID: {}", room.id));
    room.send("PUT", "object/update", &[id(), ("values", json!({ "locked": null }).to_string())]).await;
    room.send("POST", "object/add-folder", &[("parentId", "1".to_owned()), ("key", "elsewhere".to_owned())]).await;
    let (_, folder) = room.send("GET", "element/get-subtype?id=/elsewhere&type=object", &[]).await;
    room.send("PUT", "object/update", &[id(), ("values", json!({ "parentId": folder["id"] }).to_string())]).await;
    assert_eq!(room.update("h3").await["message"], "unable to update object. Unknown id or fullpath");
    let query = UPDATE.replace("$p,", "\"/elsewhere/p\",").replace("$p:String,", "");
    let denied = room.world.query(&query, json!({ "i": { "contentHash": "h3" } })).await;
    assert_eq!(denied["data"]["a"]["message"], "permission denied.");
    assert_eq!(room.create().await["message"], "unique constraint violation");
}

/// Section 6, "Restore alone" and "If the feed makes the product again while it lies in the bin,
/// Restore fails".
#[tokio::test]
async fn a_restore_brings_everything_back_unless_the_product_was_made_again() {
    let room = Room::new("bin", false).await;
    let into_bin = async || {
        let form = [("type", "object".to_owned()), ("id", room.id.to_string())];
        room.send("POST", "recyclebin/add", &form).await;
        room.send("DELETE", &format!("object/delete?id={}", room.id), &[]).await;
        let (_, list) = room.send("POST", "recyclebin/list", &[("filterFullText", PATH.to_owned())]).await;
        list["data"][0]["id"].to_string()
    };
    let item = into_bin().await;
    assert_eq!(room.update("h1").await["message"], "unable to update object. Unknown id or fullpath");
    room.at(130);
    assert_eq!(room.send("POST", "recyclebin/restore", &[("id", item)]).await.0, 200);
    assert_eq!(room.live().await, ("PUBLISHED".to_owned(), "h0".to_owned(), 130), "the change feed sees it");
    let item = into_bin().await;
    assert_eq!(room.create().await["success"], true);
    let (status, said) = room.send("POST", "recyclebin/restore", &[("id", item.clone())]).await;
    assert_eq!((status, &said["message"]), (422, &json!("unique constraint violation")));
    let (_, list) = room.send("POST", "recyclebin/list", &[("filterFullText", PATH.to_owned())]).await;
    assert_eq!(list["data"][0]["id"].to_string(), item, "it stays in the bin");
}
