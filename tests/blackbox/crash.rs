//! The process dies at any moment: what was acknowledged is there afterwards, and nothing is half done.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    directory::{Answer, Directory, GROUP, USER, id_of, ids, values},
    server::{Place, Server},
};

const ROUNDS: usize = 6;
const WRITERS: usize = 6;
/// Acknowledged writes in a round before the process dies; the writers go on meanwhile.
const WRITES: usize = 40;

/// A group that was acknowledged, with its two members.
type Acknowledged = (String, BTreeSet<String>);

/// The answer, unless the server is gone. Of services apart one dies after the other: the gateway may live to say that the
/// directory service is gone.
async fn sent(directory: &Directory, endpoint: &str, body: &Value) -> Option<Answer> {
    let answer = directory.try_send("POST", endpoint, &[], Some(body)).await.ok()?;
    (answer.status != 503).then_some(answer)
}

/// Makes users and groups of two until the server is gone.
async fn write(
    directory: Directory,
    writer: usize,
    counter: Arc<AtomicUsize>,
    done: mpsc::UnboundedSender<Acknowledged>,
) {
    loop {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        let mut pair = BTreeSet::new();
        for half in ["a", "b"] {
            let user = json!({ "schemas": [USER], "userName": format!("w{writer}-{number}-{half}") });
            let Some(answer) = sent(&directory, "/Users", &user).await else { return };
            pair.insert(id_of(&answer.ok(201)));
        }
        let members: Vec<Value> = pair.iter().map(|id| json!({ "value": id })).collect();
        let group = json!({ "schemas": [GROUP], "displayName": format!("g{writer}-{number}"), "members": members });
        let Some(answer) = sent(&directory, "/Groups", &group).await else { return };
        if done.send((id_of(&answer.ok(201)), pair)).is_err() {
            return;
        }
    }
}

/// Every resource of an endpoint; the total is exact.
async fn everything(directory: &Directory, endpoint: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let page = directory.get(&format!("{endpoint}?startIndex={}&count=200", all.len() + 1)).await.ok(200);
        let shown = ids(&page).len();
        all.extend(page["Resources"].as_array().cloned().unwrap_or_default());
        if shown == 0 {
            assert_eq!(page["totalResults"], all.len(), "{endpoint}");
            return all;
        }
    }
}

async fn check(directory: &Directory, acknowledged: &[Acknowledged]) {
    let users: BTreeSet<String> = everything(directory, "/Users").await.iter().map(id_of).collect();
    let groups = everything(directory, "/Groups").await;
    for group in &groups {
        let members = values(&group["members"]);
        assert_eq!(members.len(), 2, "a group is made with both its members or not at all: {group}");
        assert!(members.iter().all(|member| users.contains(member)), "{group}");
    }
    for (id, pair) in acknowledged {
        let group =
            groups.iter().find(|group| group["id"] == json!(id)).unwrap_or_else(|| panic!("group {id} is lost"));
        assert_eq!(&values(&group["members"]).into_iter().collect::<BTreeSet<_>>(), pair);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_under_writes_again_and_again_loses_no_acknowledged_one() {
    let mut place = Place::new();
    let directory = place.directory_of("acme", "other");
    let counter = Arc::new(AtomicUsize::new(0));
    let mut acknowledged = Vec::new();
    for _ in 0..ROUNDS {
        let server = Server::start_at(place);
        check(&directory, &acknowledged).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(directory.clone(), writer, Arc::clone(&counter), sender.clone())))
            .collect();
        drop(sender);
        for _ in 0..WRITES {
            acknowledged.push(receiver.recv().await.expect("the writers write"));
        }
        place = server.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        while let Some(more) = receiver.recv().await {
            acknowledged.push(more);
        }
    }
    let server = Server::start_at(place);
    check(&directory, &acknowledged).await;
    let (place, well) = server.stop("TERM");
    assert!(well, "{}", place.log());
}
