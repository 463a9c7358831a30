//! HTTP to one directory: headers, retries, and answers read as SCIM.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT},
};
use rollcall_base::SecretText;
use serde_json::Value;

use crate::SimulatorError;

/// Times a request is sent before the run gives up on 429 and 503.
const ATTEMPTS: u32 = 8;
/// The longest that one Retry-After is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// One request of a client: `target` is path and query below the Base URL, already encoded as the client sends it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) body: Option<Value>,
}

impl Call {
    pub(crate) const fn get(target: String) -> Self {
        Self { method: "GET", target, body: None }
    }

    pub(crate) const fn send(method: &'static str, target: String, body: Value) -> Self {
        Self { method, target, body: Some(body) }
    }

    /// Without the query, which holds names.
    fn path(&self) -> String {
        self.target.split('?').next().unwrap_or_default().to_owned()
    }
}

/// How the client presents itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) accept: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) user_agent: Option<&'static str>,
}

pub(crate) struct Connection {
    http: reqwest::Client,
    base_url: String,
    content_type: &'static str,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl Connection {
    pub(crate) fn new(base_url: &str, token: &SecretText, manner: Manner) -> Result<Self, SimulatorError> {
        let bad_url = || SimulatorError::BadUrl { url: base_url.to_owned() };
        let url = reqwest::Url::parse(base_url).map_err(|_| bad_url())?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
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
            base_url: base_url.trim_end_matches('/').to_owned(),
            content_type: manner.content_type,
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        })
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Sends `call`, waits out 429 and 503, and gives the body of a 2xx answer (`Null` if it has none).
    pub(crate) async fn send(&self, call: &Call) -> Result<Value, SimulatorError> {
        for _ in 0..ATTEMPTS {
            let response = self.request(call)?.send().await.map_err(|source| self.unreachable(source))?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            let status = response.status();
            if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
                let wait = retry_after(response.headers());
                self.retries.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(wait).await;
                continue;
            }
            let body = response.bytes().await.map_err(|source| self.unreachable(source))?;
            return self.judge(call, status, &body);
        }
        Err(SimulatorError::PutOff { method: call.method, target: call.path(), attempts: ATTEMPTS })
    }

    fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder, SimulatorError> {
        let url = format!("{}{}", self.base_url, call.target);
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| SimulatorError::BadUrl { url: self.base_url.clone() })?;
        let request = self.http.request(method, url);
        Ok(match &call.body {
            None => request,
            Some(body) => request.header(CONTENT_TYPE, self.content_type).body(body.to_string()),
        })
    }

    fn judge(&self, call: &Call, status: StatusCode, body: &[u8]) -> Result<Value, SimulatorError> {
        if status == StatusCode::UNAUTHORIZED {
            return Err(SimulatorError::Unauthorized { url: self.base_url.clone() });
        }
        let json = serde_json::from_slice::<Value>(body).ok();
        if !status.is_success() {
            let detail = json
                .as_ref()
                .and_then(|json| json.get("detail"))
                .and_then(Value::as_str)
                .map_or_else(|| String::from_utf8_lossy(body).chars().take(200).collect(), str::to_owned);
            let (method, target) = (call.method, call.path());
            return Err(SimulatorError::Refused { method, target, status: status.as_u16(), detail });
        }
        match json {
            Some(json) => Ok(json),
            None if body.is_empty() => Ok(Value::Null),
            None => {
                Err(SimulatorError::NotScim { method: call.method, target: call.path(), expected: "answer in JSON" })
            }
        }
    }

    fn unreachable(&self, source: reqwest::Error) -> SimulatorError {
        SimulatorError::Unreachable { url: self.base_url.clone(), source: source.without_url() }
    }
}

fn headers(token: &SecretText, manner: Manner) -> Result<HeaderMap, SimulatorError> {
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {}", token.expose().trim())).map_err(|_| SimulatorError::BadToken)?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(ACCEPT, HeaderValue::from_static(manner.accept));
    if let Some(agent) = manner.user_agent {
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    }
    Ok(headers)
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    seconds.map_or(Duration::from_secs(1), Duration::from_secs).min(LONGEST_WAIT)
}

/// `filter=` with its value encoded; `space` is what the client sends for a space (`+` or `%20`).
pub(crate) fn filter(text: &str, space: &str) -> String {
    let mut out = String::from("filter=");
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push_str(space),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A string literal of the filter grammar (RFC 7644 §3.4.2.2: JSON's rules).
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_encoded_as_the_clients_send_them() {
        let text = format!("userName eq {}", literal("zoë \"z\" o'brien@x.example"));
        assert_eq!(filter(&text, "+"), "filter=userName+eq+%22zo%C3%AB+%5C%22z%5C%22+o%27brien%40x.example%22");
        assert!(filter(&text, "%20").starts_with("filter=userName%20eq%20%22zo"));
    }

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
        let manner = Manner { accept: "*/*", content_type: "application/json", user_agent: None };
        let token = SecretText::new("rct_x".to_owned());
        for url in ["", "127.0.0.1:8080", "ftp://x/scim", "http://x/scim?token=1"] {
            let error = Connection::new(url, &token, manner).err().unwrap().to_string();
            assert!(error.contains("is not a Base URL"), "{error}");
        }
        let newline = SecretText::new("a\nb".to_owned());
        assert!(matches!(Connection::new("http://x/v2", &newline, manner), Err(SimulatorError::BadToken)));
    }
}
