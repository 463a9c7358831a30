//! Comparisons of value keys.

use rollcall_scim::filter::CompareOp;

use super::Narrowing;
use crate::{
    keys::{after_prefix, bound, value_key},
    statement::Sql,
};

/// `column` `op` `value`, where `column` holds value keys and `value` is folded as they are. None where the order of
/// keys does not help.
pub(super) fn on_keys(column: &str, op: CompareOp, value: &str) -> Option<Narrowing> {
    if value.is_empty() {
        return None; // everything begins with it; no value is less
    }
    if op == CompareOp::Eq {
        // Exact, though a long value is compared by its hash: two values with one SHA-256 are not known to exist.
        return Some(Narrowing { sql: compare(column, "=", value_key(value)), exact: true });
    }
    let bound = bound(value);
    let exact = bound.exact;
    let beyond = after_prefix(&bound.text);
    let sql = match op {
        CompareOp::Sw => up_to(compare(column, ">=", bound.text), column, beyond),
        CompareOp::Gt if exact => compare(column, ">", bound.text),
        CompareOp::Gt | CompareOp::Ge => compare(column, ">=", bound.text),
        CompareOp::Lt if exact => compare(column, "<", bound.text),
        CompareOp::Le if exact => compare(column, "<=", bound.text),
        CompareOp::Lt | CompareOp::Le => compare(column, "<", beyond?),
        CompareOp::Eq | CompareOp::Ne | CompareOp::Co | CompareOp::Ew => return None,
    };
    Some(Narrowing { sql, exact })
}

fn up_to(sql: Sql, column: &str, beyond: Option<String>) -> Sql {
    match beyond {
        Some(beyond) => sql.text(" AND ").part(&compare(column, "<", beyond)),
        None => sql,
    }
}

fn compare(column: &str, op: &str, value: String) -> Sql {
    Sql::new(column).text(" ").text(op).text(" ").value(value)
}

/// `column` `op` `number`, exact.
pub(super) fn on_numbers(column: &str, op: CompareOp, number: i64) -> Option<Narrowing> {
    let sign = match op {
        CompareOp::Eq => "=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => return None,
    };
    Some(Narrowing { sql: Sql::new(column).text(" ").text(sign).text(" ").value(number), exact: true })
}
