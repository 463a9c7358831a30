//! Headers that every SCIM request loses and every SCIM answer gets.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    },
    middleware::Next,
};

/// Headers of this prefix are the services' own: from outside they would be forgeries.
pub(crate) const INTERNAL: &str = "x-rollcall-";

const ON_EVERY_ANSWER: [(HeaderName, &str); 4] = [
    // Answers hold people's data and depend on the token.
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
];

/// Strips internal headers from the request, and sets what browsers and caches must know on the answer.
pub(crate) async fn guard<B: MessageBody>(
    secure: bool,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let forged: Vec<HeaderName> =
        request.headers().keys().filter(|name| name.as_str().starts_with(INTERNAL)).cloned().collect();
    for name in forged {
        request.headers_mut().remove(name);
    }
    let mut response = next.call(request).await?;
    set(secure, response.headers_mut());
    Ok(response)
}

/// The same around what is the same for everybody: what has a tag may be kept for some minutes.
pub(crate) async fn guard_public<B: MessageBody>(
    secure: bool,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = guard(secure, request, next).await?;
    if response.headers().contains_key(ETAG) {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    }
    Ok(response)
}

/// Sets what every answer has.
pub(crate) fn set(secure: bool, headers: &mut HeaderMap) {
    for (name, value) in ON_EVERY_ANSWER {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
