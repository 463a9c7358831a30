//! The first synchronisation of a directory, as Entra does it: each user is looked up and created, then each group is
//! looked up, created and filled.

use std::{cell::Cell, time::Instant};

use futures_util::future::try_join_all;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::Failure,
    load::{Connection, Request},
    rows::{Row, Side, by_name, fresh, patch_members},
    seed::{World, group, user},
};

/// Members of a group, which come in one PATCH.
const MEMBERS: usize = 100;

/// Sends `users` users and a group for each hundred; seconds it took.
pub(crate) async fn run(side: &Side, world: &World, users: usize, connections: usize) -> Result<f64, Failure> {
    let is_floor = matches!(side, Side::Floor(_));
    let (address, base) = side.place(Row::CreateUser, world);
    let mut opened = try_join_all((0..connections).map(|_| Connection::open(&address))).await?;
    let begun = Instant::now();
    let left = Cell::new(users);
    let each = opened.iter_mut().map(|connection| async {
        let mut made = Vec::new();
        while take(&left) {
            let number = fresh();
            connection.send(by_name(&base, is_floor, &number)).await?;
            let create = Request::send("POST", format!("{base}/Users"), user(&number).to_string(), 201);
            made.push(id(&connection.send(create).await?)?);
        }
        Ok::<_, Failure>(made)
    });
    let made: Vec<Uuid> = try_join_all(each).await?.into_iter().flatten().collect();
    let teams: Vec<&[Uuid]> = made.chunks(MEMBERS).collect();
    let left = Cell::new(teams.len());
    let each = opened.iter_mut().map(|connection| async {
        while take(&left) {
            let (number, members) = (fresh(), teams[left.get()]);
            let name = format!("Department+{number}");
            let query = if is_floor {
                format!("name={name}")
            } else {
                format!("excludedAttributes=members&filter=displayName+eq+%22{name}%22")
            };
            connection.send(Request::get(format!("{base}/Groups?{query}"))).await?;
            let create = Request::send("POST", format!("{base}/Groups"), group(&number).to_string(), 201);
            let team = id(&connection.send(create).await?)?;
            let fill = patch_members("Add", members);
            connection.send(Request::send("PATCH", format!("{base}/Groups/{team}"), fill, 204)).await?;
        }
        Ok::<_, Failure>(())
    });
    try_join_all(each).await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Takes one of what is left, if there is one.
fn take(left: &Cell<usize>) -> bool {
    let some = left.get() > 0;
    left.set(left.get().saturating_sub(1));
    some
}

fn id(answer: &[u8]) -> Result<Uuid, Failure> {
    let answer: Value = serde_json::from_slice(answer)?;
    let id = answer["id"].as_str().and_then(|id| id.parse().ok());
    id.ok_or_else(|| Failure::Told("what was created has no id".to_owned()))
}
