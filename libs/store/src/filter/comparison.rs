//! One comparison: where its attribute stands in the tables.

use rollcall_scim::{
    filter::{CompareOp, Operand, ResolvedPath},
    index::operand_key,
    schema::AttributeId,
};

use super::{Context, Narrowing, membership, range};
use crate::{
    directory::{member_id, name_attribute},
    statement::Sql,
};

pub(super) fn narrow(context: Context<'_>, path: &ResolvedPath, op: CompareOp, operand: &Operand) -> Option<Narrowing> {
    let key = operand_key(path, operand)?;
    let sub = path.sub_attribute.as_ref().map(|sub| sub.name.as_str());
    if path.extension.is_none() {
        match (path.attribute.name.as_str(), sub, operand) {
            ("id", None, _) => return (op == CompareOp::Eq).then(|| id_is(&key)),
            ("externalId", None, _) => return range::on_keys("r.external_id", op, &key),
            ("meta", Some("created"), Operand::DateTime(at)) => {
                return range::on_numbers("r.created_at", op, at.as_micros());
            }
            ("meta", Some("lastModified"), Operand::DateTime(at)) => {
                return range::on_numbers("r.modified_at", op, at.as_micros());
            }
            ("members", Some("value"), _) => {
                return (op == CompareOp::Eq).then(|| membership::has_member(context, &key));
            }
            ("groups", Some("value"), _) => {
                return (op == CompareOp::Eq).then(|| membership::is_in_group(context, &key));
            }
            (name, None, _) if Some(name) == name_attribute(context.resource_type.kind) => {
                // An absent name has the empty key, which is less than any.
                let narrowing = range::on_keys("r.name_key", op, &key)?;
                return Some(Narrowing { sql: narrowing.sql.text(" AND r.name_key <> ''"), ..narrowing });
            }
            _ => {}
        }
    }
    on_index(context, path.leaf().index?, op, operand, &key)
}

fn id_is(text: &str) -> Narrowing {
    let sql = match member_id(text) {
        Some(id) => Sql::new("r.id = ").value(id),
        None => nothing(),
    };
    Narrowing { sql, exact: true }
}

/// A condition that no row fulfils.
pub(super) fn nothing() -> Sql {
    Sql::new("1 = 0")
}

fn on_index(
    context: Context<'_>,
    attribute: AttributeId,
    op: CompareOp,
    operand: &Operand,
    key: &str,
) -> Option<Narrowing> {
    // Numbers as texts are in no useful order.
    if op != CompareOp::Eq && !matches!(operand, Operand::Text(_) | Operand::DateTime(_)) {
        return None;
    }
    let values = range::on_keys("a.value_key", op, key)?;
    let sql = Sql::new("r.id IN (SELECT a.resource_id FROM attribute a WHERE a.directory_id = ")
        .id(context.directory)
        .text(" AND a.attribute_id = ")
        .value(attribute.0)
        .text(" AND ")
        .part(&values.sql)
        .text(")");
    Some(Narrowing { sql, exact: values.exact })
}
