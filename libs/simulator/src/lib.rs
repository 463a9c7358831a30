//! Speaks SCIM as an identity provider does, over real HTTP.
