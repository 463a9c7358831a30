//! Bulk (RFC 7644 §3.7): many operations in one request, each all or nothing, with references by bulkId in any order.

mod order;
mod references;

use std::{collections::HashMap, sync::Arc};

use rollcall_scim::{
    ScimError, ScimType,
    messages::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult},
    schema::ResourceType,
};
use rollcall_store::{Precondition, StoredResource};
use serde_json::Value;

use self::{
    order::Order,
    references::{resolve, without_open_references},
};
use crate::{Call, DirectoryService, failure::Failure, http::version_of_tag};

/// What became of the operations so far.
#[derive(Default)]
struct Progress {
    /// The ids behind the bulkIds that are settled; none for those that failed.
    ids: HashMap<String, Option<String>>,
    results: Vec<Option<BulkResult>>,
    errors: u64,
    /// Operations that were created without the references they must still get, as two of them refer to each other.
    unfinished: Vec<(usize, String)>,
}

impl Progress {
    fn did_something(&self) -> bool {
        self.results.iter().flatten().any(|result| result.status < 300)
    }

    /// What was created without its references stays so.
    fn break_off(&mut self, operations: &[BulkOperation], failure: &Failure) {
        let status = failure.to_scim().status;
        let told = "It was created without the references that it must still get, and the request ended there. Read it, \
                    and send the references again.";
        for (at, _) in std::mem::take(&mut self.unfinished) {
            let error = ScimError::status(status, told);
            let location = self.results[at].take().and_then(|result| result.location);
            self.results[at] = Some(result(&operations[at], status, location, None, Some(&error)));
        }
    }
}

impl DirectoryService {
    /// Runs the operations in the order of the request, but each after those that it refers to. Answers come in the
    /// order of the request; operations that were not tried because of failOnErrors have none.
    pub(crate) async fn bulk(&self, call: &Call, request: BulkRequest) -> Result<Value, Failure> {
        let operations = &request.operations;
        let mut progress = Progress { results: operations.iter().map(|_| None).collect(), ..Progress::default() };
        match Box::pin(self.work(call, operations, request.fail_on_errors, &mut progress)).await {
            // Nothing is done yet: the client sends the whole request again.
            Err(failure) if !progress.did_something() => return Err(failure),
            // What was done is said, and so is where it ended.
            Err(failure) => progress.break_off(operations, &failure),
            Ok(()) => {}
        }
        Ok(BulkResponse { results: progress.results.into_iter().flatten().collect() }.to_json())
    }

    /// # Errors
    /// What concerns more than one operation. The one that it came up with has it as its result.
    async fn work(
        &self,
        call: &Call,
        operations: &[BulkOperation],
        fail_on_errors: Option<u64>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let most = fail_on_errors.unwrap_or(u64::MAX);
        let mut order = Order::of(operations);
        let mut waiting: Vec<usize> = (0..operations.len()).collect();
        while !waiting.is_empty() && progress.errors < most {
            let ready = waiting.iter().position(|&at| order.open_references[at] == 0);
            // Nobody is ready: a circle. It is opened at a resource that can be created without its references.
            let opens = || waiting.iter().position(|&at| operations[at].method == BulkMethod::Post);
            let at = waiting.remove(ready.or_else(opens).unwrap_or(0));
            self.run(call, at, &operations[at], ready.is_none(), progress).await?;
            order.settle(&operations[at]);
        }
        self.finish(call, operations, progress).await
    }

    async fn run(
        &self,
        call: &Call,
        at: usize,
        operation: &BulkOperation,
        in_circle: bool,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        // In a box: what hangs on an operation is too deep for one type.
        let outcome = Box::pin(self.attempt(call, operation, in_circle, progress)).await;
        let result = match outcome {
            Ok(done) => {
                if let (Some(bulk_id), Some(id)) = (&operation.bulk_id, &done.id) {
                    progress.ids.insert(bulk_id.clone(), Some(id.clone()));
                    if in_circle {
                        progress.unfinished.push((at, id.clone()));
                    }
                }
                result(operation, done.status, done.location, done.version, None)
            }
            Err(failure) => {
                let location = self.location_of(call, operation, progress);
                let error = failure.to_scim();
                progress.results[at] = Some(result(operation, error.status, location.clone(), None, Some(&error)));
                answerable(failure)?;
                progress.errors += 1;
                if let Some(bulk_id) = &operation.bulk_id {
                    progress.ids.entry(bulk_id.clone()).or_insert(None);
                }
                result(operation, error.status, location, None, Some(&error))
            }
        };
        progress.results[at] = Some(result);
        Ok(())
    }

    /// The address of what a failed operation was about: RFC 7644 §3.7.3 leaves it out for a POST only.
    fn location_of(&self, call: &Call, operation: &BulkOperation, progress: &Progress) -> Option<String> {
        if operation.method == BulkMethod::Post {
            return None;
        }
        let (method, path) = (operation.method, operation.path.clone());
        let mut bare = BulkOperation { method, path, bulk_id: None, version: None, data: None };
        resolve(&mut bare, progress).ok()?;
        let (kind, id) = self.place(call, &bare).ok()?;
        Some(format!("{}{}/{}", call.base_url, kind.endpoint, id?))
    }

    async fn attempt(
        &self,
        call: &Call,
        operation: &BulkOperation,
        in_circle: bool,
        progress: &Progress,
    ) -> Result<Done, Failure> {
        let mut operation = operation.clone();
        if in_circle {
            operation.data = operation.data.map(|data| without_open_references(data, progress));
        }
        resolve(&mut operation, progress)?;
        let (kind, id) = self.place(call, &operation)?;
        let data = operation.data.ok_or_else(|| {
            ScimError::bad_request(
                ScimType::InvalidSyntax,
                "This operation needs \"data\": the body of the request that it stands for.",
            )
        });
        let precondition = match operation.version.as_deref() {
            None => Precondition::None,
            Some(tag) => Precondition::Versions(version_of_tag(tag).into_iter().collect()),
        };
        match (operation.method, id.as_deref()) {
            (BulkMethod::Post, None) => {
                // Resources that refer to each other are created without their references first, and deleted again if these
                // cannot be set. So none of them may be a user from before who comes back: that one would be deleted.
                let created = self.create(call, &kind, data?, in_circle).await?;
                Ok(Done::of(call, &kind.endpoint, 201, &created))
            }
            (BulkMethod::Put, Some(id)) => {
                let updated = self.replace(call, &kind, id, precondition, data?, false).await?;
                Ok(Done::of(call, &kind.endpoint, 200, &updated.resource))
            }
            (BulkMethod::Patch, Some(id)) => {
                let updated = self.patch(call, &kind, id, precondition, data?, false).await?;
                Ok(Done::of(call, &kind.endpoint, 200, &updated.resource))
            }
            (BulkMethod::Delete, Some(id)) => {
                self.delete(call, &kind, id, precondition).await?;
                let location = Some(format!("{}{}/{id}", call.base_url, kind.endpoint));
                Ok(Done { status: 204, id: None, location, version: None })
            }
            (BulkMethod::Post, Some(_)) => Err(path_error("POST takes the path of a collection, such as \"/Users\".")),
            (_, None) => {
                Err(path_error("PUT, PATCH and DELETE take the path of one resource, such as \"/Users/{id}\"."))
            }
        }
    }

    /// The type and the id that an operation's path names.
    fn place(&self, call: &Call, operation: &BulkOperation) -> Result<(Arc<ResourceType>, Option<String>), ScimError> {
        let (endpoint, id) = operation.target().ok_or_else(|| {
            ScimError::bad_request(ScimType::InvalidPath, "The path of an operation is \"/Users\" or \"/Users/{id}\".")
        })?;
        Ok((Arc::clone(self.resource_type(call, endpoint)?), id.map(str::to_owned)))
    }

    /// Gives the resources of a circle the references that they were created without. One whose references cannot be
    /// had is taken back: an operation is done whole or not at all.
    async fn finish(&self, call: &Call, operations: &[BulkOperation], progress: &mut Progress) -> Result<(), Failure> {
        while let Some((at, id)) = progress.unfinished.first().cloned() {
            let operation = &operations[at];
            let (kind, _) = self.place(call, operation)?;
            let mut whole = operation.clone();
            let completed = match resolve(&mut whole, progress) {
                Err(error) => Err(error.into()),
                Ok(()) => {
                    let data = whole.data.unwrap_or_default();
                    self.replace(call, &kind, &id, Precondition::None, data, false).await
                }
            };
            let outcome = match completed {
                Ok(updated) => {
                    let done = Done::of(call, &kind.endpoint, 201, &updated.resource);
                    result(operation, done.status, done.location, done.version, None)
                }
                Err(failure) => {
                    let error = answerable(failure)?;
                    progress.errors += 1;
                    self.delete(call, &kind, &id, Precondition::None).await?;
                    result(operation, error.status, None, None, Some(&error))
                }
            };
            progress.results[at] = Some(outcome);
            progress.unfinished.remove(0);
        }
        Ok(())
    }
}

/// What an operation that went well leaves to say.
struct Done {
    status: u16,
    id: Option<String>,
    location: Option<String>,
    version: Option<String>,
}

impl Done {
    fn of(call: &Call, endpoint: &str, status: u16, resource: &StoredResource) -> Self {
        Self {
            status,
            id: Some(resource.id.to_string()),
            location: Some(format!("{}{endpoint}/{}", call.base_url, resource.id)),
            version: Some(format!("W/\"{}\"", resource.version)),
        }
    }
}

/// A failure that belongs to one operation. One of the service itself ends the request there, so that what was not
/// tried is not taken for refused.
fn answerable(failure: Failure) -> Result<ScimError, Failure> {
    match failure {
        Failure::Scim(error) => Ok(error),
        refused @ Failure::Forbidden(_) => Ok(refused.to_scim()),
        other => Err(other),
    }
}

fn result(
    operation: &BulkOperation,
    status: u16,
    location: Option<String>,
    version: Option<String>,
    error: Option<&ScimError>,
) -> BulkResult {
    BulkResult {
        method: operation.method,
        bulk_id: operation.bulk_id.clone(),
        location,
        version,
        status,
        response: error.map(ScimError::to_json),
    }
}

fn path_error(detail: &str) -> Failure {
    ScimError::bad_request(ScimType::InvalidPath, detail).into()
}
