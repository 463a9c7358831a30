//! What to simulate, and where.

use rollcall_base::SecretText;

use crate::{Client, GroupUpdates, OnWait, SimulatorError, dialect::Habits};

/// What to simulate, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose wire shape to speak.
    pub client: Client,
    /// The directory's Base URL, as `directory create` prints it. A trailing slash does no harm; Entra's flag
    /// `?aadOptscim062020` may stand behind it and is then sent with every request.
    pub base_url: String,
    /// The directory's bearer token.
    pub token: SecretText,
    /// How many users there are on the first day: at most [`Options::MOST_USERS`].
    pub users: u32,
    /// How many groups: at most [`Options::MOST_GROUPS`]. The first holds everybody (of clients that send whole lists, the
    /// first 5,000), each further one some.
    pub groups: u32,
    /// Steady cycles after the initial one.
    pub cycles: u32,
    /// The same seed gives the same people, groups and events.
    pub seed: u64,
    /// How many requests may be under way at once; `None`: what the client does.
    pub threads: Option<usize>,
    /// Requests a second, evenly; `None`: as fast as answers come.
    pub rate: Option<u32>,
    /// How PingFederate, PingOne and SailPoint change groups; `None`: PATCH, PingOne PUT.
    pub group_updates: Option<GroupUpdates>,
    /// Who is told when the server puts the run off for the first time.
    pub on_wait: Option<OnWait>,
}

impl Options {
    /// The most users of a run.
    pub const MOST_USERS: u32 = 200_000;
    /// The most groups of a run.
    pub const MOST_GROUPS: u32 = 50_000;

    /// 100 users, 10 groups, one steady cycle, no pace.
    pub const fn new(client: Client, base_url: String, token: SecretText) -> Self {
        Self {
            client,
            base_url,
            token,
            users: 100,
            groups: 10,
            cycles: 1,
            seed: 1,
            threads: None,
            rate: None,
            group_updates: None,
            on_wait: None,
        }
    }

    /// The number of requests under way at once, if the client can be set up so.
    pub(crate) fn threads(&self, habits: &Habits) -> Result<usize, SimulatorError> {
        for (what, value, most) in [("users", self.users, Self::MOST_USERS), ("groups", self.groups, Self::MOST_GROUPS)]
        {
            if value > most {
                return Err(SimulatorError::TooMany { what, most });
            }
        }
        let threads = self.threads.unwrap_or(habits.threads);
        if (1..=habits.most_threads).contains(&threads) {
            return Ok(threads);
        }
        let rule = if habits.most_threads == 5 { "a channel has 1 to 5 threads" } else { "it has 1 to 64 threads" };
        Err(SimulatorError::Unlike { client: self.client, rule })
    }
}
