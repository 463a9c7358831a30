//! `rollcall client …`.

use rollcall_clients::{Checked, Field, Profile, profiles};
use rollcall_runtime::Config;
use serde::Serialize;

use crate::{cli, failure::Failure, output::Output};

/// What is printed of a client in the list. The names are stable.
#[derive(Serialize)]
struct Brief {
    client: &'static str,
    kind: &'static str,
    title: &'static str,
}

/// Runs it.
pub(super) fn run(command: cli::Client, config: &Config, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Client::List => {
            let all = profiles().iter();
            let all: Vec<Brief> = all
                .map(|profile| Brief { client: &profile.name, kind: profile.kind.as_str(), title: &profile.title })
                .collect();
            output.many(&all, "there are no clients");
        }
        cli::Client::Show { client } => output.whole(client, || described(client)),
        cli::Client::Check { client, directory_id, directory_name } => {
            let checked = client.check(&directory_id, &directory_name, config.limits.directory_name_length);
            output.whole(&checked, || {
                let mut lines = told(&checked);
                if lines.is_empty() {
                    lines.push("Nothing to change, and nothing looks wrong.".to_owned());
                }
                lines.push(format!("directory_id    {}", checked.directory_id.escape_debug()));
                lines.push(format!("directory_name  {}", checked.directory_name.escape_debug()));
                lines.join("\n")
            });
            if !checked.acceptable {
                return Err(Failure::told("no directory can have this Directory ID and Directory Name; see above"));
            }
        }
    }
    Ok(())
}

/// What was changed and what looks wrong, a sentence each.
pub(super) fn told(checked: &Checked) -> Vec<String> {
    let changes = checked.changes.iter().map(|change| format!("Put right: {}", change.text));
    changes.chain(checked.warnings.iter().map(|warning| format!("Look again: {}", warning.text))).collect()
}

fn described(profile: &Profile) -> String {
    let mut lines = vec![profile.title.clone(), profile.summary.clone(), String::new()];
    let fields = &profile.fields;
    for (name, field) in [("Directory ID", &fields.directory_id), ("Directory Name", &fields.directory_name)] {
        let Field { label, placeholder, find, .. } = field;
        lines.push(format!("{name}: {label}, such as {placeholder}. {find}"));
    }
    lines.push(format!("When: {} {}", profile.traffic.cadence, profile.traffic.concurrency_note));
    for (title, list) in [("It does:", &profile.supports), ("Its limits:", &profile.limits)] {
        lines.push(format!("\n{title}"));
        lines.extend(list.iter().map(|item| format!("  - {item}")));
    }
    lines.push(format!("\nHow to connect it: rollcall guide {}", profile.name));
    lines.join("\n")
}
