//! A directory's states and policies as they are written down, also by several at once.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use rollcall_access::{
    DirectoryState, DirectoryStep, OnDuplicateGroupName, OperatorScope, PolicyChanges, Stage, StepRefused,
};
use rollcall_base::{Clock, Timestamp};
use rollcall_scim::schema::{GROUP, USER};
use rollcall_store::{
    AuditQuery, AuditRecord, ControlError, Counting, DirectoryContact, NewDirectory, StoreError, TenantStore, Within,
};
use rollcall_testkit::{Database, TestDirectory, on_both_databases};
use serde_json::json;

pub(crate) fn tenant(directory: &TestDirectory) -> TenantStore {
    directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id))
}

/// A draft of the same tenant.
async fn draft(directory: &TestDirectory, name: &str) -> TestDirectory {
    let new = NewDirectory {
        client_kind: "other".to_owned(),
        directory_id: name.to_owned(),
        directory_name: name.to_owned(),
        client_profile: None,
        stage: Stage::Draft,
    };
    let record = tenant(directory).create_directory(new).await.unwrap();
    let scope = OperatorScope::from_local_configuration().directory(directory.tenant.id, record.id);
    TestDirectory { record, scope, ..directory.clone() }
}

async fn state(directory: &TestDirectory) -> DirectoryState {
    let records = tenant(directory).directories().await.unwrap();
    records.iter().find(|record| record.id == directory.record.id).unwrap().life.state()
}

/// What the audit says of a directory.
pub(crate) async fn lines(directory: &TestDirectory) -> Vec<AuditRecord> {
    let query = AuditQuery {
        since: Timestamp::from_micros(0),
        directory: Some(directory.record.id),
        after: None,
        before: None,
        limit: 100,
    };
    tenant(directory).audit(&query).await.unwrap()
}

async fn actions(directory: &TestDirectory) -> Vec<String> {
    let lines = lines(directory).await;
    lines.iter().map(|line| line.action.trim_start_matches("directory.").to_owned()).collect()
}

/// A directory's id as it stands in a statement.
fn here(database: &Database, directory: &TestDirectory) -> String {
    match database.is_postgres() {
        true => format!("'{}'", directory.record.id),
        false => format!("x'{}'", directory.record.id.to_string().replace('-', "")),
    }
}

/// Every statement about a directory's life, client and policies, once.
pub(crate) async fn everything_about(directory: &TestDirectory) {
    let (tenant, id, at) = (tenant(directory), directory.record.id, directory.clock.now());
    let contact = DirectoryContact {
        directory: id,
        address: "192.0.2.1".to_owned(),
        agent: "x".to_owned(),
        first_at: at,
        last_at: at,
    };
    let verification = directory.store.verification(&rollcall_access::JobScope::of_service("test"));
    verification.record_contacts(vec![contact]).await.unwrap();
    tenant.overview(id).await.unwrap();
    tenant.take_step(id, DirectoryStep::Freeze).await.unwrap();
    tenant.take_step(id, DirectoryStep::Thaw).await.unwrap();
    tenant.full_sync(id, async {}, &|_| ()).await.unwrap();
    for choice in [OnDuplicateGroupName::Refuse, OnDuplicateGroupName::Allow] {
        let changes = PolicyChanges { duplicate_group_name: Some(choice), ..PolicyChanges::default() };
        tenant.change_policies(id, changes).await.unwrap();
    }
    let draft = draft(directory, "a-draft").await;
    draft.resources().in_draft_of(1).create(draft.new_user(json!({ "userName": "u" }))).await.unwrap();
    tenant.take_step(draft.record.id, DirectoryStep::Submit).await.unwrap();
}

async fn number_all(directory: &TestDirectory) {
    while directory.sequence(100).await.unwrap() > 0 {}
}

on_both_databases! {
    async fn a_tenants_directories_are_seen_at_a_glance_by_it_alone_and_by_few_statements(database) {
        let directory = database.directory().await;
        let (tenant, at) = (tenant(&directory), directory.clock.now());
        directory.user("a").await;
        directory.user("b").await;
        number_all(&directory).await;
        directory.user("c").await;
        let verification = directory.store.verification(&rollcall_access::JobScope::of_service("test"));
        let contact = DirectoryContact {
            directory: directory.record.id, address: "192.0.2.1".to_owned(), agent: "x".to_owned(), first_at: at, last_at: at,
        };
        verification.record_contacts(vec![contact]).await.unwrap();
        let mut all = vec![directory.record.id];
        for number in 0..10 {
            directory.clock.advance(Duration::from_millis(1));
            all.push(draft(&directory, &format!("draft-{number}")).await.record.id);
        }
        let (store, clock) = database.open().await;
        let stranger = TestDirectory::create(store, clock, "stranger", "D-1").await;
        stranger.user("d").await;
        directory.store.take_statements();
        let overviews = tenant.overviews(Within::Tenant).await.unwrap();
        let statements = directory.store.take_statements().len();
        assert!(statements <= 5, "{statements}");
        assert_eq!(overviews.iter().map(|one| one.record.id).collect::<Vec<_>>(), all);
        assert_eq!(overviews[0].live, [(USER, 3)].into(), "numbered or not");
        assert_eq!(overviews[0].activity.contact.as_ref().unwrap().address, "192.0.2.1");
        assert!(overviews[0].activity.last_change_at.is_some() && overviews[0].former_keys.is_empty());
        assert_eq!((overviews[1].live.len(), &overviews[1].activity), (0, &Default::default()));
        for one in overviews {
            assert_eq!(tenant.overview(one.record.id).await.unwrap(), one);
        }
        let others = tenant.overview(stranger.record.id).await;
        assert!(matches!(others, Err(StoreError::NotFound)), "{others:?}");
    }

    async fn each_step_is_written_once_and_one_that_changes_nothing_not_at_all(database) {
        let directory = database.directory().await;
        let tenant = tenant(&directory);
        let id = directory.record.id;
        for (step, after) in [
            (DirectoryStep::Submit, DirectoryState::Submitted),
            (DirectoryStep::Freeze, DirectoryState::Frozen),
            (DirectoryStep::Freeze, DirectoryState::Frozen),
            (DirectoryStep::Disable, DirectoryState::Disabled),
            (DirectoryStep::Thaw, DirectoryState::Disabled),
            (DirectoryStep::Freeze, DirectoryState::Disabled),
            (DirectoryStep::Enable, DirectoryState::Frozen),
            (DirectoryStep::Thaw, DirectoryState::Submitted),
            (DirectoryStep::Thaw, DirectoryState::Submitted),
        ] {
            directory.clock.advance(Duration::from_millis(1));
            assert_eq!(tenant.take_step(id, step).await.unwrap().after.state(), after, "{step:?}");
            assert_eq!(state(&directory).await, after);
        }
        let written = ["created", "frozen", "disabled", "thawed", "frozen", "enabled", "thawed"];
        assert_eq!(actions(&directory).await, written);
        let lines = lines(&directory).await;
        assert_eq!(lines[1].detail, json!({ "before": "submitted", "after": "frozen", "stage": "submitted" }));
        assert_eq!(lines[1].subject, Some(format!("directory:{id}")));
        let stranger = directory.store.operator(&OperatorScope::from_local_configuration());
        let stranger = stranger.create_tenant("other", "").await.unwrap();
        let stranger = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(stranger.id));
        let refused = stranger.take_step(id, DirectoryStep::Freeze).await;
        assert!(matches!(refused, Err(ControlError::Store(StoreError::NotFound))));
    }

    async fn archived_is_for_good(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        directory.user("u").await;
        directory.clock.advance(Duration::from_millis(1));
        tenant.take_step(id, DirectoryStep::Archive).await.unwrap();
        assert!(!tenant.take_step(id, DirectoryStep::Archive).await.is_ok_and(|taken| taken.before != taken.after));
        for step in [DirectoryStep::Enable, DirectoryStep::Thaw, DirectoryStep::Submit, DirectoryStep::FullSync] {
            let refused = tenant.take_step(id, step).await;
            assert!(matches!(refused, Err(ControlError::Refused(StepRefused::Archived))), "{step:?}");
        }
        number_all(&directory).await;
        assert_eq!(state(&directory).await, DirectoryState::Archived);
        assert_eq!(actions(&directory).await, ["created", "archived"]);
    }

    async fn two_processes_that_freeze_at_once_write_one_line(database) {
        let directory = database.directory().await;
        let (other, _) = database.open().await;
        let other = other.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let (tenant, id) = (tenant(&directory), directory.record.id);
        for _ in 0..10 {
            let (a, b) = tokio::join!(tenant.take_step(id, DirectoryStep::Freeze), other.take_step(id, DirectoryStep::Freeze));
            let changed = [a.unwrap(), b.unwrap()].iter().filter(|taken| taken.before != taken.after).count();
            assert_eq!(changed, 1);
            tenant.take_step(id, DirectoryStep::Thaw).await.unwrap();
        }
        assert_eq!(actions(&directory).await.iter().filter(|action| *action == "frozen").count(), 10);
    }

    async fn the_first_change_makes_a_directory_receiving_once(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        assert_eq!(tenant.overview(id).await.unwrap().activity, Default::default());
        let user = directory.user("u").await;
        let before = tenant.overview(id).await.unwrap().activity;
        assert_eq!((before.first_change_at, before.last_change_at), (None, Some(user.created_at)), "it has no number yet");
        assert_eq!(state(&directory).await, DirectoryState::Submitted);
        let receiving = directory.jobs().number(100).await.unwrap().receiving;
        assert_eq!(receiving.iter().map(|record| record.id).collect::<Vec<_>>(), [id]);
        assert_eq!(state(&directory).await, DirectoryState::Receiving);
        let last = directory.user("v").await;
        directory.store.take_statements();
        assert_eq!(directory.jobs().number(100).await.unwrap().receiving, []);
        let ran = directory.store.take_statements();
        let costs = ran.iter().filter(|ran| ["directory ", "\"directory\"", "audit"].iter().any(|table| ran.sql.contains(table)));
        assert_eq!(costs.count(), 0, "a later batch asks nothing more than before: {ran:?}");
        let after = tenant.overview(id).await.unwrap().activity;
        assert_eq!((after.first_change_at, after.last_change_at), (Some(user.created_at), Some(last.created_at)));
        let lines = lines(&directory).await;
        assert_eq!((lines[1].action.as_str(), lines[1].actor.as_str()), ("directory.receiving", "job:test"));
        assert_eq!(lines.len(), 2);
    }

    async fn a_draft_with_changes_is_receiving_as_soon_as_it_is_submitted(database) {
        let directory = database.directory().await;
        let early = draft(&directory, "early").await;
        early.user("u").await;
        number_all(&early).await;
        assert_eq!(state(&early).await, DirectoryState::Draft);
        tenant(&early).take_step(early.record.id, DirectoryStep::Submit).await.unwrap();
        assert_eq!(state(&early).await, DirectoryState::Receiving);
        assert_eq!(actions(&early).await, ["created", "submitted", "receiving"]);
        let empty = draft(&directory, "empty").await;
        directory.clock.advance(Duration::from_millis(1));
        tenant(&empty).take_step(empty.record.id, DirectoryStep::Submit).await.unwrap();
        assert_eq!(actions(&empty).await, ["created", "submitted"]);
    }

    async fn a_submission_and_a_first_change_at_once_never_miss_each_other(database) {
        let directory = database.directory().await;
        for round in 0..20 {
            let draft = draft(&directory, &format!("d{round}")).await;
            draft.user("u").await;
            let (tenant, jobs) = (tenant(&draft), draft.jobs());
            let (submitted, numbered) = tokio::join!(tenant.take_step(draft.record.id, DirectoryStep::Submit), jobs.number(100));
            submitted.unwrap();
            numbered.unwrap();
            number_all(&draft).await;
            assert_eq!(state(&draft).await, DirectoryState::Receiving, "{round}");
            // Two transactions of one moment: their lines are in no order.
            let mut actions = actions(&draft).await;
            actions.sort_unstable();
            assert_eq!(actions, ["created", "receiving", "submitted"], "{round}");
        }
    }

    async fn a_counter_of_before_says_when_its_changes_were(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        let first = directory.user("u").await.created_at;
        number_all(&directory).await;
        let second = directory.user("v").await.created_at;
        number_all(&directory).await;
        // As the version before leaves them.
        database.execute("UPDATE event_counter SET first_change_at = NULL, last_change_at = NULL").await;
        database.execute("UPDATE directory SET state = 'submitted', stage = NULL, is_frozen = NULL").await;
        let activity = tenant.overview(id).await.unwrap().activity;
        assert_eq!((activity.first_change_at, activity.last_change_at), (Some(first), Some(second)));
        let third = directory.user("w").await.created_at;
        number_all(&directory).await;
        assert_eq!(state(&directory).await, DirectoryState::Receiving);
        let activity = tenant.overview(id).await.unwrap().activity;
        assert_eq!((activity.first_change_at, activity.last_change_at), (Some(first), Some(third)));
    }

    async fn a_draft_never_holds_more_than_it_may_whoever_creates_at_once(database) {
        let directory = database.directory().await;
        let draft = draft(&directory, "draft").await;
        let (other, _) = database.open().await;
        let creations: Vec<_> = (0..30)
            .map(|number| {
                let (draft, other) = (draft.clone(), other.clone());
                tokio::spawn(async move {
                    let store = if number % 2 == 0 { draft.resources() } else { other.directory(&draft.scope) };
                    let new = match number % 3 {
                        0 => draft.new_group(json!({ "displayName": format!("g{number}") }), &[]),
                        _ => draft.new_user(json!({ "userName": format!("u{number}") })),
                    };
                    store.in_draft_of(7).create(new).await.map(drop)
                })
            })
            .collect();
        let mut created = 0;
        for creation in creations {
            match creation.await.unwrap() {
                Ok(()) => created += 1,
                Err(StoreError::Rejected(error)) => {
                    assert_eq!(error.status, 403);
                    assert!(error.detail.contains("rollcall directory submit"), "{}", error.detail);
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(created, 7);
        let live: u64 = draft.live().await.iter().map(|(_, number)| number).sum();
        assert_eq!(live, 7);
        // Who remembers a draft that is none any more refuses nothing.
        tenant(&draft).take_step(draft.record.id, DirectoryStep::Submit).await.unwrap();
        draft.resources().in_draft_of(7).create(draft.new_user(json!({ "userName": "eighth" }))).await.unwrap();
    }

    async fn a_full_sync_counts_repairs_and_is_refused_while_nothing_came(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        let nothing = tenant.full_sync(id, async {}, &|_| ()).await;
        assert!(matches!(nothing, Err(ControlError::Refused(StepRefused::NothingYet))));
        let draft = draft(&directory, "draft").await;
        draft.user("u").await;
        let refused = tenant.full_sync(draft.record.id, async {}, &|_| ()).await;
        assert!(matches!(refused, Err(ControlError::Refused(StepRefused::Draft))));
        let (a, b) = (directory.user("a").await, directory.user("b").await);
        let group = directory.group("g", &[a.id, b.id]).await;
        let gone = directory.group("gone", &[a.id]).await;
        directory.resources().delete(directory.target(&gone)).await.unwrap();
        directory.sequence(2).await.unwrap();
        // Some has a number and some has not, and what is kept of the first is wrong.
        let by = here(&database, &directory);
        database.execute(&format!("UPDATE tally SET live = live + 5 WHERE directory_id = {by}")).await;
        let (told, forgotten) = (Mutex::new(Vec::new()), Mutex::new(false));
        let forget = async { *forgotten.lock().unwrap() = true };
        let synced = tenant.full_sync(id, forget, &|counting| told.lock().unwrap().push(counting)).await.unwrap();
        assert_eq!((synced.users, synced.groups, synced.memberships), (2, 1, 2));
        assert_eq!(synced.repaired, BTreeMap::from([(USER, -5)]));
        assert_eq!((synced.before.state(), synced.after.state()), (DirectoryState::Receiving, DirectoryState::Synced));
        assert!(*forgotten.lock().unwrap());
        assert!(told.lock().unwrap().contains(&Counting::Memberships { counted: 2 }));
        number_all(&directory).await;
        assert_eq!(directory.live().await, [(USER, 2), (GROUP, 1)]);
        directory.clock.advance(Duration::from_millis(1));
        let again = tenant.full_sync(id, async {}, &|_| ()).await.unwrap();
        assert_eq!((again.repaired.len(), again.before, again.after), (0, synced.after, synced.after));
        let lines = lines(&directory).await;
        let of_syncs: Vec<_> = lines.iter().filter(|line| line.action == "directory.synced").collect();
        assert_eq!(of_syncs.len(), 2);
        assert_eq!(of_syncs[0].detail["repaired"], json!([{ "kind": 1, "by": -5 }]));
        assert_eq!((&of_syncs[1].detail["memberships"], &of_syncs[1].detail["took_ms"]), (&json!(2), &json!(0)));
        directory.resources().delete(directory.target(&group)).await.unwrap();
        assert_eq!(state(&directory).await, DirectoryState::Synced);
    }

    async fn one_full_sync_at_a_time_and_a_dead_one_stops_nobody_for_long(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        directory.user("a").await;
        let during = async {
            let second = tenant.full_sync(id, async {}, &|_| ()).await;
            assert!(matches!(second, Err(ControlError::UnderWay)), "{second:?}");
        };
        tenant.full_sync(id, during, &|_| ()).await.unwrap();
        let taken_over = async {
            // It was taken for dead, and another one did it meanwhile.
            directory.clock.advance(Duration::from_secs(61));
            tenant.full_sync(id, async {}, &|_| ()).await.unwrap();
        };
        assert!(matches!(tenant.full_sync(id, taken_over, &|_| ()).await, Err(ControlError::UnderWay)));
        tenant.full_sync(id, async {}, &|_| ()).await.unwrap();
    }

    async fn changes_during_a_full_sync_are_neither_lost_nor_taken_for_a_fault(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        directory.user("first").await;
        let writer = async {
            for number in 0..60 {
                let user = directory.user(&format!("u{number}")).await;
                if number % 3 == 0 {
                    directory.resources().delete(directory.target(&user)).await.unwrap();
                }
                directory.sequence(7).await.unwrap();
            }
        };
        let syncer = async {
            for _ in 0..6 {
                let synced = tenant.full_sync(id, async {}, &|_| ()).await.unwrap();
                assert!(synced.repaired.is_empty(), "{synced:?}");
            }
        };
        tokio::join!(writer, syncer);
        number_all(&directory).await;
        assert_eq!(directory.live().await, [(USER, 41)]);
    }
}
