//! Changes of a group's members, in SQL and in batches: nothing here grows with the group, only with the change.

use std::collections::{BTreeSet, HashSet};

use rollcall_access::OnUnknownMember;
use rollcall_base::{Id, marker::Resource};
use rollcall_scim::{
    MemberOp, ScimError, ScimType,
    filter::Condition,
    schema::{GROUP, KindId},
};
use sea_orm::{ConnectionTrait, QueryResult};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Author, outbox::MemberChanges, row::member_id, skipped};
use crate::{
    StoreError,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// How many unknown members an error names.
const NAMED: usize = 20;

/// The group whose members change; its row is locked.
pub(super) struct Group<'a> {
    pub(super) transaction: &'a Transaction,
    pub(super) by: &'a Author,
    pub(super) id: Id<Resource>,
}

/// Applies `ops` in order and notes in `changes` what they changed in all.
///
/// # Errors
/// 400 `invalidValue` that names the ids that are no live resources of the directory, unless its policy is to skip them.
pub(super) async fn apply(group: &Group<'_>, ops: &[MemberOp], changes: &mut MemberChanges) -> Result<(), StoreError> {
    for op in ops {
        match op {
            MemberOp::Add(ids) => {
                let (ids, unknown) = sorted_out(ids);
                group.add(&ids, unknown, changes).await?;
            }
            MemberOp::Remove(ids) => {
                group.took_out(ids, changes).await?;
                let ids: BTreeSet<Uuid> = ids.iter().filter_map(|id| member_id(id)).collect();
                group.remove(ids, changes).await?;
            }
            MemberOp::RemoveWhere(condition) => group.remove_where(condition, changes).await?,
            MemberOp::Replace(ids) => {
                group.names_only(ids, changes).await?;
                let (ids, unknown) = sorted_out(ids);
                group.replace(&ids, unknown, changes).await?;
            }
        }
    }
    Ok(())
}

/// The ids, each once, and those that cannot be anybody's.
fn sorted_out(ids: &[String]) -> (BTreeSet<Uuid>, Vec<String>) {
    let unknown = ids.iter().filter(|id| member_id(id).is_none()).cloned().collect();
    (ids.iter().filter_map(|id| member_id(id)).collect(), unknown)
}

fn no_such(ids: &[&str]) -> ScimError {
    let mut named: Vec<String> = ids.iter().take(NAMED).map(|id| format!("\"{}\"", id.escape_debug())).collect();
    if ids.len() > NAMED {
        named.push(format!("and {} more", ids.len() - NAMED));
    }
    ScimError::bad_request(
        ScimType::InvalidValue,
        format!(
            "members: no User or Group of this directory has the id {}. Nothing was changed. Create them first, or \
             leave them out.",
            named.join(", ")
        ),
    )
}

impl Group<'_> {
    async fn rows(&self, sql: Sql) -> Result<Vec<QueryResult>, StoreError> {
        Ok(self.transaction.query_all_raw(sql.build(self.transaction.get_database_backend())).await?)
    }

    /// `unknown` are further ids, already known to be nobody's, for the error to name.
    async fn add(
        &self,
        ids: &BTreeSet<Uuid>,
        mut unknown: Vec<String>,
        changes: &mut MemberChanges,
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = ids.iter().copied().collect();
        for some in ids.chunks(BATCH) {
            let sql =
                Sql::new("INSERT INTO member (directory_id, group_id, member_id, member_kind) SELECT r.directory_id, ")
                    .id(self.id)
                    .text(self.uuid_cast())
                    .text(", r.id, r.kind FROM resource r WHERE r.directory_id = ")
                    .id(self.by.directory)
                    .text(" AND r.id IN ")
                    .ids(some)
                    .text(
                        " ORDER BY r.id ON CONFLICT (directory_id, group_id, member_id) DO NOTHING \
                         RETURNING member_id, member_kind",
                    );
            let rows = self.rows(sql).await?;
            let came = column(&rows, "member_id")?;
            if self.skips() {
                skipped::came(self.transaction, self.by, self.id, &came).await?;
            }
            came.iter().for_each(|id| changes.add(*id));
            changes.nested |= any_group(&rows)?;
            if came.len() < some.len() {
                unknown.extend(self.unknown(some, &came).await?.iter().map(ToString::to_string));
            }
        }
        if self.skips() {
            changes.skipped.extend(unknown.iter().map(|id| skipped::bounded(id)));
            return Ok(());
        }
        if unknown.is_empty() {
            return Ok(());
        }
        Err(no_such(&unknown.iter().map(String::as_str).collect::<Vec<_>>()).into())
    }

    /// Those of `ids` that did not come and are not alive either.
    async fn unknown(&self, ids: &[Uuid], came: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let came: HashSet<&Uuid> = came.iter().collect();
        let stayed: Vec<Uuid> = ids.iter().filter(|id| !came.contains(id)).copied().collect();
        let sql = Sql::new("SELECT id FROM resource WHERE directory_id = ").id(self.by.directory);
        let alive = column(&self.rows(sql.text(" AND id IN ").ids(&stayed)).await?, "id")?;
        let alive: HashSet<&Uuid> = alive.iter().collect();
        Ok(stayed.iter().filter(|id| !alive.contains(id)).copied().collect())
    }

    async fn remove(&self, ids: impl IntoIterator<Item = Uuid>, changes: &mut MemberChanges) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        for some in ids.chunks(BATCH) {
            let sql = Sql::new("DELETE FROM member WHERE directory_id = ").id(self.by.directory);
            let sql = sql.text(" AND group_id = ").id(self.id).text(" AND member_id IN ").ids(some);
            let rows = self.rows(sql.text(" RETURNING member_id, member_kind")).await?;
            column(&rows, "member_id")?.iter().for_each(|id| changes.remove(*id));
            changes.nested |= any_group(&rows)?;
        }
        Ok(())
    }

    /// Removes those who are not in `wanted`, then adds those who are new. Only ids are looked at.
    async fn replace(
        &self,
        wanted: &BTreeSet<Uuid>,
        unknown: Vec<String>,
        changes: &mut MemberChanges,
    ) -> Result<(), StoreError> {
        let mut new = wanted.clone();
        let mut after = None;
        loop {
            let sql = Sql::new("SELECT m.member_id FROM member m WHERE m.directory_id = ").id(self.by.directory);
            let page = column(&self.rows(self.page(sql, after)).await?, "member_id")?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            page.iter().for_each(|id| {
                new.remove(id);
            });
            self.remove(page.into_iter().filter(|id| !wanted.contains(id)), changes).await?;
        }
        self.add(&new, unknown, changes).await
    }

    async fn remove_where(&self, condition: &Condition, changes: &mut MemberChanges) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let sql = Sql::new("SELECT m.member_id, m.member_kind, u.display FROM member m JOIN resource u")
                .text(" ON u.directory_id = m.directory_id AND u.id = m.member_id WHERE m.directory_id = ")
                .id(self.by.directory);
            let rows = self.rows(self.page(sql, after)).await?;
            let page = column(&rows, "member_id")?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(*last);
            let mut went = Vec::new();
            for (row, id) in rows.iter().zip(&page) {
                let element = element(*id, KindId(row.try_get("", "member_kind")?), row.try_get("", "display")?);
                if condition.matches(&json!({ "members": [element] })) {
                    went.push(*id);
                }
            }
            self.remove(went, changes).await?;
        }
    }

    /// The next members by id.
    fn page(&self, sql: Sql, after: Option<Uuid>) -> Sql {
        let sql = sql.text(" AND m.group_id = ").id(self.id);
        let sql = match after {
            Some(after) => sql.text(" AND m.member_id > ").value(after),
            None => sql,
        };
        sql.text(" ORDER BY m.member_id LIMIT ").value(BATCH as i64)
    }

    /// Whom the client does not name any more, it is not told of any more.
    async fn names_only(&self, ids: &[String], changes: &mut MemberChanges) -> Result<(), StoreError> {
        changes.skipped.clear();
        if self.skips() { skipped::replaced(self.transaction, self.by, self.id, ids).await } else { Ok(()) }
    }

    /// The client takes `ids` out.
    async fn took_out(&self, ids: &[String], changes: &mut MemberChanges) -> Result<(), StoreError> {
        ids.iter().for_each(|id| {
            changes.skipped.remove(&skipped::bounded(id));
        });
        if self.skips() { skipped::taken_out(self.transaction, self.by, self.id, ids).await } else { Ok(()) }
    }

    fn skips(&self) -> bool {
        self.by.policies.unknown_member == OnUnknownMember::Skip
    }

    /// PostgreSQL does not guess the type of a value in a select list.
    fn uuid_cast(&self) -> &'static str {
        match self.transaction.get_database_backend() {
            sea_orm::DbBackend::Postgres => "::uuid",
            _ => "",
        }
    }
}

/// A member as an element of `members`. Without `$ref`: only the edge knows the public address.
pub(crate) fn element(id: Uuid, kind: KindId, display: Option<String>) -> Map<String, Value> {
    let mut element = Map::new();
    element.insert("value".to_owned(), id.to_string().into());
    element.insert("type".to_owned(), if kind == GROUP { "Group" } else { "User" }.into());
    if let Some(display) = display {
        element.insert("display".to_owned(), display.into());
    }
    element
}

fn any_group(rows: &[QueryResult]) -> Result<bool, StoreError> {
    for row in rows {
        if row.try_get::<i16>("", "member_kind")? == GROUP.0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn column(rows: &[QueryResult], name: &str) -> Result<Vec<Uuid>, StoreError> {
    rows.iter().map(|row| row.try_get("", name).map_err(StoreError::from)).collect()
}
