//! Scopes: proofs of what the caller may touch. Their fields are private and only this crate makes them, so whoever
//! holds one has passed the check that gives it.
//!
//! A scope cannot be made up:
//! ```compile_fail
//! use rollcall_access::{Actor, DirectoryScope, Read};
//! use rollcall_base::{Id, marker};
//! fn forge(tenant: Id<marker::Tenant>, directory: Id<marker::Directory>, actor: Actor) -> DirectoryScope<Read> {
//!     DirectoryScope { tenant, directory, actor, access: std::marker::PhantomData }
//! }
//! ```
//! A scope for reading is not one for writing (the second of these two is what compiles):
//! ```compile_fail
//! use rollcall_access::{DirectoryScope, Read, Write};
//! fn change(_: &DirectoryScope<Write>) {}
//! fn reader(scope: &DirectoryScope<Read>) { change(scope) }
//! ```
//! ```
//! use rollcall_access::{DirectoryScope, Read, Write};
//! fn look(_: &DirectoryScope<Read>) {}
//! fn writer(scope: &DirectoryScope<Write>) { look(&scope.to_read()) }
//! ```
//! Ids of different things do not mix:
//! ```compile_fail
//! use rollcall_access::OperatorScope;
//! use rollcall_base::{Id, marker};
//! fn mix(scope: &OperatorScope, directory: Id<marker::Directory>) { scope.tenant(directory); }
//! ```
//! ```
//! use rollcall_access::OperatorScope;
//! use rollcall_base::{Id, marker};
//! fn same(scope: &OperatorScope, tenant: Id<marker::Tenant>) { scope.tenant(tenant); }
//! ```

use std::{fmt, marker::PhantomData};

use rollcall_base::{Id, marker};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Read {}
    impl Sealed for super::Write {}
}

/// What a [`DirectoryScope`] allows: [`Read`] or [`Write`].
pub trait Access: sealed::Sealed + Send + Sync + 'static {}

/// May look.
#[derive(Debug, Clone, Copy)]
pub enum Read {}
/// May look and change.
#[derive(Debug, Clone, Copy)]
pub enum Write {}

impl Access for Read {}
impl Access for Write {}

/// Who did something, for the event and the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A client with a bearer token.
    Credential(Id<marker::Credential>),
    /// Somebody with the machine's own configuration in hand, at the command line.
    Operator,
    /// A background job of the service, by its name.
    Job(&'static str),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(id) => write!(f, "credential:{id}"),
            Self::Operator => f.write_str("operator"),
            Self::Job(name) => write!(f, "job:{name}"),
        }
    }
}

/// One directory of one tenant, for reading or for writing.
pub struct DirectoryScope<A: Access> {
    tenant: Id<marker::Tenant>,
    directory: Id<marker::Directory>,
    actor: Actor,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> DirectoryScope<A> {
    pub(crate) const fn new(tenant: Id<marker::Tenant>, directory: Id<marker::Directory>, actor: Actor) -> Self {
        Self { tenant, directory, actor, access: PhantomData }
    }

    /// The tenant whose directory it is.
    pub const fn tenant(&self) -> Id<marker::Tenant> {
        self.tenant
    }

    /// The directory.
    pub const fn directory(&self) -> Id<marker::Directory> {
        self.directory
    }

    /// Who acts.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Who may do anything may look.
    #[must_use]
    pub fn to_read(&self) -> DirectoryScope<Read> {
        DirectoryScope::new(self.tenant, self.directory, self.actor.clone())
    }
}

impl<A: Access> Clone for DirectoryScope<A> {
    fn clone(&self) -> Self {
        Self::new(self.tenant, self.directory, self.actor.clone())
    }
}

impl<A: Access> fmt::Debug for DirectoryScope<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectoryScope({}/{}, {})", self.tenant, self.directory, self.actor)
    }
}

/// All of one tenant: its directories and credentials, not the people in them.
#[derive(Debug, Clone)]
pub struct TenantScope {
    tenant: Id<marker::Tenant>,
    actor: Actor,
}

impl TenantScope {
    /// The tenant.
    pub const fn tenant(&self) -> Id<marker::Tenant> {
        self.tenant
    }

    /// Who acts.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// The whole installation. Whoever can read its configuration and database already has it.
#[derive(Debug, Clone)]
pub struct OperatorScope(());

impl OperatorScope {
    /// For a process that was started by hand with the installation's own configuration.
    pub const fn from_local_configuration() -> Self {
        Self(())
    }

    /// All of one tenant.
    pub const fn tenant(&self, tenant: Id<marker::Tenant>) -> TenantScope {
        TenantScope { tenant, actor: Actor::Operator }
    }

    /// One directory of one tenant.
    pub const fn directory(
        &self,
        tenant: Id<marker::Tenant>,
        directory: Id<marker::Directory>,
    ) -> DirectoryScope<Write> {
        DirectoryScope::new(tenant, directory, Actor::Operator)
    }
}

/// A background job of the service itself, such as the sequencer.
#[derive(Debug, Clone)]
pub struct JobScope(&'static str);

impl JobScope {
    /// For the job `name` of a running service.
    pub const fn of_service(name: &'static str) -> Self {
        Self(name)
    }

    /// Who acts.
    pub const fn actor(&self) -> Actor {
        Actor::Job(self.0)
    }

    /// All of one tenant, for a job that looks after each.
    pub const fn tenant(&self, tenant: Id<marker::Tenant>) -> TenantScope {
        TenantScope { tenant, actor: self.actor() }
    }
}
