//! The data: one user and one group are made by the service itself, and their rows multiplied by SQL, so that all
//! databases hold the same rows in the form that the service gives them.

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::{
    error::{Failure, note},
    load::{Address, Connection, Request},
};

/// Stands in the first user's values where another's number shall be.
const MARK: &str = "nnnnnnn";
/// Groups of a size that members of are changed, one a connection.
pub(crate) const GROUPS_OF_A_SIZE: usize = 4;
/// Members of the groups that people are in.
const TEAM: usize = 100;

/// How much there is.
#[derive(Debug, Clone)]
pub(crate) struct Amounts {
    /// Users in the directory that is read and listed; every second one is in two groups.
    pub(crate) people: usize,
    /// Sizes of the groups whose members change.
    pub(crate) groups: Vec<usize>,
}

/// A directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    pub(crate) id: Uuid,
    /// Users, in the order of lists.
    pub(crate) users: Vec<Uuid>,
}

/// What the databases hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) people: Directory,
    /// Has the groups of each size, and users that are in none of them at the end of its list.
    pub(crate) crowd: Directory,
    /// Empty.
    pub(crate) arrivals: Directory,
    /// Groups of each size, in the order of [`Amounts::groups`].
    pub(crate) groups: Vec<Vec<Uuid>>,
}

/// The user with this number, as Entra sends one.
pub(crate) fn user(number: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": format!("5d3c8f0e-1b7a-4c5e-9f21-{number}"),
        "userName": format!("user.{number}@bench.example"),
        "active": true,
        "displayName": format!("Katarzyna Lindqvist {number}"),
        "emails": [{ "primary": true, "type": "work", "value": format!("user.{number}@bench.example") }],
        "meta": { "resourceType": "User" },
        "name": { "formatted": format!("Katarzyna Lindqvist {number}"), "familyName": format!("Lindqvist {number}"),
                  "givenName": "Katarzyna" },
        "title": "Account Manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Engineering", "employeeNumber": format!("e{number}")
        },
    })
}

/// The group with this number.
pub(crate) fn group(number: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "externalId": format!("c0a1e2d3-2f4b-4d6a-8b1c-{number}"),
        "displayName": format!("Department {number}"),
    })
}

/// Makes the first user and the first group of a directory through the service.
pub(crate) async fn first(address: &Address, base: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(address).await?;
    let create = |path: &str, body: Value| Request::send("POST", format!("{base}{path}"), body.to_string(), 201);
    connection.send(create("/Users", user(MARK))).await?;
    connection.send(create("/Groups", group(MARK))).await?;
    Ok(())
}

/// Waits until the outbox is empty, to within 10 ms.
pub(crate) async fn settled(database: &mut PgConnection) -> Result<(), Failure> {
    loop {
        let waiting: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM outbox)").fetch_one(&mut *database).await?;
        if !waiting {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Multiplies the first user and group of `people` and `crowd`, and makes statistics.
pub(crate) async fn multiply(url: &str, amounts: &Amounts) -> Result<World, Failure> {
    let mut database = PgConnection::connect(url).await?;
    settled(&mut database).await?;
    // Without the checks of foreign keys, which the statements keep by themselves.
    sqlx::query("SET session_replication_role = replica").execute(&mut database).await?;
    let mut world = World::default();
    for (directory, name) in
        [(&mut world.people, "people"), (&mut world.crowd, "crowd"), (&mut world.arrivals, "arrivals")]
    {
        let by_name = sqlx::query("SELECT id FROM directory WHERE directory_id = $1").bind(name);
        directory.id = by_name.fetch_one(&mut database).await?.try_get(0)?;
    }
    let most = amounts.groups.iter().copied().max().unwrap_or(0) + GROUPS_OF_A_SIZE;
    world.people.users = copies(&mut database, world.people.id, 1, amounts.people).await?;
    world.crowd.users = copies(&mut database, world.crowd.id, 1, most).await?;
    let teams = copies(&mut database, world.people.id, 2, amounts.people / TEAM).await?;
    // Every second user is in two of the groups, each of which has about a hundred.
    let people = &world.people.users;
    for (number, team) in teams.iter().enumerate() {
        let members: Vec<Uuid> =
            (0..TEAM).filter_map(|place| people.get((number / 2 * TEAM + place) * 2)).copied().collect();
        fill(&mut database, world.people.id, *team, &members).await?;
    }
    let groups = copies(&mut database, world.crowd.id, 2, amounts.groups.len() * GROUPS_OF_A_SIZE).await?;
    for (size, groups) in amounts.groups.iter().zip(groups.chunks(GROUPS_OF_A_SIZE)) {
        note(&format!("  {} groups of {size}", groups.len()));
        for group in groups {
            fill(&mut database, world.crowd.id, *group, &world.crowd.users[..*size]).await?;
        }
        world.groups.push(groups.to_vec());
    }
    sqlx::query("VACUUM ANALYZE").execute(&mut database).await?;
    sqlx::query("CHECKPOINT").execute(&mut database).await?;
    database.close().await?;
    Ok(world)
}

/// Copies the first resource of a kind `count` times and removes it; the copies' ids, in order.
async fn copies(database: &mut PgConnection, directory: Uuid, kind: i16, count: usize) -> Result<Vec<Uuid>, Failure> {
    note(&format!("  {count} {}", if kind == 1 { "users" } else { "groups" }));
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let table = "CREATE TEMPORARY TABLE copy (number text NOT NULL, id uuid NOT NULL)";
    sqlx::query(table).execute(&mut *database).await?;
    // Ids as the service makes them: time first, a millisecond each, then what is random.
    let statements = [
        "INSERT INTO copy SELECT lpad(n::text, 7, '0'), (lpad(to_hex(1760000000000 + $2 * 1000000000::bigint + n), 12, '0') \
         || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid \
         FROM generate_series(1, $3) n WHERE $1 IS NOT NULL",
        "INSERT INTO resource SELECT r.directory_id, c.id, r.kind, replace(r.name_key, 'nnnnnnn', c.number), \
         replace(r.display, 'nnnnnnn', c.number), replace(r.external_id, 'nnnnnnn', c.number), r.active, r.version, \
         r.created_at, r.modified_at, replace(r.document, 'nnnnnnn', c.number) FROM resource r, copy c \
         WHERE r.directory_id = $1 AND r.kind = $2 AND $3 > 0 AND r.name_key LIKE '%nnnnnnn%'",
        "INSERT INTO attribute SELECT a.directory_id, a.attribute_id, replace(a.value_key, 'nnnnnnn', c.number), c.id \
         FROM resource r JOIN attribute a ON a.directory_id = r.directory_id AND a.resource_id = r.id, copy c \
         WHERE r.directory_id = $1 AND r.kind = $2 AND $3 > 0 AND r.name_key LIKE '%nnnnnnn%'",
        "INSERT INTO claim SELECT a.directory_id, a.attribute_id, replace(a.value_key, 'nnnnnnn', c.number), c.id \
         FROM resource r JOIN claim a ON a.directory_id = r.directory_id AND a.resource_id = r.id, copy c \
         WHERE r.directory_id = $1 AND r.kind = $2 AND $3 > 0 AND r.name_key LIKE '%nnnnnnn%'",
        "INSERT INTO member_set SELECT $1, c.id FROM copy c WHERE $2 = 2 AND $3 > 0",
        "DELETE FROM attribute a USING resource r WHERE r.directory_id = $1 AND r.kind = $2 AND $3 > 0 \
         AND r.name_key LIKE '%nnnnnnn%' AND a.directory_id = r.directory_id AND a.resource_id = r.id",
        "DELETE FROM claim a USING resource r WHERE r.directory_id = $1 AND r.kind = $2 AND $3 > 0 \
         AND r.name_key LIKE '%nnnnnnn%' AND a.directory_id = r.directory_id AND a.resource_id = r.id",
        "DELETE FROM resource r WHERE r.directory_id = $1 AND r.kind = $2 AND $3 > 0 AND r.name_key LIKE '%nnnnnnn%'",
        "UPDATE tally SET live = $3 WHERE directory_id = $1 AND kind = $2",
    ];
    for statement in statements {
        sqlx::query(statement).bind(directory).bind(kind).bind(count).execute(&mut *database).await?;
    }
    let ids = sqlx::query_scalar("SELECT id FROM copy ORDER BY id").fetch_all(&mut *database).await?;
    sqlx::query("DROP TABLE copy").execute(&mut *database).await?;
    Ok(ids)
}

async fn fill(database: &mut PgConnection, directory: Uuid, group: Uuid, members: &[Uuid]) -> Result<(), Failure> {
    let insert =
        "INSERT INTO member (directory_id, group_id, member_id, member_kind) SELECT $1, $2, UNNEST($3::uuid[]), 1";
    sqlx::query(insert).bind(directory).bind(group).bind(members).execute(database).await?;
    Ok(())
}
