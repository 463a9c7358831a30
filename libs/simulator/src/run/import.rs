//! Clients that read what is there: imports by pages, discovery.

use std::collections::HashMap;

use super::Run;
use crate::{
    DifferenceKind, SimulatorError, Step,
    ids::ServerId,
    progress::{Counter, Watcher},
    report::Findings,
};

impl Run {
    /// The client's import, if it has one: everything it knows must be shown, and once.
    pub(super) async fn import(&mut self, progress: Watcher<'_>) -> Result<(), SimulatorError> {
        let Some(import) = self.habits.import else { return Ok(()) };
        let lists: &[&str] = if import.users { &["/Users", "/Groups"] } else { &["/Groups"] };
        let mut counter = Counter::start(Step::Importing, lists.len(), progress);
        for &endpoint in lists {
            let ids = if endpoint == "/Users" { &self.user_ids } else { &self.group_ids };
            let read = self.read_list(endpoint, import.page, ids.iter().flatten().collect()).await;
            if let Some((found, imported)) = self.refusals.bear(read)? {
                self.happened.imported += imported;
                self.findings.append(found);
            }
            counter.one_more();
        }
        Ok(())
    }

    async fn read_list(
        &self,
        endpoint: &str,
        page: Option<u32>,
        known: Vec<&ServerId>,
    ) -> Result<(Findings, u64), SimulatorError> {
        let mut shown: HashMap<&ServerId, u32> = known.into_iter().map(|id| (id, 0)).collect();
        let mut imported = 0;
        self.crawl(endpoint, page, "", |resources| {
            imported += resources.len() as u64;
            for resource in resources {
                let id = ServerId::from(resource["id"].as_str().unwrap_or_default());
                if let Some(times) = shown.get_mut(&id) {
                    *times += 1;
                }
            }
        })
        .await?;
        let mut found = Findings::default();
        let count = |wanted: fn(u32) -> bool| shown.values().filter(|&&times| wanted(times)).count() as u64;
        let (missing, doubled) = (count(|times| times == 0), count(|times| times > 1));
        found
            .add_many(DifferenceKind::Import, missing, || format!("the import of {endpoint} missed {missing} of them"));
        found.add_many(DifferenceKind::ListedTwice, doubled, || {
            format!("the import of {endpoint} showed {doubled} more than once")
        });
        Ok((found, imported))
    }
}
