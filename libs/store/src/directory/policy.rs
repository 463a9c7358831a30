//! What of a directory's policies has to hold to the letter, and is read where it is applied: what a request brings
//! along may be as old as whatever remembers it.

use rollcall_access::OnDuplicateGroupName;
use sea_orm::ConnectionTrait;

use super::Author;
use crate::{StoreError, control::rows, dialect::for_share, statement::Sql, transaction::Transaction};

/// Whether the directory may not have two groups of one name. Until the transaction ends nobody changes that.
pub(super) async fn refuses_duplicate_names(transaction: &Transaction, by: &Author) -> Result<bool, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = Sql::new("SELECT policies FROM directory WHERE id = ").id(by.directory).text(for_share(backend));
    let row = transaction.query_one_raw(sql.build(backend)).await?;
    let text = row.map(|row| row.try_get::<Option<String>>("", "policies")).transpose()?.flatten();
    Ok(rows::policies(text.as_deref())?.duplicate_group_name == OnDuplicateGroupName::Refuse)
}
