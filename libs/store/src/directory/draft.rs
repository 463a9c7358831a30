//! How much a directory holds that is still a draft.

use rollcall_access::Stage;
use rollcall_scim::ScimError;
use sea_orm::ConnectionTrait;

use super::Author;
use crate::{StoreError, control::directory_life, control::rows, statement::Sql, transaction::Transaction};

/// Refuses another resource in a draft that is full. Its row is held until the end of the transaction, so that creations of
/// a draft come one after the other, and one that was submitted meanwhile is none.
pub(super) async fn check(transaction: &Transaction, by: &Author) -> Result<(), StoreError> {
    let Some(most) = by.draft_limit else { return Ok(()) };
    let row = directory_life::locked(transaction, None, by.directory).await?.ok_or(StoreError::NotFound)?;
    if rows::life(&row)?.stage != Stage::Draft {
        return Ok(());
    }
    let some = Sql::new("SELECT 1 AS one FROM resource WHERE directory_id = ").id(by.directory);
    let some = some.text(" LIMIT ").value(i64::from(most));
    let sql = Sql::new("SELECT COUNT(*) AS n FROM (").part(&some).text(") some_of_it");
    let row = transaction.query_one_raw(sql.build(transaction.get_database_backend())).await?;
    let held: i64 = row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0);
    if held < i64::from(most) { Ok(()) } else { Err(full(most).into()) }
}

fn full(most: u32) -> ScimError {
    ScimError::status(
        403,
        format!(
            "This directory is a draft, which holds {most} users and groups at most; nothing was created. For more, submit \
             this directory (rollcall directory submit --tenant TENANT --directory DIRECTORY) and send the request again."
        ),
    )
}
