//! Conditions as SQL. What an index serves becomes a condition on rows; the rest is evaluated in memory on the rows
//! that remain, by the same evaluator that the tests trust.

mod comparison;
mod membership;
mod range;

use rollcall_base::{Id, marker::Directory};
use rollcall_scim::{filter::Condition, schema::ResourceType};
use sea_orm::DbBackend;

use crate::statement::Sql;

/// A condition on the rows `resource r` that an index serves.
#[derive(Debug, Clone)]
pub(crate) struct Narrowing {
    /// Holds for every row that fulfils the condition.
    pub(crate) sql: Sql,
    /// Holds for no other row.
    pub(crate) exact: bool,
}

/// Where a condition is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) backend: DbBackend,
    pub(crate) directory: Id<Directory>,
    pub(crate) resource_type: &'a ResourceType,
}

impl Context<'_> {
    /// The narrowing that `condition` allows; none if no index serves it.
    pub(crate) fn narrow(self, condition: &Condition) -> Option<Narrowing> {
        match condition {
            Condition::And(parts) => {
                let narrowings: Vec<Narrowing> = parts.iter().filter_map(|part| self.narrow(part)).collect();
                let exact = narrowings.len() == parts.len() && narrowings.iter().all(|one| one.exact);
                joined(&narrowings, " AND ").map(|sql| Narrowing { sql, exact })
            }
            Condition::Or(parts) => {
                let narrowings: Vec<Narrowing> = parts.iter().map(|part| self.narrow(part)).collect::<Option<_>>()?;
                let exact = narrowings.iter().all(|one| one.exact);
                joined(&narrowings, " OR ").map(|sql| Narrowing { sql, exact })
            }
            Condition::Compare { path, op, operand } => comparison::narrow(self, path, *op, operand),
            Condition::Element { condition, .. } => {
                // Rows know values, not which of them stand in one element: two conditions on one element are a
                // superset.
                let inner = self.narrow(condition)?;
                Some(Narrowing { exact: inner.exact && !joins(condition), ..inner })
            }
            // Nearly all rows fulfil these: no index helps.
            Condition::Not(_) | Condition::Present(_) => None,
        }
    }

    /// An attribute in `condition` that no index serves, for telling the client.
    pub(crate) fn unserved(self, condition: &Condition) -> Option<String> {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => parts.iter().find_map(|part| self.unserved(part)),
            Condition::Not(inner) => names(inner).into_iter().next(),
            Condition::Element { path, condition } => {
                let inner = self.narrow(condition);
                if inner.is_some_and(|inner| inner.exact) { None } else { Some(path.to_string()) }
            }
            Condition::Present(path) => Some(path.to_string()),
            Condition::Compare { path, .. } => self.narrow(condition).is_none().then(|| path.to_string()),
        }
    }
}

fn joined(narrowings: &[Narrowing], with: &str) -> Option<Sql> {
    let (first, rest) = narrowings.split_first()?;
    let sql = rest.iter().fold(Sql::new("(").part(&first.sql), |sql, one| sql.text(with).part(&one.sql));
    Some(sql.text(")"))
}

fn joins(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) => parts.len() > 1 || parts.iter().any(joins),
        Condition::Or(parts) => parts.iter().any(joins),
        Condition::Not(inner) | Condition::Element { condition: inner, .. } => joins(inner),
        Condition::Compare { .. } | Condition::Present(_) => false,
    }
}

/// The paths that a condition names.
fn names(condition: &Condition) -> Vec<String> {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().flat_map(names).collect(),
        Condition::Not(inner) => names(inner),
        Condition::Compare { path, .. } | Condition::Present(path) | Condition::Element { path, .. } => {
            vec![path.to_string()]
        }
    }
}

/// Whether a condition names the attribute.
pub(crate) fn mentions(condition: &Condition, attribute: &str) -> bool {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(|part| mentions(part, attribute)),
        Condition::Not(inner) => mentions(inner, attribute),
        Condition::Compare { path, .. } | Condition::Present(path) | Condition::Element { path, .. } => {
            path.extension.is_none() && path.attribute.name == attribute
        }
    }
}
