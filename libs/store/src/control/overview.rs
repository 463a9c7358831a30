//! A tenant's directories at a glance: what they are, what they hold, when their clients came. So many statements, however
//! many directories there are.

use std::collections::BTreeMap;

use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Tenant},
};
use rollcall_scim::{fold, schema::KindId};
use sea_orm::{ColumnTrait, Condition, QueryResult};

use super::{DirectoryRecord, LastUse, TenantStore, rows};
use crate::{StoreError, entity::directory, statement::Sql};

/// Which of a tenant's directories are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// All of them.
    Tenant,
    /// One.
    Directory(Id<Directory>),
}

impl From<Id<Directory>> for Within {
    fn from(id: Id<Directory>) -> Self {
        Self::Directory(id)
    }
}

impl Within {
    /// That `column`, a directory's id, is one of those of `tenant` that are meant. Whether one directory is the tenant's is to be
    /// asked before.
    pub(super) fn is(self, column: &str, tenant: Id<Tenant>) -> Sql {
        let sql = Sql::new(" ").text(column);
        match self {
            Self::Tenant => sql.text(" IN (SELECT d.id FROM directory d WHERE d.tenant_id = ").id(tenant).text(")"),
            Self::Directory(id) => sql.text(" = ").id(id),
        }
    }

    /// Rows of `tenant` that belong to these, of a table with these columns.
    pub(super) fn rows(
        self,
        tenant: Id<Tenant>,
        tenant_id: impl ColumnTrait,
        directory_id: impl ColumnTrait,
    ) -> Condition {
        let of_tenant = Condition::all().add(tenant_id.eq(tenant.as_uuid()));
        match self {
            Self::Tenant => of_tenant,
            Self::Directory(id) => of_tenant.add(directory_id.eq(id.as_uuid())),
        }
    }
}

/// What is known of a directory's client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryActivity {
    /// When the first change was accepted, as far as it was numbered.
    pub first_change_at: Option<Timestamp>,
    /// When the last change was accepted: the SCIM change timestamp.
    pub last_change_at: Option<Timestamp>,
    /// When a request with a good token came last.
    pub contact: Option<LastUse>,
}

/// A directory at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryOverview {
    /// What it is.
    pub record: DirectoryRecord,
    /// How many live resources of each kind it has. Kinds that it never had are not in it.
    pub live: BTreeMap<KindId, u64>,
    /// What is known of its client.
    pub activity: DirectoryActivity,
    /// The Directory IDs and Names, folded and in their order, that it had before and that still lead to it.
    pub former_keys: Vec<String>,
}

impl TenantStore {
    /// One directory at a glance.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn overview(&self, directory: Id<Directory>) -> Result<DirectoryOverview, StoreError> {
        self.overviews(Within::Directory(directory)).await?.pop().ok_or(StoreError::NotFound)
    }

    /// Directories at a glance, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn overviews(&self, within: Within) -> Result<Vec<DirectoryOverview>, StoreError> {
        let own = within.rows(self.tenant, directory::Column::TenantId, directory::Column::Id);
        let records = rows::directories(self.inner.reader(), own).await?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut live = self.live(within).await?;
        let mut activities = self.activities(within).await?;
        let mut keys = self.keys(within).await?;
        let whole = |record: DirectoryRecord| {
            let (id, present) = (record.id, [fold(&record.directory_id), fold(&record.directory_name)]);
            let mut former_keys = keys.remove(&id).unwrap_or_default();
            former_keys.retain(|key| !present.contains(key));
            DirectoryOverview {
                live: live.remove(&id).unwrap_or_default(),
                activity: activities.remove(&id).unwrap_or_default(),
                former_keys,
                record,
            }
        };
        Ok(records.into_iter().map(whole).collect())
    }

    /// Refuses a directory of another tenant.
    pub(super) async fn owns_all(&self, within: Within) -> Result<(), StoreError> {
        match within {
            Within::Tenant => Ok(()),
            Within::Directory(id) => self.owns(id).await,
        }
    }

    /// The numbered events' sum plus that of the changes without a number, in one statement: a change is counted once even
    /// while it is being numbered.
    async fn live(&self, within: Within) -> Result<BTreeMap<Id<Directory>, BTreeMap<KindId, u64>>, StoreError> {
        let sql = Sql::new("SELECT c.directory_id, c.kind, CAST(SUM(c.live) AS bigint) AS live FROM (")
            .text("SELECT directory_id, kind, live FROM tally WHERE")
            .part(&within.is("directory_id", self.tenant))
            .text(" UNION ALL SELECT directory_id, kind, delta FROM outbox WHERE")
            .part(&within.is("directory_id", self.tenant))
            .text(") c GROUP BY c.directory_id, c.kind");
        let mut live: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for row in self.inner.rows(sql.build(self.inner.backend())).await? {
            let number: i64 = row.try_get("", "live")?;
            let of_kind = live.entry(of_directory(&row)?).or_default();
            of_kind.insert(KindId(row.try_get("", "kind")?), u64::try_from(number).unwrap_or(0));
        }
        Ok(live)
    }

    async fn activities(&self, within: Within) -> Result<BTreeMap<Id<Directory>, DirectoryActivity>, StoreError> {
        // Counters of the time before these columns lead to the event that says it.
        let at = |number: &str| {
            Sql::new(", (SELECT e.at FROM event e WHERE e.directory_id = c.directory_id AND e.seq = ")
                .text(number)
                .text("))")
        };
        let sql = Sql::new("SELECT x.directory_id, MIN(x.first_at) AS first_at, MAX(x.last_at) AS last_at FROM (")
            .text("SELECT c.directory_id, COALESCE(c.first_change_at")
            .part(&at("1"))
            .text(" AS first_at, COALESCE(c.last_change_at")
            .part(&at("c.last_seq"))
            .text(" AS last_at FROM event_counter c WHERE")
            .part(&within.is("c.directory_id", self.tenant))
            .text(" UNION ALL SELECT o.directory_id, NULL, o.at FROM outbox o WHERE")
            .part(&within.is("o.directory_id", self.tenant))
            .text(") x GROUP BY x.directory_id");
        let mut activities: BTreeMap<_, DirectoryActivity> = BTreeMap::new();
        for row in self.inner.rows(sql.build(self.inner.backend())).await? {
            let moment = |column| -> Result<_, StoreError> {
                Ok(row.try_get::<Option<i64>>("", column)?.map(Timestamp::from_micros))
            };
            let (first_change_at, last_change_at) = (moment("first_at")?, moment("last_at")?);
            let activity = DirectoryActivity { first_change_at, last_change_at, contact: None };
            activities.insert(of_directory(&row)?, activity);
        }
        let sql =
            Sql::new("SELECT directory_id, first_at, last_at, last_address, last_agent FROM directory_contact WHERE")
                .part(&within.is("directory_id", self.tenant));
        for row in self.inner.rows(sql.build(self.inner.backend())).await? {
            activities.entry(of_directory(&row)?).or_default().contact = Some(LastUse {
                first_at: Timestamp::from_micros(row.try_get("", "first_at")?),
                at: Timestamp::from_micros(row.try_get("", "last_at")?),
                address: row.try_get("", "last_address")?,
                agent: row.try_get("", "last_agent")?,
            });
        }
        Ok(activities)
    }

    /// All IDs and Names, folded, that lead to a directory.
    async fn keys(&self, within: Within) -> Result<BTreeMap<Id<Directory>, Vec<String>>, StoreError> {
        let sql = Sql::new("SELECT directory_id, name_key FROM directory_key WHERE tenant_id = ")
            .id(self.tenant)
            .text(" AND")
            .part(&within.is("directory_id", self.tenant))
            .text(" ORDER BY name_key");
        let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in self.inner.rows(sql.build(self.inner.backend())).await? {
            keys.entry(of_directory(&row)?).or_default().push(row.try_get("", "name_key")?);
        }
        Ok(keys)
    }
}

fn of_directory(row: &QueryResult) -> Result<Id<Directory>, StoreError> {
    Ok(Id::from_uuid(row.try_get("", "directory_id")?))
}
