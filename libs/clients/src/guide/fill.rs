//! Placeholders, `{{base_url}}` and others, and what takes their place.

use std::borrow::Cow;

use super::{Guide, Step, Values};

impl Guide {
    /// The guide with these values in it. A value that looks like a placeholder stays as it is.
    #[must_use]
    pub fn fill(&self, values: &Values) -> Self {
        let mut filled = self.clone();
        let value = |name: &str| if name == "client" { Some(self.client.as_str().into()) } else { values.get(name) };
        filled.for_each_text(&mut |text| {
            if text.contains(OPEN) {
                *text = replaced(text, value);
            }
        });
        filled
    }

    /// The placeholders that are left, each once. None are after [`Guide::fill`].
    pub fn placeholders(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        self.clone().for_each_text(&mut |text| {
            for part in text.split(OPEN).skip(1) {
                let name = part.split(CLOSE).next().unwrap_or(part).to_owned();
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        });
        found
    }

    fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        let mut all = |texts: Vec<&mut String>| texts.into_iter().for_each(&mut *visit);
        all(vec![&mut self.summary, &mut self.timing.cadence, &mut self.timing.concurrency_note]);
        for list in [&mut self.notices, &mut self.checklist, &mut self.supports, &mut self.limits] {
            all(list.iter_mut().collect());
        }
        self.values.iter_mut().for_each(|value| all(vec![&mut value.name, &mut value.value]));
        for decision in &mut self.decisions {
            all(vec![&mut decision.question]);
            all(decision.answers.iter_mut().collect());
        }
        for section in &mut self.sections {
            all(vec![&mut section.title]);
            for Step { go, action, note } in &mut section.steps {
                all([go.as_mut(), Some(action), note.as_mut()].into_iter().flatten().collect());
            }
        }
        for pairing in &mut self.pairings {
            all(vec![&mut pairing.theirs, &mut pairing.value]);
            all(pairing.ours.iter_mut().collect());
        }
        all(self.mapping.advice.iter_mut().collect());
        for row in self.mapping.users.iter_mut().chain(&mut self.mapping.groups) {
            all(vec![&mut row.theirs, &mut row.ours, &mut row.note]);
        }
        self.trials.iter_mut().for_each(|trial| all(vec![&mut trial.title, &mut trial.action, &mut trial.watch]));
        for symptom in &mut self.troubleshooting {
            all(vec![&mut symptom.symptom, &mut symptom.cause, &mut symptom.fix]);
        }
        self.glossary.iter_mut().for_each(|term| all(vec![&mut term.term, &mut term.meaning]));
    }
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// In one pass, so that nothing of a value is read as a placeholder.
fn replaced<'a>(text: &str, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(OPEN) {
        made.push_str(before);
        match behind.split_once(CLOSE).and_then(|(name, after)| Some((value(name)?, after))) {
            Some((found, after)) => {
                made.push_str(&found);
                rest = after;
            }
            None => {
                made.push_str(OPEN);
                rest = behind;
            }
        }
    }
    made.push_str(rest);
    made
}
