//! SQL against the evaluator: for random documents and conditions both must find the same.

use std::{collections::BTreeSet, sync::Arc};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{TestCaseError, TestRunner},
};
use rollcall_base::{Id, Timestamp, marker::Resource};
use rollcall_scim::{
    Envelope,
    filter::{CompareOp, Condition, Operand, ResolvedPath},
    generators::{comparable_paths, conditions, documents, tries},
    represent,
    schema::{DataType, ResourceType},
};
use rollcall_store::{ListQuery, NewResource, Position, Sort, StoreError, StoredResource};
use rollcall_testkit::{TestDirectory, on_both_databases};
use serde_json::{Map, Value, json};

use crate::lists::query;

/// Resources with random documents; those whose names are taken are left out.
async fn filled(directory: &TestDirectory, resource_type: &Arc<ResourceType>, count: usize) -> Vec<StoredResource> {
    let mut runner = TestRunner::new(tries(1));
    let strategy = documents(resource_type);
    let mut all = Vec::new();
    for _ in 0..count {
        let document = strategy.new_tree(&mut runner).unwrap().current();
        directory.clock.advance(std::time::Duration::from_millis(700));
        let new = NewResource {
            resource_type: resource_type.clone(),
            document,
            members: None,
            request_id: String::new(),
            password_sent: false,
        };
        match directory.resources().create(new).await {
            Ok(created) => all.push(created.resource),
            Err(StoreError::Rejected(error)) => assert_eq!(error.status, 409),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(all.len() > count / 8, "most names were taken: {}", all.len());
    all
}

fn representation(resource_type: &ResourceType, resource: &StoredResource) -> Value {
    let envelope = Envelope {
        id: &resource.id.to_string(),
        resource_type,
        version: "",
        created: resource.created_at,
        last_modified: resource.modified_at,
        location: "",
    };
    represent(&envelope, &resource.document, Map::new()).into()
}

/// All pages' ids, by cursors of three.
async fn crawl(directory: &TestDirectory, mut query: ListQuery) -> (Vec<Id<Resource>>, u64) {
    let mut ids = Vec::new();
    query.count = 3;
    loop {
        let page = directory.resources().list(&query).await.unwrap();
        ids.extend(page.resources.iter().map(|one| one.id));
        match page.next {
            None => return (ids, page.total),
            Some(next) => query.position = Position::After(next),
        }
    }
}

async fn compare(directory: &TestDirectory, resource_type: &Arc<ResourceType>, cases: u32) {
    let all = filled(directory, resource_type, 120).await;
    let represented: Vec<(Id<Resource>, Value)> =
        all.iter().map(|resource| (resource.id, representation(resource_type, resource))).collect();
    let paths = comparable_paths(resource_type);
    let orders: Vec<Option<Sort>> = paths.iter().flat_map(orders).chain([None]).collect();
    let strategy = (conditions(paths), proptest::sample::select(orders));
    let check = |(condition, sort): (Condition, Option<Sort>)| {
        let expected: BTreeSet<_> =
            represented.iter().filter(|(_, value)| condition.matches(value)).map(|(id, _)| *id).collect();
        let query = ListQuery { condition: Some(condition), sort, ..query(resource_type, None) };
        let asked =
            async { (directory.resources().list(&query).await.unwrap(), crawl(directory, query.clone()).await) };
        let (whole, (crawled, total)) =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(asked));
        let listed: Vec<_> = whole.resources.iter().map(|one| one.id).collect();
        let found: BTreeSet<_> = listed.iter().copied().collect();
        if found != expected || whole.total != expected.len() as u64 || whole.next.is_some() {
            return Err(TestCaseError::fail(format!("expected {expected:?}, found {found:?} of {}", whole.total)));
        }
        if crawled != listed || total != whole.total {
            return Err(TestCaseError::fail(format!("a crawl found {crawled:?}, one page {listed:?}")));
        }
        Ok(())
    };
    TestRunner::new(tries(cases)).run(&strategy, check).unwrap();
}

fn orders(path: &ResolvedPath) -> [Option<Sort>; 2] {
    [false, true].map(|descending| Some(Sort { path: path.clone(), descending }))
}

/// The paths that stand in columns or in the index.
fn served(resource_type: &ResourceType) -> Vec<ResolvedPath> {
    let columns = ["id", "externalId", "userName", "displayName", "meta.created", "meta.lastModified"];
    let paths = comparable_paths(resource_type).into_iter();
    paths.filter(|path| path.leaf().index.is_some() || columns.contains(&path.to_string().as_str())).collect()
}

/// A value in a document as an operand.
fn operand(path: &ResolvedPath, value: &Value) -> Option<Operand> {
    match value {
        Value::Bool(value) => Some(Operand::Boolean(*value)),
        Value::String(text) if path.leaf().data_type == DataType::DateTime => {
            Timestamp::parse(text).ok().map(Operand::DateTime)
        }
        Value::String(text) => Some(Operand::Text(text.clone())),
        _ => None,
    }
}

on_both_databases! {
    async fn every_operator_meets_every_value_at_its_boundary(database) {
        use CompareOp::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        let directory = database.directory().await;
        for resource_type in [directory.user_type(), directory.group_type()] {
            let all = filled(&directory, &resource_type, 30).await;
            let represented: Vec<(Id<Resource>, Value)> =
                all.iter().map(|resource| (resource.id, representation(&resource_type, resource))).collect();
            let mut asked = 0;
            for path in served(&resource_type) {
                let values: Vec<_> = represented.iter().flat_map(|(_, value)| path.values(value)).collect();
                let mut operands: Vec<Operand> = values.iter().filter_map(|value| operand(&path, value)).collect();
                operands.sort_by_key(|operand| format!("{operand:?}"));
                operands.dedup();
                for operand in operands.into_iter().take(6) {
                    let operators: &[CompareOp] = match operand {
                        Operand::Text(_) => &[Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le],
                        Operand::DateTime(_) => &[Eq, Ne, Gt, Ge, Lt, Le],
                        _ => &[Eq, Ne],
                    };
                    for op in operators {
                        let condition = Condition::Compare { path: path.clone(), op: *op, operand: operand.clone() };
                        let expected: BTreeSet<_> =
                            represented.iter().filter(|(_, value)| condition.matches(value)).map(|(id, _)| *id).collect();
                        let query = ListQuery { condition: Some(condition.clone()), ..query(&resource_type, None) };
                        let listing = directory.resources().list(&query).await.unwrap();
                        let found: BTreeSet<_> = listing.resources.iter().map(|one| one.id).collect();
                        assert_eq!(found, expected, "{condition}");
                        asked += 1;
                    }
                }
            }
            assert!(asked > 100, "{asked}");
        }
    }

    async fn a_value_path_asks_for_one_element_that_fulfils_all(database) {
        let directory = database.directory().await;
        let user = |name: &str, emails: &[&str]| {
            let emails: Vec<Value> = emails.iter().map(|email| json!({ "value": email, "type": email })).collect();
            directory.new_user(json!({ "userName": name, "emails": emails }))
        };
        directory.resources().create(user("both", &["a", "b"])).await.unwrap();
        directory.resources().create(user("one", &["ab"])).await.unwrap();
        let users = directory.user_type();
        for (filter, found) in [
            ("emails[value eq \"a\" and value eq \"b\"]", 0),
            ("emails[value eq \"a\" or value eq \"b\"]", 1),
            ("emails[value sw \"a\" and value gt \"a\"]", 1),
            ("emails.value eq \"a\" and emails.value eq \"b\"", 1),
            ("emails[value eq \"a\" and type eq \"b\"]", 0),
            ("emails[value eq \"a\" and type eq \"a\"]", 1),
            ("emails[not (value eq \"a\")]", 2),
            ("not (emails.value eq \"a\")", 1),
        ] {
            assert_eq!(crate::lists::listed(&directory, &users, Some(filter)).await.unwrap().len(), found, "{filter}");
        }
    }

    async fn sql_finds_the_users_that_the_evaluator_finds(database) {
        let directory = database.directory().await;
        compare(&directory, &directory.user_type(), 150).await;
    }

    async fn sql_finds_the_groups_that_the_evaluator_finds(database) {
        let directory = database.directory().await;
        compare(&directory, &directory.group_type(), 60).await;
    }

    async fn what_an_update_leaves_in_the_index_is_what_a_fresh_row_would_have(database) {
        let directory = database.directory().await;
        let resource_type = directory.user_type();
        let all = filled(&directory, &resource_type, 40).await;
        let mut runner = TestRunner::new(tries(1));
        let strategy = documents(&resource_type);
        let mut now = Vec::new();
        for (number, resource) in all.iter().enumerate() {
            let mut attributes = strategy.new_tree(&mut runner).unwrap().current().attributes().clone();
            attributes.insert("userName".to_owned(), format!("new{number}").into());
            let change = TestDirectory::to_document(attributes.into());
            now.push(directory.resources().update(directory.target(resource), change).await.unwrap().resource);
        }
        let strategy = conditions(served(&resource_type));
        let mut runner = TestRunner::new(tries(1));
        for _ in 0..60 {
            let condition = strategy.new_tree(&mut runner).unwrap().current();
            let expected: BTreeSet<_> = now
                .iter()
                .filter(|one| condition.matches(&representation(&resource_type, one)))
                .map(|one| one.id)
                .collect();
            let query = ListQuery { condition: Some(condition.clone()), ..query(&resource_type, None) };
            let listing = directory.resources().list(&query).await.unwrap();
            let found: BTreeSet<_> = listing.resources.iter().map(|one| one.id).collect();
            assert_eq!(found, expected, "{condition}");
        }
    }
}
