//! Programs that end with the test process, however that ends.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

/// A shell that runs `script`, where `"$0"` is `folder` and `"$@"` the arguments that are added. Its input is a pipe: the
/// script waits for its end, which comes when this process ends, and then stops what it started.
pub(crate) fn guarded(script: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command
}
