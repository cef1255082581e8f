//! Stands before the real Medusa and answers one of its writes in its place, or not at all.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Medusa never hears of it; the caller gets this status.
    Answer(u16),
    /// Medusa never hears of it; the connection ends.
    CutBefore,
    /// Medusa does it; the connection ends before the caller hears of that.
    CutAfter,
}

/// A write that Medusa has done. Its answer goes on to the caller when this is dropped.
pub struct Written {
    pub call: String,
    _answer: oneshot::Sender<Infallible>,
}

#[derive(Default)]
struct Course {
    calls: Vec<String>,
    reads: Vec<String>,
    fault: Option<(usize, Fault)>,
}

struct Inner {
    target: String,
    http: reqwest::Client,
    course: Mutex<Course>,
    written: mpsc::UnboundedSender<Written>,
}

/// A proxy; it ends with the test.
pub struct Proxy {
    pub url: String,
    pub written: mpsc::UnboundedReceiver<Written>,
    inner: Arc<Inner>,
}

impl Proxy {
    pub async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, written) = mpsc::unbounded_channel();
        // Medusa closes idle connections after 5 s.
        let http = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(4)).no_proxy().build().unwrap();
        let inner = Arc::new(Inner { target: target.to_owned(), http, course: Mutex::default(), written: sender });
        let shared = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let pass = service_fn(|request| shared.pass(request));
                    // Ends with an error where the connection was to be cut.
                    let _: Result<(), hyper::Error> =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), pass).await;
                });
            }
        });
        Self { url, written, inner }
    }

    /// From now on: counts writes anew, and lets `fault` befall the one with this number (from 0).
    pub fn begin(&self, fault: Option<(usize, Fault)>) {
        *self.inner.course.lock().unwrap() = Course { fault, ..Course::default() };
    }

    /// The reads since [`begin`](Self::begin), without the log-in.
    pub fn reads(&self) -> Vec<String> {
        self.inner.course.lock().unwrap().reads.clone()
    }

    /// The writes since [`begin`](Self::begin), those with a fault too.
    pub fn calls(&self) -> Vec<String> {
        self.inner.course.lock().unwrap().calls.clone()
    }
}

/// The connection is to end.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

impl Inner {
    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let writes = head.method != Method::GET && !path.starts_with("/auth/");
        let call = format!("{} {}", head.method, head.uri.path());
        if head.method == Method::GET {
            self.course.lock().unwrap().reads.push(call.clone());
        }
        let fault = writes.then(|| self.count(&call)).flatten();
        match fault {
            Some(Fault::CutBefore) => return Err(Cut),
            Some(Fault::Answer(status)) => {
                let kind = if status == 404 { "not_found" } else { "invalid_data" };
                let says = format!(r#"{{"type":"{kind}","message":"The test answers {status} to {call}"}}"#);
                return Ok(reply(status, Bytes::from(says)));
            }
            Some(Fault::CutAfter) | None => {}
        }
        let mut onward = self.http.request(head.method.clone(), format!("{}{path}", self.target)).body(body);
        for name in [hyper::header::AUTHORIZATION, hyper::header::CONTENT_TYPE] {
            if let Some(value) = head.headers.get(&name) {
                onward = onward.header(name, value);
            }
        }
        let answer = onward.send().await.map_err(|_| Cut)?;
        let status = answer.status().as_u16();
        let said = answer.bytes().await.map_err(|_| Cut)?;
        if writes {
            let (open, closed) = oneshot::channel();
            if self.written.send(Written { call: format!("{call} ({status})"), _answer: open }).is_ok() {
                // An error: it was dropped.
                let _: Result<Infallible, _> = closed.await;
            }
        }
        if fault == Some(Fault::CutAfter) { Err(Cut) } else { Ok(reply(status, said)) }
    }

    fn count(&self, call: &str) -> Option<Fault> {
        let mut course = self.course.lock().unwrap();
        let n = course.calls.len();
        course.calls.push(call.to_owned());
        course.fault.filter(|(at, _)| *at == n).map(|(_, fault)| fault)
    }
}

fn reply(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let reply = Response::builder().status(status).header(hyper::header::CONTENT_TYPE, "application/json");
    reply.body(Full::new(body)).unwrap()
}
