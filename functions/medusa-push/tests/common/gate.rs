//! Stands between the function and Medusa, counts what may change something, and says when a
//! certain one of them passes: there the function is killed. Moments are counted, not timed, so
//! that they fall all over a batch on any machine.

use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use tokio::sync::{mpsc, oneshot, watch};

/// Where in the course of a request the function dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before Medusa hears of it.
    NotSent,
    /// When Medusa has got it, before there is an answer.
    Unanswered,
    /// When Medusa has answered, before the function hears of it.
    Answered,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "before it reached Medusa",
            Self::Unanswered => "while Medusa worked on it",
            Self::Answered => "when Medusa had answered it",
        })
    }
}

/// A blow to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blow {
    /// At which write, from 0.
    pub(crate) write: usize,
    /// When.
    pub(crate) moment: Moment,
}

impl Blow {
    /// The n-th of so many blows, spread over a course of writes. Equal writes in a row count as
    /// one stretch of the way, so that a step for each product does not draw nearly all blows to
    /// itself.
    pub(crate) fn spread(course: &[String], n: usize, blows: usize) -> Self {
        let stretches: Vec<_> = course.chunk_by(|a, b| a == b).map(<[String]>::len).collect();
        let places = stretches.len() * 3;
        let place = (2 * n + 1) * places / (2 * blows);
        let before: usize = stretches[..place / 3].iter().sum();
        let moment = [Moment::NotSent, Moment::Unanswered, Moment::Answered][place % 3];
        Self { write: before + n % stretches[place / 3], moment }
    }
}

/// The function is to die now; what is sent back says that it is dead.
pub(crate) struct Now {
    /// The write at which it dies.
    pub(crate) write: String,
    /// To be told that it is dead.
    pub(crate) dead: oneshot::Sender<()>,
}

pub(crate) struct Gate {
    /// Its address.
    pub(crate) url: String,
    blows: tokio::sync::Mutex<mpsc::Receiver<Now>>,
    inside: Arc<Inside>,
}

struct Inside {
    target: String,
    http: reqwest::Client,
    course: Mutex<Vec<String>>,
    blow: Mutex<Option<Blow>>,
    struck: mpsc::Sender<Now>,
    under_way: watch::Sender<usize>,
}

impl Gate {
    /// A gate in front of the Medusa at `target`.
    pub(crate) async fn before(target: &str) -> Self {
        let (struck, blows) = mpsc::channel(1);
        let inside = Arc::new(Inside {
            target: target.to_owned(),
            http: reqwest::Client::builder().pool_idle_timeout(std::time::Duration::from_secs(4)).build().unwrap(),
            course: Mutex::default(),
            blow: Mutex::default(),
            struck,
            under_way: watch::channel(0).0,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(Arc::clone(&inside));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, blows: blows.into(), inside }
    }

    /// Begins to count anew, with a blow to come.
    pub(crate) fn arm(&self, blow: Option<Blow>) {
        self.inside.course.lock().unwrap().clear();
        *self.inside.blow.lock().unwrap() = blow;
    }

    /// The writes since then, by kind.
    pub(crate) fn course(&self) -> Vec<String> {
        self.inside.course.lock().unwrap().clone()
    }

    /// Waits for the blow.
    pub(crate) async fn struck(&self) -> Now {
        self.blows.lock().await.recv().await.unwrap()
    }

    /// Waits until Medusa has answered all that it was asked.
    pub(crate) async fn idle(&self) {
        self.inside.under_way.subscribe().wait_for(|requests| *requests == 0).await.unwrap();
    }
}

/// A request lives on when who asked for it dies.
async fn pass(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    inside.under_way.send_modify(|requests| *requests += 1);
    tokio::spawn(async move {
        let response = inside.forward(head, body).await;
        inside.under_way.send_modify(|requests| *requests -= 1);
        response
    })
    .await
    .unwrap()
}

impl Inside {
    async fn forward(&self, head: axum::http::request::Parts, body: Bytes) -> Response {
        let path = head.uri.path();
        let mut due = None;
        // Logging in changes nothing.
        if head.method != Method::GET && path.starts_with("/admin/") {
            let kind = kind(&head.method, path, &body);
            let mut course = self.course.lock().unwrap();
            let mut blow = self.blow.lock().unwrap();
            due = blow.take_if(|blow| blow.write == course.len()).map(|blow| (blow.moment, kind.clone()));
            course.push(kind);
        }
        let gone = Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap();
        if let Some((Moment::NotSent, write)) = &due {
            self.strike(write).await;
            return gone;
        }
        let url = format!("{}{}", self.target, head.uri);
        let mut request = self.http.request(head.method, url).body(body);
        for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
            request = request.headers(head.headers.get(&name).map(|value| (name, value.clone())).into_iter().collect());
        }
        let answering = tokio::spawn(async move {
            let answer = request.send().await?;
            let status = answer.status();
            answer.bytes().await.map(|body| (status, body))
        });
        if let Some((Moment::Unanswered, write)) = &due {
            self.strike(write).await;
        }
        let Ok((status, body)) = answering.await.unwrap() else { return gone };
        if let Some((Moment::Answered, write)) = &due {
            self.strike(write).await;
        }
        let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
        response.body(Body::from(body)).unwrap()
    }

    /// Returns when the function is dead.
    async fn strike(&self, write: &str) {
        let (dead, death) = oneshot::channel();
        self.struck.send(Now { write: write.to_owned(), dead }).await.ok();
        death.await.ok();
    }
}

/// What a write is about, without ids: batches do several things.
fn kind(method: &Method, path: &str, body: &[u8]) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.contains("_0")).collect();
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let doing: Vec<&str> = ["create", "update", "delete"].into_iter().filter(|what| body.get(what).is_some()).collect();
    format!("{method} {} {}", parts.join("/"), doing.join("+")).trim_end().to_owned()
}
