//! Who is in which group. Everything here joins the live group row: members of a deleted group still have their rows.

use std::collections::HashMap;

use rollcall_access::Access;
use rollcall_base::{Id, marker::Resource};
use rollcall_scim::schema::KindId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::DirectoryStore;
use crate::{
    GroupRef, Member, StoreError,
    dialect::{Nested, by_nested},
    keys::is_whole,
    statement::{BATCH, Sql},
};

impl<A: Access> DirectoryStore<A> {
    /// The groups that each of `ids` is in, directly or through other groups, each once, by id; none if they are more
    /// than `at_most` in all. One statement for up to 500 ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn groups_of(
        &self,
        ids: &[Id<Resource>],
        at_most: u32,
    ) -> Result<Option<HashMap<Id<Resource>, Vec<GroupRef>>>, StoreError> {
        let mut groups: HashMap<Id<Resource>, Vec<GroupRef>> = HashMap::new();
        let mut left = i64::from(at_most);
        for some in uuids(ids).chunks(BATCH) {
            // The walk upwards asks the partial index of group-in-group rows only (its literal condition stands in
            // the statement): a directory without such rows looks into an empty index.
            let sql =
                Sql::new("WITH RECURSIVE reach (member_id, group_id, direct) AS (SELECT m.member_id, m.group_id, 1")
                    .text(" FROM member m JOIN resource g ON g.directory_id = m.directory_id AND g.id = m.group_id")
                    .text(" WHERE m.directory_id = ")
                    .id(self.directory)
                    .text(" AND m.member_id IN ")
                    .ids(some)
                    // CROSS JOIN: SQLite keeps the order of the tables, from who was reached to the rows above.
                    .text(" UNION SELECT w.member_id, m.group_id, 0 FROM reach w CROSS JOIN member m")
                    .text(by_nested(self.backend(), Nested::Upwards))
                    .text(" JOIN resource g ON g.directory_id = m.directory_id AND g.id = m.group_id")
                    .text(" WHERE m.directory_id = ")
                    .id(self.directory)
                    .text(" AND m.member_id = w.group_id AND m.member_kind = 2)")
                    .text(" SELECT w.member_id, w.group_id, MAX(w.direct) AS direct, g.display, g.external_id FROM")
                    // A group is reached twice at most, directly and not. Beyond the limit the walk is not gone on with.
                    .text(" (SELECT member_id, group_id, direct FROM reach LIMIT ")
                    .value(2 * left + 2)
                    .text(") w")
                    .text(" CROSS JOIN resource g WHERE g.id = w.group_id AND g.directory_id = ")
                    .id(self.directory)
                    .text(
                        " GROUP BY w.member_id, w.group_id, g.display, g.external_id ORDER BY w.member_id, w.group_id",
                    );
            let rows = self.inner.rows(sql.build(self.backend())).await?;
            left -= rows.len() as i64;
            if left < 0 {
                return Ok(None);
            }
            for row in rows {
                let group = GroupRef {
                    id: Id::from_uuid(row.try_get("", "group_id")?),
                    display: row.try_get("", "display")?,
                    external_id: row.try_get::<Option<String>>("", "external_id")?.filter(|key| is_whole(key)),
                    direct: row.try_get::<i32>("", "direct")? == 1,
                };
                groups.entry(Id::from_uuid(row.try_get("", "member_id")?)).or_default().push(group);
            }
        }
        Ok(Some(groups))
    }

    /// Up to `limit` members of a group, by id, after the member `after`. Empty for what is no live group.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn members_page(
        &self,
        group: Id<Resource>,
        after: Option<Id<Resource>>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        let mut sql = members_sql().id(self.directory).text(" AND m.group_id = ").id(group);
        if let Some(after) = after {
            sql = sql.text(" AND m.member_id > ").id(after);
        }
        let sql = sql.text(" ORDER BY m.member_id LIMIT ").value(i64::from(limit));
        self.inner.rows(sql.build(self.backend())).await?.iter().map(member).collect()
    }

    /// All members of several groups; none if they are more than `at_most` in all. One statement for up to 500
    /// groups.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn members_of(
        &self,
        groups: &[Id<Resource>],
        at_most: u32,
    ) -> Result<Option<HashMap<Id<Resource>, Vec<Member>>>, StoreError> {
        let mut members: HashMap<Id<Resource>, Vec<Member>> = HashMap::new();
        let mut left = i64::from(at_most);
        for some in uuids(groups).chunks(BATCH) {
            let sql = members_sql().id(self.directory).text(" AND m.group_id IN ").ids(some);
            let sql = sql.text(" ORDER BY m.group_id, m.member_id LIMIT ").value(left + 1);
            let rows = self.inner.rows(sql.build(self.backend())).await?;
            left -= rows.len() as i64;
            if left < 0 {
                return Ok(None);
            }
            for row in rows {
                members.entry(Id::from_uuid(row.try_get("", "group_id")?)).or_default().push(member(&row)?);
            }
        }
        Ok(Some(members))
    }

    /// Type and name of those of `ids` that are live resources. One statement for up to 500 ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn displays(
        &self,
        ids: &[Id<Resource>],
    ) -> Result<HashMap<Id<Resource>, (KindId, Option<String>)>, StoreError> {
        let mut displays = HashMap::new();
        for some in uuids(ids).chunks(BATCH) {
            let sql = Sql::new("SELECT id, kind, display FROM resource WHERE directory_id = ").id(self.directory);
            for row in self.inner.rows(sql.text(" AND id IN ").ids(some).build(self.backend())).await? {
                let shown = (KindId(row.try_get("", "kind")?), row.try_get("", "display")?);
                displays.insert(Id::from_uuid(row.try_get("", "id")?), shown);
            }
        }
        Ok(displays)
    }
}

fn members_sql() -> Sql {
    Sql::new("SELECT m.group_id, m.member_id, m.member_kind, u.display FROM member m")
        .text(" JOIN resource g ON g.directory_id = m.directory_id AND g.id = m.group_id")
        .text(" JOIN resource u ON u.directory_id = m.directory_id AND u.id = m.member_id WHERE m.directory_id = ")
}

fn member(row: &QueryResult) -> Result<Member, StoreError> {
    Ok(Member {
        id: Id::from_uuid(row.try_get("", "member_id")?),
        kind: KindId(row.try_get("", "member_kind")?),
        display: row.try_get("", "display")?,
    })
}

fn uuids(ids: &[Id<Resource>]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
