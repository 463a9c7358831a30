//! Lists, their totals, their pages and their costs.

use std::sync::Arc;

use rollcall_scim::{
    Limits, ScimType,
    filter::{Condition, Filter},
    quirks::Leniency,
    schema::ResourceType,
};
use rollcall_store::{ListQuery, Listing, Position, Sort, StoreError, StoredResource};
use rollcall_testkit::{TestDirectory, on_both_databases};
use serde_json::json;

use crate::resources::rejected;

pub(crate) fn condition(resource_type: &ResourceType, filter: &str) -> Condition {
    let limits = Limits { filter_bytes: 100_000, ..Limits::default() };
    Filter::parse(filter, &limits).unwrap().resolve(resource_type, &Leniency::lenient()).unwrap()
}

pub(crate) fn query(resource_type: &Arc<ResourceType>, filter: Option<&str>) -> ListQuery {
    ListQuery {
        resource_type: resource_type.clone(),
        condition: filter.map(|filter| condition(resource_type, filter)),
        sort: None,
        position: Position::Skip(0),
        count: 1000,
    }
}

pub(crate) async fn listed(
    directory: &TestDirectory,
    resource_type: &Arc<ResourceType>,
    filter: Option<&str>,
) -> Result<Vec<StoredResource>, StoreError> {
    let listing = directory.resources().list(&query(resource_type, filter)).await?;
    assert_eq!(listing.total, listing.resources.len() as u64);
    assert_eq!(listing.next, None);
    Ok(listing.resources)
}

fn sort(resource_type: &ResourceType, attribute: &str, descending: bool) -> Sort {
    let Condition::Present(path) = condition(resource_type, &format!("{attribute} pr")) else { panic!("{attribute}") };
    Sort { path, descending }
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.resources.iter().map(|user| user.document.user_name().unwrap()).collect()
}

async fn crawl(directory: &TestDirectory, mut query: ListQuery) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = directory.resources().list(&query).await.unwrap();
        assert!(page.resources.len() <= query.count as usize);
        found.extend(names(&page).into_iter().map(str::to_owned));
        match page.next {
            None => return found,
            Some(next) => query.position = Position::After(next),
        }
    }
}

async fn some_users(directory: &TestDirectory, count: usize) {
    for number in 0..count {
        directory.clock.advance(std::time::Duration::from_millis(1));
        let user = json!({
            "userName": format!("user{:03}", (number * 7) % count), "title": format!("title{}", number % 3),
            "active": number % 2 == 0, "emails": [{ "value": format!("u{number}@example.com"), "type": "work" }],
        });
        directory.resources().create(directory.new_user(user)).await.unwrap();
    }
}

on_both_databases! {
    async fn a_crawl_shows_everything_once_in_every_order_and_direction(database) {
        let directory = database.directory().await;
        some_users(&directory, 23).await;
        let user = directory.user_type();
        let mut by_name: Vec<String> = (0..23).map(|number| format!("user{number:03}")).collect();
        for (attribute, count) in
            [("id", 5), ("userName", 23), ("userName", 1), ("meta.created", 7), ("meta.lastModified", 4), ("title", 6)]
        {
            let mut both = Vec::new();
            for descending in [false, true] {
                let mut query = query(&user, None);
                (query.sort, query.count) = (Some(sort(&user, attribute, descending)), count);
                both.push(crawl(&directory, query.clone()).await);
                // By index the same pages come as by key.
                for skip in [0, 1, 11, 22, 23, 99] {
                    query.position = Position::Skip(skip);
                    let page = directory.resources().list(&query).await.unwrap();
                    assert_eq!(page.total, 23, "{attribute} {skip}");
                    let shown = both.last().unwrap().iter().skip(skip as usize).take(count as usize);
                    assert_eq!(names(&page), shown.collect::<Vec<_>>(), "{attribute} {skip}");
                }
            }
            let reversed: Vec<String> = both[1].iter().rev().cloned().collect();
            assert_eq!(both[0], reversed, "{attribute}");
            if attribute == "userName" {
                assert_eq!(both[0], by_name);
            }
            let mut all = both.remove(0);
            all.sort();
            by_name.sort();
            assert_eq!(all, by_name, "{attribute}");
        }
    }

    async fn totals_are_exact_before_between_and_after_numbering(database) {
        let directory = database.directory().await;
        let user = directory.user_type();
        let total = async || {
            let mut query = query(&user, None);
            query.count = 0;
            let listing = directory.resources().list(&query).await.unwrap();
            assert!(listing.resources.is_empty() && listing.next.is_none());
            listing.total
        };
        assert_eq!(total().await, 0);
        some_users(&directory, 9).await;
        directory.group("g", &[]).await;
        assert_eq!(total().await, 9);
        directory.sequence(4).await.unwrap();
        assert_eq!(total().await, 9);
        let first = listed(&directory, &user, None).await.unwrap().remove(0);
        directory.resources().delete(directory.target(&first)).await.unwrap();
        assert_eq!(total().await, 8);
        while directory.sequence(4).await.unwrap() > 0 {}
        assert_eq!(total().await, 8);
        let counts = directory.live().await;
        assert_eq!(counts.iter().map(|(_, live)| *live).collect::<Vec<_>>(), [8, 1]);
    }

    async fn a_page_reads_what_it_shows_and_one_row_more(database) {
        let directory = database.directory().await;
        some_users(&directory, 60).await;
        let mut query = query(&directory.user_type(), None);
        query.count = 10;
        let mut rows = Vec::new();
        for page in 0..6 {
            let before = directory.store.statements();
            let listing = directory.resources().list(&query).await.unwrap();
            let cost = directory.store.statements() - before;
            assert!(cost.statements <= 2, "{cost:?}");
            rows.push(cost.rows);
            assert_eq!(listing.next.is_none(), page == 5);
            if let Some(next) = listing.next {
                query.position = Position::After(next);
            }
        }
        // Ten rows, the one that says that more follow, the total.
        assert!(rows.iter().all(|rows| *rows <= 12), "{rows:?}");
        query.position = Position::Skip(40);
        let before = directory.store.statements();
        directory.resources().list(&query).await.unwrap();
        assert!((directory.store.statements() - before).rows <= 12);
    }

    async fn one_read_is_one_statement(database) {
        let directory = database.directory().await;
        let user = directory.user("bjensen").await;
        let before = directory.store.statements();
        directory.resources().get(&directory.user_type(), user.id).await.unwrap().unwrap();
        assert_eq!((directory.store.statements() - before).statements, 1);
        let before = directory.store.statements();
        directory.resources().groups_of(&[user.id], 100).await.unwrap();
        assert_eq!((directory.store.statements() - before).statements, 1);
        let before = directory.store.statements();
        assert_eq!(listed(&directory, &directory.user_type(), Some("userName eq \"BJENSEN\"")).await.unwrap().len(), 1);
        assert_eq!((directory.store.statements() - before).statements, 1);
    }

    async fn a_scan_above_its_bound_is_refused_with_advice_and_an_index_lifts_it(database) {
        let mut database = database;
        database.config.scan_rows = 10;
        let directory = database.directory().await;
        let user = directory.user_type();
        some_users(&directory, 10).await;
        assert_eq!(listed(&directory, &user, Some("nickName pr or title co \"TLE1\"")).await.unwrap().len(), 3);
        directory.user("eleventh").await;
        let error = rejected(listed(&directory, &user, Some("title co \"tle1\"")).await);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::TooMany)));
        assert!(error.detail.contains("title") && error.detail.contains("userName"), "{}", error.detail);
        let both = "title co \"tle\" and emails.value eq \"U3@example.com\"";
        assert_eq!(listed(&directory, &user, Some(both)).await.unwrap().len(), 1);
        let mut by_title = query(&user, None);
        by_title.sort = Some(sort(&user, "title", false));
        assert!(rejected(directory.resources().list(&by_title).await).detail.contains("title"));
        assert_eq!(listed(&directory, &user, Some("not (userName eq \"x\") and userName sw \"user00\"")).await.unwrap().len(), 10);
    }

    async fn filters_on_groups_find_by_member_and_members_by_group(database) {
        let directory = database.directory().await;
        let one = directory.user("one").await;
        let named = directory.new_user(json!({ "userName": "two", "displayName": "Two" }));
        let two = directory.resources().create(named).await.unwrap().resource;
        let inner = directory.group("Inner", &[one.id]).await;
        let outer = directory.group("Outer", &[inner.id, two.id]).await;
        let (users, groups) = (directory.user_type(), directory.group_type());
        // Ids of one moment, at which the tests' clock stands, are in no order.
        let in_order = |mut ids: [_; 2]| {
            ids.sort();
            ids
        };
        let found = async |resource_type, filter: String| {
            let mut ids: Vec<_> =
                listed(&directory, resource_type, Some(&filter)).await.unwrap().into_iter().map(|one| one.id).collect();
            ids.sort();
            ids
        };
        assert_eq!(found(&groups, format!("members.value eq \"{}\"", one.id)).await, [inner.id]);
        assert_eq!(found(&groups, format!("members[value eq \"{}\"]", two.id)).await, [outer.id]);
        assert_eq!(found(&groups, "members.value eq \"nobody\"".to_owned()).await, []);
        assert_eq!(found(&users, format!("groups.value eq \"{}\"", outer.id)).await, in_order([one.id, two.id]));
        assert_eq!(found(&users, format!("groups.value eq \"{}\"", inner.id)).await, [one.id]);
        assert_eq!(found(&users, "groups.display eq \"inner\"".to_owned()).await, [one.id]);
        assert_eq!(found(&groups, "members.display eq \"TWO\"".to_owned()).await, [outer.id]);
        assert_eq!(found(&groups, "displayName eq \"OUTER\"".to_owned()).await, [outer.id]);
        assert_eq!(found(&groups, format!("id eq \"{}\"", outer.id)).await, [outer.id]);
        assert_eq!(found(&groups, "not (members pr)".to_owned()).await, []);
    }

    async fn the_order_is_by_code_points_whatever_language_the_database_speaks(database) {
        let directory = database.directory().await;
        for name in ["Zoe", "éva", "adam", "_x", "a-b", "ab", "B2", "b10"] {
            directory.user(name).await;
        }
        let mut query = query(&directory.user_type(), Some("userName gt \"_\""));
        query.sort = Some(sort(&directory.user_type(), "userName", false));
        query.count = 2;
        assert_eq!(crawl(&directory, query).await, ["_x", "a-b", "ab", "adam", "b10", "B2", "Zoe", "éva"]);
    }
}
