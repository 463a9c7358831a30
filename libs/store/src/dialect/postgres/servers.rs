//! The servers that `database.url` names, and which of them accepts writes.

use std::{str::FromStr, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _, postgres::PgConnectOptions};

use crate::{StoreConfig, StoreError};

/// How long one server may take to say what it is.
const ASKED_WITHIN: Duration = Duration::from_secs(2);
/// The pause before all are asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// The servers of a URL such as `postgres://user:password@one:5432,two:5432/database`, in its order.
pub(super) fn of(config: &StoreConfig) -> Result<Vec<PgConnectOptions>, StoreError> {
    let parsed = |url: String| {
        let options = PgConnectOptions::from_str(&url).map_err(|_| StoreError::BadUrl)?;
        Ok(with_settings(options, config))
    };
    urls(&config.url).into_iter().map(parsed).collect()
}

/// One URL for each host.
fn urls(url: &str) -> Vec<String> {
    let query = url.find('?').unwrap_or(url.len());
    // A password may hold a raw '@' or ',': the hosts begin after the last '@'.
    let scheme = url[..query].find("://").map_or(0, |at| at + 3);
    let begin = url[..query].rfind('@').map_or(scheme, |at| at + 1).max(scheme);
    let end = url[begin..query].find('/').map_or(query, |at| begin + at);
    url[begin..end].split(',').map(|host| format!("{}{host}{}", &url[..begin], &url[end..])).collect()
}

fn with_settings(options: PgConnectOptions, config: &StoreConfig) -> PgConnectOptions {
    let name = options.get_application_name().unwrap_or(&config.application_name).to_owned();
    options
        .application_name(&name)
        .options([
            ("statement_timeout", config.statement_timeout_ms.to_string()),
            ("lock_timeout", config.lock_timeout_ms.to_string()),
            ("idle_in_transaction_session_timeout", config.idle_in_transaction_timeout_ms.to_string()),
        ])
        .statement_cache_capacity(config.statement_cache)
        .disable_statement_logging()
}

/// A server accepts no writes: it follows another, or was told to.
#[derive(Debug, thiserror::Error)]
#[error("the server accepts no writes: it follows another server, or is set to read-only")]
pub(super) struct ReadOnly;

/// For every new connection: an error if its server accepts no writes.
pub(super) async fn refuse_read_only(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Also on a server that follows another one. Unprepared, as every pooler in between passes it on.
    let row = connection.fetch_one("SHOW transaction_read_only").await?;
    let read_only: &str = row.try_get(0)?;
    if read_only == "on" { Err(sqlx::Error::Configuration(Box::new(ReadOnly))) } else { Ok(()) }
}

/// Whether the server can be reached and accepts writes.
pub(super) async fn accepts_writes(server: &PgConnectOptions) -> bool {
    let asked = async {
        let mut connection = server.connect().await?;
        let answer = refuse_read_only(&mut connection).await;
        let _ = connection.close().await;
        answer
    };
    matches!(tokio::time::timeout(ASKED_WITHIN, asked).await, Ok(Ok(())))
}

/// The first of `servers` to say that it accepts writes. All are asked at once, so that none that hangs delays it.
pub(super) async fn accepting_now(servers: &[PgConnectOptions]) -> Option<PgConnectOptions> {
    let mut asked: FuturesUnordered<_> =
        servers.iter().map(|server| async move { accepts_writes(server).await.then(|| server.clone()) }).collect();
    while let Some(answer) = asked.next().await {
        if answer.is_some() {
            return answer;
        }
    }
    None
}

/// The first of `servers` that accepts writes, if there is one within `patience`.
pub(super) async fn accepting(
    servers: &[PgConnectOptions],
    patience: Duration,
) -> Result<PgConnectOptions, StoreError> {
    let found = async {
        loop {
            if let Some(server) = accepting_now(servers).await {
                return server;
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    let nobody = |_| StoreError::Unavailable(Arc::new(NoneAccepts(servers.len())));
    tokio::time::timeout(patience, found).await.map_err(nobody)
}

#[derive(Debug, thiserror::Error)]
#[error("none of the {0} servers of database.url can be reached and accepts writes")]
struct NoneAccepts(usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_of_a_url_is_a_server_with_the_rest_of_it() {
        assert_eq!(
            urls("postgres://u:p,@w@a:1,b.example,[::1]:3/db?sslmode=require&x=1,2"),
            [
                "postgres://u:p,@w@a:1/db?sslmode=require&x=1,2",
                "postgres://u:p,@w@b.example/db?sslmode=require&x=1,2",
                "postgres://u:p,@w@[::1]:3/db?sslmode=require&x=1,2",
            ]
        );
        assert_eq!(urls("postgres://one/db"), ["postgres://one/db"]);
        assert_eq!(urls("postgres:///db?host=/socket"), ["postgres:///db?host=/socket"]);
        assert_eq!(urls("postgres://h"), ["postgres://h"]);
    }
}
