//! Log-in, limits and errors, against a server that misbehaves on request.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::{Duration, Instant};

use catalog::{ErrorKind, Failure};
use medusa::{ApiError, Credentials, Medusa};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PASSWORD: &str = "correct-horse";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn client(server: &MockServer) -> Medusa {
    let credentials = Credentials::User { email: "a@b.c".into(), password: PASSWORD.into() };
    Medusa::new(&server.uri(), credentials).unwrap()
}

async fn login(server: &MockServer, token: &str, times: u64) {
    let answer = ResponseTemplate::new(200).set_body_json(json!({"token": token}));
    Mock::given(method("POST"))
        .and(path("/auth/user/emailpass"))
        .respond_with(answer)
        .up_to_n_times(times)
        .mount(server)
        .await;
}

async fn health(server: &MockServer) {
    Mock::given(path("/health")).respond_with(ResponseTemplate::new(200)).mount(server).await;
}

fn unauthorized() -> ResponseTemplate {
    ResponseTemplate::new(401).set_body_json(json!({"message": "Unauthorized"}))
}

async fn count(server: &MockServer, at: &str) -> usize {
    server.received_requests().await.unwrap().iter().filter(|request| request.url.path() == at).count()
}

async fn get(medusa: &Medusa) -> Result<Value, ApiError> {
    medusa.get("/admin/x", &[("fields", "id")], soon()).await
}

#[tokio::test]
async fn parallel_calls_log_in_once() {
    let server = MockServer::start().await;
    login(&server, "t1", 1).await;
    let ok = ResponseTemplate::new(200).set_body_json(json!({"ok": 1}));
    Mock::given(path("/admin/x")).and(header("authorization", "Bearer t1")).respond_with(ok).mount(&server).await;
    let medusa = client(&server);
    let answers = futures::future::join_all((0..8).map(|_| get(&medusa))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(count(&server, "/auth/user/emailpass").await, 1);
}

#[tokio::test]
async fn a_medusa_that_shows_what_it_was_sent_gets_no_credential_into_an_error() {
    // The debug page of a web framework: what was sent, headers and body, and not JSON.
    fn page(status: u16) -> impl Fn(&wiremock::Request) -> ResponseTemplate {
        move |request| {
            let sent = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
            let quoted = serde_json::to_string(&json!({ "message": sent })).unwrap();
            ResponseTemplate::new(status).set_body_string(format!("<html>{sent}</html>{quoted}"))
        }
    }
    for status in [200, 400, 404, 429, 500, 503] {
        let server = MockServer::start().await;
        login(&server, "the-token", 1).await;
        Mock::given(path("/admin/x")).respond_with(page(status)).mount(&server).await;
        let with_token = get(&client(&server)).await.unwrap_err();
        let server = MockServer::start().await;
        Mock::given(path("/auth/user/emailpass")).respond_with(page(status)).mount(&server).await;
        let with_password = get(&client(&server)).await.unwrap_err();
        let server = MockServer::start().await;
        Mock::given(path("/admin/x")).respond_with(page(status)).mount(&server).await;
        let key = Credentials::Key { secret_key: "sk_canary".into() };
        let with_key = get(&Medusa::new(&server.uri(), key).unwrap()).await.unwrap_err();
        let said = [with_token, with_password, with_key].map(|error| Failure::from(error).message);
        for secret in ["the-token", PASSWORD, "sk_canary", "c2tfY2FuYXJ5"] {
            assert!(said.iter().all(|said| !said.contains(secret)), "{status}: {said:?}");
        }
        assert!(
            status == 200 || said.iter().any(|said| said.contains("***")),
            "{status}: the pages are not shown at all: {said:?}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let server = MockServer::start().await;
    login(&server, "old", 1).await;
    login(&server, "new", 1).await;
    Mock::given(path("/admin/x"))
        .and(header("authorization", "Bearer old"))
        .respond_with(unauthorized())
        .mount(&server)
        .await;
    let ok = ResponseTemplate::new(200).set_body_json(json!({"ok": 1}));
    Mock::given(path("/admin/x")).and(header("authorization", "Bearer new")).respond_with(ok).mount(&server).await;
    let medusa = client(&server);
    assert_eq!(get(&medusa).await.unwrap(), json!({"ok": 1}));
    assert_eq!(get(&medusa).await.unwrap(), json!({"ok": 1}));
    assert_eq!(count(&server, "/auth/user/emailpass").await, 2);
}

#[tokio::test]
async fn a_401_that_a_new_login_does_not_cure_is_nobodys_fault() {
    let server = MockServer::start().await;
    login(&server, "t", 9).await;
    health(&server).await;
    Mock::given(path("/admin/x")).respond_with(unauthorized()).mount(&server).await;
    let error = get(&client(&server)).await.unwrap_err();
    assert!(matches!(&error, ApiError::Unauthorized { detail, .. } if detail.contains("database")), "{error}");
    assert_eq!(Failure::from(error).kind, ErrorKind::Transient);
}

#[tokio::test]
async fn only_the_login_can_say_that_the_password_is_wrong_and_nothing_shows_it() {
    let server = MockServer::start().await;
    let wrong = json!({"type": "unauthorized", "message": "Invalid email or password"});
    Mock::given(path("/auth/user/emailpass"))
        .respond_with(ResponseTemplate::new(401).set_body_json(wrong))
        .mount(&server)
        .await;
    let medusa = client(&server);
    let error = get(&medusa).await.unwrap_err();
    assert!(matches!(error, ApiError::Credentials { .. }), "{error}");
    let failure = Failure::from(error);
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "medusa_login_refused"));
    assert!(!format!("{failure:?}").contains(PASSWORD));
    assert_eq!(count(&server, "/admin/x").await, 0);
}

#[tokio::test]
async fn a_secret_key_goes_as_basic_authorization() {
    let server = MockServer::start().await;
    let ok = ResponseTemplate::new(200).set_body_json(json!({}));
    Mock::given(path("/admin/x")).and(header("authorization", "Basic c2tfMTo=")).respond_with(ok).mount(&server).await;
    let medusa = Medusa::new(&server.uri(), Credentials::Key { secret_key: "sk_1".into() }).unwrap();
    get(&medusa).await.unwrap();
    assert_eq!(count(&server, "/auth/user/emailpass").await, 0);
}

#[tokio::test]
async fn what_a_proxy_says_is_transient_with_the_wait_it_asks_for() {
    let server = MockServer::start().await;
    login(&server, "t", 9).await;
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "17").set_body_string("<html>busy".repeat(1000));
    Mock::given(path("/admin/x")).respond_with(busy).mount(&server).await;
    let failure = Failure::from(get(&client(&server)).await.unwrap_err());
    assert_eq!((failure.kind, failure.retry_after), (ErrorKind::Transient, Some(Duration::from_secs(17))));
    assert!(failure.message.len() < 400, "{}", failure.message.len());
}

#[tokio::test]
async fn an_answer_that_is_not_medusas_is_transient() {
    let server = MockServer::start().await;
    login(&server, "t", 9).await;
    Mock::given(path("/admin/x"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>"))
        .mount(&server)
        .await;
    let error = get(&client(&server)).await.unwrap_err();
    assert!(matches!(error, ApiError::Unexpected { .. }), "{error}");
    assert_eq!(Failure::from(error).kind, ErrorKind::Transient);
}

#[tokio::test]
async fn no_call_outlives_the_deadline_and_none_is_begun_without_time() {
    let server = MockServer::start().await;
    login(&server, "t", 9).await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(path("/admin/x")).respond_with(slow).mount(&server).await;
    let medusa = client(&server);
    let started = Instant::now();
    let answer: Result<Value, _> = medusa.get("/admin/x", &[], Instant::now() + Duration::from_millis(800)).await;
    assert!(matches!(answer, Err(ApiError::Timeout { .. })), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let before = count(&server, "/admin/x").await;
    let answer: Result<Value, _> = medusa.get("/admin/x", &[], Instant::now()).await;
    assert!(matches!(answer, Err(ApiError::OutOfTime { .. })), "{answer:?}");
    assert_eq!(count(&server, "/admin/x").await, before);
}

#[tokio::test]
async fn what_medusa_would_not_take_is_not_sent() {
    let server = MockServer::start().await;
    login(&server, "t", 9).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200).set_body_json(json!({}))).mount(&server).await;
    let medusa = client(&server);
    for (at, bytes, sent) in [
        ("/admin/x", 90_000, true),
        ("/admin/x", 110_000, false),
        ("/admin/x/batch", 110_000, true),
        ("/admin/x/batch", 1_950_000, false),
    ] {
        let answer: Result<Value, _> = medusa.post(at, &[], &json!({"text": "x".repeat(bytes)}), soon()).await;
        assert_eq!(answer.is_ok(), sent, "{at} {bytes}: {answer:?}");
        if let Err(error) = answer {
            assert_eq!(Failure::from(error).kind, ErrorKind::Permanent);
        }
    }
}

/// A server that closes the connection after reading a request, `times` times; then it answers.
async fn closing(times: usize) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            if counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= times {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
            }
        }
    });
    (url, seen)
}

#[tokio::test]
async fn a_read_is_sent_again_when_the_connection_breaks_and_a_write_is_not() {
    let key = || Credentials::Key { secret_key: "sk_1".into() };
    let (url, seen) = closing(1).await;
    get(&Medusa::new(&url, key()).unwrap()).await.unwrap();
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 2);

    let (url, seen) = closing(1).await;
    let answer: Result<Value, _> = Medusa::new(&url, key()).unwrap().post("/admin/x", &[], &json!({}), soon()).await;
    assert!(matches!(answer, Err(ApiError::Unreachable { connected: true, .. })), "{answer:?}");
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_reason() {
    let medusa = Medusa::new("http://127.0.0.1:9", Credentials::Key { secret_key: "sk_1".into() }).unwrap();
    let failure = Failure::from(get(&medusa).await.unwrap_err());
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "medusa_unreachable"));
    assert!(failure.message.contains("refused"), "{}", failure.message);
}
