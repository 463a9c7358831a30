//! The initial cycle of groups: look each one up or compare names, make who is missing, then fill them.

use std::collections::HashMap;

use futures_util::FutureExt;

use super::{Run, each};
use crate::{
    SimulatorError, Step,
    company::Team,
    ids::ServerId,
    progress::{Counter, Watcher},
};

/// A group, and how many of its people came with it; `None` if it was there already.
type Made = (ServerId, Option<usize>);

impl Run {
    pub(super) async fn provision_groups(&mut self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let groups = self.company.size.groups;
        let mut counter = Counter::start(Step::Groups, groups as usize, progress);
        let listed = self.listed_groups().await?;
        let work = (0..groups).map(|team| self.provision_group(team, &listed).boxed());
        let made = each(work, self.threads, || counter.one_more()).await?;
        self.group_ids = made.iter().map(|made| Some(made.as_ref()?.0.clone())).collect();
        let sent: Vec<Option<usize>> = made.into_iter().map(|made| made.and_then(|(_, sent)| sent)).collect();
        for (team, sent) in sent.iter().enumerate() {
            match sent {
                Some(_) => self.happened.created += 1,
                None if self.group_ids[team].is_some() => self.happened.adopted += 1,
                None => {}
            }
        }
        self.fill_groups(&sent, progress).boxed().await
    }

    async fn provision_group(
        &self,
        team: u32,
        listed: &HashMap<String, String>,
    ) -> Result<Option<Made>, SimulatorError> {
        let made = self.adopt_or_create_group(team, listed).await;
        self.refusals.bear(made)
    }

    async fn adopt_or_create_group(&self, team: u32, listed: &HashMap<String, String>) -> Result<Made, SimulatorError> {
        let (now, otherwise) = (self.company.team(team), self.company.team_otherwise(team));
        if let Some(id) = self.find_group(&now, listed).await? {
            return Ok((id.as_str().into(), None));
        }
        if self.again
            && let Some(id) = self.find_group(&otherwise, listed).await?
        {
            let calls = self.dialect.rename(&id, &now, &|| self.all_members(team));
            self.send_all(calls).await?;
            return Ok((id.as_str().into(), None));
        }
        let few = self.company.members(team).iter().filter_map(|&number| self.member(number));
        let members: Vec<_> = if self.habits.whole_lists { few.collect() } else { few.take(1).collect() };
        let (body, sent) = self.dialect.team(&now, &members);
        Ok((self.create("/Groups", body).await?.as_str().into(), Some(sent)))
    }

    async fn find_group(
        &self,
        team: &Team,
        listed: &HashMap<String, String>,
    ) -> Result<Option<String>, SimulatorError> {
        match self.dialect.find_team(team) {
            Some(call) => self.find(&call).await,
            None => Ok(listed.get(&team.name).cloned()),
        }
    }

    /// Every group by name, for clients that can't filter groups. Empty for those that can.
    async fn listed_groups(&self) -> Result<HashMap<String, String>, SimulatorError> {
        let mut listed = HashMap::new();
        if self.company.size.groups == 0 || self.dialect.find_team(&self.company.team(0)).is_some() {
            return Ok(listed);
        }
        let page = self.habits.import.map_or(Some(100), |import| import.page);
        self.crawl("/Groups", page, "&excludedAttributes=members", |groups| {
            for group in groups {
                if let (Some(name), Some(id)) = (group["displayName"].as_str(), group["id"].as_str()) {
                    listed.insert(name.to_owned(), id.to_owned());
                }
            }
        })
        .await?;
        Ok(listed)
    }
}
