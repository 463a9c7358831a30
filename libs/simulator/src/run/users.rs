//! The initial cycle of users: look each one up, make who is missing, push the profile over who is there.

use futures_util::FutureExt;

use super::{Run, each};
use crate::{
    SimulatorError, Step,
    company::Person,
    http::Call,
    ids::ServerId,
    progress::{Counter, Watcher},
};

/// Users are sent in portions of this many: ids of a portion are known before the next one begins.
const PORTION: u32 = 500;

impl Run {
    pub(super) async fn provision_users(&mut self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let users = self.company.size.users;
        let mut counter = Counter::start(Step::Users, users as usize, progress);
        self.again = users > 0 && self.was_here().await?;
        let mut first = 0;
        while first < users {
            let next = users.min(first + PORTION);
            let work = (first..next).map(|number| self.provision_user(number).boxed());
            let made = each(work, self.threads, || counter.one_more()).await?;
            for made in made {
                match made {
                    Some((_, true)) => self.happened.created += 1,
                    Some((_, false)) => self.happened.adopted += 1,
                    None => {}
                }
                self.user_ids.push(made.map(|(id, _)| id));
            }
            self.send_managers(first, next).await?;
            first = next;
        }
        Ok(())
    }

    async fn provision_user(&self, number: u32) -> Result<Option<(ServerId, bool)>, SimulatorError> {
        let made = self.adopt_or_create(&self.person(number)).await;
        self.refusals.bear(made)
    }

    /// Whose boss came in the same portion could not name them: they do now.
    async fn send_managers(&self, first: u32, next: u32) -> Result<(), SimulatorError> {
        if !self.habits.managers {
            return Ok(());
        }
        for number in first..next {
            let boss = self.company.boss_of(number, self.company.standing(number));
            let (Some(id), true) = (self.id_of(number), boss.is_some_and(|boss| boss >= first)) else { continue };
            let after = self.person(number);
            let before = Person { manager: None, ..after.clone() };
            let sent = self.send_all(self.dialect.change(&id.to_string(), &before, &after)).await;
            self.refusals.bear(sent)?;
        }
        Ok(())
    }

    /// The user's id, and whether it is new.
    pub(super) async fn adopt_or_create(&self, person: &Person) -> Result<(ServerId, bool), SimulatorError> {
        if self.habits.creates_first {
            return self.create_or_adopt(person).await;
        }
        let found = match self.find(&self.dialect.find_user(person)).await? {
            Some(id) => Some(id),
            None => self.find_otherwise(person).await?,
        };
        match found {
            None => Ok((self.create("/Users", self.dialect.user(person)).await?.as_str().into(), true)),
            Some(id) => self.adopt(&id, person).await,
        }
    }

    /// For clients that look only when they are told that the name is taken.
    async fn create_or_adopt(&self, person: &Person) -> Result<(ServerId, bool), SimulatorError> {
        if let Some(id) = self.find_otherwise(person).await? {
            return self.adopt(&id, person).await;
        }
        let refused = match self.create("/Users", self.dialect.user(person)).await {
            Ok(id) => return Ok((id.as_str().into(), true)),
            Err(refused @ SimulatorError::Refused { status: 409, .. }) => refused,
            Err(other) => return Err(other),
        };
        match self.find(&self.dialect.find_user(person)).await? {
            Some(id) => self.adopt(&id, person).await,
            None => Err(refused),
        }
    }

    async fn adopt(&self, id: &str, person: &Person) -> Result<(ServerId, bool), SimulatorError> {
        self.send_all(self.dialect.update(id, person)).await?;
        Ok((id.into(), false))
    }

    /// An identity provider remembers whom it has linked; a run has no memory. Where an earlier one was, whoever is not found
    /// is looked for under their other name.
    async fn find_otherwise(&self, person: &Person) -> Result<Option<String>, SimulatorError> {
        if !self.again || person.number >= self.company.people() {
            return Ok(None);
        }
        let call = self.dialect.find_user(&self.otherwise(person.number));
        // Who is looked up by something else than the name was found already.
        if call.target == self.dialect.find_user(person).target { Ok(None) } else { self.find(&call).await }
    }

    /// Whether the first person, who never leaves, is there under either name.
    async fn was_here(&self) -> Result<bool, SimulatorError> {
        for person in [self.company.person(0), self.otherwise(0)] {
            if self.find(&self.dialect.find_user(&person)).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The person under their other name.
    pub(crate) fn otherwise(&self, number: u32) -> Person {
        let mut standing = self.company.standing(number);
        standing.renamed = !standing.renamed;
        self.company.person_at(number, standing)
    }

    pub(super) async fn delete_user(&self, id: &ServerId) -> Result<(), SimulatorError> {
        self.connection.send(&Call::delete(format!("/Users/{id}"))).await.map(drop)
    }
}
