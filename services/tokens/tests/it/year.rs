//! A token's year, from its issue to the last look at it. `cargo test -p rollcall-tokens --test it a_tokens_year --
//! --nocapture` prints it.

#![allow(clippy::print_stdout)] // it is to be read

use rollcall_access::Denial;
use rollcall_base::{Id, Timestamp, marker};
use rollcall_testkit::on_both_databases;
use rollcall_tokens::{
    AuditRecord, Operation, PolicyChange, RefusedReason, RefusedUses, Source, Span, Tokens, Uses, jobs::ExpiryLadder,
};
use serde_json::Value;

use crate::{
    ladder::by_days,
    life::{DAY, HOUR, Life, OKTA, is_good, refusal},
    parse,
};

/// Where the thief is.
const THIEF: (&str, &str) = ("203.0.113.66", "python-requests/2.32");

/// What is printed: the day, what happened, and below it what the audit says.
struct Diary<'a> {
    life: &'a Life,
    began: Timestamp,
    names: Vec<(String, &'static str)>,
    last: Option<Id<marker::Audit>>,
    text: String,
}

impl Diary<'_> {
    async fn line(&mut self, text: &str) {
        let since = self.life.now().since(self.began).as_secs();
        let (day, hour) = (since / DAY.as_secs(), since % DAY.as_secs() / HOUR.as_secs());
        self.text += &format!("day {day:>3} {hour:>2}h  {text}\n");
        for line in self.life.audit().await {
            if self.last.is_none_or(|last| line.id > last) {
                self.last = Some(line.id);
                self.text += &format!("             audit: {}\n", self.audited(&line));
            }
        }
        // Ids of the same millisecond are in no order.
        self.life.clock.advance(std::time::Duration::from_millis(1));
    }

    fn audited(&self, line: &AuditRecord) -> String {
        let subject = line.subject.clone().unwrap_or_else(|| "tenant".to_owned());
        let detail = line.detail.as_object().map(|detail| {
            let said = detail.iter().filter(|(_, value)| !says_nothing(value));
            said.map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ")
        });
        self.named(&format!("{}  {subject} by {}  {}", line.action, line.actor, detail.unwrap_or_default()))
    }

    /// Tokens by the names that they have in this story.
    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => match Timestamp::parse(text) {
            Ok(_) => text[..16].to_owned(),
            Err(_) => text.clone(),
        },
        Value::Object(fields) => {
            let said: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
            format!("({})", said.join(" "))
        }
        other => other.to_string(),
    }
}

/// Both workers of a production installation, at the same moment.
async fn work(workers: &[ExpiryLadder; 2]) {
    let (a, b) = tokio::join!(workers[0].climb(), workers[1].climb());
    a.unwrap();
    b.unwrap();
}

fn refused(life: &Life, reason: RefusedReason, credential: Id<marker::Credential>, from: (&str, &str)) -> Uses {
    let refused = RefusedUses {
        reason,
        credential: Some(credential),
        client: None,
        url: None,
        from: Source::new(from.0.parse().unwrap(), from.1),
        times: 3,
        span: Span::of(life.now().as_micros()),
    };
    Uses { refused: vec![refused], ..Uses::default() }
}

on_both_databases! {
    async fn a_tokens_year(database) {
        let name = if database.is_postgres() { "PostgreSQL" } else { "SQLite" };
        let life = Life::on(database).await;
        let (tokens, other) = (life.process(), life.process());
        let (first_worker, registry) = life.worker();
        let (second_worker, other_registry) = life.worker();
        let workers = [first_worker, second_worker];
        let mut diary =
            Diary { life: &life, began: life.now(), names: Vec::new(), last: None, text: format!("A token's year on {name}\n") };

        let old = life.issue(&tokens, 365).await;
        diary.names.push((old.record.id.to_string(), "OLD"));
        diary.line("OLD is issued for a year, as the tenant's policy says").await;
        assert!(is_good(&tokens, &old).await && is_good(&other, &old).await);
        life.clock.advance(2 * HOUR);
        life.used(&tokens, old.record.id, (40, 12)).await;
        let status = life.status(&tokens, old.record.id).await;
        let used = status.used.unwrap();
        assert_eq!((used.first_at, used.address.as_str(), status.expires_in_days), (life.now(), OKTA.0, Some(364)));
        diary.line(&format!("first use of OLD: from {}, {}", used.address, used.agent)).await;

        let mut told = Vec::new();
        for _ in 0..349 {
            life.clock.advance(DAY);
            life.used(&tokens, old.record.id, (10, 2)).await;
            let before = life.audit().await.len();
            work(&workers).await;
            if life.audit().await.len() > before {
                let status = life.status(&tokens, old.record.id).await;
                told.push(status.expiry_warning.unwrap());
                let days = status.expires_in_days.unwrap();
                diary.line(&format!("two workers look: OLD ends in {days} days, expiry_warning {}", told[told.len() - 1])).await;
            }
        }
        assert_eq!(told, [90, 30]);

        life.until(old.record.created_at.plus(350 * DAY));
        let rotated = life.rotate(&tokens, old.record.id).await;
        let new = rotated.issued;
        diary.names.push((new.record.id.to_string(), "NEW"));
        diary.line("OLD is rotated: NEW is issued beside it, with its rights").await;
        assert!(is_good(&tokens, &new).await && is_good(&other, &old).await, "both are good");
        life.clock.advance(DAY + HOUR);
        work(&workers).await;
        assert_eq!(life.status(&tokens, old.record.id).await.expiry_warning, Some(14));
        diary.line("NEW was not entered at the client yet: OLD is still warned of").await;

        life.clock.advance(5 * HOUR);
        life.used(&tokens, new.record.id, (1, 0)).await;
        let retires_at = life.retires_at(&tokens, old.record.id).await.unwrap();
        assert_eq!(retires_at, life.now().plus(DAY));
        diary.line("first use of NEW: the overlap begins").await;
        life.until(Timestamp::from_micros(retires_at.as_micros() - 1));
        assert!(is_good(&tokens, &old).await && is_good(&tokens, &new).await && is_good(&other, &new).await);
        life.until(retires_at);
        assert_eq!(refusal(&tokens, &parse(&old.token)).await, Some(Denial::Retired));
        assert!(is_good(&tokens, &new).await);
        work(&workers).await;
        diary.line("the overlap is over: OLD is refused, NEW goes on").await;

        life.clock.advance(3 * HOUR);
        tokens.report(refused(&life, RefusedReason::Retired, old.record.id, OKTA)).await.unwrap();
        let seen = tokens.refusals(&life.scope, life.directory.id, life.now(), 10).await.unwrap();
        assert_eq!((seen.len(), seen[0].times, seen[0].credential), (1, 3, Some(old.record.id)));
        let reason = RefusedReason::of_key(&seen[0].reason).unwrap();
        diary.line(&format!("OLD is still used by somebody, three times: \"{}\"", reason.explanation())).await;

        let change = PolicyChange { token_days: Some(180), longest_token_days: Some(180), ..PolicyChange::default() };
        tokens.change_policy(&life.scope, change).await.unwrap();
        assert_eq!(life.status(&tokens, new.record.id).await.record.expires_at, new.record.expires_at);
        diary.line("the policy becomes 180 days: NEW stays as it was issued").await;

        life.clock.advance(20 * DAY);
        let leaked_at = life.now();
        for (hours, from) in [(0, OKTA), (1, THIEF), (1, THIEF)] {
            life.clock.advance(HOUR * hours);
            tokens.report(life.use_of(new.record.id, (500, 1), from)).await.unwrap();
        }
        let stolen = life.changed_with(new.record.id, 3).await;
        diary.line("NEW has leaked: somebody else reads and writes with it").await;
        life.clock.advance(HOUR);
        let third = life.issue_usual(&tokens).await;
        diary.names.push((third.record.id.to_string(), "THIRD"));
        diary.line("THIRD is issued for the client").await;
        let revoked = tokens.revoke_as(&life.scope, new.record.id, true).await.unwrap().unwrap();
        assert_eq!(revoked.kept, [], "OLD has retired and stays away");
        assert_eq!(refusal(&tokens, &parse(&new.token)).await, Some(Denial::Revoked));
        life.clock.advance(HOUR);
        tokens.report(refused(&life, RefusedReason::Revoked, new.record.id, THIEF)).await.unwrap();
        diary.line("NEW is revoked as leaked").await;

        let (_, activity) = tokens.activity(&life.scope, new.record.id, Some(leaked_at)).await.unwrap().unwrap();
        assert_eq!(activity.changes.total, 3);
        assert_eq!(activity.changes.last.iter().map(|change| change.resource).collect::<Vec<_>>(), stolen);
        assert!(activity.changes.last.iter().all(|change| change.operation == Operation::Create));
        let places: Vec<_> = activity.places.iter().map(|place| (place.address.as_str(), place.reads, place.writes)).collect();
        assert_eq!(places, [(THIEF.0, 1_000, 2), (OKTA.0, 500, 1)]);
        assert_eq!((activity.refused.len(), activity.refused[0].reason.as_str()), (1, "revoked"));
        diary.text += &format!("             its report since then: {} changes\n", activity.changes.total);
        for change in &activity.changes.last {
            diary.text += &format!("               {} {:?} of {}\n", &change.at.to_string()[..16], change.operation, change.resource);
        }
        for place in &activity.places {
            let (address, agent) = (&place.address, &place.agent);
            diary.text += &format!("               from {address} ({agent}): {} reads, {} writes\n", place.reads, place.writes);
        }
        for refused in &activity.refused {
            let explanation = RefusedReason::of_key(&refused.reason).unwrap().explanation();
            diary.text += &format!("               refused {} times since, from {}: {explanation}\n", refused.times, refused.address);
        }

        life.clock.advance(150 * DAY);
        let (mut told, mut away) = (Vec::new(), " after 150 days away");
        while life.state(&tokens, third.record.id).await.is_good() {
            let before = life.audit().await.len();
            work(&workers).await;
            if life.audit().await.len() > before {
                let status = life.status(&tokens, third.record.id).await;
                told.push(status.expiry_warning.unwrap());
                let (days, rung) = (status.expires_in_days.unwrap(), told[told.len() - 1]);
                diary.line(&format!("two workers look{away}: THIRD ends in {days} days, expiry_warning {rung}")).await;
                away = "";
            }
            life.clock.advance(DAY);
        }
        assert_eq!(told, [30, 14, 7, 1], "and that 90 was passed over is noted with 30");
        work(&workers).await;
        work(&workers).await;
        assert_eq!(refusal(&tokens, &parse(&third.token)).await, Some(Denial::Expired));
        diary.line("nobody renewed THIRD: it has expired").await;
        println!("{}", diary.text);

        assert_eq!(
            life.told_of(old.record.id).await,
            [
                "token.expiry_warning",
                "token.expiry_warning",
                "token.rotated",
                "token.expiry_warning",
                "token.retirement_begun",
                "token.retired"
            ]
        );
        assert_eq!(life.told_of(new.record.id).await, ["token.revoked"], "it had no time to be warned of");
        let of_third = life.told_of(third.record.id).await;
        assert_eq!(of_third[3..], ["token.expiry_warning", "token.expired"]);
        assert_eq!(of_third.len(), 5);
        let counted = [&registry, &other_registry].map(|registry| {
            by_days(registry, "rollcall_credential_expiry_warnings_total").into_iter().map(|(_, times)| times).sum::<u64>()
        });
        assert_eq!(counted.iter().sum::<u64>(), 7, "three of OLD, four of THIRD");
    }
}
