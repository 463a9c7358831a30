//! The rows of the table: what each sends to the service and to the floor.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    error::Failure,
    load::{Address, Connection, Request},
    seed::{GROUPS_OF_A_SIZE, World, user},
};

/// Resources on a page.
const PAGE: usize = 100;

/// One operation that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    CreateUser,
    GetUser,
    GetUserInGroups,
    FilterHit,
    FilterMiss,
    PatchUser,
    /// Add one member and remove it again, by the position of the group's size.
    Members(usize),
    GroupWithoutMembers,
    FirstPage,
    DeepPageByIndex,
    DeepPageByCursor,
}

impl Row {
    /// All, for so many sizes of groups.
    pub(crate) fn all(sizes: usize) -> Vec<Self> {
        let members = (0..sizes).map(Self::Members);
        let before = [Self::CreateUser, Self::GetUser, Self::GetUserInGroups, Self::FilterHit, Self::FilterMiss];
        let after = [Self::GroupWithoutMembers, Self::FirstPage, Self::DeepPageByIndex, Self::DeepPageByCursor];
        before.into_iter().chain([Self::PatchUser]).chain(members).chain(after).collect()
    }

    /// What the table calls it: a name for each kind of request in its cycle.
    pub(crate) fn names(self, sizes: &[usize]) -> Vec<String> {
        match self {
            Self::CreateUser => vec!["create user".to_owned()],
            Self::GetUser => vec!["get user".to_owned()],
            Self::GetUserInGroups => vec!["get user who is in 2 groups".to_owned()],
            Self::FilterHit => vec!["filter userName, hit".to_owned()],
            Self::FilterMiss => vec!["filter userName, miss".to_owned()],
            Self::PatchUser => vec!["patch user".to_owned()],
            Self::Members(at) => {
                let size = sizes.get(at).copied().unwrap_or_default();
                vec![format!("add a member, group of {size}"), format!("remove a member, group of {size}")]
            }
            Self::GroupWithoutMembers => vec!["get group without members".to_owned()],
            Self::FirstPage => vec!["first page of users".to_owned()],
            Self::DeepPageByIndex => vec!["deep page by startIndex".to_owned()],
            Self::DeepPageByCursor => vec!["deep page by cursor".to_owned()],
        }
    }

    /// A word to choose it by on the command line.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::CreateUser => "create",
            Self::GetUser => "get",
            Self::GetUserInGroups => "get-groups",
            Self::FilterHit => "hit",
            Self::FilterMiss => "miss",
            Self::PatchUser => "patch",
            Self::Members(_) => "members",
            Self::GroupWithoutMembers => "group",
            Self::FirstPage => "first",
            Self::DeepPageByIndex => "index",
            Self::DeepPageByCursor => "cursor",
        }
    }

    /// Whether it leaves something for background work to do.
    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::CreateUser | Self::PatchUser | Self::Members(_))
    }

    /// How many connections it is sent on; groups are changed by one each, as clients do.
    pub(crate) fn connections(self, most: usize) -> usize {
        if matches!(self, Self::Members(_)) { most.min(GROUPS_OF_A_SIZE) } else { most }
    }
}

/// One of the things that are measured, as a client sees it.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    /// Base URLs without host and token by directory.
    Service { people: Reach, crowd: Reach, arrivals: Reach },
    /// The floor takes requests for any directory.
    Floor(Address),
}

/// A directory as a client reaches it.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) address: Address,
    pub(crate) base: String,
}

/// For names that nobody has yet, whichever target and round.
static FRESH: AtomicU64 = AtomicU64::new(0);

/// A number that no other user or group has.
pub(crate) fn fresh() -> String {
    format!("x{:07}", FRESH.fetch_add(1, Ordering::Relaxed))
}

impl Side {
    /// Where a row's requests go: the connection's address and the path they begin with.
    pub(crate) fn place(&self, row: Row, world: &World) -> (Address, String) {
        let directory = match row {
            Row::CreateUser => &world.arrivals,
            Row::Members(_) | Row::GroupWithoutMembers => &world.crowd,
            _ => &world.people,
        };
        match (self, row) {
            (Self::Floor(address), _) => (address.clone(), format!("/{}", directory.id)),
            (Self::Service { arrivals: reach, .. }, Row::CreateUser)
            | (Self::Service { crowd: reach, .. }, Row::Members(_) | Row::GroupWithoutMembers)
            | (Self::Service { people: reach, .. }, _) => (reach.address.clone(), reach.base.clone()),
        }
    }

    /// What is done before a row is measured, as a client that reads a list does it; what its requests need of that.
    pub(crate) async fn prepare(&self, row: Row, world: &World) -> Result<String, Failure> {
        let deep = world.people.users.len().saturating_sub(2 * PAGE);
        let (address, base) = self.place(row, world);
        match (self, row) {
            (Self::Floor(_), Row::DeepPageByIndex | Row::DeepPageByCursor) => {
                Ok(world.people.users.get(deep.max(1) - 1).copied().unwrap_or_default().to_string())
            }
            (Self::Service { .. }, Row::DeepPageByIndex) => {
                let mut connection = Connection::open(&address).await?;
                for page in 0..deep / PAGE {
                    let path = format!("{base}/Users?startIndex={}&count={PAGE}", page * PAGE + 1);
                    connection.send(Request::get(path)).await?;
                }
                Ok((deep + 1).to_string())
            }
            (Self::Service { .. }, Row::DeepPageByCursor) => {
                let mut connection = Connection::open(&address).await?;
                let mut cursor = String::new();
                for _ in 0..deep / PAGE {
                    let path = format!("{base}/Users?cursor={cursor}&count={PAGE}");
                    let answer: Value = serde_json::from_slice(&connection.send(Request::get(path)).await?)?;
                    cursor = answer["nextCursor"].as_str().unwrap_or_default().to_owned();
                }
                Ok(cursor)
            }
            _ => Ok(Uuid::nil().to_string()),
        }
    }

    /// The request of one turn of one connection. `prepared` is from [`Side::prepare`].
    pub(crate) fn request(
        &self,
        row: Row,
        world: &World,
        base: &str,
        prepared: &str,
        connection: usize,
        turn: u64,
    ) -> Request {
        let is_floor = matches!(self, Self::Floor(_));
        let pick = |step: usize| (connection * 7919 + usize::try_from(turn).unwrap_or(0) * 31) * step;
        let people = world.people.users.len();
        match row {
            Row::CreateUser => Request::send("POST", format!("{base}/Users"), user(&fresh()).to_string(), 201),
            // Those with odd numbers are in no group.
            Row::GetUser => Request::get(format!("{base}/Users/{}", world.people.users[(pick(2) + 1) % people])),
            Row::GetUserInGroups => {
                let path = if is_floor { "UsersWithGroups" } else { "Users" };
                Request::get(format!("{base}/{path}/{}", world.people.users[pick(2) % people]))
            }
            Row::FilterHit => by_name(base, is_floor, &format!("{:07}", pick(2) % people + 2)),
            Row::FilterMiss => by_name(base, is_floor, &fresh()),
            Row::PatchUser => {
                let (id, even) = (world.people.users[(pick(2) + 1) % people], turn.is_multiple_of(2));
                Request::send("PATCH", format!("{base}/Users/{id}"), patch_user(&fresh(), even), 200)
            }
            Row::Members(at) => {
                let group = world.groups[at][connection];
                let member = world.crowd.users[world.crowd.users.len() - 1 - connection];
                let body = patch_members(if turn.is_multiple_of(2) { "Add" } else { "Remove" }, &[member]);
                Request::send("PATCH", format!("{base}/Groups/{group}"), body, 204)
            }
            Row::GroupWithoutMembers => {
                let group = world.groups[world.groups.len() - 1][connection % GROUPS_OF_A_SIZE];
                Request::get(format!("{base}/Groups/{group}?excludedAttributes=members"))
            }
            Row::FirstPage | Row::DeepPageByIndex | Row::DeepPageByCursor if is_floor => {
                Request::get(format!("{base}/UsersWithGroups?after={prepared}&count={}", PAGE + 1))
            }
            Row::FirstPage => Request::get(format!("{base}/Users?startIndex=1&count={PAGE}")),
            Row::DeepPageByIndex => Request::get(format!("{base}/Users?startIndex={prepared}&count={PAGE}")),
            Row::DeepPageByCursor => Request::get(format!("{base}/Users?cursor={prepared}&count={PAGE}")),
        }
    }
}

/// Looks a user up by name.
pub(crate) fn by_name(base: &str, is_floor: bool, number: &str) -> Request {
    let name = format!("user.{number}%40bench.example");
    let query = if is_floor { format!("name={name}") } else { format!("filter=userName+eq+%22{name}%22") };
    Request::get(format!("{base}/Users?{query}"))
}

/// Changes a user as Entra does.
pub(crate) fn patch_user(title: &str, active: bool) -> String {
    let active = if active { "True" } else { "False" };
    patch(&json!([
        { "op": "Replace", "path": "title", "value": format!("Account Manager {title}") },
        { "op": "Replace", "path": "active", "value": active },
    ]))
}

/// Adds or removes members as Entra does.
pub(crate) fn patch_members(op: &str, members: &[Uuid]) -> String {
    let value: Vec<Value> = members.iter().map(|member| json!({ "$ref": null, "value": member })).collect();
    patch(&json!([{ "op": op, "path": "members", "value": value }]))
}

fn patch(operations: &Value) -> String {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations }).to_string()
}
