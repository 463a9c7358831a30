//! A token takes the place of another one, and at no moment is there none.

use std::time::Duration;

use futures_util::{FutureExt, future::join_all};
use rollcall_access::{AllowedNetworks, CredentialState, Denial, Origin, Scopes};
use rollcall_base::{Clock, Id, SeededEntropy};
use rollcall_testkit::{on_both_databases, within};
use rollcall_tokens::{NewToken, NotKept, NotRotated, PolicyChange, Renewal, Tokens, TokensError};

use crate::{
    life::{DAY, HOUR, Life, is_good, refusal},
    parse,
};

/// When something is done with the new token or the old one, after the rotation; in hours.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    first_use: Option<u32>,
    keep: Option<u32>,
    revoke_new: Option<u32>,
}

/// In hours, as everything in these walks.
const DEADLINE: u32 = 30 * 24;
const STEP: u32 = 6;
const BLINK: Duration = Duration::from_micros(1);

fn plans() -> Vec<Plan> {
    let moments = [None, Some(0), Some(12), Some(36), Some(DEADLINE - 12), Some(DEADLINE + 12)];
    let mut plans = Vec::new();
    for first_use in [None, Some(6), Some(DEADLINE / 2), Some(DEADLINE - 6)] {
        for keep in moments {
            plans.extend(moments.map(|revoke_new| Plan { first_use, keep, revoke_new }));
        }
    }
    plans
}

/// Walks through a rotation, and looks before and after each moment at which anything can happen.
async fn walk(life: &Life, plan: Plan) {
    let told = life.process();
    let old = life.issue(&told, 365).await;
    let rotated = life.rotate(&told, old.record.id).await;
    let new = rotated.issued;
    assert_eq!(rotated.old.rotation.unwrap().retires_at, life.now().plus(HOUR * DEADLINE));
    // What this process remembers of both it goes on believing, far longer than any process may.
    let untold = life.process();
    assert!(is_good(&untold, &old).await && is_good(&untold, &new).await, "{plan:?}: both are good at once");
    let mut came_back = false;
    for hour in (0..DEADLINE + 48).step_by(STEP as usize) {
        if plan.first_use == Some(hour) && is_good(&told, &new).await {
            life.used(&told, new.record.id, (1, 0)).await;
        }
        if plan.keep == Some(hour) {
            let before = life.state(&told, old.record.id).await;
            match told.keep(&life.scope, old.record.id).await {
                Ok(kept) => assert_eq!(kept.beside, new.record.id),
                Err(TokensError::NotKept(why)) => assert_eq!(why, NotKept::HasNoReplacement, "{plan:?}"),
                Err(other) => panic!("{plan:?}: {other}"),
            }
            came_back = before == CredentialState::Retired;
        }
        if plan.revoke_new == Some(hour) {
            let before = life.state(&told, old.record.id).await;
            let revoked = told.revoke_as(&life.scope, new.record.id, false).await.unwrap().unwrap();
            assert_eq!(revoked.kept.contains(&old.record.id), before == CredentialState::Retiring, "{plan:?}");
            if !before.is_good() {
                // Whoever revokes the new one after the old one has gone means it.
                assert_eq!(refusal(&told, &parse(&old.token)).await, Some(Denial::Retired));
                return;
            }
        }
        let mut pause = HOUR * STEP - BLINK;
        for _ in 0..2 {
            let (old_here, new_here) = (is_good(&told, &old).await, is_good(&told, &new).await);
            assert!(old_here || new_here, "{plan:?}, hour {hour}: nothing is good");
            // Whichever of the two a process forgets first: it has the other one. What came back it hears of later.
            let old_there = is_good(&untold, &old).await;
            assert!(old_there || new_here || came_back, "{plan:?}, hour {hour}: nothing is good where nobody was told");
            // To the last moment before the next step, and then to that.
            life.clock.advance(pause);
            pause = BLINK;
        }
    }
}

on_both_databases! {
    async fn a_rotation_has_no_gap_whatever_happens_meanwhile(database) {
        let life = Life::on(database).await;
        for plan in plans() {
            walk(&life, plan).await;
        }
    }

    async fn the_old_token_retires_an_overlap_after_the_first_use_of_the_new_one(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 365).await;
        let rotated = life.rotate(&tokens, old.record.id).await;
        life.clock.advance(3 * DAY);
        let first_use = life.now();
        life.used(&tokens, rotated.issued.record.id, (1, 0)).await;
        assert_eq!(life.retires_at(&tokens, old.record.id).await, Some(first_use.plus(DAY)));
        life.clock.advance(HOUR);
        life.used(&tokens, rotated.issued.record.id, (1, 0)).await;
        assert_eq!(life.retires_at(&tokens, old.record.id).await, Some(first_use.plus(DAY)), "decided once");
        life.until(first_use.plus(DAY - Duration::from_micros(1)));
        assert!(is_good(&tokens, &old).await);
        life.until(first_use.plus(DAY));
        assert_eq!(refusal(&tokens, &parse(&old.token)).await, Some(Denial::Retired));
        assert_eq!(life.told_of(old.record.id).await, ["token.rotated", "token.retirement_begun"]);
    }

    async fn a_late_first_use_does_not_prolong_the_deadline(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 365).await;
        let rotated = life.rotate(&tokens, old.record.id).await;
        let deadline = rotated.old.rotation.unwrap().retires_at;
        life.until(deadline);
        life.used(&tokens, rotated.issued.record.id, (1, 0)).await;
        assert_eq!(life.retires_at(&tokens, old.record.id).await, Some(deadline));
        assert_eq!(life.told_of(old.record.id).await, ["token.rotated"]);
    }

    async fn however_many_processes_see_the_first_use_the_retirement_begins_once(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 365).await;
        let new = life.rotate(&tokens, old.record.id).await.issued.record.id;
        life.clock.advance(HOUR);
        let (first, mut reports) = (life.now(), Vec::new());
        for at in 0..8 {
            let (store, clock) = life.database.open().await;
            clock.advance(first.since(clock.now()));
            let span = rollcall_tokens::Span::of(first.plus(Duration::from_secs(at)).as_micros());
            let mut uses = life.use_of(new, (1, 0), crate::life::OKTA);
            uses.good[0].span = span;
            let verification = store.verification(&rollcall_access::JobScope::of_service("test"));
            let used = rollcall_tokens::CredentialUse {
                directory: life.directory.id,
                credential: new,
                address: "198.51.100.7".to_owned(),
                agent: String::new(),
                outside: false,
                reads: 1,
                writes: 0,
                first_at: rollcall_base::Timestamp::from_micros(span.first_at),
                last_at: rollcall_base::Timestamp::from_micros(span.last_at),
            };
            reports.push(async move { verification.record(rollcall_store::UseReport { uses: vec![used], ..Default::default() }).await.unwrap().retiring.len() });
        }
        let began: usize = join_all(reports).await.into_iter().sum();
        assert_eq!(began, 1);
        assert_eq!(life.told_of(old.record.id).await, ["token.rotated", "token.retirement_begun"]);
        let rotation = life.status(&tokens, old.record.id).await.record.rotation.unwrap();
        assert_eq!(rotation.retires_at, rotation.in_use_since.unwrap().plus(DAY));
    }

    async fn a_token_is_replaced_by_one_at_a_time_and_a_lost_new_one_can_be_replaced_in_turn(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let first = life.issue(&tokens, 365).await;
        let second = life.rotate(&tokens, first.record.id).await.issued;
        life.clock.advance(29 * DAY);
        let refused = tokens.rotate(&life.scope, first.record.id, Renewal::default()).await.unwrap_err();
        assert!(matches!(refused, TokensError::NotRotated(NotRotated::HasReplacement(id)) if id == second.record.id));
        assert!(refused.to_string().contains(&format!("--token-id {}", second.record.id)), "{refused}");

        let rotated = life.rotate(&tokens, second.record.id).await;
        assert_eq!(rotated.waiting, [first.record.id], "the second was never used: the first waits for the third");
        let third = rotated.issued;
        let deadline = life.now().plus(30 * DAY);
        for id in [first.record.id, second.record.id] {
            let rotation = life.status(&tokens, id).await.record.rotation.unwrap();
            assert_eq!((rotation.replaced_by, rotation.retires_at), (third.record.id, deadline));
        }
        life.used(&tokens, third.record.id, (1, 0)).await;
        life.clock.advance(DAY);
        for old in [&first, &second] {
            assert_eq!(refusal(&tokens, &parse(&old.token)).await, Some(Denial::Retired));
        }
        assert!(is_good(&tokens, &third).await);
    }

    async fn what_a_used_token_replaces_does_not_wait_for_the_next_one(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let first = life.issue(&tokens, 365).await;
        let second = life.rotate(&tokens, first.record.id).await.issued;
        life.used(&tokens, second.record.id, (1, 0)).await;
        let retires_at = life.retires_at(&tokens, first.record.id).await;
        let rotated = life.rotate(&tokens, second.record.id).await;
        assert_eq!((rotated.waiting.len(), life.retires_at(&tokens, first.record.id).await), (0, retires_at));
    }

    async fn revoking_the_new_token_keeps_the_old_one_that_was_to_retire(database) {
        let life = Life::on(database).await;
        let (tokens, other) = (life.process(), life.process());
        let old = life.issue(&tokens, 365).await;
        let new = life.rotate(&tokens, old.record.id).await.issued;
        assert!(is_good(&other, &old).await, "and remembers when it is to retire");
        life.used(&tokens, new.record.id, (1, 0)).await;
        let revoked = tokens.revoke_as(&life.scope, new.record.id, true).await.unwrap().unwrap();
        assert_eq!((revoked.kept.as_slice(), revoked.had_been), ([old.record.id].as_slice(), false));
        life.clock.advance(300 * DAY);
        assert!(is_good(&tokens, &old).await && is_good(&other, &old).await);
        assert_eq!(life.state(&tokens, old.record.id).await, CredentialState::Live);
        let again = tokens.revoke_as(&life.scope, new.record.id, false).await.unwrap().unwrap();
        assert_eq!((again.kept.len(), again.had_been), (0, true));
        assert_eq!(life.told_of(new.record.id).await, ["token.revoked"]);
    }

    async fn a_token_that_has_retired_can_be_kept_until_it_expires_and_not_after(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 60).await;
        life.rotate(&tokens, old.record.id).await;
        life.clock.advance(40 * DAY);
        assert_eq!(refusal(&tokens, &parse(&old.token)).await, Some(Denial::Retired));
        tokens.keep(&life.scope, old.record.id).await.unwrap();
        assert!(is_good(&tokens, &old).await);
        let again = tokens.keep(&life.scope, old.record.id).await.unwrap_err();
        assert!(matches!(again, TokensError::NotKept(NotKept::HasNoReplacement)), "{again}");
        life.rotate(&tokens, old.record.id).await;
        life.clock.advance(20 * DAY);
        let refused = tokens.keep(&life.scope, old.record.id).await.unwrap_err();
        assert!(matches!(refused, TokensError::NotKept(NotKept::NotGood(CredentialState::Expired))), "{refused}");
        let nobody = Id::new(life.now(), &SeededEntropy::new(9));
        let unknown = tokens.keep(&life.scope, nobody).await.unwrap_err();
        assert!(matches!(unknown, TokensError::NotKept(NotKept::Unknown)), "{unknown}");
    }

    async fn what_is_not_good_any_more_is_not_rotated(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let (revoked, expired) = (life.issue(&tokens, 365).await, life.issue(&tokens, 1).await);
        tokens.revoke(&life.scope, revoked.record.id).await.unwrap();
        life.clock.advance(DAY);
        for (issued, state) in [(&revoked, CredentialState::Revoked), (&expired, CredentialState::Expired)] {
            let refused = tokens.rotate(&life.scope, issued.record.id, Renewal::default()).await.unwrap_err();
            assert!(matches!(refused, TokensError::NotRotated(NotRotated::NotGood(is)) if is == state), "{refused}");
        }
        let nobody = Id::new(life.now(), &SeededEntropy::new(9));
        let unknown = tokens.rotate(&life.scope, nobody, Renewal::default()).await.unwrap_err();
        assert!(matches!(unknown, TokensError::NotRotated(NotRotated::Unknown)), "{unknown}");
    }

    async fn the_new_token_outlives_the_old_one(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 365).await;
        let renewal = Renewal { lifetime: Some(29 * DAY), label: None };
        let refused = tokens.rotate(&life.scope, old.record.id, renewal).await.unwrap_err();
        assert!(matches!(refused, TokensError::NotRotated(NotRotated::EndsTooSoon { .. })), "{refused}");
        assert_eq!(tokens.list(&life.scope, life.directory.id).await.unwrap().len(), 1, "nothing was issued");
        assert_eq!(life.state(&tokens, old.record.id).await, CredentialState::Live);
        let renewal = Renewal { lifetime: Some(30 * DAY), label: Some("next".to_owned()) };
        let rotated = tokens.rotate(&life.scope, old.record.id, renewal).await.unwrap();
        assert_eq!(rotated.issued.record.label, "next");
    }

    async fn the_new_token_has_the_rights_and_the_name_of_the_old_one(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let networks = AllowedNetworks { networks: "198.51.100.0/24".parse().unwrap(), observe: true };
        let scopes: Scopes = "users:read groups:read".parse().unwrap();
        let new = NewToken {
            scopes,
            networks: Some(networks.clone()),
            label: "Okta".to_owned(),
            ..NewToken::living(365 * DAY)
        };
        let old = tokens.issue(&life.scope, &life.directory, new).await.unwrap();
        let rotated = life.rotate(&tokens, old.record.id).await;
        let status = life.status(&tokens, rotated.issued.record.id).await.record;
        assert_eq!((status.scopes, status.networks.as_ref(), status.label.as_str()), (scopes, Some(&networks), "Okta"));
        let seen = tokens.verify(&parse(&rotated.issued.token), "127.0.0.1".parse().unwrap()).await.unwrap();
        assert_eq!(seen.scopes(), scopes);
    }

    async fn a_tenants_policy_decides_for_what_comes_and_not_for_what_is_there(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 730).await;
        let change = PolicyChange {
            token_days: Some(90),
            longest_token_days: Some(180),
            rotation_overlap: Some(2 * HOUR),
            rotation_deadline: Some(7 * DAY),
        };
        tokens.change_policy(&life.scope, change).await.unwrap();
        assert_eq!(life.status(&tokens, old.record.id).await.record.expires_at, old.record.created_at.plus(730 * DAY));
        let usual = NewToken { lifetime: None, ..NewToken::living(DAY) };
        let issued = tokens.issue(&life.scope, &life.directory, usual).await.unwrap().record;
        assert_eq!(issued.expires_at, issued.created_at.plus(90 * DAY));
        let refused = tokens.issue(&life.scope, &life.directory, NewToken::living(181 * DAY)).await.unwrap_err();
        assert!(refused.to_string().contains("policy") && refused.to_string().contains("180"), "{refused}");
        let rotated = life.rotate(&tokens, old.record.id).await;
        let rotation = rotated.old.rotation.unwrap();
        assert_eq!((rotation.overlap, rotation.retires_at), (2 * HOUR, life.now().plus(7 * DAY)));
        assert_eq!(rotated.issued.record.expires_at, life.now().plus(90 * DAY));
        let wrong = PolicyChange { token_days: Some(181), ..PolicyChange::default() };
        assert!(matches!(tokens.change_policy(&life.scope, wrong).await.unwrap_err(), TokensError::Policy(_)));
        // The same once more changes nothing, and is not told of.
        tokens.change_policy(&life.scope, change).await.unwrap();
        let told = life.audit().await.into_iter().filter(|line| line.action == "tenant.policy_changed");
        let told: Vec<_> = told.map(|line| (line.detail["before"]["token_days"].clone(), line.actor)).collect();
        assert_eq!(told, [(365.into(), "operator".to_owned())]);
    }

    async fn where_a_token_may_be_used_from_changes_at_once(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let issued = life.issue(&tokens, 365).await;
        let token = parse(&issued.token);
        let home = "198.51.100.7".parse().unwrap();
        let elsewhere = "203.0.113.66".parse().unwrap();
        let seen = async || tokens.verify(&token, home).await.unwrap();
        assert!(seen().await.admit_from(elsewhere).is_ok(), "from anywhere");
        let change = async |networks: Option<AllowedNetworks>| {
            let (record, _) = tokens.set_networks(&life.scope, token.id(), networks.clone()).await.unwrap().unwrap();
            assert_eq!(record.networks, networks);
        };
        let networks = |observe| Some(AllowedNetworks { networks: "198.51.100.0/24".parse().unwrap(), observe });
        change(networks(false)).await;
        assert_eq!(seen().await.admit_from(elsewhere), Err(Denial::OutsideNetworks));
        change(networks(true)).await;
        assert_eq!(seen().await.admit_from(elsewhere), Ok(Origin::Observed));
        change(None).await;
        change(None).await;
        assert_eq!(seen().await.admit_from(elsewhere), Ok(Origin::Inside));
        assert_eq!(life.told_of(token.id()).await, ["token.networks_changed"; 3], "the fourth changed nothing");
        let nobody = Id::new(life.now(), &SeededEntropy::new(9));
        assert!(tokens.set_networks(&life.scope, nobody, None).await.unwrap().is_none());
    }

    async fn a_change_whose_caller_goes_away_is_taken_over_all_the_same(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let (revoked, kept) = (life.issue(&tokens, 365).await, life.issue(&tokens, 365).await);
        let new = life.rotate(&tokens, kept.record.id).await.issued;
        life.used(&tokens, new.record.id, (1, 0)).await;
        life.clock.advance(2 * DAY);
        assert!(is_good(&tokens, &revoked).await);
        assert_eq!(refusal(&tokens, &parse(&kept.token)).await, Some(Denial::Retired));
        // Each is begun, and nobody waits for it.
        assert!(tokens.revoke(&life.scope, revoked.record.id).now_or_never().is_none());
        assert!(tokens.keep(&life.scope, kept.record.id).now_or_never().is_none());
        // Without a word what is remembered would stay for half a minute.
        let is_taken_over = async || !is_good(&tokens, &revoked).await && is_good(&tokens, &kept).await;
        within(Duration::from_secs(20), "both are taken over", is_taken_over).await;
    }

    async fn of_two_admins_who_rotate_a_token_at_once_one_is_refused(database) {
        let life = Life::on(database).await;
        let (here, there) = (life.process(), life.process());
        let old = life.issue(&here, 365).await;
        let id = old.record.id;
        let (a, b) = tokio::join!(
            here.rotate(&life.scope, id, Renewal::default()),
            there.rotate(&life.scope, id, Renewal::default())
        );
        let (good, refused): (Vec<_>, Vec<_>) = [a, b].into_iter().partition(Result::is_ok);
        let good = good.into_iter().next().unwrap().unwrap();
        let refused = refused.into_iter().next().unwrap().unwrap_err();
        let new = good.issued.record.id;
        assert!(matches!(refused, TokensError::NotRotated(NotRotated::HasReplacement(id)) if id == new), "{refused}");
        assert_eq!(here.list(&life.scope, life.directory.id).await.unwrap().len(), 2);
        assert_eq!(life.told_of(old.record.id).await, ["token.rotated"]);
    }

    async fn whether_it_is_used_or_revoked_first_the_old_token_stays_if_the_new_one_does_not(database) {
        let life = Life::on(database).await;
        let (here, there) = (life.process(), life.process());
        for _ in 0..10 {
            let old = life.issue(&here, 365).await;
            let new = life.rotate(&here, old.record.id).await.issued.record.id;
            let used = life.used(&there, new, (1, 0));
            let (revoked, ()) = tokio::join!(here.revoke_as(&life.scope, new, false), used);
            assert_eq!(revoked.unwrap().unwrap().kept, [old.record.id]);
            assert_eq!(life.state(&here, old.record.id).await, CredentialState::Live);
        }
    }
}
