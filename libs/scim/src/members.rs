//! Changes of a group's members. Members are never in the document: they are rows.

use crate::filter::Condition;

/// One step of a change. Steps apply in order. Ids are as the client sent them and may be of nobody.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberOp {
    /// These too.
    Add(Vec<String>),
    /// No longer these; one who is no member is no error.
    Remove(Vec<String>),
    /// No longer those whose `members` element fulfils the condition (paths are `members.value`, `members.type`,
    /// `members.display`, `members.$ref`). A condition made of `value eq` alone comes as [`MemberOp::Remove`].
    RemoveWhere(Condition),
    /// Exactly these.
    Replace(Vec<String>),
}
