//! What a caller may touch, as values that only this crate can make, and the format of the tokens they come from.

mod client;
mod credential;
mod directory;
pub mod internal;
mod ladder;
mod networks;
mod permission;
mod scope;
mod token;

pub use client::{ClientId, ClientSecret, MalformedClientId, MalformedSecret, OAuthClientRecord, SecretHash};
pub use credential::{Authenticated, CredentialRecord, Denial, Rotation, authenticate};
pub use directory::{
    DirectoryPolicies, DirectorySettings, DirectoryState, DirectoryStep, Life, OnDelete, OnDeletedUser,
    OnDuplicateGroupName, OnInactiveUser, OnReplace, OnUnknownMember, PolicyChanges, Stage, StepRefused, UnknownChoice,
    UnknownWord,
};
pub use internal::{
    ForwardedRequest, GrantError, Granted, InternalCall, InternalKeys, SHORTEST_INTERNAL_SECRET, SIGNED_FOR, SealError,
};
pub use ladder::{CredentialState, End, Ladder, RUNGS, Rung};
pub use networks::{AllowedNetworks, MOST_NETWORKS, Networks, NetworksError, Origin};
pub use permission::{Action, Forbidden, Permission, Scopes, ScopesError, Subject};
pub use scope::{Access, Actor, DirectoryScope, JobScope, OperatorScope, Read, TenantScope, Write};
pub use token::{BearerToken, MalformedToken, TokenHash, TokenKind};
