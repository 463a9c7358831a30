//! The course of a run.

use std::collections::{BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use crate::{
    Options, Progress, Report, SimulatorError, Step,
    connection::{Call, Connection},
    dialect::{self, Dialect, Member},
    people::{Company, Person, Team},
    verify,
};

/// One user in so many gets a new title after the initial cycle.
const UPDATED_ONE_IN: usize = 10;
/// One user in so many leaves.
const LEAVER_ONE_IN: usize = 25;

pub(crate) type Watcher<'a> = &'a mut (dyn FnMut(Progress) + Send);

pub(crate) struct Run {
    pub(crate) connection: Connection,
    pub(crate) dialect: Box<dyn Dialect>,
    pub(crate) company: Company,
    /// The server's ids, by number.
    pub(crate) user_ids: Vec<String>,
    pub(crate) group_ids: Vec<String>,
    pub(crate) concurrency: usize,
    report: Report,
}

impl Run {
    pub(crate) fn new(options: &Options) -> Result<Self, SimulatorError> {
        let dialect = dialect::of(options.client);
        Ok(Self {
            connection: Connection::new(&options.base_url, &options.token, dialect.manner())?,
            company: Company::new(options.seed, options.users, options.groups, options.client.as_str()),
            dialect,
            user_ids: Vec::new(),
            group_ids: Vec::new(),
            concurrency: options.concurrency.max(1),
            report: Report {
                client: options.client,
                users: options.users,
                groups: options.groups,
                memberships: 0,
                created: 0,
                adopted: 0,
                updated: 0,
                deactivated: 0,
                requests: 0,
                retries: 0,
                differences: Vec::new(),
            },
        })
    }

    pub(crate) async fn play(mut self, progress: Watcher<'_>) -> Result<Report, SimulatorError> {
        self.connect(progress).await?;
        self.provision_users(progress).await?;
        self.provision_groups(progress).await?;
        self.fill_groups(progress).await?;
        self.change(progress).await?;
        let differences = verify::differences(&self, progress).await?;
        Ok(Report {
            memberships: self.company.teams.iter().map(|team| team.members.len()).sum(),
            requests: self.connection.requests(),
            retries: self.connection.retries(),
            differences,
            ..self.report
        })
    }

    async fn connect(&self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let probe = self.company.people.first().map_or(1, |person| person.bits);
        let calls = self.dialect.connection_test(probe);
        let mut counter = Counter::start(Step::Connecting, calls.len(), progress);
        for call in &calls {
            self.connection.send(call).await?;
            counter.one_more();
        }
        Ok(())
    }

    async fn provision_users(&mut self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let mut counter = Counter::start(Step::Users, self.company.people.len(), progress);
        let work: Vec<_> = self.company.people.iter().map(|person| self.provision_user(person)).collect();
        let ids = collect(work, self.concurrency, &mut counter).await?;
        self.user_ids = self.note(ids);
        Ok(())
    }

    /// The user's id, and whether it is new.
    async fn provision_user(&self, person: &Person) -> Result<(String, bool), SimulatorError> {
        let Some(id) = self.find(&self.dialect.find_user(person)).await? else {
            return Ok((self.create("/Users", self.dialect.user(person)).await?, true));
        };
        for call in self.dialect.update(&id, person) {
            self.connection.send(&call).await?;
        }
        Ok((id, false))
    }

    async fn provision_groups(&mut self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let mut counter = Counter::start(Step::Groups, self.company.teams.len(), progress);
        let listed = self.listed_groups().await?;
        let work: Vec<_> = self.company.teams.iter().map(|team| self.provision_group(team, &listed)).collect();
        let ids = collect(work, self.concurrency, &mut counter).await?;
        self.group_ids = self.note(ids);
        Ok(())
    }

    /// The group's id, and whether it is new.
    async fn provision_group(
        &self,
        team: &Team,
        listed: &HashMap<String, String>,
    ) -> Result<(String, bool), SimulatorError> {
        let found = match self.dialect.find_team(team) {
            Some(call) => self.find(&call).await?,
            None => listed.get(&team.name).cloned(),
        };
        match found {
            Some(id) => Ok((id, false)),
            None => Ok((self.create("/Groups", self.dialect.team(team)).await?, true)),
        }
    }

    /// Every group by name, for clients that can't filter groups. Empty for those that can.
    async fn listed_groups(&self) -> Result<HashMap<String, String>, SimulatorError> {
        let Some(team) = self.company.teams.first() else { return Ok(HashMap::new()) };
        if self.dialect.find_team(team).is_some() {
            return Ok(HashMap::new());
        }
        let groups = self.every("/Groups", "&excludedAttributes=members").await?;
        let name = |group: &Value| Some((group["displayName"].as_str()?.to_owned(), group["id"].as_str()?.to_owned()));
        Ok(groups.iter().filter_map(name).collect())
    }

    async fn fill_groups(&self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let mut counter = Counter::start(Step::Memberships, self.company.teams.len(), progress);
        let teams = self.company.teams.iter().zip(&self.group_ids);
        let work: Vec<_> = teams.map(|(team, id)| self.fill_group(id, team)).collect();
        collect(work, self.concurrency, &mut counter).await.map(drop)
    }

    /// Changes of one group follow each other, as clients send them; different groups go side by side.
    async fn fill_group(&self, id: &str, team: &Team) -> Result<(), SimulatorError> {
        for call in self.dialect.add_members(id, team, &self.members(team)) {
            self.connection.send(&call).await?;
        }
        Ok(())
    }

    /// New titles, a group renamed and renamed back, leavers switched off and taken out of their groups.
    async fn change(&mut self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let users = self.company.people.len();
        let updated: Vec<usize> = (0..users).step_by(UPDATED_ONE_IN).collect();
        let leavers: BTreeSet<usize> = (0..users).skip(1).step_by(LEAVER_ONE_IN).collect();
        let renamed = usize::from(!self.company.teams.is_empty());
        let mut counter = Counter::start(Step::Changes, updated.len() + renamed + leavers.len(), progress);
        for &number in &updated {
            self.company.people[number].title = format!("Senior {}", self.company.people[number].title);
            for call in self.dialect.update(&self.user_ids[number], &self.company.people[number]) {
                self.connection.send(&call).await?;
            }
            counter.one_more();
        }
        if let (Some(team), Some(id)) = (self.company.teams.last(), self.group_ids.last()) {
            for name in [format!("{} (moving)", team.name), team.name.clone()] {
                self.connection.send(&self.dialect.rename(id, &name, &self.members(team))).await?;
            }
            counter.one_more();
        }
        for &leaver in &leavers {
            self.company.people[leaver].active = false;
            let call = self.dialect.switch(&self.user_ids[leaver], &self.company.people[leaver]);
            self.connection.send(&call).await?;
            for team in 0..self.company.teams.len() {
                self.leave(leaver, team).await?;
            }
            counter.one_more();
        }
        self.report.updated = updated.len();
        self.report.deactivated = leavers.len();
        Ok(())
    }

    async fn leave(&mut self, leaver: usize, team: usize) -> Result<(), SimulatorError> {
        let Ok(position) = self.company.teams[team].members.binary_search(&leaver) else { return Ok(()) };
        self.company.teams[team].members.remove(position);
        let (id, team) = (&self.group_ids[team], &self.company.teams[team]);
        let leaver = Member { id: &self.user_ids[leaver], person: &self.company.people[leaver] };
        let call = self.dialect.remove_member(id, team, leaver, &self.members(team));
        self.connection.send(&call).await.map(drop)
    }

    pub(crate) fn members(&self, team: &Team) -> Vec<Member<'_>> {
        let member = |&number: &usize| Member { id: &self.user_ids[number], person: &self.company.people[number] };
        team.members.iter().map(member).collect()
    }

    /// The id of the one resource that a lookup finds.
    async fn find(&self, call: &Call) -> Result<Option<String>, SimulatorError> {
        let list = self.connection.send(call).await?;
        if !list["totalResults"].is_u64() {
            return Err(not_scim(call, "list"));
        }
        Ok(list["Resources"][0]["id"].as_str().map(str::to_owned))
    }

    async fn create(&self, endpoint: &str, body: Value) -> Result<String, SimulatorError> {
        let call = Call::send("POST", endpoint.to_owned(), body);
        let created = self.connection.send(&call).await?;
        created["id"].as_str().map(str::to_owned).ok_or_else(|| not_scim(&call, "resource with an id"))
    }

    /// All pages of a list, read by startIndex as an importing client does.
    pub(crate) async fn every(&self, endpoint: &str, query: &str) -> Result<Vec<Value>, SimulatorError> {
        let mut all = Vec::new();
        loop {
            let call = Call::get(format!("{endpoint}?startIndex={}&count=100{query}", all.len() + 1));
            let mut list = self.connection.send(&call).await?;
            let total = list["totalResults"].as_u64().ok_or_else(|| not_scim(&call, "list"))?;
            let Value::Array(page) = list["Resources"].take() else { return Ok(all) };
            let empty = page.is_empty();
            all.extend(page);
            if empty || u64::try_from(all.len()).is_ok_and(|seen| seen >= total) {
                return Ok(all);
            }
        }
    }

    fn note(&mut self, made: Vec<(String, bool)>) -> Vec<String> {
        let created = made.iter().filter(|(_, created)| *created).count();
        self.report.created += created;
        self.report.adopted += made.len() - created;
        made.into_iter().map(|(id, _)| id).collect()
    }
}

fn not_scim(call: &Call, expected: &'static str) -> SimulatorError {
    let target = call.target.split('?').next().unwrap_or_default().to_owned();
    SimulatorError::NotScim { method: call.method, target, expected }
}

/// Does `work`, at most `concurrency` pieces at once; the answers stand in the order of the work.
async fn collect<T>(
    work: Vec<impl Future<Output = Result<T, SimulatorError>>>,
    concurrency: usize,
    counter: &mut Counter<'_>,
) -> Result<Vec<T>, SimulatorError> {
    stream::iter(work).buffered(concurrency).inspect_ok(|_| counter.one_more()).try_collect().await
}

/// Tells how far a step is.
pub(crate) struct Counter<'a> {
    at: Progress,
    watcher: Watcher<'a>,
}

impl<'a> Counter<'a> {
    pub(crate) fn start(step: Step, total: usize, watcher: Watcher<'a>) -> Self {
        let at = Progress { step, done: 0, total };
        watcher(at);
        Self { at, watcher }
    }

    pub(crate) fn one_more(&mut self) {
        self.at.done += 1;
        (self.watcher)(self.at);
    }
}
