//! Of whom it is asked what was done: a token, or an OAuth client with all of its access tokens.

use rollcall_base::{
    Id,
    marker::{Credential, OAuthClient},
};

use crate::statement::Sql;

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A token.
    Token(Id<Credential>),
    /// An OAuth client by any of its access tokens, those that were erased included.
    Client(Id<OAuthClient>),
}

impl From<Id<Credential>> for Holder {
    fn from(id: Id<Credential>) -> Self {
        Self::Token(id)
    }
}

impl From<Id<OAuthClient>> for Holder {
    fn from(id: Id<OAuthClient>) -> Self {
        Self::Client(id)
    }
}

impl Holder {
    /// Adds the ids under which the uses of this one stand. What an erased access token was used for stands under its
    /// client's.
    pub(super) fn ids(self, sql: Sql) -> Sql {
        match self {
            Self::Token(id) => sql.text("(").id(id).text(")"),
            Self::Client(id) => sql
                .text("(SELECT id FROM credential WHERE oauth_client_id = ")
                .id(id)
                .text(" UNION ALL SELECT id FROM oauth_client WHERE id = ")
                .id(id)
                .text(")"),
        }
    }
}
