//! Calls to the Admin API: transport, log-in, limits and errors. Nothing here knows what a product
//! should look like.

mod amount;
#[cfg(test)]
mod asked;
mod auth;
mod error;
pub mod model;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use catalog::Hide;
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

pub use amount::Amount;
pub use auth::{Credentials, CredentialsError};
pub use error::{ApiError, Refusal};

use auth::{LoggedIn, Login, Token};
use error::ErrorBody;

/// Medusa closes idle connections after 5 s; ours go first, so that no request meets a closing one.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Longest wait for one answer, whatever time is left. A batch of 50 takes 2–3 s; a Medusa whose
/// database is down answers after 60 s.
const LONGEST_CALL: Duration = Duration::from_secs(65);
/// With less than this left a call is not begun: its answer would come too late to be acted on.
const SHORTEST_CALL: Duration = Duration::from_millis(500);
/// What Medusa accepts as a body on a single endpoint (95 kB passed, 200 kB did not; body-parser's
/// default is 100 kB).
const SINGLE_LIMIT: usize = 100 * 1000;
/// What it accepts on `…/batch` endpoints, less a margin (2 MB; 1.99 MB passed).
pub const BATCH_LIMIT: usize = 1_900_000;
/// Characters of a path and query; Node refuses 16 kB of request head.
const URL_LIMIT: usize = 12_000;

/// A client for one Medusa.
pub struct Medusa {
    http: reqwest::Client,
    base: Url,
    credentials: Credentials,
    /// Of what Medusa says nothing is passed on that is ours to keep.
    hide: Hide,
    token: Mutex<Option<Token>>,
    writes: AtomicU64,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not an address.
    #[error("Medusa's address must be scheme://host[:port], got: {0:?}")]
    Address(String),
    /// TLS or the like.
    #[error("no HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// A call as it is named in errors and logs: method and path, without the query.
fn name(method: &Method, path: &str) -> String {
    format!("{method} {path}")
}

impl Medusa {
    /// A client for the Medusa at `address`. Makes no call.
    pub fn new(address: &str, credentials: Credentials) -> Result<Self, SetupError> {
        let base = Url::parse(address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| SetupError::Address(address.to_owned()))?;
        let http = reqwest::Client::builder()
            .pool_idle_timeout(POOL_IDLE)
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            // The credentials go to this shop only: not to where a redirect points, nor to a proxy
            // that the environment names.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let hide = credentials.hide();
        Ok(Self { http, base, credentials, hide, token: Mutex::new(None), writes: AtomicU64::new(0) })
    }

    /// How many calls that may have changed something were sent.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// `GET path?query`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<T, ApiError> {
        self.call(Method::GET, path, query, None, deadline).await
    }

    /// `POST path?query` with a JSON body.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &impl Serialize,
        deadline: Instant,
    ) -> Result<T, ApiError> {
        let call = name(&Method::POST, path);
        let bytes = encode(&call, body)?;
        let limit = if path.ends_with("/batch") { BATCH_LIMIT } else { SINGLE_LIMIT };
        if bytes.len() > limit {
            return Err(ApiError::TooLarge { call, bytes: bytes.len(), limit });
        }
        self.call(Method::POST, path, query, Some(bytes), deadline).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str, deadline: Instant) -> Result<(), ApiError> {
        let _: serde::de::IgnoredAny = self.call(Method::DELETE, path, &[], None, deadline).await?;
        Ok(())
    }

    /// Whether the server process answers. Its database may be down all the same.
    pub async fn healthy(&self, deadline: Instant) -> bool {
        let mut url = self.base.clone();
        url.set_path("/health");
        let Ok(timeout) = time_left("GET /health", deadline, Duration::from_secs(5)) else { return false };
        let answer = self.http.get(url).timeout(timeout).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether it answers what it always can: the id of one product. Its database takes part in
    /// that.
    pub async fn works(&self, deadline: Instant) -> bool {
        let query = [("limit", "1"), ("fields", "id")];
        let answer = self.get::<serde::de::IgnoredAny>("/admin/products", &query, deadline).await;
        answer.inspect_err(|error| tracing::warn!(%error, "Medusa does not answer what it always can")).is_ok()
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<T, ApiError> {
        let call = name(&method, path);
        let url = self.url(path, query);
        if method != Method::GET {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let mut used = self.token(deadline, None).await?;
        let mut answer = self.send(&call, &method, &url, body.as_deref(), used.as_ref(), deadline).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // 401 also means "database down" and "token revoked". Once more with a new token; then
            // believe it, but only half.
            let renewed = self.token(deadline, used.as_ref()).await?;
            answer = self.send(&call, &method, &url, body.as_deref(), renewed.as_ref(), deadline).await?;
            used = renewed;
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            let healthy = self.healthy(deadline).await;
            let how =
                if used.is_some() { "a new log-in worked, the call with it did not" } else { "with the secret key" };
            let detail = format!(
                "{how}; /health is {}. The key may be wrong or revoked, or Medusa's database may be down",
                if healthy { "fine" } else { "not fine" }
            );
            return Err(ApiError::Unauthorized { call, detail });
        }
        answer.read(call)
    }

    /// The token to use, `None` for a secret key. `refused` is one that Medusa has just answered
    /// 401 to.
    async fn token(&self, deadline: Instant, refused: Option<&Token>) -> Result<Option<Token>, ApiError> {
        let Credentials::User { email, password } = &self.credentials else { return Ok(None) };
        // Held over the log-in, so that parallel calls log in once.
        let mut slot = self.token.lock().await;
        if let Some(token) = slot.as_ref()
            && token.fresh(Instant::now())
            && refused.is_none_or(|old| old.text != token.text)
        {
            return Ok(Some(token.clone()));
        }
        let path = "/auth/user/emailpass";
        let call = name(&Method::POST, path);
        let body = encode(&call, &Login { email, password })?;
        let answer = self.send(&call, &Method::POST, &self.url(path, &[]), Some(&body), None, deadline).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            *slot = None;
            return Err(ApiError::Credentials { message: ErrorBody::sentence(401, &answer.hide.bytes(answer.body)) });
        }
        let LoggedIn { token } = answer.read(call)?;
        let token = Token { text: token, since: Instant::now() };
        *slot = Some(token.clone());
        Ok(Some(token))
    }

    /// Sends a call. One that only reads is sent again if the connection breaks: Medusa may just
    /// have closed an idle one.
    async fn send(
        &self,
        call: &str,
        method: &Method,
        url: &Url,
        body: Option<&[u8]>,
        token: Option<&Token>,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        match self.send_once(call, method, url, body, token, deadline).await {
            Err(ApiError::Unreachable { connected: true, reason, .. }) if method == Method::GET => {
                tracing::debug!(call, reason, "sending it again");
                self.send_once(call, method, url, body, token, deadline).await
            }
            answer => answer,
        }
    }

    async fn send_once(
        &self,
        call: &str,
        method: &Method,
        url: &Url,
        body: Option<&[u8]>,
        token: Option<&Token>,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let timeout = time_left(call, deadline, LONGEST_CALL)?;
        let mut request = self.http.request(method.clone(), url.clone()).timeout(timeout);
        if let Some(token) = token {
            request = request.bearer_auth(&token.text);
        } else if let Credentials::Key { secret_key } = &self.credentials {
            request = request.basic_auth(secret_key, None::<&str>);
        }
        if let Some(body) = body {
            request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_vec());
        }
        let lost = |error: reqwest::Error| {
            if error.is_timeout() {
                ApiError::Timeout { call: call.to_owned(), waited: timeout }
            } else {
                ApiError::Unreachable {
                    call: call.to_owned(),
                    reason: root_cause(&error),
                    connected: !error.is_connect(),
                }
            }
        };
        let started = Instant::now();
        let answer = request.send().await.map_err(lost)?;
        let status = answer.status();
        let retry_after = answer
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = answer.bytes().await.map_err(lost)?.to_vec();
        tracing::debug!(
            call,
            status = status.as_u16(),
            bytes = body.len(),
            ms = started.elapsed().as_millis(),
            "medusa"
        );
        let hide = self.hide.and(token.map(|token| token.text.as_str()));
        Ok(Answer { status, retry_after, body, hide })
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
    hide: Hide,
}

impl Answer {
    fn read<T: DeserializeOwned>(self, call: String) -> Result<T, ApiError> {
        let status = self.status.as_u16();
        if self.status.is_success() {
            return serde_json::from_slice(&self.body).map_err(|error| ApiError::Unexpected {
                call,
                reason: self.hide.text(&error.to_string()).into_owned(),
            });
        }
        let message = ErrorBody::sentence(status, &self.hide.bytes(self.body));
        if self.status.is_server_error() || matches!(status, 408 | 425 | 429) || self.status.is_redirection() {
            return Err(ApiError::Unavailable { call, status, message, retry_after: self.retry_after });
        }
        let refusal = Refusal::of(status, &message);
        Err(ApiError::Refused { call, status, refusal, message })
    }
}

/// Splits values of a query parameter so that no URL gets too long: `values` are sent as
/// `name=a&name=b`.
#[must_use]
pub fn split_query<'a>(name: &str, values: &[&'a str]) -> Vec<Vec<&'a str>> {
    split_alternatives(&[name], values)
}

/// The same where each value is sent under each of these names.
#[must_use]
pub fn split_alternatives<'a>(names: &[&str], values: &[&'a str]) -> Vec<Vec<&'a str>> {
    let escaped = |text: &str| text.bytes().map(|b| if b.is_ascii_alphanumeric() { 1 } else { 3 }).sum::<usize>();
    let encoded = |value: &str| names.iter().map(|name| escaped(name) + 2 + escaped(value)).sum::<usize>();
    let mut chunks: Vec<Vec<&str>> = Vec::new();
    let mut room = 0;
    for value in values {
        let size = encoded(value);
        match chunks.last_mut() {
            Some(chunk) if size <= room && chunk.len() * names.len() < 100 => {
                chunk.push(value);
                room -= size;
            }
            _ => {
                chunks.push(vec![value]);
                room = URL_LIMIT.saturating_sub(size);
            }
        }
    }
    chunks
}

/// Splits items so that no chunk's JSON exceeds the batch limit nor its weight `heaviest`. An item
/// that is too large on its own makes a chunk of its own, which the client then refuses to send.
pub fn split_batch<T: Serialize>(items: Vec<T>, heaviest: usize, weight: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    let (mut bytes, mut weighs) = (0, 0);
    for item in items {
        let size = serde_json::to_vec(&item).map_or(0, |json| json.len() + 1);
        let heavy = weight(&item);
        match chunks.last_mut() {
            Some(chunk) if bytes + size <= BATCH_LIMIT - 1000 && weighs + heavy <= heaviest => chunk.push(item),
            _ => {
                chunks.push(vec![item]);
                (bytes, weighs) = (0, 0);
            }
        }
        bytes += size;
        weighs += heavy;
    }
    chunks
}

fn encode(call: &str, body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(body).map_err(|error| ApiError::Unexpected {
        call: call.to_owned(),
        reason: format!("the request is no JSON: {error}"),
    })
}

fn time_left(call: &str, deadline: Instant, longest: Duration) -> Result<Duration, ApiError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left < SHORTEST_CALL {
        return Err(ApiError::OutOfTime { call: call.to_owned() });
    }
    Ok(left.min(longest))
}

/// The innermost reason ("connection refused"); reqwest's own text repeats the address.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_stay_below_what_node_accepts() {
        let handles: Vec<String> = (0..300).map(|n| format!("{}-{n}", "قميص".repeat(20))).collect();
        let values: Vec<&str> = handles.iter().map(String::as_str).collect();
        let chunks = split_query("handle[]", &values);
        assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), 300);
        let medusa = Medusa::new("http://localhost:9000", Credentials::Key { secret_key: "sk_1".into() }).unwrap();
        for chunk in chunks {
            let query: Vec<_> = chunk.iter().map(|value| ("handle[]", *value)).collect();
            assert!(medusa.url("/admin/products", &query).as_str().len() < 16_000);
        }
    }

    #[test]
    fn batches_are_split_by_size_and_by_weight() {
        let large: Vec<String> = (0..5).map(|_| "x".repeat(900_000)).collect();
        let sizes: Vec<usize> = split_batch(large, 1000, |_| 1).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
        let small: Vec<u32> = (0..7).collect();
        let sizes: Vec<usize> = split_batch(small, 10, |n| *n as usize).iter().map(Vec::len).collect();
        assert_eq!(sizes, [5, 1, 1]);
    }

    #[test]
    fn an_address_with_no_host_is_named() {
        for bad in ["", "localhost:9000", "ftp://x", "http://"] {
            let error = Medusa::new(bad, Credentials::Key { secret_key: "sk_1".into() }).err().unwrap();
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        }
    }
}
