//! The quality of a directory's data: what its client or its admin may want to mend.

use rollcall_access::Access;
use rollcall_base::{Id, Timestamp, marker::Resource};
use rollcall_scim::schema::{GROUP, KindId, ResourceType, USER};
use sea_orm::QueryResult;

use super::DirectoryStore;
use crate::{StoreError, statement::Sql};

/// The first of what was found, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// The first ones.
    pub first: Vec<T>,
    /// How many there are.
    pub total: u64,
}

/// A name that several groups have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateName {
    /// The name, as one of them writes it.
    pub display_name: String,
    /// How many have it.
    pub groups: u64,
}

/// An externalId that several users have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedExternalId {
    /// The externalId; of a long one its beginning.
    pub external_id: String,
    /// How many have it.
    pub users: u64,
}

/// Somebody whom the client put into a group and who was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedMember {
    /// The group.
    pub group: Id<Resource>,
    /// Its name.
    pub group_name: Option<String>,
    /// Who, as the client sent it.
    pub member: String,
    /// How often.
    pub times: u64,
    /// When last.
    pub last_at: Timestamp,
}

/// What may want mending in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityReport {
    /// Names that several groups have, those of most groups first.
    pub duplicate_group_names: Found<DuplicateName>,
    /// externalIds that several users have, those of most users first.
    pub shared_external_ids: Found<SharedExternalId>,
    /// Members that were left out, the last ones first.
    pub skipped_members: Found<SkippedMember>,
    /// Users without an e-mail address.
    pub users_without_email: u64,
    /// Groups without members.
    pub groups_without_members: u64,
    /// Names that users had before, by which lookups find them.
    pub former_names: u64,
}

impl<A: Access> DirectoryStore<A> {
    /// Looks all of the directory's data through; lists hold at most `limit` each. `users` is the type of users.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn quality(&self, users: &ResourceType, limit: u32) -> Result<QualityReport, StoreError> {
        let names = self.several(GROUP, "r.name_key", "MIN(r.display)", limit).await?;
        let ids = self.several(USER, "r.external_id", "r.external_id", limit).await?;
        let email = users.attribute("emails").and_then(|emails| emails.sub_attribute("value")?.index);
        let without_email = self.live(USER).text(" AND NOT EXISTS (SELECT 1 FROM attribute a WHERE a.directory_id = ");
        let without_email = without_email.id(self.directory).text(" AND a.resource_id = r.id AND a.attribute_id = ");
        let without_email = without_email.value(email.map_or(-1, |email| email.0)).text(")");
        let empty = self.live(GROUP).text(" AND NOT EXISTS (SELECT 1 FROM member m WHERE m.directory_id = ");
        let empty = empty.id(self.directory).text(" AND m.group_id = r.id)");
        let former = Sql::new("SELECT COUNT(*) AS number FROM former_name WHERE directory_id = ").id(self.directory);
        Ok(QualityReport {
            duplicate_group_names: names
                .map(|(display_name, groups)| DuplicateName { display_name: display_name.unwrap_or_default(), groups }),
            shared_external_ids: ids
                .map(|(external_id, users)| SharedExternalId { external_id: external_id.unwrap_or_default(), users }),
            skipped_members: self.skipped_members(limit).await?,
            users_without_email: self.number(without_email).await?,
            groups_without_members: self.number(empty).await?,
            former_names: self.number(former).await?,
        })
    }

    fn live(&self, kind: KindId) -> Sql {
        let sql = Sql::new("SELECT COUNT(*) AS number FROM resource r WHERE r.directory_id = ").id(self.directory);
        sql.text(" AND r.kind = ").value(kind.0)
    }

    /// The values of `column` that several resources have, shown as `shown`.
    async fn several(
        &self,
        kind: KindId,
        column: &str,
        shown: &str,
        limit: u32,
    ) -> Result<Found<(Option<String>, u64)>, StoreError> {
        let several = |columns: &str| {
            let sql = Sql::new("SELECT ").text(columns).text(" FROM resource r WHERE r.directory_id = ");
            let sql = sql.id(self.directory).text(" AND r.kind = ").value(kind.0).text(" AND ").text(column);
            sql.text(" IS NOT NULL AND ")
                .text(column)
                .text(" <> '' GROUP BY ")
                .text(column)
                .text(" HAVING COUNT(*) > 1")
        };
        let list = several(&format!("{shown} AS shown, COUNT(*) AS number"));
        let list = list.text(" ORDER BY COUNT(*) DESC, ").text(column).text(" LIMIT ").value(i64::from(limit));
        let total = Sql::new("SELECT COUNT(*) AS number FROM (").part(&several("COUNT(*) AS one")).text(") s");
        let rows = self.inner.rows(list.build(self.backend())).await?;
        let read = |row: &QueryResult| Ok((row.try_get("", "shown")?, count(row, "number")?));
        Ok(Found { first: rows.iter().map(read).collect::<Result<_, StoreError>>()?, total: self.number(total).await? })
    }

    async fn skipped_members(&self, limit: u32) -> Result<Found<SkippedMember>, StoreError> {
        let sql = Sql::new("SELECT s.group_id, g.display, s.member_id, s.times, s.last_at FROM skipped_member s")
            .text(" JOIN resource g ON g.directory_id = s.directory_id AND g.id = s.group_id WHERE s.directory_id = ")
            .id(self.directory)
            .text(" ORDER BY s.last_at DESC, s.group_id, s.member_id LIMIT ")
            .value(i64::from(limit));
        let total = Sql::new("SELECT COUNT(*) AS number FROM skipped_member WHERE directory_id = ").id(self.directory);
        let rows = self.inner.rows(sql.build(self.backend())).await?;
        let read = |row: &QueryResult| {
            Ok(SkippedMember {
                group: Id::from_uuid(row.try_get("", "group_id")?),
                group_name: row.try_get("", "display")?,
                member: row.try_get("", "member_id")?,
                times: count(row, "times")?,
                last_at: Timestamp::from_micros(row.try_get("", "last_at")?),
            })
        };
        Ok(Found { first: rows.iter().map(read).collect::<Result<_, StoreError>>()?, total: self.number(total).await? })
    }

    async fn number(&self, sql: Sql) -> Result<u64, StoreError> {
        let rows = self.inner.rows(sql.build(self.backend())).await?;
        rows.first().map_or(Ok(0), |row| count(row, "number"))
    }
}

fn count(row: &QueryResult, column: &str) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or(0))
}

impl<T> Found<T> {
    fn map<U>(self, to: impl FnMut(T) -> U) -> Found<U> {
        Found { first: self.first.into_iter().map(to).collect(), total: self.total }
    }
}
