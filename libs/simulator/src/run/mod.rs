//! The course of a run.

mod cycle;
mod groups;
mod import;
mod memberships;
mod refusals;
mod users;

use futures_util::{
    FutureExt,
    future::BoxFuture,
    stream::{self, StreamExt, TryStreamExt},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Client, Happened, Options, Report, SimulatorError, Step,
    company::{Company, Manager, Origin, Person, Size, Standing},
    dialect::{self, Departure, Dialect, Habits, Member},
    http::{Call, Connection},
    ids::ServerId,
    progress::{Counter, Watcher},
    report::Findings,
    verify,
};
use refusals::Refusals;

/// The number of a person whom no company has.
const NOBODY: u32 = 999_999;

pub(crate) struct Run {
    client: Client,
    pub(crate) connection: Connection,
    pub(crate) dialect: Box<dyn Dialect>,
    pub(crate) habits: Habits,
    pub(crate) company: Company,
    /// The server's ids, by number; of those whom the server does not have, none.
    pub(crate) user_ids: Vec<Option<ServerId>>,
    pub(crate) group_ids: Vec<Option<ServerId>>,
    /// Whom the server was told to delete.
    pub(crate) deleted: Vec<(u32, ServerId)>,
    pub(crate) threads: usize,
    pub(crate) cycles: u32,
    /// The company was here before: its people may stand under their other names.
    again: bool,
    refusals: Refusals,
    /// What imports showed.
    findings: Findings,
    happened: Happened,
}

impl Run {
    pub(crate) fn new(options: &Options) -> Result<Self, SimulatorError> {
        let dialect = dialect::of(options.client, options.group_updates)?;
        let habits = dialect.habits();
        let threads = options.threads(&habits)?;
        let origin = Origin { seed: options.seed, domain: options.client.as_str(), mobile: habits.mobile };
        let size = Size {
            users: options.users,
            groups: if habits.groups { options.groups } else { 0 },
            largest_group: habits.largest_group(),
            nested: habits.nested,
            erased: habits.departure == Departure::DisableThenDelete,
            deleted: habits.departure == Departure::Delete,
        };
        Ok(Self {
            client: options.client,
            connection: Connection::new(&options.base_url, &options.token, habits.manner, options.rate)?
                .telling(options.on_wait.clone()),
            dialect,
            habits,
            company: Company::new(origin, size),
            user_ids: Vec::new(),
            group_ids: Vec::new(),
            deleted: Vec::new(),
            threads,
            cycles: options.cycles,
            again: false,
            refusals: Refusals::default(),
            findings: Findings::default(),
            happened: Happened::default(),
        })
    }

    pub(crate) async fn play(mut self, progress: Watcher<'_>) -> Result<Report, SimulatorError> {
        let begin = Instant::now();
        self.connect(progress).boxed().await?;
        self.provision_users(progress).boxed().await?;
        self.provision_groups(progress).boxed().await?;
        self.import(progress).boxed().await?;
        for cycle in 1..=self.cycles {
            self.cycle(cycle, progress).boxed().await?;
            self.import(progress).boxed().await?;
        }
        let mut findings = std::mem::take(&mut self.findings);
        findings.append(self.refusals.take());
        findings.append(verify::differences(&self, progress).boxed().await?);
        let (differences, difference_counts) = findings.into_parts();
        let children = (0..self.company.size.groups).filter(|&team| self.company.child_of(team).is_some()).count();
        Ok(Report {
            client: self.client,
            seed: self.company.origin.seed,
            users: self.user_ids.iter().flatten().count(),
            groups: self.group_ids.iter().flatten().count(),
            memberships: self.company.memberships() + children,
            cycles: self.cycles,
            threads: self.threads,
            happened: self.happened,
            time: begin.elapsed(),
            measured: self.connection.measured(),
            differences,
            difference_counts,
        })
    }

    /// The client's own connection test: whatever is refused here ends the run.
    async fn connect(&self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let probe = self.company.origin.person(NOBODY, 0, false);
        let calls = self.dialect.connection_test(probe.bits);
        let mut counter = Counter::start(Step::Connecting, calls.len(), progress);
        for call in &calls {
            self.connection.send(call).await?;
            counter.one_more();
        }
        if self.habits.rehearses {
            self.rehearse(probe).await?;
        }
        Ok(())
    }

    /// A user and a group that are made and deleted before the connection counts as good.
    async fn rehearse(&self, mut nobody: Person) -> Result<(), SimulatorError> {
        nobody.user_name = format!("test.{}@{}.example", self.company.origin.seed, self.company.origin.domain);
        let user = match self.find(&self.dialect.find_user(&nobody)).await? {
            Some(left_over) => left_over,
            None => self.create("/Users", self.dialect.user(&nobody)).await?,
        };
        let name = format!("connection test {}", self.company.origin.seed);
        let group = json!({ "schemas": [dialect::GROUP], "displayName": name, "members": [] });
        let group = self.create("/Groups", group).await?;
        self.connection.send(&Call::delete(format!("/Groups/{group}"))).await?;
        self.connection.send(&Call::delete(format!("/Users/{user}"))).await?;
        Ok(())
    }

    /// The person as the client knows them now.
    pub(crate) fn person(&self, number: u32) -> Person {
        self.person_at(number, self.company.standing(number))
    }

    pub(crate) fn person_at(&self, number: u32, standing: Standing) -> Person {
        let mut person = self.company.person_at(number, standing);
        person.manager = self.manager_of(number, standing);
        person
    }

    fn manager_of(&self, number: u32, standing: Standing) -> Option<Manager> {
        let boss = self.company.boss_of(number, standing).filter(|_| self.habits.managers)?;
        let id = self.id_of(boss)?.to_string();
        Some(Manager { id, name: self.company.person(boss).display_name() })
    }

    /// The server's id of somebody it has.
    pub(crate) fn id_of(&self, number: u32) -> Option<&ServerId> {
        self.user_ids.get(number as usize)?.as_ref()
    }

    fn member(&self, number: u32) -> Option<Member> {
        let id = self.id_of(number)?.to_string();
        Some(Member { id, display: self.company.person(number).user_name, is_group: false })
    }

    /// The id of the one resource that a lookup finds.
    async fn find(&self, call: &Call) -> Result<Option<String>, SimulatorError> {
        let list = self.connection.send(call).await?;
        if !list["totalResults"].is_u64() {
            return Err(SimulatorError::not_scim(call, "list"));
        }
        Ok(list["Resources"][0]["id"].as_str().map(str::to_owned))
    }

    async fn create(&self, endpoint: &str, body: Value) -> Result<String, SimulatorError> {
        let call = Call::send("POST", endpoint, body);
        let created = self.connection.send(&call).await?;
        created["id"].as_str().map(str::to_owned).ok_or_else(|| SimulatorError::not_scim(&call, "resource with an id"))
    }

    async fn send_all(&self, calls: Vec<Call>) -> Result<(), SimulatorError> {
        for call in &calls {
            self.connection.send(call).await?;
        }
        Ok(())
    }

    /// Reads all pages of a list by startIndex, as an importing client does, and shows them to `look`.
    pub(crate) async fn crawl(
        &self,
        endpoint: &str,
        page: Option<u32>,
        query: &str,
        mut look: impl FnMut(&[Value]) + Send,
    ) -> Result<(), SimulatorError> {
        let mut read = 0;
        loop {
            let target = match page {
                Some(count) => format!("{endpoint}?startIndex={}&count={count}{query}", read + 1),
                None if read == 0 => format!("{endpoint}{}", query.replacen('&', "?", 1)),
                None => format!("{endpoint}?startIndex={}{query}", read + 1),
            };
            let call = Call::get(target);
            let list = self.connection.send(&call).await?;
            let total = list["totalResults"].as_u64().ok_or_else(|| SimulatorError::not_scim(&call, "list"))?;
            let page = list["Resources"].as_array().map_or(&[][..], Vec::as_slice);
            look(page);
            read += page.len() as u64;
            if page.is_empty() || read >= total {
                return Ok(());
            }
        }
    }
}

/// Does `work`, at most `threads` pieces at once; the answers stand in the order of the work.
pub(crate) async fn each<T>(
    work: impl Iterator<Item = BoxFuture<'_, Result<T, SimulatorError>>>,
    threads: usize,
    mut one_more: impl FnMut(),
) -> Result<Vec<T>, SimulatorError> {
    stream::iter(work).buffered(threads).inspect_ok(|_| one_more()).try_collect().await
}
