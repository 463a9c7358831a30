//! `/Groups`.

use serde_json::{Value, json};

use super::directory;
use crate::directory::{BULK, ENTERPRISE, GROUP, USER, id_of, values};

#[tokio::test]
async fn members_are_added_removed_and_replaced_in_every_clients_way() {
    let directory = directory();
    let (a, b, c) = (directory.user("a").await, directory.user("b").await, directory.user("c").await);
    let group = directory.group("team", &[]).await;
    let path = format!("/Groups/{group}");
    for (operations, expected) in [
        (
            json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": a }, { "$ref": null, "value": b }] }]),
            vec![&a, &b],
        ),
        (json!([{ "op": "add", "path": "members", "value": [{ "value": a }] }]), vec![&a, &b]),
        (json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": a }] }]), vec![&b]),
        (
            json!([{ "op": "remove", "path": format!("members[value eq \"{b}\"]") }, { "op": "add", "path": "members", "value": [{ "value": c }] }]),
            vec![&c],
        ),
        (json!([{ "op": "replace", "value": { "id": group, "displayName": "team" } }]), vec![&c]),
        (json!([{ "op": "replace", "path": "members", "value": [{ "value": a, "display": "A" }] }]), vec![&a]),
        (json!([{ "op": "add", "value": { "members": [{ "value": b }] } }]), vec![&a, &b]),
        (json!([{ "op": "remove", "path": "members" }]), vec![]),
    ] {
        let answer = directory.patch(&path, operations.clone()).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{operations}");
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(directory.members(&group).await, expected, "{operations}");
    }
}

#[tokio::test]
async fn members_that_nobody_has_are_all_named_and_nothing_is_applied() {
    let directory = directory();
    let user = directory.user("known").await;
    let group = directory.group("team", &[]).await;
    let (one, two) = ("018f0000-0000-7000-8000-000000000001", "not-an-id");
    let value = json!([{ "value": user }, { "value": one }, { "value": two }]);
    let operations = json!([{ "op": "add", "path": "members", "value": value }]);
    let detail = directory.patch(&format!("/Groups/{group}"), operations).await.error(400, Some("invalidValue"));
    assert!(detail.contains(one) && detail.contains(two) && !detail.contains(&user), "{detail}");
    assert!(directory.members(&group).await.is_empty());
}

#[tokio::test]
async fn who_is_deleted_leaves_every_group() {
    let directory = directory();
    let (gone, stays) = (directory.user("gone").await, directory.user("stays").await);
    let group = directory.group("team", &[&gone, &stays]).await;
    let before = directory.get(&format!("/Groups/{group}")).await.ok(200);
    directory.delete(&format!("/Users/{gone}")).await.ok(204);
    let after = directory.get(&format!("/Groups/{group}")).await.ok(200);
    assert_eq!(values(&after["members"]), [stays]);
    assert_ne!(before["meta"]["version"], after["meta"]["version"]);
}

#[tokio::test]
async fn a_user_shows_direct_and_indirect_groups_once_even_in_a_circle() {
    let directory = directory();
    let user = directory.user("nested").await;
    let inner = directory.group("inner", &[&user]).await;
    let outer = directory.group("outer", &[&inner, &user]).await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": outer }] }]);
    directory.patch(&format!("/Groups/{inner}"), add).await.ok(204);
    let shown = directory.get(&format!("/Users/{user}")).await.ok(200);
    let mut expected = vec![inner.clone(), outer.clone()];
    expected.sort();
    assert_eq!(values(&shown["groups"]), expected);
    let member_types = directory.get(&format!("/Groups/{outer}")).await.ok(200);
    let types: Vec<_> = member_types["members"].as_array().unwrap().iter().map(|member| &member["type"]).collect();
    assert!(types.contains(&&json!("User")) && types.contains(&&json!("Group")), "{member_types}");
    directory.delete(&format!("/Groups/{outer}")).await.ok(204);
    assert_eq!(values(&directory.get(&format!("/Users/{user}")).await.ok(200)["groups"]), [inner]);
}

#[tokio::test]
async fn a_second_group_with_the_same_external_id_is_refused_and_one_with_the_same_name_is_not() {
    let directory = directory();
    let group = |name: &str, external: &str| json!({ "schemas": [GROUP], "displayName": name, "externalId": external });
    directory.post("/Groups", group("one", "x")).await.ok(201);
    let detail = directory.post("/Groups", group("two", "x")).await.error(409, Some("uniqueness"));
    assert!(detail.contains("externalId"), "{detail}");
    directory.post("/Groups", group("one", "y")).await.ok(201);
    assert_eq!(directory.find("/Groups", "displayName eq \"ONE\"").await.ok(200)["totalResults"], 2);
}

#[tokio::test]
async fn a_put_without_members_empties_the_group() {
    let directory = directory();
    let user = directory.user("u").await;
    let group = directory.group("team", &[&user]).await;
    directory.put(&format!("/Groups/{group}"), json!({ "schemas": [GROUP], "displayName": "team" })).await.ok(200);
    assert!(directory.members(&group).await.is_empty());
}

#[tokio::test]
async fn a_group_is_read_without_its_members_when_a_client_says_so() {
    let directory = directory();
    let user = directory.user("u").await;
    let group = directory.group("big", &[&user]).await;
    let shown = directory.get(&format!("/Groups/{group}?excludedAttributes=members")).await.ok(200);
    assert!(shown.get("members").is_none());
    let filter = format!("id eq \"{group}\" and members eq \"{user}\"");
    let probe = directory.find("/Groups", &filter).await.ok(200);
    assert_eq!((&probe["totalResults"], id_of(&probe["Resources"][0])), (&json!(1), group));
}

#[tokio::test]
async fn five_parallel_writers_to_one_group_lose_nothing() {
    let directory = directory();
    let group = directory.group("busy", &[]).await;
    let mut users = Vec::new();
    for number in 0..25 {
        users.push(directory.user(&format!("writer{number}")).await);
    }
    let writers = users.chunks(5).map(|mine| {
        let (directory, path, mine) = (directory.clone(), format!("/Groups/{group}"), mine.to_vec());
        tokio::spawn(async move {
            for user in mine {
                let add = json!([{ "op": "Add", "path": "members", "value": [{ "value": user }] }]);
                directory.patch(&path, add).await.ok(204);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    users.sort();
    assert_eq!(directory.members(&group).await, users);
}

#[tokio::test]
async fn names_of_members_and_managers_are_ours_and_absent_where_nobody_gave_one() {
    let directory = directory();
    let boss = json!({ "schemas": [USER], "userName": "boss", "displayName": "The Boss" });
    let boss = id_of(&directory.post("/Users", boss).await.ok(201));
    let nameless = directory.user("nameless").await;
    let user = |manager: &str| json!({ "schemas": [USER, ENTERPRISE], "userName": format!("u-{manager}"), ENTERPRISE: { "manager": { "value": manager, "displayName": "Forged" } } });
    let shown = directory.post("/Users", user(&boss)).await.ok(201);
    assert_eq!(shown[ENTERPRISE]["manager"]["displayName"], "The Boss", "{shown}");
    let shown = directory.post("/Users", user(&nameless)).await.ok(201);
    assert_eq!(
        (&shown[ENTERPRISE]["manager"]["value"], shown[ENTERPRISE]["manager"].get("displayName")),
        (&json!(nameless), None)
    );
    let group = directory.group("team", &[&boss]).await;
    let member = &directory.get(&format!("/Groups/{group}")).await.ok(200)["members"][0];
    assert_eq!((&member["display"], &member["type"]), (&json!("The Boss"), &json!("User")));
    let hidden = directory.get(&format!("/Groups/{group}?excludedAttributes=members.display")).await.ok(200);
    assert_eq!(hidden["members"][0].get("display"), None, "{hidden}");
    let groups = directory.get(&format!("/Users/{boss}")).await.ok(200);
    assert_eq!(groups["groups"][0]["display"], "team", "{groups}");
}

#[tokio::test]
async fn a_group_that_is_sent_in_pieces_arrives_whole() {
    let directory = directory();
    let mut users = Vec::new();
    for part in 0..3 {
        let operations: Vec<Value> = (0..750)
            .map(|number| {
                json!({ "method": "POST", "path": "/Users", "bulkId": format!("{number}"),
                "data": { "schemas": [USER], "userName": format!("user{part}-{number}") } })
            })
            .collect();
        let answer = directory.post("/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await.ok(200);
        let made = answer["Operations"].as_array().unwrap();
        users.extend(made.iter().map(|one| one["location"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned()));
    }
    let members: Vec<Value> = users.iter().map(|user| json!({ "value": user })).collect();
    let group = json!({ "schemas": [GROUP], "displayName": "everybody", "members": members });
    let created = directory.post("/Groups", group).await.ok(201);
    assert_eq!(created["members"].as_array().unwrap().len(), users.len(), "the answer to a POST is whole too");
    let group = id_of(&created);
    users.sort();
    assert_eq!(directory.members(&group).await, users);
    let only_ids = directory.get(&format!("/Groups/{group}?attributes=members.value")).await.ok(200);
    let shown = only_ids["members"].as_array().unwrap();
    assert_eq!(
        (shown.len(), shown[2000].as_object().unwrap().len(), only_ids.get("displayName")),
        (users.len(), 1, None)
    );
    let listed = directory.get("/Groups").await.ok(200);
    assert_eq!(listed["Resources"][0]["members"].as_array().unwrap().len(), users.len());
}
