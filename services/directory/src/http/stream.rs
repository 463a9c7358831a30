//! A group with more members than one piece holds, sent as it is read.

use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use rollcall_scim::Projection;
use rollcall_store::{StoreError, StoredResource};
use serde_json::Value;

use crate::{
    Call, DirectoryService,
    represent::{MEMBERS_AT_ONCE, Presented},
};

/// What is needed to go on reading while the answer is already under way.
pub(super) struct BigGroup {
    pub(super) service: DirectoryService,
    pub(super) call: Call,
    pub(super) resource: StoredResource,
    pub(super) projection: Projection,
}

/// Sends the group piece by piece. If the database fails on the way the connection is cut: a list of members that
/// ends early must never look like a whole one.
pub(super) fn send(mut response: HttpResponseBuilder, group: BigGroup, mut presented: Presented) -> HttpResponse {
    let members = presented.body.remove("members");
    let mut head = Value::Object(presented.body).to_string();
    head.pop();
    let mut after = presented.members_continue_after;
    let first = match members {
        Some(Value::Array(elements)) => elements,
        _ => Vec::new(),
    };
    let pieces = async_stream::try_stream! {
        head.push_str(",\"members\":[");
        push(&mut head, &first, true);
        yield Bytes::from(std::mem::take(&mut head));
        while let Some(last) = after {
            let store = group.service.store.directory(&group.call.authenticated.answer());
            let members = store.members_page(group.resource.id, Some(last), MEMBERS_AT_ONCE).await.map_err(cut)?;
            after = (members.len() == MEMBERS_AT_ONCE as usize).then(|| members.last().map(|last| last.id)).flatten();
            let elements = group.service.member_elements(&group.call, &group.projection, &members);
            let mut piece = String::new();
            push(&mut piece, &elements, false);
            yield Bytes::from(piece);
        }
        yield Bytes::from_static(b"]}");
    };
    response.streaming::<_, std::io::Error>(pieces)
}

fn push(text: &mut String, elements: &[Value], mut first: bool) {
    for element in elements {
        if !first {
            text.push(',');
        }
        first = false;
        text.push_str(&element.to_string());
    }
}

fn cut(error: StoreError) -> std::io::Error {
    tracing::error!(error = %error, "a group's members could not be read to the end; the answer was cut");
    std::io::Error::other("members could not be read to the end")
}
