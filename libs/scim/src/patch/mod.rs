//! PATCH (RFC 7644 §3.5.2): parse → plan → apply.

mod apply;
mod elements;
mod members;
mod operation;
mod read;
#[cfg(test)]
mod reference;
mod step;
mod work;

use serde_json::{Map, Value};

use crate::{
    accept::{check_immutable, check_required},
    document::Document,
    error::ScimError,
    limits::Limits,
    members::MemberOp,
    quirks::Leniency,
    schema::ResourceType,
};
use step::Step;
use work::Work;

/// What a PATCH request asks for, checked against the schema. Applying it is pure and can be repeated.
#[derive(Debug, Clone)]
pub struct PatchPlan {
    resource_type: ResourceType,
    leniency: Leniency,
    limits: Limits,
    steps: Vec<Step>,
    member_ops: Vec<MemberOp>,
    password_sent: bool,
}

impl PatchPlan {
    /// Reads a PATCH request.
    ///
    /// # Errors
    /// 400 `invalidSyntax`, `invalidPath`, `invalidFilter`, `invalidValue`, `mutability` or `noTarget` by RFC 7644
    /// §3.12; 413 beyond a limit; what a strict directory refuses.
    pub fn parse(
        body: Value,
        resource_type: &ResourceType,
        limits: &Limits,
        leniency: &Leniency,
    ) -> Result<Self, ScimError> {
        read::plan(body, resource_type, limits, leniency)
    }

    /// The changes of the members, in order.
    pub fn member_ops(&self) -> &[MemberOp] {
        &self.member_ops
    }

    /// A password came; it is gone.
    pub fn password_sent(&self) -> bool {
        self.password_sent
    }

    /// The document after all operations. If one fails, none counts. An equal document means that nothing changed.
    ///
    /// # Errors
    /// 400 `noTarget` if a path's filter selects nothing, `mutability` if an immutable attribute or the id would change,
    /// `invalidValue` if a required attribute would be missing, `tooMany` if the operations look at too many values.
    pub fn apply(&self, id: &str, document: &Document) -> Result<Document, ScimError> {
        let mut changed: Map<String, Value> = document.attributes().clone();
        let mut work = Work::default();
        for step in &self.steps {
            work.account(step, &changed)?;
            self.step(step, id, &mut changed)?;
        }
        check_immutable(&self.resource_type, document.attributes(), &changed)?;
        check_required(&self.resource_type, &changed)?;
        Ok(Document::from_canonical(changed))
    }
}
