//! Users who are renamed, and who asks for them by the name that they had.

use std::time::Duration;

use rollcall_base::{Id, marker::Resource};
use rollcall_store::{Operation, Renamed, Restoration, StoredResource, UserKey};
use rollcall_testkit::{TestDirectory, on_both_databases};
use serde_json::json;

async fn rename(directory: &TestDirectory, user: &StoredResource, name: &str) {
    directory.clock.advance(Duration::from_secs(1));
    let to = TestDirectory::to_document(json!({ "userName": name }));
    directory.resources().update(directory.target(user), to).await.unwrap();
}

/// Who is found by a name, and whether it is a former one.
async fn found(directory: &TestDirectory, name: &str) -> Option<(Id<Resource>, bool)> {
    let mut found = directory.resources().users_known_as(&UserKey::UserName(name.to_owned()), 5).await.unwrap();
    assert!(found.len() <= 1);
    found.pop().map(|user| (user.resource.id, user.renamed))
}

on_both_databases! {
    async fn a_renamed_user_is_found_by_the_old_name_until_somebody_has_it(database) {
        let directory = database.directory().await;
        let anna = directory.user("Anna").await;
        rename(&directory, &anna, "Änna").await;
        assert_eq!(found(&directory, "ANNA").await, Some((anna.id, true)));
        assert_eq!(found(&directory, "änna").await, Some((anna.id, false)));
        let by_filter = crate::lists::listed(&directory, &directory.user_type(), Some("userName eq \"anna\"")).await.unwrap();
        assert!(by_filter.is_empty(), "no filter finds a former name");
        let second = directory.user("anna").await;
        assert_eq!(found(&directory, "anna").await, Some((second.id, false)));
        rename(&directory, &second, "berta").await;
        assert_eq!(found(&directory, "anna").await, Some((second.id, true)), "the later of two");
        directory.resources().delete(directory.target(&second)).await.unwrap();
        assert_eq!(found(&directory, "anna").await, Some((anna.id, true)));
        assert_eq!(found(&directory, "berta").await, None);
        let Restoration::Done(back) = directory.resources().restore(directory.target(&second)).await.unwrap() else { panic!() };
        assert_eq!(back.former_names, ["anna"]);
        assert_eq!(found(&directory, "anna").await, Some((second.id, true)));
        // Back to the first name: it is a former one no longer, and the one between is.
        directory.resources().delete(directory.target(&second)).await.unwrap();
        rename(&directory, &anna, "anna").await;
        assert_eq!(found(&directory, "anna").await, Some((anna.id, false)));
        assert_eq!(found(&directory, "änna").await, Some((anna.id, true)));
        let known = directory.resources().users_known_as(&UserKey::Id(anna.id), 1).await.unwrap();
        assert_eq!(known[0].former_names, ["änna"]);
    }

    async fn the_last_ten_names_are_kept(database) {
        let directory = database.directory().await;
        let user = directory.user("name00").await;
        for number in 1..=12 {
            rename(&directory, &user, &format!("name{number:02}")).await;
        }
        assert_eq!(found(&directory, "name01").await, None);
        assert_eq!(found(&directory, "name02").await, Some((user.id, true)));
        let known = directory.resources().users_known_as(&UserKey::Id(user.id), 1).await.unwrap();
        let expected: Vec<String> = (2..12).rev().map(|number| format!("name{number:02}")).collect();
        assert_eq!(known[0].former_names, expected);
    }

    async fn the_event_says_from_what_to_what(database) {
        let directory = database.directory().await;
        let user = directory.user("Anna").await;
        rename(&directory, &user, "ANNA").await;
        rename(&directory, &user, "Berta").await;
        let group = directory.group("g", &[]).await;
        let other = TestDirectory::to_document(json!({ "displayName": "h" }));
        directory.resources().update(directory.target(&group), other).await.unwrap();
        while directory.sequence(100).await.unwrap() > 0 {}
        let events = directory.jobs().events(directory.record.id, 0, 10).await.unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.operation, event.renamed.clone())).collect();
        let renamed = Renamed { from: "ANNA".to_owned(), to: "Berta".to_owned() };
        assert_eq!(told, [
            (Operation::Create, None),
            (Operation::Update, None), // the same name in another case
            (Operation::Rename, Some(renamed)),
            (Operation::Create, None),
            (Operation::Update, None),
        ]);
    }
}
