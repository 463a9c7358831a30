//! The internal surface: the gateway's questions over HTTP. Whoever cannot sign a call learns nothing here.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Bytes, ServiceConfig},
};
use rollcall_access::{BearerToken, ClientSecret, Denial, InternalCall, InternalKeys};
use rollcall_base::Clock;
use rollcall_store::DirectoryRecord;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    GrantError, TokenRequest, Tokens, Uses, VerifyError,
    wire::{
        AUDIENCE, ById, ByKey, DIRECTORY, Directory, GRANT, Grant, GrantOutcome, Granted, Outcome, REPORT, RESOLVE,
        Resolved, SIGNATURE, TOKEN, VERIFY, Verify, millis,
    },
};

/// Answers other services' questions about tokens and directories. Cheap to clone.
#[derive(Clone)]
pub struct InternalSurface(Arc<Inner>);

struct Inner {
    tokens: Arc<dyn Tokens>,
    keys: InternalKeys,
    clock: Arc<dyn Clock>,
}

/// Why a call is not answered with what it asks for.
enum Refusal {
    /// Not signed by a service of this installation.
    Stranger,
    /// Signed, but not a question that this version knows.
    NotUnderstood,
    /// Nobody can tell at the moment.
    Unavailable,
}

/// More than any question has.
const LARGEST: usize = 4 * 1024;
/// More than any request for an access token has: the gateway takes no larger ones.
const LARGEST_GRANT: usize = 64 * 1024;
/// More than any report has.
const LARGEST_REPORT: usize = 1024 * 1024;

impl InternalSurface {
    /// Answers from `tokens` what is signed with `keys`.
    pub fn new(tokens: Arc<dyn Tokens>, keys: InternalKeys, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { tokens, keys, clock }))
    }

    /// Mounts the routes.
    pub fn mount(&self, config: &mut ServiceConfig) {
        let surface = web::Data::new(self.clone());
        for (path, largest, route) in [
            (VERIFY, LARGEST, web::post().to(verify)),
            (GRANT, LARGEST_GRANT, web::post().to(grant)),
            (DIRECTORY, LARGEST, web::post().to(directory)),
            (RESOLVE, LARGEST, web::post().to(resolve)),
            (REPORT, LARGEST_REPORT, web::post().to(report)),
        ] {
            config.service(
                web::resource(path)
                    .app_data(web::Data::clone(&surface))
                    .app_data(web::PayloadConfig::new(largest))
                    .route(route),
            );
        }
    }
}

/// A call whose signature was checked.
struct Call<'a, Q> {
    inner: &'a Inner,
    signature: &'a str,
    token: &'a str,
    question: Q,
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn read<'a, Q: DeserializeOwned>(
    surface: &'a InternalSurface,
    request: &'a HttpRequest,
    body: &Bytes,
) -> Result<Call<'a, Q>, Refusal> {
    let (inner, signature, token) = (&*surface.0, text(request, SIGNATURE), text(request, TOKEN));
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let call = InternalCall { audience: AUDIENCE, target, token, body };
    inner.keys.check_call(signature, &call, inner.clock.now()).map_err(|error| {
        tracing::warn!(reason = %error, "an internal call was refused: its signature is not good");
        Refusal::Stranger
    })?;
    let question = serde_json::from_slice(body).map_err(|_| Refusal::NotUnderstood)?;
    Ok(Call { inner, signature, token, question })
}

impl<Q> Call<'_, Q> {
    fn answer(&self, answer: Result<impl Serialize, Refusal>) -> Result<HttpResponse, Refusal> {
        let body = serde_json::to_vec(&answer?).map_err(|_| Refusal::Unavailable)?;
        let signature = self.inner.keys.sign_answer(self.signature, StatusCode::OK.as_u16(), &body);
        Ok(HttpResponse::Ok().insert_header((SIGNATURE, signature)).content_type("application/json").body(body))
    }
}

impl Refusal {
    fn into_response(self) -> HttpResponse {
        match self {
            Self::Stranger => HttpResponse::Unauthorized().finish(),
            Self::NotUnderstood => HttpResponse::BadRequest().finish(),
            Self::Unavailable => HttpResponse::ServiceUnavailable().finish(),
        }
    }
}

fn unavailable(error: &dyn std::error::Error) -> Refusal {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(error = %error, cause, "an internal call could not be answered");
    Refusal::Unavailable
}

async fn verify(surface: web::Data<InternalSurface>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let answer = async {
        let call = read::<Verify>(&surface, &request, &body)?;
        let answer = call.verify().await;
        call.answer(answer)
    };
    answer.await.unwrap_or_else(Refusal::into_response)
}

impl Call<'_, Verify> {
    async fn verify(&self) -> Result<Outcome, Refusal> {
        let Ok(token) = BearerToken::parse(self.token) else { return Ok(Outcome::Denied(Denial::Malformed.into())) };
        match self.inner.tokens.verify(&token, self.question.from).await {
            Ok(authenticated) => {
                Ok(Outcome::Good(self.inner.keys.vouch(&authenticated, &token, self.inner.clock.now())))
            }
            Err(VerifyError::Denied(denial)) => Ok(Outcome::Denied(denial.into())),
            Err(VerifyError::Throttled { retry_after }) => Ok(Outcome::throttled(retry_after)),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

async fn grant(surface: web::Data<InternalSurface>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let answer = async {
        let call = read::<Grant>(&surface, &request, &body)?;
        let answer = call.grant().await;
        call.answer(answer)
    };
    answer.await.unwrap_or_else(Refusal::into_response)
}

impl Call<'_, Grant> {
    async fn grant(&self) -> Result<GrantOutcome, Refusal> {
        let asked = TokenRequest {
            client: self.question.client,
            secret: ClientSecret::parse(self.token).ok(),
            scopes: self.question.scopes,
            resources: self.question.resources.clone(),
            from: self.question.from,
        };
        match self.inner.tokens.grant_token(asked).await {
            Ok(granted) => Ok(GrantOutcome::Granted(Granted::from(&granted))),
            Err(GrantError::Denied(denial)) => Ok(GrantOutcome::Denied(denial)),
            Err(GrantError::Throttled { retry_after }) => Ok(GrantOutcome::Throttled(millis(retry_after))),
            Err(GrantError::TooMany { retry_after }) => Ok(GrantOutcome::TooMany(millis(retry_after))),
            Err(GrantError::Busy { retry_after }) => Ok(GrantOutcome::Busy(millis(retry_after))),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

async fn directory(surface: web::Data<InternalSurface>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let answer = async {
        let call = read::<ById>(&surface, &request, &body)?;
        let found = call.inner.tokens.directory(call.question.id).await;
        call.answer(shown(found))
    };
    answer.await.unwrap_or_else(Refusal::into_response)
}

async fn report(surface: web::Data<InternalSurface>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let answer = async {
        let call = read::<Uses>(&surface, &request, &body)?;
        let kept = call.inner.tokens.report(call.question.clone()).await;
        call.answer(kept.map_err(|error| unavailable(&error)))
    };
    answer.await.unwrap_or_else(Refusal::into_response)
}

async fn resolve(surface: web::Data<InternalSurface>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let answer = async {
        let call = read::<ByKey>(&surface, &request, &body)?;
        let ByKey { tenant, key, caller } = &call.question;
        call.answer(match call.inner.tokens.resolve(tenant, key, *caller).await {
            Err(VerifyError::Throttled { retry_after }) => Ok(Resolved::Throttled { throttled: millis(retry_after) }),
            found => shown(found).map(Resolved::Found),
        })
    };
    answer.await.unwrap_or_else(Refusal::into_response)
}

fn shown(found: Result<Option<Arc<DirectoryRecord>>, VerifyError>) -> Result<Option<Directory>, Refusal> {
    Ok(found.map_err(|error| unavailable(&error))?.map(|record| Directory::from(&*record)))
}
