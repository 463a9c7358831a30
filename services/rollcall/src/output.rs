//! What the commands print: text for people, JSON for scripts. The only place that prints.

use std::{io::Write, process::ExitCode};

use rollcall_runtime::Config;
use serde::Serialize;
use serde_json::Value;

use crate::{cli::OutputForm, failure::Failure};

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output(OutputForm);

impl Output {
    pub(crate) const fn new(form: OutputForm) -> Self {
        Self(form)
    }

    /// One result: `fields` are its lines for people.
    pub(crate) fn one(self, result: &impl Serialize) {
        let value = serde_json::to_value(result).unwrap_or_default();
        match self.0 {
            OutputForm::Json => line(&value.to_string()),
            OutputForm::Text => lines(&value),
        }
    }

    /// A list of results; `none` says what to do when it is empty.
    pub(crate) fn many(self, results: &[impl Serialize], none: &str) {
        let values: Vec<Value> =
            results.iter().map(|result| serde_json::to_value(result).unwrap_or_default()).collect();
        match self.0 {
            OutputForm::Json => line(&Value::Array(values).to_string()),
            OutputForm::Text if values.is_empty() => line(none),
            OutputForm::Text => table(&values),
        }
    }

    /// A list of results of which people are shown less: `brief` has what fits on a line.
    pub(crate) fn many_brief(self, results: &[impl Serialize], brief: &[impl Serialize], none: &str) {
        match self.0 {
            OutputForm::Json => self.many(results, none),
            OutputForm::Text => self.many(brief, none),
        }
    }

    /// One result of many parts; `text` is what people are shown of it.
    pub(crate) fn whole(self, result: &impl Serialize, text: impl FnOnce() -> String) {
        match self.0 {
            OutputForm::Json => line(&serde_json::to_value(result).unwrap_or_default().to_string()),
            OutputForm::Text => line(text().trim_end()),
        }
    }

    /// The configuration that holds, secrets hidden.
    pub(crate) fn configuration(self, config: &Config) -> Result<(), Failure> {
        match self.0 {
            OutputForm::Json => {
                let mut value = serde_json::to_value(config).unwrap_or_default();
                value["public_url"] = config.public_url(&[]).as_str().into();
                value["database"]["url"] = config.database_url().redacted().into();
                line(&value.to_string());
            }
            OutputForm::Text => line(config.describe()?.trim_end()),
        }
        Ok(())
    }

    /// A sentence for people; scripts do not need it.
    pub(crate) fn say(self, text: &str) {
        if self.0 == OutputForm::Text {
            line(text);
        }
    }

    /// Where something stands. At a terminal it takes the place of the last line; elsewhere only what is finished
    /// (`done`) is worth a line.
    pub(crate) fn progress(self, text: &str, done: bool) {
        use std::io::IsTerminal;
        match (self.0, std::io::stdout().is_terminal()) {
            (OutputForm::Text, false) if done => line(text),
            (OutputForm::Json, _) | (OutputForm::Text, false) => {}
            (OutputForm::Text, true) => {
                let end = if done { "\n" } else { "" };
                let mut out = std::io::stdout().lock();
                let _ = write!(out, "\r\x1b[2K{text}{end}").and_then(|()| out.flush());
            }
        }
    }

    /// Why the command failed, with the causes that its own text does not give.
    pub(crate) fn failure(self, failure: &Failure) {
        let mut text = failure.to_string();
        let mut cause = std::error::Error::source(failure);
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text = format!("{}: {more}", text.trim_end_matches('.'));
            }
            cause = error.source();
        }
        let text = match self.0 {
            OutputForm::Json => serde_json::json!({ "error": text }).to_string(),
            OutputForm::Text => format!("rollcall: {text}"),
        };
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// Help that was asked for, or what is wrong with the arguments: for scripts, too, which are known by theirs.
pub(crate) fn not_understood(error: &clap::Error) -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let wants_json = arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair == ["--output", "json"]);
    if error.use_stderr() && wants_json {
        let text = error.to_string();
        let said = serde_json::json!({ "error": text.trim().trim_start_matches("error: ") });
        let _ = writeln!(std::io::stderr(), "{said}");
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// A reader that has gone away (`| head`) is no failure of the command.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn lines(value: &Value) {
    line(fields(value).trim_end());
}

/// One result's fields, a line each.
pub(crate) fn fields(value: &Value) -> String {
    let Value::Object(fields) = value else { return plain(value) };
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    fields.iter().map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}

fn table(values: &[Value]) {
    line(rows(values).trim_end());
}

/// Results under a head line, a line each.
pub(crate) fn rows(values: &[Value]) -> String {
    let Some(Value::Object(first)) = values.first() else { return String::new() };
    let names: Vec<&String> = first.keys().collect();
    let cell = |value: &Value, name: &String| value.get(name).map(plain).unwrap_or_default();
    let widths: Vec<usize> = names
        .iter()
        .map(|name| values.iter().map(|value| cell(value, name).chars().count()).max().unwrap_or(0).max(name.len()))
        .collect();
    let row = |cells: Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = row(names.iter().map(|name| (*name).clone()).collect());
    for value in values {
        text += &row(names.iter().map(|name| cell(value, name)).collect());
    }
    text
}

/// What clients sent may hold anything: nothing of it speaks to the terminal, or begins a line that is none.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().any(is_unseen) => {
            let shown = |char: char| if is_unseen(char) { char.escape_default().to_string() } else { char.to_string() };
            text.chars().map(shown).collect()
        }
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// Control characters, and those that turn the direction of writing (Unicode UAX #9).
fn is_unseen(char: char) -> bool {
    char.is_control() || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_a_client_sent_speaks_to_the_terminal_or_makes_lines() {
        let shown = rows(&[
            json!({ "name": "evil\u{1b}[2J\u{7}\nroot  admin\u{202e}", "users": 3 }),
            json!({ "name": "Jürgen", "users": 4 }),
        ]);
        assert_eq!(shown.lines().count(), 3, "{shown}");
        assert!(shown.contains(r"evil\u{1b}[2J\u{7}\nroot  admin\u{202e}") && shown.contains("Jürgen"), "{shown}");
    }
}
