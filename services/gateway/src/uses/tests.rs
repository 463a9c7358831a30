use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use rollcall_access::{Authenticated, BearerToken};
use rollcall_base::SeededEntropy;
use rollcall_tokens::{Caller, DirectoryRecord, GrantError, GrantedToken, TokenRequest, VerifyError};

use rollcall_tokens::RefusedReason;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

fn log() -> UseLog {
    UseLog::new(Id::new(NOW, &SeededEntropy::new(7)))
}

fn used(credential: Id<marker::Credential>, agent: &str) -> GoodUse {
    let from = Source::new("192.0.2.1".parse().unwrap(), agent);
    let (tenant, directory) = (Id::new(NOW, &SeededEntropy::new(1)), Id::new(NOW, &SeededEntropy::new(1)));
    GoodUse { tenant, directory, credential, from, outside: false, changes: false }
}

fn refused(address: &str, tenant: String) -> RefusedKey {
    RefusedKey {
        reason: RefusedReason::NoToken,
        credential: None,
        client: None,
        url: Some((tenant, "d".to_owned())),
        address: address.parse().unwrap(),
    }
}

fn all(log: &UseLog) -> Uses {
    log.take();
    let mut all = Uses::default();
    for uses in lock(&log.unanswered).drain(..) {
        all.good.extend(uses.good);
        all.refused.extend(uses.refused);
    }
    all
}

#[test]
fn whoever_changes_his_agent_each_time_is_counted_whole_and_takes_no_room_of_others() {
    let (log, entropy) = (log(), SeededEntropy::new(2));
    let (loud, quiet) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
    for number in 0..20_000 {
        log.good(used(loud, &format!("agent/{number}")), NOW);
    }
    log.good(used(quiet, "Okta/1"), NOW);
    let seen = all(&log);
    let reads = |id| seen.good.iter().filter(|uses| uses.credential == id).map(|uses| uses.reads).sum::<u32>();
    assert_eq!((reads(loud), reads(quiet)), (20_000, 1));
    assert_eq!(seen.good.len() as u32, MOST_EACH + 2, "twenty places, the rest without, and the other one");
}

#[test]
fn a_tenant_with_any_number_of_tokens_takes_no_room_of_others() {
    let (log, entropy) = (log(), SeededEntropy::new(2));
    let quiet = GoodUse { tenant: Id::new(NOW, &entropy), ..used(Id::new(NOW, &entropy), "Okta/1") };
    let of_quiet = quiet.credential;
    for _ in 0..10 {
        let token = Id::new(NOW, &entropy);
        for agent in 0..30 {
            log.good(used(token, &format!("agent/{agent}")), NOW);
        }
    }
    for _ in 0..20_000 {
        log.good(used(Id::new(NOW, &entropy), "x"), NOW);
    }
    log.good(quiet, NOW);
    let seen = all(&log);
    assert!(seen.good.iter().any(|uses| uses.credential == of_quiet && uses.from.agent == "Okta/1"));
    assert_eq!(seen.good.len() as u32, MOST_OF_TENANT + 1);
    let counted: u32 = seen.good.iter().map(|uses| uses.reads).sum();
    assert!(counted >= 10 * 30 + MOST_OF_TENANT / 2, "{counted}: what has an entry is counted whole");
}

#[test]
fn a_stranger_takes_no_room_of_others() {
    let log = log();
    for number in 0..20_000 {
        log.refused(refused("192.0.2.1", format!("t{number}")), "x", NOW);
    }
    log.refused(refused("192.0.2.2", "acme".to_owned()), "first", NOW);
    log.refused(refused("192.0.2.2", "acme".to_owned()), "last", NOW);
    let seen = all(&log);
    assert_eq!(seen.refused.len() as u32, MOST_EACH + 1);
    let honest = seen.refused.iter().find(|refused| refused.from.address.to_string() == "192.0.2.2").unwrap();
    assert_eq!((honest.times, honest.from.agent.as_str()), (2, "last"));
}

/// The network of /64 number `of_site` of the /48 number `site`.
fn network(site: u16, of_site: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, site, of_site, 0, 0, 0, 0).into()
}

#[test]
fn the_junk_of_many_networks_takes_no_room_of_credentials_that_exist() {
    let (log, entropy) = (log(), SeededEntropy::new(4));
    for site in 0..100 {
        for of_site in 0..10 {
            for number in 0..30 {
                let junk = RefusedKey { address: network(site, of_site), ..refused("::", format!("t{number}")) };
                log.refused(junk, "x", NOW);
            }
        }
    }
    let token = Id::new(NOW, &entropy);
    let expired = |address| RefusedKey {
        reason: RefusedReason::Expired,
        credential: Some(token),
        address,
        ..refused("::", "acme".to_owned())
    };
    log.refused(expired("192.0.2.1".parse().unwrap()), "Okta/1", NOW);
    // From where the junk came from, too.
    log.refused(expired(network(0, 0)), "Okta/2", NOW);
    let client = RefusedKey {
        reason: RefusedReason::ClientSecret,
        client: Some(Id::new(NOW, &entropy)),
        ..refused("192.0.2.1", "acme".to_owned())
    };
    log.refused(client, "Entra/1", NOW);
    let seen = all(&log);
    let (known, junk): (Vec<_>, Vec<_>) =
        seen.refused.iter().partition(|refused| refused.reason.is_about_what_exists());
    assert_eq!((known.len(), junk.len()), (3, MOST));
}

#[test]
fn a_site_with_any_number_of_networks_takes_no_room_of_others() {
    let log = log();
    for of_site in 0..1_000 {
        for number in 0..30 {
            let junk = RefusedKey { address: network(1, of_site), ..refused("::", format!("t{number}")) };
            log.refused(junk, "x", NOW);
        }
    }
    let beside = RefusedKey { address: network(2, 0), ..refused("::", "acme".to_owned()) };
    log.refused(beside, "honest", NOW);
    let seen = all(&log);
    assert_eq!(seen.refused.len() as u32, 5 * MOST_EACH + 1);
    assert!(seen.refused.iter().any(|refused| refused.from.agent == "honest"));
}

#[test]
fn a_credential_refused_from_everywhere_is_counted_whole_and_takes_no_room_of_others() {
    let (log, entropy) = (log(), SeededEntropy::new(5));
    let of = |credential, site| RefusedKey {
        reason: RefusedReason::WrongSecret,
        credential: Some(credential),
        address: network(site, 0),
        ..refused("::", "acme".to_owned())
    };
    let (guessed, other) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
    for site in 0..20_000 {
        log.refused(of(guessed, site), "x", NOW);
    }
    log.refused(of(other, 1), "x", NOW);
    let seen = all(&log);
    let times = |id| seen.refused.iter().filter(|one| one.credential == Some(id)).map(|one| one.times).sum::<u32>();
    assert_eq!((times(guessed), times(other)), (20_000, 1));
    assert_eq!(seen.refused.len() as u32, MOST_EACH + 2, "twenty places, the rest without, and the other one");
}

#[test]
fn one_address_has_no_end_of_credentials_neither() {
    let (log, entropy) = (log(), SeededEntropy::new(6));
    for _ in 0..20_000 {
        let old = RefusedKey {
            reason: RefusedReason::Expired,
            credential: Some(Id::new(NOW, &entropy)),
            ..refused("192.0.2.1", "acme".to_owned())
        };
        log.refused(old, "x", NOW);
    }
    let honest = RefusedKey {
        reason: RefusedReason::Revoked,
        credential: Some(Id::new(NOW, &entropy)),
        ..refused("192.0.2.2", "acme".to_owned())
    };
    log.refused(honest, "honest", NOW);
    assert!(all(&log).refused.iter().any(|refused| refused.from.agent == "honest"));
}

/// A token service that takes every report, and whose answers get lost while it is away.
#[derive(Default)]
struct Deaf {
    away: AtomicBool,
    came: Mutex<Vec<Uses>>,
}

#[async_trait]
impl Tokens for Deaf {
    async fn verify(&self, _: &BearerToken, _: IpAddr) -> Result<Authenticated, VerifyError> {
        unreachable!("nothing is verified here")
    }

    async fn grant_token(&self, _: TokenRequest) -> Result<GrantedToken, GrantError> {
        unreachable!("nothing is granted here")
    }

    async fn report(&self, uses: Uses) -> Result<(), VerifyError> {
        lock(&self.came).push(uses);
        match self.away.load(Ordering::SeqCst) {
            true => Err(VerifyError::Unavailable(Arc::new(std::io::Error::other("the answer was lost")))),
            false => Ok(()),
        }
    }

    async fn directory(&self, _: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        Ok(None)
    }

    async fn resolve(&self, _: &str, _: &str, _: Option<Caller>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_report_without_an_answer_is_sent_again_as_it_was_before_what_was_seen_since() {
    let (log, tokens, entropy) = (log(), Deaf::default(), SeededEntropy::new(3));
    let token = Id::new(NOW, &entropy);
    tokens.away.store(true, Ordering::SeqCst);
    log.good(used(token, "Okta/1"), NOW);
    log.refused(refused("192.0.2.1", "acme".to_owned()), "x", NOW);
    log.report_once(&tokens).await;
    log.good(used(token, "Okta/1"), NOW);
    log.report_once(&tokens).await;
    tokens.away.store(false, Ordering::SeqCst);
    log.report_once(&tokens).await;
    log.report_once(&tokens).await;
    let came = lock(&tokens.came);
    let numbers: Vec<u64> = came.iter().map(|uses| uses.report.unwrap().seq).collect();
    assert_eq!(numbers, [1, 1, 1, 2, 3], "again and again, then the next ones, and nothing twice after an answer");
    assert_eq!(came[0], came[1]);
    assert_eq!(came[0], came[2]);
    assert_eq!((came[2].good[0].reads, came[4].good[0].reads), (1, 1), "what came since is in a report of its own");
    assert_eq!(came[3].refused.len(), 1);
    let reporter = came[0].report.unwrap().reporter;
    assert!(came.iter().all(|uses| uses.report.unwrap().reporter == reporter));
}
