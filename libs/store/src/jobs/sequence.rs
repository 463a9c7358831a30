//! From the outbox to events. No write waits for a number: numbers are given afterwards, by one sequencer at a time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_access::Actor;
use rollcall_base::{Id, Timestamp};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, FromQueryResult};
use uuid::Uuid;

use crate::{
    AuditRecord, StoreError,
    control::{
        audit::{AuditEntry, AuditWriter},
        directory_life::first_change,
    },
    door::Mutation,
    entity::{event, outbox},
    statement::Sql,
    transaction::Transaction,
};

pub(super) struct Sequence {
    pub(super) limit: u32,
    pub(super) now: Timestamp,
    pub(super) actor: Actor,
    pub(super) audit: AuditWriter,
}

#[async_trait]
impl Mutation for Sequence {
    /// Of how many changes events were made, and the lines that tell of directories' first ones.
    type Output = (usize, Vec<AuditRecord>);

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let backend = transaction.get_database_backend();
        // Holds this row until the commit, so that a second sequencer begins when this one's work can be seen.
        let lock = Sql::new("INSERT INTO job_lock (name, taken_at) VALUES ('sequencer', ").value(self.now.as_micros());
        let lock = lock.text(") ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at");
        transaction.execute_raw(lock.build(backend)).await?;
        // A resource's earlier versions come along even if their clock was ahead: whoever sees a version in the
        // outbox sees those before it there too, or they are events already.
        // All columns by name: what a migration adds must not change what this statement, once prepared, gives.
        let batch = Sql::new("SELECT o.directory_id, o.resource_id, o.version, o.previous_version, o.kind,")
            .text(" o.operation, o.delta, o.actor, o.request_id, o.at, o.password_sent, o.changes")
            .text(" FROM outbox o JOIN (SELECT b.directory_id, b.resource_id,")
            .text(" MAX(b.version) AS version FROM (SELECT directory_id, resource_id, version FROM outbox")
            .text(" ORDER BY at, directory_id, resource_id, version LIMIT ")
            .value(i64::from(self.limit))
            .text(") b GROUP BY b.directory_id, b.resource_id) n ON o.directory_id = n.directory_id")
            .text(" AND o.resource_id = n.resource_id AND o.version <= n.version")
            .text(" ORDER BY o.at, o.directory_id, o.resource_id, o.version");
        let rows = transaction.query_all_raw(batch.build(backend)).await?;
        let rows = rows.iter().map(|row| outbox::Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
        let mut directories: BTreeMap<Uuid, Vec<outbox::Model>> = BTreeMap::new();
        for row in versions_in_order(rows) {
            directories.entry(row.directory_id).or_default().push(row);
        }
        let (mut count, mut lines) = (0, Vec::new());
        for (directory, rows) in directories {
            count += rows.len();
            lines.extend(number(transaction, directory, rows).await?);
        }
        Ok((count, self.audit.write(transaction, &self.actor, lines).await?))
    }
}

/// Puts each resource's rows in the order of their versions, in the places that its rows have.
fn versions_in_order(rows: Vec<outbox::Model>) -> Vec<outbox::Model> {
    let key = |row: &outbox::Model| (row.directory_id, row.resource_id);
    let mut by_resource: BTreeMap<_, BTreeMap<i64, outbox::Model>> = BTreeMap::new();
    let places: Vec<_> = rows.iter().map(key).collect();
    for row in rows {
        by_resource.entry(key(&row)).or_default().insert(row.version, row);
    }
    places.iter().filter_map(|place| by_resource.get_mut(place)?.pop_first().map(|(_, row)| row)).collect()
}

/// Gives the rows of one directory their numbers, and the line that tells of its first change if that is among them.
async fn number(
    transaction: &Transaction,
    directory: Uuid,
    rows: Vec<outbox::Model>,
) -> Result<Option<AuditEntry>, StoreError> {
    let backend = transaction.get_database_backend();
    let count = rows.len() as i64;
    let (first_at, last_at) = rows.iter().fold((i64::MAX, i64::MIN), |(a, b), row| (a.min(row.at), b.max(row.at)));
    // Which batch is a directory's first, its counter says: no other statement is needed for it.
    let last = Sql::new("INSERT INTO event_counter (directory_id, last_seq, first_change_at, last_change_at) VALUES (")
        .value(directory)
        .text(", ")
        .value(count)
        .text(", ")
        .value(first_at)
        .text(", ")
        .value(last_at)
        .text(") ON CONFLICT (directory_id) DO UPDATE SET last_seq = event_counter.last_seq + excluded.last_seq,")
        .text(" first_change_at = COALESCE(event_counter.first_change_at, excluded.first_change_at),")
        .text(" last_change_at = CASE WHEN event_counter.last_change_at > excluded.last_change_at")
        .text(
            " THEN event_counter.last_change_at ELSE excluded.last_change_at END RETURNING last_seq, first_change_at",
        );
    let row = transaction.query_one_raw(last.build(backend)).await?;
    let row = row.ok_or_else(|| StoreError::internal("no event counter"))?;
    let last: i64 = row.try_get("", "last_seq")?;
    let is_first = row.try_get::<Option<i64>>("", "first_change_at")? == Some(first_at);
    // Before the tally, which a full sync changes with the directory's row in its hands.
    let line = if is_first { began(transaction, directory, last > count).await? } else { None };
    let mut live: BTreeMap<i16, i64> = BTreeMap::new();
    for row in &rows {
        *live.entry(row.kind).or_default() += i64::from(row.delta);
    }
    // Twelve values a row: well under the limit of values a statement.
    for (at, some) in rows.chunks(200).enumerate() {
        let first = last - count + 1 + (at * 200) as i64;
        let events = some.iter().zip(first..).map(|(row, seq)| event_of(row.clone(), seq));
        event::Entity::insert_many(events).exec_without_returning(transaction).await?;
        // A list of values is one join; a condition for each would be planned one by one.
        let gone = Sql::new("DELETE FROM outbox WHERE directory_id = ").value(directory);
        let gone = gone.text(" AND (resource_id, version) IN (VALUES ");
        let gone = gone.rows(some, |sql, row| sql.value(row.resource_id).text(", ").value(row.version));
        transaction.execute_raw(gone.text(")").build(backend)).await?;
    }
    for (kind, delta) in live.into_iter().filter(|(_, delta)| *delta != 0) {
        let tally = Sql::new("INSERT INTO tally (directory_id, kind, live) VALUES (").value(directory).text(", ");
        let tally = tally.value(kind).text(", ").value(delta).text(") ON CONFLICT (directory_id, kind) DO UPDATE SET");
        transaction.execute_raw(tally.text(" live = tally.live + excluded.live").build(backend)).await?;
    }
    Ok(line)
}

/// The counter has a first change since now. If it counted before there was a place for that, the first event tells when it
/// really was.
async fn began(
    transaction: &Transaction,
    directory: Uuid,
    counted_before: bool,
) -> Result<Option<AuditEntry>, StoreError> {
    if counted_before {
        let sql =
            Sql::new("UPDATE event_counter SET first_change_at = (SELECT e.at FROM event e WHERE e.directory_id = ")
                .value(directory)
                .text(" AND e.seq = 1) WHERE directory_id = ")
                .value(directory)
                .text(" AND EXISTS (SELECT 1 FROM event e WHERE e.directory_id = ")
                .value(directory)
                .text(" AND e.seq = 1)");
        transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
    }
    first_change(transaction, Id::from_uuid(directory)).await
}

fn event_of(row: outbox::Model, seq: i64) -> event::ActiveModel {
    event::ActiveModel {
        directory_id: Set(row.directory_id),
        seq: Set(seq),
        resource_id: Set(row.resource_id),
        version: Set(row.version),
        previous_version: Set(row.previous_version),
        kind: Set(row.kind),
        operation: Set(row.operation),
        actor: Set(row.actor),
        request_id: Set(row.request_id),
        at: Set(row.at),
        password_sent: Set(row.password_sent),
        changes: Set(row.changes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(resource: u128, version: i64, at: i64) -> outbox::Model {
        outbox::Model {
            directory_id: Uuid::nil(),
            resource_id: Uuid::from_u128(resource),
            version,
            previous_version: None,
            kind: 1,
            operation: 2,
            delta: 0,
            actor: String::new(),
            request_id: String::new(),
            at,
            password_sent: false,
            changes: String::new(),
        }
    }

    #[test]
    fn a_later_version_with_an_earlier_time_still_comes_later() {
        let ordered = versions_in_order(vec![row(1, 3, 10), row(2, 1, 11), row(1, 2, 12), row(1, 4, 13)]);
        let order: Vec<_> = ordered.iter().map(|row| (row.resource_id.as_u128(), row.version)).collect();
        assert_eq!(order, [(1, 2), (2, 1), (1, 3), (1, 4)]);
    }
}
