//! From a request to a plan.

use std::sync::Arc;

use serde_json::Value;

use super::{
    PatchPlan,
    operation::{Operation, syntax},
    step::{Place, Selection, Step, Verb},
};
use crate::{
    accept::{
        is_foreign_extension, is_unset,
        value::{Reader, Unset},
    },
    error::{ScimError, ScimType},
    filter::ResolvedPath,
    limits::Limits,
    messages::{message, urn},
    path::{AttributePath, Named, is_extension_urn, named, shortened},
    quirks::{Leniency, names, patch, values},
    schema::{Attribute, DataType, Mutability, ResourceType, Returned},
};

pub(super) fn plan(
    body: Value,
    resource_type: &ResourceType,
    limits: &Limits,
    leniency: &Leniency,
) -> Result<PatchPlan, ScimError> {
    let mut fields = message(body, urn::PATCH_OP)?;
    let operations = match fields.remove("operations") {
        Some(Value::Array(operations)) => operations,
        Some(single @ Value::Object(_)) => patch::operations_from_single(single, leniency)?,
        _ => return Err(syntax("\"Operations\" is missing or not a list. Send the PATCH's operations in it.")),
    };
    if operations.is_empty() {
        patch::no_operations(leniency)?;
    }
    if operations.len() > limits.patch_operations {
        return Err(ScimError::status(
            413,
            format!(
                "The request has {} operations; {} are the most in one PATCH. Send several requests.",
                operations.len(),
                limits.patch_operations
            ),
        ));
    }
    let mut operations = operations.into_iter().map(Operation::read).collect::<Result<Vec<_>, _>>()?;
    // Before anything can fail, so that no secret is left in memory that is given back.
    operations.iter_mut().for_each(|operation| operation.wipe_secrets(resource_type));
    let plan = PatchPlan {
        resource_type: resource_type.clone(),
        leniency: leniency.clone(),
        limits: *limits,
        steps: Vec::new(),
        member_ops: Vec::new(),
        password_sent: false,
    };
    let mut planner = Planner { reader: Reader { resource_type, limits, leniency }, plan };
    for operation in operations {
        planner.operation(operation)?;
    }
    Ok(planner.plan)
}

/// How an attribute was named: what is read-only is refused in a path and passed over in a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Path,
    Key,
}

pub(super) struct Planner<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) plan: PatchPlan,
}

impl Planner<'_> {
    fn operation(&mut self, operation: Operation) -> Result<(), ScimError> {
        let verb = match operation.verb.to_ascii_lowercase().as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            _ => {
                return Err(syntax(format!(
                    "\"{}\" is no operation. Send add, replace or remove.",
                    shortened(&operation.verb)
                )));
            }
        };
        if operation.verb.chars().any(|c| c.is_ascii_uppercase()) {
            patch::operation_letter_case(&operation.verb, self.reader.leniency)?;
        }
        if verb != Verb::Remove && operation.value.is_none() {
            return Err(syntax(format!("\"{}\" needs a \"value\".", shortened(&operation.verb))));
        }
        match operation.path {
            Some(path) => self.at(By::Path, verb, &path, operation.value),
            None => self.without_path(verb, operation.value),
        }
    }

    fn without_path(&mut self, verb: Verb, value: Option<Value>) -> Result<(), ScimError> {
        if verb == Verb::Remove {
            return Err(ScimError::bad_request(
                ScimType::NoTarget,
                "\"remove\" needs a \"path\" that names what to remove.",
            ));
        }
        let Some(Value::Object(attributes)) = value else {
            return Err(ScimError::bad_request(
                ScimType::InvalidValue,
                "Without a \"path\" the \"value\" is an object of attributes. Send the object, or add the path.",
            ));
        };
        for (key, value) in attributes {
            let leniency = self.reader.leniency;
            let resource_type = self.reader.resource_type;
            if key.eq_ignore_ascii_case("schemas") {
                continue;
            }
            if key.eq_ignore_ascii_case("id") {
                if let Value::String(id) = value {
                    self.plan.steps.push(Step::OwnId(id));
                }
                continue;
            }
            let whole_block =
                resource_type.extension(&key).is_some() || (is_foreign_extension(&key) && value.is_object());
            if !whole_block {
                if key.contains(':') {
                    patch::urn_key(&key, leniency)?;
                } else if key.contains(['.', '[']) {
                    patch::dotted_key(&key, leniency)?;
                }
            }
            self.at(By::Key, verb, &key, Some(value))?;
        }
        Ok(())
    }

    /// Plans one operation on what `text` names.
    fn at(&mut self, by: By, verb: Verb, text: &str, value: Option<Value>) -> Result<(), ScimError> {
        let resource_type = self.reader.resource_type;
        let leniency = self.reader.leniency;
        let path = match AttributePath::parse(text, self.reader.limits) {
            // A key that is no path is a name that no schema has.
            Err(_) if by == By::Key => return names::unknown_attribute(&resource_type.name, text, leniency),
            other => other?,
        };
        match named(resource_type, &path.name, leniency)? {
            Named::Core if path.filter.is_none() => self.without_path(verb, value),
            Named::Extension(schema) if path.filter.is_none() => self.extension(verb, &schema.id.clone(), value),
            Named::Core | Named::Extension(_) => {
                Err(ScimError::bad_request(ScimType::InvalidPath, format!("\"{}\" has no elements.", shortened(text))))
            }
            Named::Unknown => names::unknown_attribute(&resource_type.name, &path.name, leniency),
            Named::Unregistered(urn, rest) => {
                let block = rest.is_none() && matches!(value, Some(Value::Object(_)));
                let (urn, names) = match rest {
                    // The whole of it is a URN if an object says so.
                    Some(_) if by == By::Key && matches!(value, Some(Value::Object(_))) => {
                        (path.name.as_str(), Vec::new())
                    }
                    Some(rest) => (urn, rest.split('.').map(str::to_owned).collect()),
                    None => (urn, Vec::new()),
                };
                let value = match (verb, value) {
                    (Verb::Remove, Some(Value::Array(listed))) if !names.is_empty() && !listed.is_empty() => {
                        patch::remove_listed_values(&path.name, leniency)?;
                        Some(Value::Array(listed))
                    }
                    (Verb::Remove, _) => None,
                    (_, value) => value,
                };
                self.foreign((urn, names), block || by == By::Key, verb, value, &path)
            }
            Named::Attribute { extension, attribute, sub } => {
                let place =
                    Place { extension: extension.map(|schema| schema.id.clone()), attribute: Arc::clone(attribute) };
                let sub = sub.map(str::to_owned);
                self.attribute(by, verb, place, sub, &path, value)
            }
        }
    }

    fn extension(&mut self, verb: Verb, urn: &str, value: Option<Value>) -> Result<(), ScimError> {
        match (verb, value) {
            (verb, value) if verb == Verb::Remove || value.as_ref().is_none_or(is_unset) => {
                self.plan.steps.push(Step::UnsetExtension(urn.to_owned()));
                Ok(())
            }
            (_, Some(Value::Object(attributes))) => {
                for (name, value) in attributes {
                    self.at(By::Key, verb, &format!("{urn}:{name}"), Some(value))?;
                }
                Ok(())
            }
            _ => Err(ScimError::bad_request(
                ScimType::InvalidValue,
                format!("{urn} takes an object with the extension's attributes."),
            )),
        }
    }

    fn foreign(
        &mut self,
        (urn, names): (&str, Vec<String>),
        block: bool,
        verb: Verb,
        value: Option<Value>,
        path: &AttributePath,
    ) -> Result<(), ScimError> {
        let name = &self.reader.resource_type.name;
        if path.filter.is_some() || !is_foreign_extension(urn) {
            return names::unknown_attribute(name, &path.name, self.reader.leniency);
        }
        let sure = is_extension_urn(urn) || (block && names.is_empty());
        if sure {
            names::unmapped_extension(name, urn, self.reader.leniency)?;
        } else {
            names::unknown_attribute(name, &path.name, self.reader.leniency)?;
        }
        let value = value.unwrap_or(Value::Null);
        if names.is_empty() && !value.is_null() && !value.is_object() {
            return Err(ScimError::bad_request(
                ScimType::InvalidValue,
                format!("{} takes an object with the extension's attributes.", shortened(urn)),
            ));
        }
        self.plan.steps.push(Step::Foreign { urn: urn.to_owned(), names, verb, value, if_present: !sure });
        Ok(())
    }

    fn attribute(
        &mut self,
        by: By,
        verb: Verb,
        place: Place,
        sub: Option<String>,
        path: &AttributePath,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let attribute = Arc::clone(&place.attribute);
        if attribute.returned == Returned::Never {
            self.plan.password_sent |= value.is_some_and(|value| !value.is_null());
            return Ok(());
        }
        if attribute.mutability == Mutability::ReadOnly {
            return read_only(by, &path.name);
        }
        let sub = match (sub, &path.sub) {
            (Some(_), Some(_)) => return Err(no_such_path(path)),
            (None, None) => None,
            (Some(name), None) => Some(name),
            (None, Some(name)) => Some(name.clone()),
        };
        let sub = match sub {
            None => None,
            Some(name) => Some(Arc::clone(attribute.sub_attribute(&name).ok_or_else(|| no_such_path(path))?)),
        };
        if self.reader.resource_type.members().is_some_and(|members| Arc::ptr_eq(members, &attribute)) {
            return self.members(verb, path, sub.as_deref(), value);
        }
        if sub.as_ref().is_some_and(|sub| sub.mutability == Mutability::ReadOnly) {
            return read_only(by, &path.to_string());
        }
        let Some(filter) = &path.filter else { return self.whole(verb, place, sub, value) };
        if !attribute.multi_valued || attribute.data_type != DataType::Complex {
            return Err(no_such_path(path));
        }
        let holder = ResolvedPath { extension: None, attribute, sub_attribute: None };
        let condition = filter.resolve_element(&holder, self.reader.leniency)?;
        self.selected(verb, place, Selection { condition, path: path.to_string() }, sub, value)
    }

    /// An attribute or sub-attribute without a filter.
    fn whole(
        &mut self,
        verb: Verb,
        place: Place,
        sub: Option<Arc<Attribute>>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let attribute = Arc::clone(&place.attribute);
        let name = &attribute.name;
        let step = match (verb, sub, value) {
            (Verb::Remove, Some(sub), _) => Step::SetSub { place, sub, value: Value::Null },
            (Verb::Remove, None, Some(listed)) if attribute.multi_valued && !listed.is_null() => {
                patch::remove_listed_values(name, self.reader.leniency)?;
                let listed = match self.reader.attribute(name, &attribute, listed, Unset::Dropped)? {
                    Value::Array(listed) => listed,
                    _ => Vec::new(),
                };
                Step::UnsetListed { place, listed }
            }
            (Verb::Remove, None, _) => {
                if attribute.required {
                    return Err(ScimError::bad_request(
                        ScimType::Mutability,
                        format!("{name} is required and cannot be removed. Replace it by another value."),
                    ));
                }
                Step::Unset(place)
            }
            (_, Some(sub), value) => {
                let value = values::simple_from_list(&sub, value.unwrap_or_default(), self.reader.leniency)?;
                let value = self.reader.attribute(&format!("{name}.{}", sub.name), &sub, value, Unset::Dropped)?;
                Step::SetSub { place, sub, value }
            }
            (verb, None, value) => {
                let value = values::simple_from_list(&attribute, value.unwrap_or_default(), self.reader.leniency)?;
                let value = self.reader.attribute(name, &attribute, value, Unset::Null)?;
                if value.is_null() && attribute.required {
                    return Err(ScimError::bad_request(
                        ScimType::InvalidValue,
                        format!("{name} is required. Send a value that is not empty."),
                    ));
                }
                Step::Set { place, verb, value }
            }
        };
        self.plan.steps.push(step);
        Ok(())
    }

    /// Elements that a filter selects, or a sub-attribute of them.
    fn selected(
        &mut self,
        verb: Verb,
        place: Place,
        selection: Selection,
        sub: Option<Arc<Attribute>>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let attribute = Arc::clone(&place.attribute);
        let name = &attribute.name;
        let value = value.unwrap_or_default();
        let step = match (verb, sub) {
            (Verb::Remove, None) => Step::UnsetElements { place, selection },
            (Verb::Remove, Some(sub)) => Step::SetElementsSub { place, selection, sub, value: Value::Null },
            (_, Some(sub)) => {
                let value = values::simple_from_list(&sub, value, self.reader.leniency)?;
                let value = self.reader.attribute(&format!("{name}.{}", sub.name), &sub, value, Unset::Dropped)?;
                Step::SetElementsSub { place, selection, sub, value }
            }
            (verb, None) => match (value, attribute.sub_attribute("value")) {
                // A bare text is the value of the element, which keeps its other parts.
                (Value::String(text), Some(sub)) if !text.is_empty() => {
                    let parts = values::complex_from_text(&attribute, text.clone(), self.reader.leniency)?;
                    if parts.len() == 1 && parts.get("value").is_some_and(|value| *value == text) {
                        let value = self.reader.attribute(name, sub, Value::String(text), Unset::Dropped)?;
                        Step::SetElementsSub { place, selection, sub: Arc::clone(sub), value }
                    } else {
                        let value = self.reader.single(name, &attribute, Value::Object(parts), Unset::Dropped)?;
                        Step::SetElements { place, selection, verb, value }
                    }
                }
                (value, _) => {
                    let unset = if verb == Verb::Add { Unset::Null } else { Unset::Dropped };
                    let value = self.reader.single(name, &attribute, value, unset)?;
                    Step::SetElements { place, selection, verb, value }
                }
            },
        };
        self.plan.steps.push(step);
        Ok(())
    }
}

fn read_only(by: By, name: &str) -> Result<(), ScimError> {
    match by {
        By::Key => Ok(()),
        By::Path => Err(ScimError::bad_request(
            ScimType::Mutability,
            format!("{} is read-only: the service sets it. Leave the operation out.", shortened(name)),
        )),
    }
}

pub(super) fn no_such_path(path: &AttributePath) -> ScimError {
    ScimError::bad_request(
        ScimType::InvalidPath,
        format!("\"{}\" names nothing in the schema. Look the names up under /Schemas.", shortened(&path.to_string())),
    )
}
