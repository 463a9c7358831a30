//! `rollcall limits`: what bounds a request, a directory, a tenant and an address, with this configuration.

use rollcall_runtime::{Config, config::RequestLimits};
use serde::Serialize;
use serde_json::Value;

use crate::{cli::Limits, output::Output};

/// A limit, as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    limit: &'static str,
    value: Value,
    unit: &'static str,
    beyond: &'static str,
}

/// A setting that limits something: its place in the configuration, what its number counts, and what a client gets beyond.
struct Limit(&'static str, &'static str, &'static str);

/// Rates and what is under way, then one request from its head to its answer, then the rest.
const SETTINGS: &[Limit] = &[
    Limit("limits.requests.directory.per_second", "requests a second of a directory", "429"),
    Limit("limits.requests.directory.burst", "requests of a directory at once", "429"),
    Limit("limits.requests.tenant.per_second", "requests a second of a tenant", "429"),
    Limit("limits.requests.tenant.burst", "requests of a tenant at once", "429"),
    Limit("limits.requests.working", "requests that a process works on at once; 0: one for each processor", "its turn"),
    Limit("limits.requests.in_flight", "requests of a tenant that are not over, in a process", "its turn"),
    Limit("limits.requests.guaranteed_in_flight", "guaranteed requests of a directory that are not over", "the rates"),
    Limit("limits.requests.patience_ms", "ms a request may wait to be within the rates", "429"),
    Limit("limits.requests.turn_seconds", "s a request may wait for its turn", "429"),
    Limit("limits.requests.waiting", "requests of a directory that wait", "429 without waiting"),
    Limit("limits.requests.unsent_bytes", "bytes of a tenant's answers that are not read yet, in a process", "429"),
    Limit("limits.requests.seconds", "s until an answer begins", "503"),
    Limit("limits.unknown_tokens.per_second", "unknown or wrong tokens a second from an address", "429"),
    Limit("limits.unknown_tokens.burst", "unknown or wrong tokens at once from an address", "429"),
    Limit("limits.unknown_tokens.total_per_second", "unknown tokens a second from all new addresses", "429"),
    Limit("limits.unknown_tokens.total_burst", "unknown tokens at once from all new addresses", "429"),
    Limit("oauth.token_requests.per_second", "requests a second of an OAuth client for a token", "429"),
    Limit("oauth.token_requests.burst", "requests of an OAuth client for a token at once", "429"),
    Limit("oauth.secret_checks", "client secrets checked at once, of strangers and of others", "waiting"),
    Limit("oauth.secret_check_wait_ms", "ms a client secret may wait to be checked", "503"),
    Limit("http.header_bytes", "bytes of a request's target and headers", "431"),
    Limit("http.header_seconds", "s for the head of a request to arrive", "408"),
    Limit("http.body_bytes", "bytes of a request's body", "413"),
    Limit("http.body_seconds", "s for the body of a request to arrive", "408"),
    Limit("http.write_seconds", "s that a client reads nothing of an answer", "the connection is closed"),
    Limit("http.keep_alive_seconds", "s that a connection is idle", "the connection is closed"),
    Limit("limits.bulk_operations", "operations of a Bulk request", "413"),
    Limit("limits.bulk_bytes", "bytes of a Bulk request", "413"),
    Limit("limits.patch_operations", "operations of a PATCH request", "413"),
    Limit("limits.members_per_request", "members named in a request", "413"),
    Limit("limits.values_per_attribute", "values of one attribute", "400 invalidValue"),
    Limit("limits.resource_bytes", "bytes of a resource without members", "413"),
    Limit("limits.filter_bytes", "bytes of a filter or path", "400 invalidFilter, invalidPath"),
    Limit("limits.filter_terms", "comparisons of a filter", "400 invalidFilter"),
    Limit("limits.filter_depth", "levels of a filter", "400 invalidFilter"),
    Limit("database.scan_rows", "rows looked at for an attribute without index", "400 tooMany"),
    Limit("limits.page.default", "resources on a page if no count is asked for", "the next page"),
    Limit("limits.page.max", "resources on a page", "the next page"),
    Limit("limits.list_bytes", "bytes of resources in a list", "400 tooMany"),
    Limit("limits.list_members", "members in a list", "400 tooMany"),
    Limit("limits.cursor_seconds", "s that a cursor is good", "400 expiredCursor"),
    Limit("limits.lookup_groups", "groups of a user in a lookup", "422"),
    Limit("limits.draft_resources", "users and groups in a directory that is a draft", "403"),
    Limit("limits.directory_name_length", "characters of a Directory Name", "`directory create` refuses"),
    Limit("internal.answer_seconds", "s for the directory service to answer the gateway", "503"),
];

/// Runs it.
pub(crate) fn run(command: &Limits, config: &Config, output: &Output) {
    match command {
        Limits::Show => output.many(&all(config), "there are no limits"),
    }
}

fn all(config: &Config) -> Vec<Shown> {
    let config = serde_json::to_value(config).unwrap_or_default();
    let guarantee = Shown {
        limit: "guaranteed",
        value: RequestLimits::GUARANTEED.into(),
        unit: "requests a second of a directory, and at once, always taken; no setting",
        beyond: "the limits below",
    };
    let settings = SETTINGS.iter().map(|Limit(name, unit, beyond)| {
        let value = config.pointer(&format!("/{}", name.replace('.', "/"))).cloned().unwrap_or_default();
        Shown { limit: name, value, unit, beyond }
    });
    std::iter::once(guarantee).chain(settings).collect()
}

#[cfg(test)]
mod tests {
    use rollcall_runtime::Overrides;

    use super::*;

    /// Settings of `http` that are no limits.
    const NO_LIMITS: [&str; 4] =
        ["http.trusted_proxies", "http.workers", "http.certificate_seconds", "http.shutdown_seconds"];

    fn leaves(place: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    leaves(&format!("{place}.{name}"), value, found);
                }
            }
            _ => found.push(place.to_owned()),
        }
    }

    #[test]
    fn every_setting_that_limits_something_is_shown_with_its_value() {
        let config = Config::load_with(None, [], &Overrides::default()).unwrap();
        let shown = all(&config);
        let whole = serde_json::to_value(&config).unwrap();
        let mut wanted = Vec::new();
        for section in ["limits", "http"] {
            leaves(section, &whole[section], &mut wanted);
        }
        for name in wanted.iter().filter(|name| !NO_LIMITS.contains(&name.as_str())) {
            assert!(shown.iter().any(|limit| limit.limit == name), "{name} is not shown");
        }
        for limit in &shown {
            assert!(limit.value.is_u64(), "{} is no setting: {}", limit.limit, limit.value);
        }
    }

    #[test]
    fn what_is_configured_is_what_is_shown() {
        let environment = [("ROLLCALL_LIMITS__REQUESTS__DIRECTORY__PER_SECOND".into(), "77".into())];
        let config = Config::load_with(None, environment, &Overrides::default()).unwrap();
        let shown = all(&config);
        let rate = shown.iter().find(|limit| limit.limit == "limits.requests.directory.per_second").unwrap();
        assert_eq!(rate.value, 77);
    }
}
