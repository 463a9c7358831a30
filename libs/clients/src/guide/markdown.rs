//! A guide as Markdown.

use std::fmt::Write;

use super::{Guide, Row, Step};

impl Guide {
    /// The whole guide.
    pub fn to_markdown(&self) -> String {
        let mut page = Page(String::new());
        page.heading(1, &format!("Setup guide: {}", self.title));
        page.paragraph(&self.summary);
        for notice in &self.notices {
            page.paragraph(&format!("> **Read first.** {notice}"));
        }
        page.heading(2, "Your values");
        page.table(&["what", "value"], self.values.iter().map(|value| vec![value.name.clone(), value.value.clone()]));
        self.decide(&mut page);
        for (number, section) in self.sections.iter().enumerate() {
            page.heading(2, &format!("{}. {}", number + 1, section.title));
            for (number, step) in section.steps.iter().enumerate() {
                page.line(&format!("{}. {}", number + 1, sentence(step)));
            }
            page.end();
        }
        page.heading(2, "What goes where");
        let rows = self.pairings.iter().map(|pairing| {
            vec![pairing.theirs.clone(), pairing.ours.clone().unwrap_or_else(|| "–".to_owned()), pairing.value.clone()]
        });
        page.table(&["their field", "ours", "enter or choose"], rows);
        page.heading(2, "Attribute mapping");
        page.list(&self.mapping.advice);
        page.table(&["user attribute there", "in SCIM", "note"], self.mapping.users.iter().map(cells));
        page.table(&["group attribute there", "in SCIM", "note"], self.mapping.groups.iter().map(cells));
        page.heading(2, "Before you call it done");
        for item in &self.checklist {
            page.line(&format!("- [ ] {item}"));
        }
        page.end();
        page.heading(2, "Try it with one user");
        for (number, trial) in self.trials.iter().enumerate() {
            page.line(&format!("{}. **{}.** {} *Watch:* {}", number + 1, trial.title, trial.action, trial.watch));
        }
        page.end();
        self.rest(&mut page);
        page.0
    }

    fn decide(&self, page: &mut Page) {
        if self.decisions.is_empty() {
            return;
        }
        page.heading(2, "Decide first");
        for decision in &self.decisions {
            page.paragraph(&format!("**{}**", decision.question));
            page.list(&decision.answers);
        }
    }

    fn rest(&self, page: &mut Page) {
        page.heading(2, "When something is wrong");
        for symptom in &self.troubleshooting {
            page.heading(3, &symptom.symptom);
            page.paragraph(&format!("{} **Do this:** {}", symptom.cause, symptom.fix));
        }
        page.heading(2, "What it does");
        page.list(&self.supports);
        page.heading(2, "What to know about its limits");
        page.list(&self.limits);
        page.heading(2, "When and how much it sends");
        page.paragraph(&self.timing.cadence);
        page.paragraph(&self.timing.concurrency_note);
        page.heading(2, "Words");
        page.table(
            &["word", "meaning"],
            self.glossary.iter().map(|word| vec![word.term.clone(), word.meaning.clone()]),
        );
        while page.0.ends_with("\n\n") {
            page.0.pop();
        }
    }
}

fn sentence(step: &Step) -> String {
    let mut text = String::new();
    if let Some(go) = &step.go {
        let _ = write!(text, "**{go}**: ");
    }
    text.push_str(&step.action);
    if let Some(note) = &step.note {
        let _ = write!(text, " *{note}*");
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    vec![row.theirs.clone(), row.ours.clone(), row.note.clone()]
}

struct Page(String);

impl Page {
    fn heading(&mut self, level: usize, text: &str) {
        self.paragraph(&format!("{} {text}", "#".repeat(level)));
    }

    fn paragraph(&mut self, text: &str) {
        self.line(text);
        self.end();
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn end(&mut self) {
        self.0.push('\n');
    }

    fn list(&mut self, items: &[String]) {
        if items.is_empty() {
            return;
        }
        for item in items {
            self.line(&format!("- {item}"));
        }
        self.end();
    }

    /// None if there are no rows.
    fn table(&mut self, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        let rows: Vec<Vec<String>> = rows.collect();
        if rows.is_empty() {
            return;
        }
        self.line(&format!("| {} |", heads.join(" | ")));
        self.line(&format!("|{}", "---|".repeat(heads.len())));
        for row in rows {
            let row: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
            self.line(&format!("| {} |", row.join(" | ")));
        }
        self.end();
    }
}
