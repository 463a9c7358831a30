//! Several operations in one request (RFC 7644 §3.7).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{message, syntax, urn};
use crate::{error::ScimError, limits::Limits};

/// The method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkMethod {
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Delete.
    Delete,
}

impl BulkMethod {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|method| text.eq_ignore_ascii_case(method.as_str()))
    }
}

/// One operation. What is wrong with its content shows when it runs and concerns it alone.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkOperation {
    /// What to do.
    pub method: BulkMethod,
    /// To what: `/Users`, `/Users/{id}`, `/Users/bulkId:{bulkId}`.
    pub path: String,
    /// The client's name for what a POST makes.
    pub bulk_id: Option<String>,
    /// The ETag that must hold.
    pub version: Option<String>,
    /// The body.
    pub data: Option<Value>,
}

impl BulkOperation {
    /// The path's endpoint without its slash, and the id if there is one: `("Users", Some("2819"))`. `None` if it is no
    /// path of a resource or a collection.
    pub fn target(&self) -> Option<(&str, Option<&str>)> {
        let path = self.path.strip_prefix('/')?;
        let (endpoint, id) = path.split_once('/').map_or((path, None), |(endpoint, id)| (endpoint, Some(id)));
        let whole = |text: &str| !text.is_empty() && !text.contains(['/', '?', '#']);
        (whole(endpoint) && id.is_none_or(whole)).then_some((endpoint, id))
    }
}

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkRequest {
    /// After how many errors the rest is left undone; none: never.
    pub fail_on_errors: Option<u64>,
    /// The operations in order.
    pub operations: Vec<BulkOperation>,
}

impl BulkRequest {
    /// Reads the message.
    ///
    /// # Errors
    /// 400 `invalidSyntax` if it is another message or an operation lacks what it needs; 413 beyond
    /// [`Limits::bulk_operations`].
    pub fn parse(body: Value, limits: &Limits) -> Result<Self, ScimError> {
        let mut fields = message(body, urn::BULK_REQUEST)?;
        let fail_on_errors = match fields.remove("failonerrors") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_u64().ok_or_else(|| syntax("\"failOnErrors\" is a whole number."))?),
        };
        let Some(Value::Array(operations)) = fields.remove("operations") else {
            return Err(syntax("\"Operations\" is missing or not a list."));
        };
        if operations.len() > limits.bulk_operations {
            return Err(ScimError::status(
                413,
                format!(
                    "The request has {} operations; {} are the most (bulk.maxOperations of /ServiceProviderConfig). \
                     Send several requests.",
                    operations.len(),
                    limits.bulk_operations
                ),
            ));
        }
        let operations = operations.into_iter().enumerate().map(|(at, operation)| read(at + 1, operation));
        let operations = operations.collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        for name in operations.iter().filter_map(|operation| operation.bulk_id.as_deref()) {
            if !names.insert(name) {
                return Err(syntax(format!("The bulkId \"{name}\" is given twice. Give each operation its own.")));
            }
        }
        Ok(Self { fail_on_errors, operations })
    }
}

fn read(number: usize, operation: Value) -> Result<BulkOperation, ScimError> {
    let wrong = |what: &str| syntax(format!("Operation {number}: {what}"));
    let Value::Object(map) = operation else { return Err(wrong("it is not an object.")) };
    let mut fields: Map<String, Value> =
        map.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let mut text = |name: &str| match fields.remove(&name.to_ascii_lowercase()) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(&format!("\"{name}\" is a text."))),
    };
    let method = text("method")?
        .and_then(|method| BulkMethod::parse(&method))
        .ok_or_else(|| wrong("\"method\" is POST, PUT, PATCH or DELETE."))?;
    let path = text("path")?.ok_or_else(|| wrong("\"path\" is missing."))?;
    let bulk_id = text("bulkId")?.filter(|bulk_id| !bulk_id.is_empty());
    let version = text("version")?;
    if method == BulkMethod::Post && bulk_id.is_none() {
        return Err(wrong("a POST needs a \"bulkId\"."));
    }
    let data = fields.remove("data").filter(|data| !data.is_null());
    Ok(BulkOperation { method, path, bulk_id, version, data })
}

const REFERENCE: &str = "bulkId:";

/// Every bulkId that the operation refers to, in its path and anywhere in its data.
pub fn bulk_references(operation: &BulkOperation) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // Nothing is replaced: the closure only looks.
    let mut look = |name: &str| {
        found.insert(name.to_owned());
        None
    };
    if let Some((_, Some(id))) = operation.target() {
        replaced(id, &mut look);
    }
    if let Some(data) = &operation.data {
        in_value(&mut data.clone(), &mut look);
    }
    found
}

/// Replaces every reference that `id_of` knows by the id. Others stay, and fail where they are used.
pub fn replace_references(operation: &mut BulkOperation, id_of: impl Fn(&str) -> Option<String>) {
    let mut id_of = |name: &str| id_of(name);
    if let Some((endpoint, Some(id))) = operation.target()
        && let Some(id) = replaced(id, &mut id_of)
    {
        operation.path = format!("/{endpoint}/{id}");
    }
    if let Some(data) = &mut operation.data {
        in_value(data, &mut id_of);
    }
}

type Lookup<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

/// The id that a text refers to: the whole of it (`bulkId:x`), or the last step of an address (`…/Users/bulkId:x`), or a
/// quoted value in a path's filter (`members[value eq "bulkId:x"]`).
fn replaced(text: &str, id_of: Lookup<'_>) -> Option<String> {
    let start = text.find(REFERENCE)?;
    let (head, tail) = text.split_at(start);
    let name = &tail[REFERENCE.len()..];
    if head.is_empty() || head.ends_with('/') {
        return id_of(name).map(|id| format!("{head}{id}"));
    }
    if head.ends_with('"') {
        let end = name.find('"')?;
        return id_of(&name[..end]).map(|id| format!("{head}{id}{}", &name[end..]));
    }
    None
}

fn in_value(value: &mut Value, id_of: Lookup<'_>) {
    match value {
        Value::String(text) => {
            if let Some(id) = replaced(text, id_of) {
                *text = id;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| in_value(item, id_of)),
        Value::Object(map) => map.values_mut().for_each(|part| in_value(part, id_of)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkResult {
    /// The method.
    pub method: BulkMethod,
    /// The client's name for it.
    pub bulk_id: Option<String>,
    /// The resource's new ETag.
    pub version: Option<String>,
    /// The resource's address; of a failed POST there is none.
    pub location: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// The error's body.
    pub response: Option<Value>,
}

/// The answer to a bulk request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BulkResponse {
    /// What became of the operations that were tried, in the request's order.
    pub results: Vec<BulkResult>,
}

impl BulkResponse {
    /// The message.
    pub fn to_json(self) -> Value {
        let results = self.results.into_iter().map(|result| {
            let mut entry = Map::new();
            let mut add = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    entry.insert(name.to_owned(), value);
                }
            };
            add("location", result.location.map(Value::from));
            add("method", Some(result.method.as_str().into()));
            add("bulkId", result.bulk_id.map(Value::from));
            add("version", result.version.map(Value::from));
            add("status", Some(result.status.to_string().into()));
            add("response", result.response);
            Value::Object(entry)
        });
        json!({"schemas": [urn::BULK_RESPONSE], "Operations": results.collect::<Vec<_>>()})
    }
}
