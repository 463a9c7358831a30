//! A typed in-process cache.
