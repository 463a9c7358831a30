//! What is typed for a directory, put right where it can be, with a word for everything that was changed or looks wrong.

mod repair;
mod shape;
mod words;

use rollcall_base::{DirectoryId, DirectoryName};
use serde::Serialize;

pub use self::{repair::Repair, shape::Shape};
use self::{shape::bare, words::quoted};
use crate::{Caution, Field, Profile};

/// Which of the two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldName {
    /// The Directory ID.
    DirectoryId,
    /// The Directory Name.
    DirectoryName,
}

impl FieldName {
    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::DirectoryId => "Directory ID",
            Self::DirectoryName => "Directory Name",
        }
    }
}

/// Something that was put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where.
    pub field: FieldName,
    /// Which rule did it; stable.
    pub rule: &'static str,
    /// What was there.
    pub from: String,
    /// What is there now.
    pub to: String,
    /// All of it in words.
    pub text: String,
}

/// Something that looks wrong and was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Where.
    pub field: FieldName,
    /// What kind; stable. `characters` and `length` mean that a directory of this name cannot be made.
    pub rule: &'static str,
    /// In words, with what to do.
    pub text: String,
}

/// What became of what was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The Directory ID to use.
    pub directory_id: String,
    /// The Directory Name to use.
    pub directory_name: String,
    /// Whether a directory can have both: their characters and lengths are allowed.
    pub acceptable: bool,
    /// What was changed, in order.
    pub changes: Vec<Change>,
    /// What looks wrong.
    pub warnings: Vec<Warning>,
}

impl Profile {
    /// Puts right what was typed. `longest_name` is the most characters of a Directory Name (50 unless configured). Checking
    /// what came out changes nothing any more.
    pub fn check(&self, directory_id: &str, directory_name: &str, longest_name: usize) -> Checked {
        let mut checked = self.look(directory_id, directory_name, longest_name, true);
        checked.warnings.extend(self.cautions(&checked));
        checked
    }

    /// The same warnings for what is to stay as it was typed.
    pub fn check_as_given(&self, directory_id: &str, directory_name: &str, longest_name: usize) -> Checked {
        let mut checked = self.look(directory_id, directory_name, longest_name, false);
        checked.warnings.extend(self.cautions(&checked));
        checked
    }

    fn look(&self, directory_id: &str, directory_name: &str, longest_name: usize, repairs: bool) -> Checked {
        let (mut id, mut name) = (directory_id.to_owned(), directory_name.to_owned());
        let mut changes = Vec::new();
        if repairs {
            // A pair may be seen to be the wrong way round only once it is mended; then it is mended as what it is.
            for _ in 0..2 {
                if self.is_the_wrong_way_round(&id, &name) {
                    changes.extend(self.exchange(&id, &name));
                    std::mem::swap(&mut id, &mut name);
                }
                id = mend(FieldName::DirectoryId, &self.fields.directory_id, id, &mut changes);
                name = mend(FieldName::DirectoryName, &self.fields.directory_name, name, &mut changes);
            }
        }
        let mut warnings = Vec::new();
        let fits = [
            rule(FieldName::DirectoryId, &id, LONGEST_ID, id.parse::<DirectoryId>().is_ok(), &mut warnings),
            rule(
                FieldName::DirectoryName,
                &name,
                longest_name.min(DirectoryName::LONGEST),
                DirectoryName::parse(&name, longest_name).is_ok(),
                &mut warnings,
            ),
        ];
        let shapes = [
            (FieldName::DirectoryId, &self.fields.directory_id, &id),
            (FieldName::DirectoryName, &self.fields.directory_name, &name),
        ];
        for (field, of, text) in shapes {
            if !text.is_empty() && !of.shape.fits(text) {
                let expected = of.shape.expected();
                let (shown, label) = (quoted(text), &of.label);
                warnings.push(Warning {
                    field,
                    rule: "shape",
                    text: format!(
                        "The {} {shown} does not look like what belongs here ({label}): {expected}. {}",
                        field.label(),
                        of.find
                    ),
                });
            }
        }
        Checked { directory_id: id, directory_name: name, acceptable: fits == [true, true], changes, warnings }
    }

    /// Each looks like the other, and not like itself where that can be told.
    fn is_the_wrong_way_round(&self, id: &str, name: &str) -> bool {
        let (of_id, of_name) = (self.fields.directory_id.shape, self.fields.directory_name.shape);
        let (id, name) = (bare(id), bare(name));
        let crossed = of_name.fits(&id) && of_id.fits(&name);
        // What fits anything says nothing, and one of the two has to.
        let strange = |shape: Shape, text: &str| shape == Shape::Any || !shape.fits(text);
        let is_told = of_id != Shape::Any || of_name != Shape::Any;
        self.fields.exchanges && crossed && is_told && strange(of_id, &id) && strange(of_name, &name)
    }

    fn exchange(&self, id: &str, name: &str) -> [Change; 2] {
        let (of_id, of_name) = (&self.fields.directory_id.label, &self.fields.directory_name.label);
        let why = format!(
            "Directory ID and Directory Name were the wrong way round and have been exchanged: here the Directory ID is \
             {of_id} and the Directory Name is {of_name}"
        );
        [(FieldName::DirectoryId, id, name), (FieldName::DirectoryName, name, id)]
            .map(|(field, from, to)| Change::new(field, "exchange", from, to, &why))
    }

    fn cautions(&self, checked: &Checked) -> Vec<Warning> {
        let fields = [
            (FieldName::DirectoryId, &self.fields.directory_id, &checked.directory_id),
            (FieldName::DirectoryName, &self.fields.directory_name, &checked.directory_name),
        ];
        let mut warnings = Vec::new();
        for (field, of, text) in fields {
            for caution in &of.cautions {
                if let Some(said) = caution.said(field, text, checked) {
                    warnings.push(Warning { field, rule: caution.name(), text: said });
                }
            }
        }
        warnings
    }
}

impl Caution {
    const fn name(self) -> &'static str {
        match self {
            Self::OktaAdminDomain => "okta-admin-domain",
            Self::Underscore => "underscore",
            Self::SameTextThere => "same-text-there",
        }
    }

    fn said(self, field: FieldName, text: &str, checked: &Checked) -> Option<String> {
        let (label, shown) = (field.label(), quoted(text));
        match self {
            Self::OktaAdminDomain => {
                let (organisation, rest) = text.split_once("-admin.okta")?;
                Some(format!(
                    "The {label} {shown} is the address of Okta's admin console; the Okta domain itself is mostly {}. Check it \
                     under the name at the top right of the console.",
                    quoted(&format!("{organisation}.okta{rest}"))
                ))
            }
            Self::Underscore => text.contains('_').then(|| {
                format!(
                    "The {label} {shown} has an underscore. That is allowed, but Okta refuses a Base URL with one: give Okta the \
                     Base URL as it is printed, with the Directory ID in it, and never one with this name."
                )
            }),
            Self::SameTextThere => checked.changes.iter().any(|change| change.field == field).then(|| {
                format!("The {label} is now {shown}: type exactly this at the client, too, or it will not find the directory.")
            }),
        }
    }
}

impl Change {
    fn new(field: FieldName, rule: &'static str, from: &str, to: &str, why: &str) -> Self {
        let text = format!("{} changed from {} to {}: {why}.", field.label(), quoted(from), quoted(to));
        Self { field, rule, from: from.to_owned(), to: to.to_owned(), text }
    }
}

/// Repairs until there is nothing left to repair: each repair shortens the text or is done once and for all.
fn mend(name: FieldName, field: &Field, text: String, changes: &mut Vec<Change>) -> String {
    let mut text = text;
    if text.len() > LONGEST_REPAIRED {
        return text;
    }
    loop {
        let before = text.clone();
        for repair in &field.repairs {
            if let Some(better) = repair.apply(&text) {
                changes.push(Change::new(name, repair.name(), &text, &better, repair.why()));
                text = better;
            }
        }
        if text == before {
            return text;
        }
    }
}

/// Warns of what cannot be the name of a directory; whether it can.
fn rule(field: FieldName, text: &str, longest: usize, fits: bool, warnings: &mut Vec<Warning>) -> bool {
    if fits {
        return true;
    }
    let (label, count) = (field.label(), text.chars().count());
    let allowed = match field {
        FieldName::DirectoryId => "letters, digits and hyphens",
        FieldName::DirectoryName => "lower-case letters, digits, dots, hyphens and underscores",
    };
    let (rule, text) = if text.is_empty() {
        ("length", format!("The {label} is empty; it needs 1 to {longest} {allowed}."))
    } else if count > longest {
        ("length", format!("The {label} has {count} characters; at most {longest} are allowed. Choose a shorter one."))
    } else {
        let odd = words::odd_ones(text, |c| field.allows(c));
        let more =
            if text.is_ascii() { "" } else { " A domain with other letters has an ASCII form that begins with xn--." };
        ("characters", format!("The {label} {} has {odd}; only {allowed} are allowed.{more}", quoted(text)))
    };
    warnings.push(Warning { field, rule, text });
    false
}

impl FieldName {
    fn allows(self, c: char) -> bool {
        match self {
            Self::DirectoryId => c.is_ascii_alphanumeric() || c == '-',
            Self::DirectoryName => c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_'),
        }
    }
}

/// The most characters of a Directory ID.
const LONGEST_ID: usize = 40;
/// What is longer was not typed for a directory, and is only told to be too long.
const LONGEST_REPAIRED: usize = 2_048;

#[cfg(test)]
mod tests;
