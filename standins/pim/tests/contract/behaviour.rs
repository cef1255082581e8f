//! What no single recording shows: races, faults, the end of the process, and the pages for people.

use crate::arrange;
use crate::scratch;
use crate::world::{KEY, World};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

const CREATE: &str = "mutation($k:String!,$i:UpdateCatalogProductInput){createCatalogProduct(key:$k,\
                      path:\"/catalog/products\",input:$i){success message output{id}}}";

async fn create(world: &World, key: &str) -> Value {
    let input = json!({ "externalId": key });
    world.query(CREATE, json!({ "k": key, "i": input })).await["data"]["createCatalogProduct"].clone()
}

async fn total(world: &World) -> i64 {
    let query = "{getCatalogProductListing(published:false){totalCount}}";
    world.query(query, Value::Null).await["data"]["getCatalogProductListing"]["totalCount"].as_i64().unwrap()
}

#[tokio::test]
async fn what_follows_an_alias_that_died_is_reported_as_done_and_gone_afterwards() {
    let folder = scratch("dies");
    let world = World::open(&folder.join("pim.db"), 1000, false).await;
    world.break_next(json!({ "kind": "alias-dies", "match": "second" }));
    let one = |alias: &str, key: &str| {
        format!(
            "{alias}:createCatalogProduct(key:\"{key}\",path:\"/catalog/products\",input:{{externalId:\"{key}\"}})\
             {{success output{{id fullpath}}}}"
        )
    };
    let query = format!("mutation{{{} {} {}}}", one("a", "first"), one("b", "second"), one("c", "third"));
    let answer = world.query(&query, Value::Null).await;
    assert_eq!(answer["data"]["a"]["success"], true);
    assert_eq!(answer["data"]["b"], Value::Null);
    assert_eq!(answer["errors"][0]["message"], "Internal server error");
    assert_eq!(answer["errors"][0]["path"], json!(["b"]));
    assert_eq!(answer["data"]["c"]["success"], true, "it says that it is done");
    assert_eq!(answer["data"]["c"]["output"]["fullpath"], "/catalog/products/third");
    assert_eq!(total(&world).await, 1, "only what came before the dead alias is there");
    assert_eq!(create(&world, "third").await["success"], true, "it can be sent again");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_creates_of_one_path_exactly_one_wins() {
    let folder = scratch("race");
    let world = World::open(&folder.join("pim.db"), 1000, false).await;
    for round in 0..25 {
        let key = format!("race-{round}");
        let (a, b, c, d) =
            tokio::join!(create(&world, &key), create(&world, &key), create(&world, &key), create(&world, &key));
        let answers = [a, b, c, d];
        let winners = answers.iter().filter(|answer| answer["success"] == true).count();
        assert_eq!(winners, 1, "{answers:?}");
        for loser in answers.iter().filter(|answer| answer["success"] == false) {
            let message = loser["message"].as_str().unwrap();
            let duplicate = format!("Duplicate full path [ /catalog/products/{key} ] - cannot save object");
            assert!(message == "unique constraint violation" || message == duplicate, "{message}");
        }
    }
    assert_eq!(total(&world).await, 25);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn injected_faults_hit_the_requests_they_name_and_are_used_up() {
    let folder = scratch("faults");
    let world = World::open(&folder.join("pim.db"), 1000, false).await;
    let url = format!("{}/pimcore-graphql-webservices/catalog", world.base);
    let send = || world.client().post(&url).header("X-API-Key", KEY).body(r#"{"query":"{__typename}"}"#).send();
    for (kind, status) in
        [("server-error", 500), ("bad-gateway", 502), ("unavailable", 503), ("too-many-requests", 429)]
    {
        world.break_next(json!({ "kind": kind, "times": 2 }));
        for _ in 0..2 {
            let response = send().await.unwrap();
            assert_eq!(response.status(), status);
            assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));
        }
        assert_eq!(send().await.unwrap().status(), 200);
    }
    world.break_next(json!({ "kind": "truncated", "match": "__typename" }));
    assert!(send().await.unwrap().bytes().await.is_err(), "the answer breaks off");
    world.break_next(json!({ "kind": "hang", "ms": 1 }));
    let hung = send().await;
    assert!(hung.is_err() || hung.unwrap().bytes().await.is_err(), "the connection ends without an answer");
    world.break_next(json!({ "kind": "alias-refused", "message": "no room", "match": "full" }));
    assert_eq!(create(&world, "full").await["message"], "no room");
    assert_eq!(create(&world, "full").await["success"], true);

    let counts = world.client().get(format!("{}/_standin/counters", world.base)).send().await.unwrap();
    let counts: Value = counts.json().await.unwrap();
    assert_eq!(counts["faults"], 11);
    assert_eq!(counts["created"], 1);
    assert_eq!(counts["aliasesWritten"], 1);
    assert_eq!(counts["refused"], 1);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_request_can_be_executed_although_its_answer_is_an_error() {
    let folder = scratch("lost");
    let world = World::open(&folder.join("pim.db"), 1000, false).await;
    world.break_next(json!({ "kind": "bad-gateway", "executed": true }));
    let url = format!("{}/pimcore-graphql-webservices/catalog", world.base);
    let body = json!({ "query": CREATE, "variables": { "k": "lost", "i": { "externalId": "lost" } } });
    let response = world.client().post(url).header("X-API-Key", KEY).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(total(&world).await, 1);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_person_edits_the_shop_layer_on_the_page() {
    let folder = scratch("page");
    let world = World::open(&folder.join("pim.db"), 1000, false).await;
    let fields = json!({ "externalId": "demo:1", "name_en": "<b>Shoe</b>", "name_ar": "حذاء" });
    arrange::product(&world, 2000, "demo-1", 1, fields);
    arrange::category(&world, 2001, "/catalog/categories/sale", 1, "demo:sale");
    let get = async |path: &str| {
        let response = world.client().get(format!("{}{path}", world.base)).send().await.unwrap();
        response.text().await.unwrap()
    };
    let list = get("/?q=demo:1").await;
    assert!(list.contains("stand-in, not Pimcore") && list.contains("/objects/2000"), "{list}");
    assert!(!list.contains("<b>Shoe"), "names are text: {list}");
    assert!(get("/?q=nothing").await.contains("0 found"));

    let form = [
        ("action", "save"),
        ("marketingName.en", "Best shoe"),
        ("marketingName.ar", ""),
        ("marketingDescription.en", "<p>Buy \"now\"</p><script>x()</script>"),
        ("extraCategories", "/catalog/categories/sale\r\n"),
        ("shopVisibility", "hide"),
        ("keepWhenWithdrawn", "yes"),
    ];
    let post = |origin: &str| {
        let request = world.client().post(format!("{}/objects/2000", world.base)).form(&form);
        request.header("Origin", origin).send()
    };
    assert_eq!(post("http://elsewhere.example").await.unwrap().status(), 403);
    assert!(post(&world.base).await.unwrap().status().is_success());
    let query = "{getCatalogProduct(id:2000){marketingName(language:\"en\") marketingDescription(language:\"en\") \
                 extraCategories{...on object_CatalogCategory{fullpath}} shopVisibility keepWhenWithdrawn}}";
    assert_eq!(
        world.query(query, Value::Null).await["data"]["getCatalogProduct"],
        json!({
            "marketingName": "Best shoe", "marketingDescription": "<p>Buy &#34;now&#34;</p>",
            "extraCategories": [{ "fullpath": "/catalog/categories/sale" }],
            "shopVisibility": "hide", "keepWhenWithdrawn": true,
        })
    );
    let unpublish = world.client().post(format!("{}/objects/2000", world.base)).form(&[("action", "unpublish")]);
    unpublish.send().await.unwrap();
    assert!(get("/objects/2000").await.contains("not published"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The program itself, on a free port.
struct Program {
    child: Child,
    base: String,
}

fn start(folder: &std::path::Path) -> Program {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pim"))
        .args(["--listen", "127.0.0.1:0", "--db"])
        .arg(folder.join("pim.db"))
        .env("PIM_API_KEY", KEY)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("stand-in for Pimcore, not Pimcore"), "{first}");
    assert!(!first.contains(KEY), "the key is not in the log");
    let base = first.split("GraphQL at ").nth(1).unwrap().split("/pimcore").next().unwrap().to_owned();
    // The program writes on; somebody has to read.
    std::thread::spawn(move || lines.for_each(drop));
    Program { child, base }
}

impl Program {
    async fn query(&self, body: Value) -> Value {
        let url = format!("{}/pimcore-graphql-webservices/catalog", self.base);
        let response = reqwest::Client::new().post(url).header("X-API-Key", KEY).json(&body).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// Ends the program the hard way (SIGKILL).
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn what_was_answered_survives_the_sudden_end_of_the_process() {
    let folder = scratch("kill");
    let program = start(&folder);
    let body = json!({ "query": CREATE, "variables": { "k": "kept", "i": { "externalId": "kept" } } });
    let created = program.query(body).await;
    program.kill();
    let program = start(&folder);
    let read = program.query(json!({ "query": "{getCatalogProduct(fullpath:\"/catalog/products/kept\"){id}}" })).await;
    program.kill();
    assert_eq!(read["data"]["getCatalogProduct"]["id"], created["data"]["createCatalogProduct"]["output"]["id"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Numbers that look random and are the same on every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

#[tokio::test]
async fn damaged_requests_are_answered_and_never_end_a_worker() {
    let Some(recordings) = crate::recording::folder("catalog/recordings") else { return };
    let folder = scratch("damaged");
    let world = World::open(&folder.join("pim.db"), 1000, true).await;
    let mut noise = Noise(7);
    let mut answered = 0;
    for recording in crate::recording::read(&recordings) {
        let body = recording.json["request"]["body"].to_string().into_bytes();
        if body.len() > 5_000 || !recording.is_exchange() {
            continue;
        }
        for _ in 0..12 {
            let mut damaged = body.clone();
            for _ in 0..=noise.below(4) {
                let at = noise.below(damaged.len());
                match noise.below(4) {
                    0 => damaged.truncate(at),
                    1 => drop(damaged.splice(at..at, *b"{}")),
                    2 if at < damaged.len() => damaged[at] = b"\"{}[]():$@,!1a\\\xff"[noise.below(16)],
                    _ if at < damaged.len() => drop(damaged.remove(at)),
                    _ => {}
                }
            }
            match pim::graphql::answer(&world.app, &damaged) {
                pim::graphql::Answer::Json(answer) => {
                    assert!(answer.get("data").is_some() || answer["errors"][0]["message"].is_string(), "{answer}");
                }
                pim::graphql::Answer::Broken => {}
            }
            answered += 1;
        }
    }
    assert!(answered > 1_000, "only {answered}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_persons_values_of_any_type_are_kept_or_refused() {
    let folder = scratch("types");
    let world = World::open(&folder.join("pim.db"), 1000, false).await;
    arrange::product(&world, 2000, "demo-1", 1, json!({ "externalId": "demo:1" }));
    let values = [
        json!(null),
        json!(true),
        json!(7),
        json!(1.5),
        json!("x"),
        json!([1, "x", {}]),
        json!({ "en": 7, "id": "x" }),
    ];
    let url = format!("{}/_standin/objects", world.base);
    for field in pim::model::PRODUCT.fields {
        for value in &values {
            let edit = json!({ "id": 2000, "set": { field.name: value, "externalId": "demo:1" } });
            let response = world.client().post(&url).json(&edit).send().await.unwrap();
            assert!([200, 422].contains(&response.status().as_u16()), "{} = {value}", field.name);
            let read = world.client().get(&url).query(&[("id", "2000")]).send().await.unwrap();
            assert_eq!(read.status(), 200, "{} = {value}", field.name);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
