//! Layers: embedded defaults, file, environment. figment merges them; what is wrong is said in our own words.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Provider,
    error::{Actual, Kind},
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

use super::{Config, ConfigError, DEFAULT_CONFIG};

const PREFIX: &str = "ROLLCALL_";

/// Merges the layers into a configuration that has the right shape; [`super::check`] looks at the values.
pub(super) fn layers(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Toml::string(DEFAULT_CONFIG));
    let file = file.map(read).transpose()?;
    if let Some(file) = &file {
        figment = figment.merge(Toml::string(&file.text));
    }
    let environment = Environment::read(environment)?;
    figment.merge(&environment).extract().map_err(|error| {
        let origins = Origins { file: file.as_ref(), environment: &environment };
        explain(error, &origins)
    })
}

struct File {
    path: PathBuf,
    text: String,
    table: toml::Table,
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count()),
        reason: error.message().trim().replace('\n', ", "),
    })?;
    Ok(File { path: path.to_owned(), text, table })
}

/// `ROLLCALL_HTTP__BODY_BYTES` as `http.body_bytes`.
struct Environment(BTreeMap<String, String>);

impl Environment {
    fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let mut ours = BTreeMap::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            let value = value.into_string().map_err(|_| ConfigError::NotText(name.to_owned()))?;
            ours.insert(name.to_owned(), value);
        }
        Ok(Self(ours))
    }

    fn path(variable: &str) -> String {
        variable[PREFIX.len()..].to_ascii_lowercase().replace("__", ".")
    }
}

impl Provider for &Environment {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        let mut all = Figment::new();
        for (name, text) in &self.0 {
            // Numbers, booleans, lists and tables read as such; what reads as nothing else is a text.
            let value: Value = text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
            all = all.merge((Environment::path(name), value));
        }
        all.data()
    }
}

struct Origins<'a> {
    file: Option<&'a File>,
    environment: &'a Environment,
}

impl Origins<'_> {
    /// Where the setting at `path` was given its value.
    fn of(&self, path: &[String]) -> String {
        let name = path.join(".");
        let variable = self.environment.0.keys().find(|variable| {
            let set = Environment::path(variable);
            let within = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}."));
            set == name || within(&name, &set) || within(&set, &name)
        });
        if let Some(variable) = variable {
            return format!("the environment variable {variable}");
        }
        match self.file {
            Some(file) if stands_in(&file.table, path) => file.path.display().to_string(),
            _ => "the defaults".to_owned(),
        }
    }
}

fn stands_in(table: &toml::Table, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match table.get(first) {
        Some(toml::Value::Table(inner)) => stands_in(inner, rest),
        // Within a list the exact place does not matter: the whole list stands in one file.
        Some(_) => true,
        None => false,
    }
}

fn explain(error: figment::Error, origins: &Origins<'_>) -> ConfigError {
    let mut path = error.path.clone();
    match error.kind {
        Kind::UnknownField(name, known) => {
            if path.last() != Some(&name) {
                path.push(name.clone());
            }
            ConfigError::Unknown { name: path.join("."), origin: origins.of(&path), hint: nearest(&name, known) }
        }
        Kind::MissingField(name) => {
            let origin = origins.of(&path);
            path.push(name.into_owned());
            ConfigError::Invalid { name: path.join("."), origin, reason: "it must be given a value".to_owned() }
        }
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => ConfigError::Invalid {
            name: path.join("."),
            origin: origins.of(&path),
            reason: format!("it must be {}, not {}", named(&expected.to_string()), kind_of(&actual)),
        },
        Kind::UnknownVariant(value, known) => ConfigError::Invalid {
            name: path.join("."),
            origin: origins.of(&path),
            reason: format!("\"{value}\" is none of its values; {}", nearest(&value, known)),
        },
        other => ConfigError::Invalid { name: path.join("."), origin: origins.of(&path), reason: other.to_string() },
    }
}

/// A type as people call it.
fn named(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i64" => "a whole number",
        "a string" | "string" => "a text",
        "a boolean" | "bool" => "true or false",
        other => other,
    }
}

/// What was found, without its value: that may be a secret.
fn kind_of(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) => "this number",
        Actual::Float(_) => "a number with a fraction",
        Actual::Str(_) | Actual::Char(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "what was given",
    }
}

fn nearest(name: &str, known: &[&str]) -> String {
    let closest = known
        .iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3);
    match closest {
        Some((_, candidate)) => format!("did you mean \"{candidate}\"?"),
        None => format!("there are: {}", known.join(", ")),
    }
}
