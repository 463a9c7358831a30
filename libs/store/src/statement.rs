//! SQL text with its values, put together piece by piece. Both databases take `$1`, `$2` … as places of values.

use rollcall_base::Id;
use sea_orm::{DbBackend, DbErr, Statement, Value};
use uuid::Uuid;

/// How many values one `IN (…)` or one multi-row insert holds: far below both databases' limits on values.
pub(crate) const BATCH: usize = 500;

/// A statement in the making, or a part of one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Adds text. Never anything that came from outside.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub(crate) fn value(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self.text.push_str(&format!("${}", self.values.len()));
        self
    }

    /// Adds an id.
    pub(crate) fn id<M>(self, id: Id<M>) -> Self {
        self.value(id.as_uuid())
    }

    /// Adds `(value, value, …)`; for no value at all, a list that holds nothing.
    pub(crate) fn ids(mut self, ids: &[Uuid]) -> Self {
        if ids.is_empty() {
            return self.text("(NULL)");
        }
        for (at, id) in ids.iter().enumerate() {
            self = self.text(if at == 0 { "(" } else { ", " }).value(*id);
        }
        self.text(")")
    }

    /// Adds `(…), (…), …`, what stands between each pair of brackets by `row`: the rows of a `VALUES`. At least one.
    pub(crate) fn rows<T>(mut self, items: impl IntoIterator<Item = T>, mut row: impl FnMut(Self, T) -> Self) -> Self {
        for (at, item) in items.into_iter().enumerate() {
            self = row(self.text(if at == 0 { "(" } else { ", (" }), item).text(")");
        }
        self
    }

    /// Adds another part; its values get new places.
    pub(crate) fn part(mut self, part: &Sql) -> Self {
        let before = self.values.len();
        let mut rest = part.text.as_str();
        while let Some(at) = rest.find('$') {
            let (text, place) = (&rest[..at], &rest[at + 1..]);
            let digits = place.len() - place.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            self.text.push_str(text);
            let number: usize = place[..digits].parse().unwrap_or_default();
            self.text.push_str(&format!("${}", before + number));
            rest = &place[digits..];
        }
        self.text.push_str(rest);
        self.values.extend(part.values.iter().cloned());
        self
    }

    pub(crate) fn build(self, backend: DbBackend) -> Statement {
        Statement::from_sql_and_values(backend, self.text, self.values)
    }
}

/// How many rows an `INSERT … ON CONFLICT DO NOTHING` of an entity inserted.
pub(crate) fn inserted(outcome: Result<u64, DbErr>) -> Result<u64, DbErr> {
    match outcome {
        Err(DbErr::RecordNotInserted) => Ok(0),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_part_get_places_behind_those_before_it() {
        let part = Sql::new("b = ").value(2).text(" OR c = ").value(3);
        let whole = Sql::new("a = ").value(1).text(" AND (").part(&part).text(")").build(DbBackend::Postgres);
        assert_eq!(whole.sql, "a = $1 AND (b = $2 OR c = $3)");
        assert_eq!(whole.values.map(|values| values.0.len()), Some(3));
    }

    #[test]
    fn rows_stand_in_brackets_and_each_value_has_its_place() {
        let rows = [(1, "a"), (2, "b")];
        let sql = Sql::new("VALUES ").rows(rows, |sql, (number, word)| sql.value(number).text(", ").value(word));
        assert_eq!(sql.build(DbBackend::Sqlite).sql, "VALUES ($1, $2), ($3, $4)");
    }
}
