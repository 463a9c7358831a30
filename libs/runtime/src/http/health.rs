//! `/health/live`: the process answers. `/health/ready`: what it depends on answers too.

use std::{sync::Arc, time::Duration};

use actix_web::HttpResponse;
use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::json;

/// Something that must work before requests should be sent here.
#[async_trait]
pub trait ReadinessCheck: Send + Sync {
    /// For the answer and the log, such as `database`.
    fn name(&self) -> &'static str;

    /// # Errors
    /// Why it does not work, for the log only.
    async fn check(&self) -> Result<(), String>;

    /// Whether no requests should be sent here without it. What most requests can do without makes the answer say
    /// `degraded`, and the process stays ready.
    fn is_needed(&self) -> bool {
        true
    }
}

/// A check that takes longer has failed: whoever asks would not wait for it either.
const LONGEST: Duration = Duration::from_secs(2);

/// The answer of `/health/live`.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The answer of `/health/ready` once the process was told to stop.
pub(super) fn stopping() -> HttpResponse {
    HttpResponse::ServiceUnavailable().json(json!({ "status": "stopping" }))
}

/// The answer of `/health/ready`: 200, or 503 with the names of what does not work. 200 with names says what does not
/// work and is not needed by most.
pub(super) async fn ready(checks: &[Arc<dyn ReadinessCheck>]) -> HttpResponse {
    let outcomes = join_all(checks.iter().map(|check| async move {
        let outcome = tokio::time::timeout(LONGEST, check.check()).await;
        (check, outcome.unwrap_or_else(|_| Err("no answer in time".to_owned())))
    }));
    let (mut failed, mut degraded) = (Vec::new(), Vec::new());
    for (check, outcome) in outcomes.await {
        let name = check.name();
        match outcome {
            Ok(()) => {}
            Err(reason) if check.is_needed() => {
                tracing::warn!(check = name, reason, "not ready");
                failed.push(name);
            }
            Err(_) => degraded.push(name),
        }
    }
    match (failed.is_empty(), degraded.is_empty()) {
        (true, true) => HttpResponse::Ok().json(json!({ "status": "ok" })),
        (true, false) => HttpResponse::Ok().json(json!({ "status": "degraded", "degraded": degraded })),
        _ => {
            let mut body = json!({ "status": "unavailable", "failed": failed });
            if !degraded.is_empty() {
                body["degraded"] = json!(degraded);
            }
            HttpResponse::ServiceUnavailable().json(body)
        }
    }
}
