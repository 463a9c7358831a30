//! A steady cycle: what changed at the source since the last one.

use std::collections::BTreeMap;

use futures_util::FutureExt;

use super::{Run, each, memberships::Difference};
use crate::{
    SimulatorError, Step,
    company::{Event, State},
    ids::ServerId,
    progress::{Counter, Watcher},
};

impl Run {
    pub(super) async fn cycle(&mut self, cycle: u32, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let events = self.company.events(cycle);
        let mut counter = Counter::start(Step::Cycle(cycle), events.len(), progress);
        let work = events.clone().into_iter().map(|(number, event)| self.send_event(number, event).boxed());
        let ids = each(work, self.threads, || counter.one_more()).await?;
        let mut changes: BTreeMap<u32, Difference> = BTreeMap::new();
        for ((number, event), id) in events.into_iter().zip(ids) {
            self.count(event);
            self.note(number, event, id);
            let (joined, left) = self.company.happened(number, event);
            self.happened.membership_changes += joined.len() + left.len();
            for team in joined {
                changes.entry(team).or_default().added.push(number);
            }
            for team in left {
                changes.entry(team).or_default().removed.push(number);
            }
        }
        self.rename_team(cycle).boxed().await?;
        self.change_memberships(changes).boxed().await
    }

    /// Tells the server what happened to the person; their id afterwards, `None` if there is none or it was refused.
    async fn send_event(&self, number: u32, event: Event) -> Result<Option<ServerId>, SimulatorError> {
        let id = self.id_of(number).cloned();
        let sent = match (event, &id) {
            (Event::Join | Event::Return, None) => self.enter(number, event).await,
            (_, None) => return Ok(None),
            (Event::Return, Some(id)) => self.come_back(number, id).await.map(|()| Some(id.clone())),
            (Event::Erase, Some(id)) => self.delete_user(id).await.map(|()| None),
            (Event::Leave, Some(id)) => self.leave(number, id).await,
            (_, Some(id)) => self.change(number, event, id).await.map(|()| Some(id.clone())),
        };
        // A refused change leaves the id as it was.
        Ok(self.refusals.bear(sent)?.unwrap_or(id))
    }

    async fn enter(&self, number: u32, event: Event) -> Result<Option<ServerId>, SimulatorError> {
        let person = self.person_at(number, self.company.standing_after(number, event));
        Ok(Some(self.adopt_or_create(&person).await?.0))
    }

    /// The name finds the leaver, who is switched on again.
    async fn come_back(&self, number: u32, id: &ServerId) -> Result<(), SimulatorError> {
        let person = self.person_at(number, self.company.standing_after(number, Event::Return));
        let found = self.find(&self.dialect.find_user(&person)).await?.unwrap_or_else(|| id.to_string());
        self.send_all(self.dialect.switch(&found, &person)).await
    }

    async fn leave(&self, number: u32, id: &ServerId) -> Result<Option<ServerId>, SimulatorError> {
        let after = self.company.standing_after(number, Event::Leave);
        if after.state == State::Gone {
            return self.delete_user(id).await.map(|()| None);
        }
        let person = self.person_at(number, after);
        self.send_all(self.dialect.switch(&id.to_string(), &person)).await?;
        Ok(Some(id.clone()))
    }

    async fn change(&self, number: u32, event: Event, id: &ServerId) -> Result<(), SimulatorError> {
        let after = self.person_at(number, self.company.standing_after(number, event));
        self.send_all(self.dialect.change(&id.to_string(), &self.person(number), &after)).await
    }

    fn note(&mut self, number: u32, event: Event, id: Option<ServerId>) {
        if event == Event::Join {
            self.user_ids.push(id);
            return;
        }
        let place = &mut self.user_ids[number as usize];
        if let (Some(old), None) = (&place, &id) {
            self.deleted.push((number, old.clone()));
            self.happened.deleted += 1;
        }
        *place = id;
    }

    fn count(&mut self, event: Event) {
        let happened = &mut self.happened;
        match event {
            Event::Join => happened.joined += 1,
            Event::Move => happened.moved += 1,
            Event::Rename => happened.renamed += 1,
            Event::Leave => happened.left += 1,
            Event::Return => happened.returned += 1,
            Event::Erase => {}
        }
    }

    async fn rename_team(&mut self, cycle: u32) -> Result<(), SimulatorError> {
        let Some(team) = self.company.team_renamed_in(cycle) else { return Ok(()) };
        self.company.rename_team(team);
        let Some(id) = &self.group_ids[team as usize] else { return Ok(()) };
        let calls = self.dialect.rename(&id.to_string(), &self.company.team(team), &|| self.all_members(team));
        let sent = self.send_all(calls).await;
        self.refusals.bear(sent)?;
        self.happened.renamed += 1;
        Ok(())
    }
}
