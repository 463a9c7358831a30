//! Around every request: whose token is it, and does it open the directory that the URL names?

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use rollcall_access::{Authenticated, Denial};
use rollcall_runtime::{ClientAddress, http::BaseUrl};
use rollcall_tokens::DirectoryRecord;
use tracing::Span;

use crate::{Api, base_url, bearer, gateway::Inner, refusal::Refusal};

/// Lets a request through with who it is from in its extensions, or answers it.
pub(crate) async fn authenticate<B: MessageBody>(
    gateway: Arc<Inner>,
    api: Api,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match gateway.admit(&request).await {
        Ok((authenticated, directory)) => {
            let base_url = base_url(&gateway.public_url, &directory);
            request.extensions_mut().insert(authenticated);
            request.extensions_mut().insert(directory);
            request.extensions_mut().insert(BaseUrl(base_url.into()));
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(refusal) => {
            refusal.log();
            if matches!(refusal, Refusal::Throttled(_)) {
                gateway.limiter.throttled(api);
            }
            Ok(request.into_response(refusal.to_response(api)).map_into_right_body())
        }
    }
}

impl Inner {
    async fn admit(&self, request: &ServiceRequest) -> Result<(Authenticated, Arc<DirectoryRecord>), Refusal> {
        let token = bearer::read(request.headers())?;
        Span::current().record("rollcall.credential", tracing::field::display(token.id()));
        let from = ClientAddress::of_request(request.request()).0;
        let authenticated = self.tokens.verify(&token, from).await?;
        let directory = self.tokens.directory(authenticated.directory()).await?.ok_or(Denial::OtherDirectory)?;
        Span::current().record("rollcall.directory", tracing::field::display(directory.id));
        let place = request.match_info();
        if let (Some(tenant), Some(key)) = (place.get("tenant"), place.get("directory"))
            && !self.names(tenant, key, &directory).await?
        {
            return Err(Denial::OtherDirectory.into());
        }
        match directory.state.as_str() {
            "archived" => Err(Denial::Archived.into()),
            "disabled" => Err(Refusal::Disabled),
            _ => Ok((authenticated, directory)),
        }
    }

    /// Whether a URL's tenant and key name `directory`: by its present ID or Name, or by one that it had before.
    async fn names(&self, tenant: &str, key: &str, directory: &DirectoryRecord) -> Result<bool, Refusal> {
        // All of these are ASCII by rule.
        if tenant.eq_ignore_ascii_case(&directory.tenant_slug)
            && [&directory.directory_id, &directory.directory_name].iter().any(|name| key.eq_ignore_ascii_case(name))
        {
            return Ok(true);
        }
        Ok(self.tokens.resolve(tenant, key).await?.is_some_and(|named| named.id == directory.id))
    }
}

#[cfg(test)]
pub(crate) mod tests;
