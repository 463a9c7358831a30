//! `rollcall migrate`.

use rollcall_runtime::Config;
use rollcall_store::{Progress, Store};
use serde::Serialize;

use crate::{failure::Failure, installation, output::Output};

#[derive(Serialize)]
struct Migrated {
    migrated: bool,
    applied: Vec<String>,
}

pub(super) async fn run(config: &Config, output: &Output) -> Result<(), Failure> {
    installation::prepare_data_dir(config)?;
    let tell = |progress| match progress {
        Progress::Waiting { holder, rest_ms } => output.say(&format!(
            "waiting for another migration ({holder}); if it has died, for {} seconds at most",
            rest_ms.div_ceil(1_000)
        )),
        Progress::Applying { names } => output.say(&format!("applying {}", names.join(", "))),
        _ => {}
    };
    let applied = Store::migrate_telling(&installation::store_config(config), &tell).await?;
    if applied.is_empty() {
        output.say("the database was up to date");
    }
    output.one(&Migrated { migrated: true, applied });
    Ok(())
}
