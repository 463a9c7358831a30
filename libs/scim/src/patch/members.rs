//! Operations on a group's members, which are rows and not part of the document.

use serde_json::Value;

use super::{read::Planner, step::Verb};
use crate::{
    accept::member_ids,
    error::{ScimError, ScimType},
    filter::{CompareOp, Condition, Operand, ResolvedPath},
    members::MemberOp,
    path::AttributePath,
    quirks::patch,
    schema::{Attribute, Mutability},
};

impl Planner<'_> {
    pub(super) fn members(
        &mut self,
        verb: Verb,
        path: &AttributePath,
        sub: Option<&Attribute>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        match sub {
            // What a member is called is ours to say.
            Some(sub) if sub.mutability == Mutability::ReadOnly => return Ok(()),
            Some(sub) if sub.name != "value" => return Err(immutable()),
            Some(_) if path.filter.is_some() && verb != Verb::Remove => return Err(immutable()),
            _ => {}
        }
        let op = match &path.filter {
            Some(filter) => {
                if verb != Verb::Remove {
                    return Err(immutable());
                }
                let Some(members) = self.reader.resource_type.members() else { return Ok(()) };
                let holder = ResolvedPath { extension: None, attribute: members.clone(), sub_attribute: None };
                let condition = filter.resolve_element(&holder, self.reader.leniency)?;
                match ids_of(&condition) {
                    Some(ids) => MemberOp::Remove(ids),
                    None => MemberOp::RemoveWhere(condition),
                }
            }
            None => match (verb, value) {
                (Verb::Remove, None | Some(Value::Null)) => MemberOp::Replace(Vec::new()),
                (verb, value) => {
                    if verb == Verb::Remove {
                        patch::remove_listed_values("members", self.reader.leniency)?;
                    }
                    let ids = member_ids(value.unwrap_or_default(), self.reader.limits, self.reader.leniency)?;
                    match verb {
                        Verb::Add if ids.is_empty() => return Ok(()),
                        Verb::Add => MemberOp::Add(ids),
                        Verb::Remove if ids.is_empty() => return Ok(()),
                        Verb::Remove => MemberOp::Remove(ids),
                        Verb::Replace => MemberOp::Replace(ids),
                    }
                }
            },
        };
        self.plan.member_ops.push(op);
        Ok(())
    }
}

/// The ids that a condition made of `value eq` alone names.
fn ids_of(condition: &Condition) -> Option<Vec<String>> {
    match condition {
        Condition::Compare { path, op: CompareOp::Eq, operand: Operand::Text(id) } if path.leaf().name == "value" => {
            Some(vec![id.clone()])
        }
        Condition::Or(parts) => {
            let ids: Vec<Vec<String>> = parts.iter().map(ids_of).collect::<Option<_>>()?;
            Some(ids.concat())
        }
        _ => None,
    }
}

fn immutable() -> ScimError {
    ScimError::bad_request(
        ScimType::Mutability,
        "What a member is cannot be changed. Remove the member and add another with the path \"members\".",
    )
}
