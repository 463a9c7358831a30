//! Checks of the workspace itself: `cargo xtask deps`.

mod deps;
#[cfg(test)]
mod docs;
mod table;

use std::process::ExitCode;

use cargo_metadata::MetadataCommand;

const HELP: &str = "Checks of the workspace itself.

Usage: cargo xtask <task>

Tasks:
  deps   fail on a dependency between crates that the table in infra/xtask/src/table.rs does not allow, and on
         a line of that table that nobody needs
  help   this text";

#[allow(clippy::print_stdout, clippy::print_stderr)] // a command line tool
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["deps"] => match check() {
            Ok(edges) => {
                println!("deps: {edges} edges between crates, all in the table");
                ExitCode::SUCCESS
            }
            Err(complaint) => {
                eprintln!("{complaint}");
                ExitCode::FAILURE
            }
        },
        [] | ["help" | "-h" | "--help"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("no such task: {}\n\n{HELP}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<usize, String> {
    let metadata = MetadataCommand::new().no_deps().exec().map_err(|error| format!("cargo metadata: {error}"))?;
    let edges = deps::edges(&metadata);
    let violations = deps::violations(&edges, &table::WORKSPACE);
    if violations.is_empty() { Ok(edges.len()) } else { Err(violations.join("\n")) }
}
