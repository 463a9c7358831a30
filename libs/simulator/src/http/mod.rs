//! HTTP to one directory: headers, pace, retries, and answers read as SCIM.

mod call;
mod measure;
mod pace;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use rollcall_base::SecretText;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

pub(crate) use call::{Call, filter, literal};
pub use measure::{Latency, Measured};

use crate::{OnWait, SimulatorError, Waiting};

/// Times a request is sent before the run gives up on 429 and 503.
const ATTEMPTS: u32 = 8;
/// The longest that one Retry-After is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What an Entra admin may put behind the Tenant URL. It stays there on every request.
const OPTSCIM: &str = "aadOptscim062020";

/// How the client presents itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) accept: &'static str,
    pub(crate) content_type: &'static str,
    /// Names in lower case.
    pub(crate) more: &'static [(&'static str, &'static str)],
}

pub(crate) struct Connection {
    http: reqwest::Client,
    base_url: String,
    /// Part of every request's query.
    flag: Option<&'static str>,
    content_type: &'static str,
    pace: Option<pace::Pace>,
    measure: measure::Measure,
    on_wait: Option<OnWait>,
    /// Somebody was told of a wait.
    told: AtomicBool,
}

impl Connection {
    /// `rate`: requests a second; `None`: as fast as answers come.
    pub(crate) fn new(
        base_url: &str,
        token: &SecretText,
        manner: Manner,
        rate: Option<u32>,
    ) -> Result<Self, SimulatorError> {
        let bad_url = || SimulatorError::BadUrl { url: base_url.to_owned() };
        let url = reqwest::Url::parse(base_url).map_err(|_| bad_url())?;
        let flag = url.query().map(|query| if query == OPTSCIM { Ok(OPTSCIM) } else { Err(bad_url()) }).transpose()?;
        if !matches!(url.scheme(), "http" | "https") || url.fragment().is_some() {
            return Err(bad_url());
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else installing one at the same moment is as good.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(headers(token, manner)?)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60)); // Okta ends a call after 60 s
        if url.scheme() == "http" {
            // Plain HTTP needs no root certificates, and a bare machine may have none.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        if url.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "[::1]" | "localhost")) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build().map_err(SimulatorError::Client)?,
            base_url: base_url.split('?').next().unwrap_or_default().trim_end_matches('/').to_owned(),
            flag,
            content_type: manner.content_type,
            pace: rate.map(pace::Pace::new),
            measure: measure::Measure::default(),
            on_wait: None,
            told: AtomicBool::new(false),
        })
    }

    /// The same, which tells `on_wait` of its first wait.
    pub(crate) fn telling(self, on_wait: Option<OnWait>) -> Self {
        Self { on_wait, ..self }
    }

    pub(crate) fn measured(&self) -> Measured {
        self.measure.measured()
    }

    /// Sends `call`, and gives the body of a 2xx answer (`Null` if it has none).
    pub(crate) async fn send(&self, call: &Call) -> Result<Value, SimulatorError> {
        let body = self.answer(call).await?;
        if body.is_empty() { Ok(Value::Null) } else { read(call, &body, "answer in JSON") }
    }

    /// Sends `call`, whose answer is an `expected`.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        call: &Call,
        expected: &'static str,
    ) -> Result<T, SimulatorError> {
        read(call, &self.answer(call).await?, expected)
    }

    /// Whether what `call` asks for is there: false if the answer is 404.
    pub(crate) async fn exists(&self, call: &Call) -> Result<bool, SimulatorError> {
        match self.answer(call).await {
            Err(SimulatorError::Refused { status: 404, .. }) => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Waits for its turn, sends, waits out 429 and 503, and gives the body of a 2xx answer.
    async fn answer(&self, call: &Call) -> Result<Vec<u8>, SimulatorError> {
        let body = call.body.as_ref().map(Value::to_string);
        for attempt in 1..=ATTEMPTS {
            if let Some(pace) = &self.pace {
                pace.turn().await;
            }
            let begin = Instant::now();
            let response = self.request(call, body.clone())?.send().await.map_err(|source| self.unreachable(source))?;
            let status = response.status();
            let wait = retry_after(response.headers());
            let answer = response.bytes().await.map_err(|source| self.unreachable(source))?;
            self.measure.answered(call.method, call.kind(), status.as_u16(), begin.elapsed());
            if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
                return self.judge(call, status, answer.into());
            }
            if attempt < ATTEMPTS {
                self.measure.repeated();
                self.tell(call, status, wait, &answer);
                tokio::time::sleep(wait).await;
            }
        }
        Err(SimulatorError::PutOff { method: call.method, target: call.path().to_owned(), attempts: ATTEMPTS })
    }

    /// Several requests may be put off at the same moment: the first one's words are told.
    fn tell(&self, call: &Call, status: StatusCode, wait: Duration, answer: &[u8]) {
        let Some(on_wait) = &self.on_wait else { return };
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        on_wait.tell(&Waiting {
            method: call.method,
            path: call.path().to_owned(),
            status: status.as_u16(),
            seconds: wait.as_secs(),
            detail: detail(answer),
        });
    }

    fn request(&self, call: &Call, body: Option<String>) -> Result<reqwest::RequestBuilder, SimulatorError> {
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| SimulatorError::BadUrl { url: self.base_url.clone() })?;
        let request = self.http.request(method, self.url(&call.target));
        Ok(match body {
            None => request,
            Some(body) => request.header(CONTENT_TYPE, self.content_type).body(body),
        })
    }

    fn url(&self, target: &str) -> String {
        match (self.flag, target.split_once('?')) {
            (None, _) => format!("{}{target}", self.base_url),
            (Some(flag), None) => format!("{}{target}?{flag}", self.base_url),
            (Some(flag), Some((path, query))) => format!("{}{path}?{flag}&{query}", self.base_url),
        }
    }

    fn judge(&self, call: &Call, status: StatusCode, body: Vec<u8>) -> Result<Vec<u8>, SimulatorError> {
        if status == StatusCode::UNAUTHORIZED {
            return Err(SimulatorError::Unauthorized { url: self.base_url.clone() });
        }
        if status.is_success() {
            return Ok(body);
        }
        let detail = detail(&body);
        let (method, target) = (call.method, call.path().to_owned());
        Err(SimulatorError::Refused { method, target, status: status.as_u16(), detail })
    }

    fn unreachable(&self, source: reqwest::Error) -> SimulatorError {
        SimulatorError::Unreachable { url: self.base_url.clone(), source: source.without_url() }
    }
}

/// The server's words, or the beginning of what it sent in their place.
fn detail(body: &[u8]) -> String {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let beginning = || String::from_utf8_lossy(body).chars().take(200).collect();
    json["detail"].as_str().map_or_else(beginning, str::to_owned)
}

fn read<T: DeserializeOwned>(call: &Call, body: &[u8], expected: &'static str) -> Result<T, SimulatorError> {
    serde_json::from_slice(body).map_err(|_| SimulatorError::not_scim(call, expected))
}

fn headers(token: &SecretText, manner: Manner) -> Result<HeaderMap, SimulatorError> {
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {}", token.expose().trim())).map_err(|_| SimulatorError::BadToken)?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(ACCEPT, HeaderValue::from_static(manner.accept));
    for (name, value) in manner.more {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Ok(headers)
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    seconds.map_or(Duration::from_secs(1), Duration::from_secs).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Manner = Manner { accept: "*/*", content_type: "application/json", more: &[] };

    #[test]
    fn a_retry_after_is_obeyed_within_bounds() {
        let header = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers)
        };
        assert_eq!(header("3"), Duration::from_secs(3));
        assert_eq!(header("86400"), LONGEST_WAIT);
        assert_eq!(header("soon"), Duration::from_secs(1));
        assert_eq!(retry_after(&HeaderMap::new()), Duration::from_secs(1));
    }

    #[test]
    fn an_address_that_is_no_base_url_is_named() {
        let token = SecretText::new("rct_x".to_owned());
        for url in ["", "127.0.0.1:8080", "ftp://x/scim", "http://x/scim?token=1"] {
            let error = Connection::new(url, &token, PLAIN, None).err().unwrap().to_string();
            assert!(error.contains("is not a Base URL"), "{error}");
        }
        let newline = SecretText::new("a\nb".to_owned());
        assert!(matches!(Connection::new("http://x/v2", &newline, PLAIN, None), Err(SimulatorError::BadToken)));
    }

    #[test]
    fn entras_flag_stays_behind_the_tenant_url() {
        let token = SecretText::new("rct_x".to_owned());
        let connection = |url| Connection::new(url, &token, PLAIN, None).unwrap();
        let flagged = connection("http://x/v2/?aadOptscim062020");
        assert_eq!(flagged.url("/Users/7"), "http://x/v2/Users/7?aadOptscim062020");
        assert_eq!(flagged.url("/Users?count=1"), "http://x/v2/Users?aadOptscim062020&count=1");
        assert_eq!(connection("http://x/v2/").url("/Users?count=1"), "http://x/v2/Users?count=1");
    }
}
