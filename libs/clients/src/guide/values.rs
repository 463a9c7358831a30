//! A directory's values, for its guide.

use std::borrow::Cow;

use crate::Profile;

/// What a guide is filled with. It has no place for a token: whoever reads a guide is shown where to get one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The tenant's slug.
    pub tenant: String,
    /// The Directory ID.
    pub directory_id: String,
    /// The Directory Name.
    pub directory_name: String,
    /// The directory's Base URL.
    pub base_url: String,
    /// The Base URL that all directories share: the token alone tells which.
    pub shared_url: String,
    /// Where OAuth clients get their access tokens.
    pub token_endpoint: String,
    /// What is known of the directory's tokens.
    pub token: TokenState,
}

/// What is known of a directory's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenState {
    /// Nothing.
    Unknown,
    /// There is none that is good and may change users.
    None,
    /// The one that is meant ends at this moment.
    Ends(String),
    /// There are several that are good and may change users.
    Several {
        /// How many: two at least.
        count: usize,
        /// When the first of them ends.
        first_end: String,
    },
    /// There is none that an admin carries to the client, but so many OAuth clients that fetch theirs: one at least.
    Clients(usize),
}

impl Values {
    /// For a reader who has no directory yet. `public_url` is what Base URLs begin with.
    pub fn examples(public_url: &str) -> Self {
        let (tenant, directory_id) = ("TENANT", "DIRECTORY-ID");
        Self {
            tenant: tenant.to_owned(),
            directory_id: directory_id.to_owned(),
            directory_name: "DIRECTORY-NAME".to_owned(),
            base_url: format!("{public_url}/scim/{tenant}/{directory_id}/v2"),
            shared_url: format!("{public_url}/scim/v2"),
            token_endpoint: format!("{public_url}/oauth2/v1/token"),
            token: TokenState::Unknown,
        }
    }

    /// What stands for `name` in a guide.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "tenant" => Cow::Borrowed(&*self.tenant),
            "directory_id" => Cow::Borrowed(&*self.directory_id),
            "directory_name" => Cow::Borrowed(&*self.directory_name),
            "base_url" => Cow::Borrowed(&*self.base_url),
            "shared_url" => Cow::Borrowed(&*self.shared_url),
            "token_endpoint" => Cow::Borrowed(&*self.token_endpoint),
            "token" => Cow::Owned(self.token_state()),
            _ => return None,
        })
    }

    fn token_state(&self) -> String {
        let directory = format!("--tenant {} --directory {}", self.tenant, self.directory_id);
        let issue = format!("`rollcall token issue {directory}`");
        match &self.token {
            TokenState::Unknown => format!(
                "shown once, by {issue}, when it is issued; `rollcall token list {directory}` shows when it ends and which \
                 one to rotate"
            ),
            TokenState::None => format!(
                "there is no good one at the moment that may change users: {issue} issues one and shows it once"
            ),
            TokenState::Ends(moment) => format!(
                "ends at {moment}. It was shown once, when it was issued, and cannot be shown again. A new one, also when \
                 it is lost: {issue}, or `rollcall token rotate --token-id ID` with an ID that `rollcall token list \
                 {directory}` shows; the old one goes on working meanwhile"
            ),
            TokenState::Several { count, first_end } => format!(
                "there are {count} that may change users; the first of them ends at {first_end}. `rollcall token list \
                 {directory}` shows when each ends and which is in use. Each was shown once, when it was issued, and cannot be \
                 shown again. A new one: {issue}, or `rollcall token rotate --token-id ID`; the others go on working \
                 meanwhile"
            ),
            TokenState::Clients(count) => {
                let clients = match count {
                    1 => "one OAuth client is live, which fetches its".to_owned(),
                    _ => format!("{count} OAuth clients are live, which fetch their"),
                };
                format!(
                    "none was issued that is good and may change users, but {clients} access tokens at `{}`: `rollcall \
                     oauth-client list {directory}`. If the client is to have a token instead: {issue}",
                    self.token_endpoint
                )
            }
        }
    }
}

impl Profile {
    /// What is special about a directory with these values: mostly nothing. It stands first in the guide.
    pub fn notices(&self, values: &Values) -> Vec<String> {
        let mut notices = Vec::new();
        let client = self.kind_title();
        if self.traffic.refuses_underscore && values.base_url.contains('_') {
            let (url, shared) = (&values.base_url, &values.shared_url);
            let own = url.split_once("/scim/").map_or(url.as_str(), |(front, _)| front);
            let remedy = if own.contains('_') {
                "The underscore is in the public address of this installation: no directory's Base URL is without it. Whoever \
                 runs Rollcall has to set `public_url` to an address without an underscore."
                    .to_owned()
            } else if shared.contains('_') {
                "Use another key of the directory in the URL: its Directory ID never has an underscore.".to_owned()
            } else {
                format!(
                    "Use another key of the directory in the URL, its Directory ID never has an underscore; or use \
                     `{shared}`, where the token alone tells the directory."
                )
            };
            notices.push(format!("{client} refuses a Base URL with an underscore, and `{url}` has one. {remedy}"));
        }
        if let Some(longest) = self.traffic.base_url_length
            && values.base_url.chars().count() > longest
        {
            notices.push(format!(
                "{client} takes a Base URL of at most {longest} characters, and this one is longer. Use `{}`, where the token \
                 alone tells the directory.",
                values.shared_url
            ));
        }
        notices
    }

    /// The client's name without the way of setting it up.
    fn kind_title(&self) -> &str {
        self.title.split(" (").next().unwrap_or(&self.title)
    }
}
