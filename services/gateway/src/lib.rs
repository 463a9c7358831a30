//! The public edge: authenticate, limit, route, log requests.
