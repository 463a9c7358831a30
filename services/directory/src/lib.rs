//! SCIM use cases and their HTTP surface.
