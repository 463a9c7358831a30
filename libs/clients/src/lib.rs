//! What is known of each SCIM client, as data: one file a profile in `profiles/`, read once.
//!
//! A [`Profile`] labels the form's two fields as the client does, says where they are found, puts right what is mostly
//! typed wrong ([`Profile::check`]), and carries the setup guide ([`Profile::guide`]), which a directory's own [`Values`]
//! are filled into. Checks warn and repair and never refuse: what a name may be is said by `rollcall_base` alone.
//!
//! No token is ever part of any of this: [`Values`] has no place for one.

mod check;
mod guide;
mod profile;
mod source;

pub use check::{Change, Checked, FieldName, Repair, Shape, Warning};
pub use guide::{
    Decision, Guide, Mapping, Pairing, Row, Section, Step, Symptom, Term, Timing, TokenState, Trial, Value, Values,
};
pub use profile::{Caution, Field, Fields, Profile, Traffic};
pub use source::{ProfileError, profile, profile_of, profiles, read};
