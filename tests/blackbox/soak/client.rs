//! One client: it sends, looks through every answer, and keeps its model.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    dice::Dice,
    model::Model,
    world::{Place, World},
};

/// How often a request is sent that is answered "later", and how long to wait before the next time: less than
/// Retry-After says, for there is much to do.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// What was counted and found, by one client or by all.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kinds: BTreeMap<&'static str, u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) leaks: Vec<String>,
    pub(super) differences: Vec<String>,
    /// Answers that are neither a leak nor a difference, and not what the kind of request may be answered with.
    pub(super) surprises: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.leaks.extend(other.leaks);
        self.differences.extend(other.differences);
        self.surprises.extend(other.surprises);
    }
}

/// What came back: everything that could leak.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) etag: String,
    /// Headers that do not differ between any two answers, then the body.
    pub(super) text: String,
    pub(super) body: Value,
}

/// A request that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    /// Behind the Base URL, or a whole URL.
    pub(super) path: String,
    pub(super) header: Option<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Request {
    pub(super) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), header: None, body: None }
    }

    pub(super) fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(super) fn under(self, header: &'static str, value: impl Into<String>) -> Self {
        Self { header: Some((header, value.into())), ..self }
    }

    /// Everything that the service is told, and may therefore say again.
    pub(super) fn told(&self) -> String {
        let header = self.header.as_ref().map_or("", |(_, value)| value);
        format!("{} {} {header} {}", self.method, self.path, self.body.clone().unwrap_or_default())
    }
}

pub(super) struct Client {
    pub(super) world: Arc<World>,
    /// Which directory it is a client of.
    pub(super) here: usize,
    pub(super) dice: Dice,
    pub(super) model: Model,
    pub(super) tally: Tally,
    /// For names that nobody else gives.
    number: usize,
    names: usize,
    http: reqwest::Client,
}

impl Client {
    pub(super) fn new(world: Arc<World>, number: usize, here: usize, seed: u64) -> Self {
        let dice = Dice::new(seed, u64::try_from(number).unwrap());
        let (model, tally) = (Model::default(), Tally::default());
        Self { world, here, dice, model, tally, number, names: 0, http: crate::directory::http() }
    }

    pub(super) fn place(&self) -> &Place {
        &self.world.places[self.here]
    }

    /// A value that nobody has stored yet, with this directory's marker.
    pub(super) fn fresh(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}-c{}-{}-{}", self.number, self.names, self.place().marker)
    }

    /// A name that the clients of other directories give too.
    pub(super) fn common_name(&mut self) -> String {
        self.names += 1;
        format!("common-{}-{}", self.number % super::CLIENTS_PER_DIRECTORY, self.names)
    }

    /// Another directory than this one.
    pub(super) fn elsewhere(&self) -> usize {
        (self.here + 1 + self.dice.below(self.world.places.len() - 1)) % self.world.places.len()
    }

    /// Sends `request`, again if the service had no time and says that nothing was changed, as every client does.
    /// `None` without an answer to the request itself, which is noted.
    pub(super) async fn send(&mut self, kind: &'static str, request: &Request) -> Option<Reply> {
        for _ in 0..TRIES {
            let reply = self.send_once(kind, request).await?;
            match reply.status {
                503 if reply.text.contains("nothing was changed") => tokio::time::sleep(PAUSE).await,
                // The head did not arrive in time: nobody read the request.
                408 => {}
                503 => {
                    self.tally.surprises.push(format!("503 to {}: {}", request.told(), reply.text));
                    return None;
                }
                _ => return Some(reply),
            }
        }
        self.tally.surprises.push(format!("no answer after {TRIES} tries to {}", request.told()));
        None
    }

    /// Looks for what should not be in the answer.
    async fn send_once(&mut self, kind: &'static str, request: &Request) -> Option<Reply> {
        *self.tally.kinds.entry(kind).or_default() += 1;
        self.world.sent();
        let directory = &self.place().directory;
        let url = if request.path.starts_with("http") { request.path.clone() } else { directory.url(&request.path) };
        let mut sent = self.http.request(Method::from_bytes(request.method.as_bytes()).unwrap(), url);
        sent = sent.bearer_auth(&directory.token);
        if let Some((name, value)) = &request.header {
            sent = sent.header(*name, value);
        }
        if let Some(body) = &request.body {
            sent = sent.header("content-type", "application/scim+json").body(body.to_string());
        }
        let reply = async {
            let answer = sent.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.text().await?))
        };
        let (status, headers, body) = match reply.await {
            Ok(reply) => reply,
            Err(error) => {
                self.tally.surprises.push(format!("no answer to {}: {error:?}", request.told()));
                return None;
            }
        };
        *self.tally.statuses.entry(status).or_default() += 1;
        let constant = ["connection", "date", "x-request-id"];
        let mut lines: Vec<String> = headers
            .iter()
            .filter(|(name, _)| !constant.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
            .collect();
        lines.sort_unstable();
        let text = format!("{}\n{body}", lines.concat());
        let told = request.told();
        for leak in self.world.territory.leaks(self.here, &told, &text) {
            self.tally.leaks.push(format!("{leak} of another directory in the answer to {told}: {status} {text}"));
        }
        let etag = headers.get("etag").map_or("", |value| value.to_str().unwrap()).to_owned();
        Some(Reply { status, etag, text, body: serde_json::from_str(&body).unwrap_or_else(|_| json!(null)) })
    }

    /// As [`Self::send`], for a request that can only be answered with `status`; everything else is noted.
    pub(super) async fn expect(&mut self, kind: &'static str, request: Request, status: u16) -> Option<Reply> {
        let reply = self.send(kind, &request).await?;
        if reply.status != status {
            let told = request.told();
            self.tally.surprises.push(format!("{} and not {status} to {told}: {}", reply.status, reply.text));
            return None;
        }
        Some(reply)
    }

    /// Compares what an answer shows of a resource with the model.
    pub(super) fn compare(&mut self, shown: &Value) {
        let base_url = &self.world.places[self.here].directory.base_url;
        let difference = self.model.difference(base_url, shown);
        self.tally.differences.extend(difference);
    }

    /// Something is not as it should be.
    pub(super) fn differs(&mut self, what: String) {
        self.tally.differences.push(what);
    }

    /// One of the client's users, or groups, by id.
    pub(super) fn some_user(&self) -> Option<String> {
        self.model.users.keys().nth(self.dice.below(self.model.users.len())).cloned()
    }

    pub(super) fn some_group(&self) -> Option<String> {
        self.model.groups.keys().nth(self.dice.below(self.model.groups.len())).cloned()
    }
}
