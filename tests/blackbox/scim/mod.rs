//! Below a Base URL.

mod bulk;
mod discovery;
mod etags;
mod groups;
mod limits;
mod lists;
mod media_types;
mod search;
mod urls;
mod users;

use crate::{directory::Directory, server::Server};

/// A directory of its own on the server that all these tests share.
fn directory() -> Directory {
    Server::shared().directory_of("scim", "other")
}
