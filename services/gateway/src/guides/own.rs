//! A directory's own guide: the token tells which directory.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, http::StatusCode, web};
use rollcall_access::{Authenticated, TokenKind};
use rollcall_clients::{TokenState, profile};
use rollcall_tokens::DirectoryRecord;

use super::{Known, answer, guide_values, problem, profile_of_directory, written};
use crate::bearer;

/// `GET /api/v1/guide`, with `?client=` for another profile than the directory's.
pub(super) async fn guide(known: web::Data<Known>, request: HttpRequest) -> HttpResponse {
    let (directory, authenticated) = {
        let extensions = request.extensions();
        let found = (extensions.get::<Arc<DirectoryRecord>>().cloned(), extensions.get::<Authenticated>().cloned());
        // Mounted without authentication in front: nothing is told rather than told to anybody.
        let (Some(directory), Some(authenticated)) = found else {
            return problem::of(StatusCode::UNAUTHORIZED, "This interface is not open here.");
        };
        (directory, authenticated)
    };
    let profile = match asked_for(&request) {
        Ok(None) => profile_of_directory(&directory),
        Ok(Some(name)) => match profile(&name) {
            Some(profile) => profile,
            None => return problem::no_client(),
        },
        Err(NotInOrder) => {
            let detail = "The only parameter is client, at most once: ?client=okta.";
            return problem::of(StatusCode::BAD_REQUEST, detail);
        }
    };
    let token = match bearer::read(request.headers()) {
        Ok(token) if token.kind() == TokenKind::Static => TokenState::Ends(authenticated.ends_at().to_string()),
        // That an access token ends within the hour says nothing of the directory's tokens.
        _ => TokenState::Unknown,
    };
    answer(written(&request, &profile.guide_for(&guide_values(&known.public_url, &directory, token))))
}

/// A query that is not `client=…`.
struct NotInOrder;

/// The one parameter, if it is there.
fn asked_for(request: &HttpRequest) -> Result<Option<String>, NotInOrder> {
    let parameters = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    match parameters.map_err(|_| NotInOrder)?.into_inner().as_mut_slice() {
        [] => Ok(None),
        [(name, value)] if name == "client" => Ok(Some(std::mem::take(value))),
        _ => Err(NotInOrder),
    }
}
