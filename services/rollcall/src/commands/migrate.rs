//! `rollcall migrate`.

use rollcall_runtime::Config;
use rollcall_store::Store;
use serde::Serialize;

use crate::{failure::Failure, installation, output::Output};

#[derive(Serialize)]
struct Migrated {
    migrated: bool,
}

pub(super) async fn run(config: &Config, output: &Output) -> Result<(), Failure> {
    installation::prepare_data_dir(config)?;
    Store::migrate(&installation::store_config(config)).await?;
    output.one(&Migrated { migrated: true });
    Ok(())
}
