//! A guide as a profile's file has it: named parts, and the order in which they are told.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Decision, Guide, Mapping, Pairing, Section, Symptom, Term, Timing, Trial, Value};
use crate::Profile;

/// Parts by name, so that a profile can replace one of those that it shares; and which of them it tells, in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuideSource {
    values: Vec<Value>,
    #[serde(default)]
    decisions: Vec<Decision>,
    order: Vec<String>,
    sections: BTreeMap<String, Section>,
    pairings: Vec<Pairing>,
    mapping: Mapping,
    checklist: Vec<String>,
    #[serde(default)]
    own_checklist: Vec<String>,
    tests: Vec<String>,
    trials: BTreeMap<String, Trial>,
    symptoms: Vec<String>,
    troubleshooting: BTreeMap<String, Symptom>,
    words: Vec<String>,
    glossary: BTreeMap<String, Term>,
}

impl GuideSource {
    /// The first part that is named and not there.
    pub(crate) fn missing(&self) -> Option<String> {
        fn first<'a, T>(what: &str, names: &'a [String], parts: &BTreeMap<String, T>) -> Option<(String, &'a String)> {
            names.iter().find(|name| !parts.contains_key(*name)).map(|name| (what.to_owned(), name))
        }
        let missing = first("the section", &self.order, &self.sections)
            .or_else(|| first("the test", &self.tests, &self.trials))
            .or_else(|| first("the symptom", &self.symptoms, &self.troubleshooting))
            .or_else(|| first("the word", &self.words, &self.glossary));
        missing.map(|(what, name)| format!("{what} \"{name}\""))
    }

    pub(super) fn guide(&self, profile: &Profile) -> Guide {
        let traffic = &profile.traffic;
        Guide {
            client: profile.name.clone(),
            title: profile.title.clone(),
            summary: profile.summary.clone(),
            notices: Vec::new(),
            values: self.values.clone(),
            decisions: self.decisions.clone(),
            sections: told(&self.order, &self.sections),
            pairings: self.pairings.clone(),
            mapping: self.mapping.clone(),
            checklist: self.own_checklist.iter().chain(&self.checklist).cloned().collect(),
            trials: told(&self.tests, &self.trials),
            troubleshooting: told(&self.symptoms, &self.troubleshooting),
            supports: profile.supports.clone(),
            limits: profile.limits.clone(),
            timing: Timing {
                cadence_minutes: traffic.cadence_minutes,
                cadence: traffic.cadence.clone(),
                concurrency: traffic.concurrency,
                concurrency_note: traffic.concurrency_note.clone(),
            },
            glossary: told(&self.words, &self.glossary),
        }
    }
}

/// The named parts, in order.
fn told<T: Clone>(names: &[String], parts: &BTreeMap<String, T>) -> Vec<T> {
    names.iter().filter_map(|name| parts.get(name)).cloned().collect()
}
