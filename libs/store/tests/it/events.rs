//! Events: one for each change, in order.

use rollcall_store::Operation;
use rollcall_testkit::{TestDirectory, on_both_databases};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

on_both_databases! {
    async fn every_change_becomes_one_event_with_its_paths_before_and_after(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let mut new = directory.new_user(json!({ "userName": "u", "title": "a" }));
        new.password_sent = true;
        let user = resources.create(new).await.unwrap().resource;
        let change = TestDirectory::to_document(json!({ "userName": "u", "title": "b" }));
        resources.update(directory.target(&user), change.clone()).await.unwrap();
        resources.update(directory.target(&user), change).await.unwrap();
        resources.delete(directory.target(&user)).await.unwrap();
        assert_eq!(directory.sequence(100).await.unwrap(), 3);
        assert_eq!(directory.sequence(100).await.unwrap(), 0);
        let events = directory.jobs().events(directory.record.id, 0, 10).await.unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3]);
        let operations: Vec<_> = events.iter().map(|event| event.operation).collect();
        assert_eq!(operations, [Operation::Create, Operation::Update, Operation::Delete]);
        let versions: Vec<_> = events.iter().map(|event| (event.previous_version, event.version)).collect();
        assert_eq!(versions, [(None, 1), (Some(1), 2), (Some(2), 3)]);
        assert!(events[0].password_sent && !events[1].password_sent);
        assert_eq!(events[1].changes, json!([{ "path": "title", "before": "a", "after": "b" }]));
        assert_eq!((events[0].actor.as_str(), events[0].request_id.as_str()), ("operator", "request"));
        assert_eq!(directory.jobs().events(directory.record.id, 2, 10).await.unwrap(), &events[2..]);
    }

    async fn a_sequencer_with_nothing_to_do_writes_nothing(database) {
        let directory = database.directory().await;
        assert_eq!(directory.sequence(100).await.unwrap(), 0);
        let raw = database.raw().await;
        let locks = Statement::from_string(raw.get_database_backend(), "SELECT COUNT(*) FROM job_lock");
        assert_eq!(raw.query_one_raw(locks).await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap(), 0);
    }

    async fn sequencers_at_the_same_time_number_each_change_once(database) {
        let directory = database.directory().await;
        let user = directory.user("u").await;
        for number in 0..40 {
            let change = TestDirectory::to_document(json!({ "userName": "u", "title": number.to_string() }));
            directory.resources().update(directory.target(&user), change).await.unwrap();
        }
        let (one, two) = (directory.jobs(), directory.jobs());
        let run = async |jobs: &rollcall_store::JobStore| {
            let mut count = 0;
            loop {
                match jobs.number(7).await.unwrap().numbered {
                    0 => return count,
                    some => count += some,
                }
            }
        };
        let (one, two) = tokio::join!(run(&one), run(&two));
        assert_eq!(one + two, 41);
        let events = directory.jobs().events(directory.record.id, 0, 100).await.unwrap();
        let order: Vec<_> = events.iter().map(|event| (event.seq, event.version)).collect();
        assert_eq!(order, (1..=41).map(|number| (number, number)).collect::<Vec<_>>());
    }
}
