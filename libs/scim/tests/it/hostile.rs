//! Arbitrary input: nothing panics, and what is refused is refused with a 4xx.

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed},
};
use rollcall_scim::{
    Limits, PatchPlan, Projection, ScimError, accept,
    filter::Filter,
    messages::{BulkRequest, SearchRequest, bulk_references},
    parse_json,
    path::AttributePath,
    quirks::Leniency,
    schema::ResourceType,
};
use serde_json::{Map, Value, json};

use crate::support::{ENTERPRISE, ID, group, posted, user};

/// 200 tries from a fixed seed; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` in the environment replace the two.
fn tries() -> Config {
    let default = Config::default();
    let chosen = |name: &str| std::env::var_os(name).is_some();
    Config {
        cases: if chosen("PROPTEST_CASES") { default.cases } else { 200 },
        rng_seed: if chosen("PROPTEST_RNG_SEED") { default.rng_seed } else { RngSeed::Fixed(7643) },
        failure_persistence: None,
        ..default
    }
}

fn is_4xx<T>(outcome: Result<T, ScimError>) -> bool {
    outcome.is_ok() || outcome.is_err_and(|error| (400..500).contains(&error.status) && !error.detail.is_empty())
}

/// Pieces of filters and paths in any order.
fn near_grammar() -> impl Strategy<Value = String> + Clone {
    let piece = prop_oneof![
        select(vec![
            "userName",
            "emails",
            "type",
            "value",
            "name.givenName",
            "members",
            " ",
            " eq ",
            " pr",
            " and ",
            " or ",
            "not ",
            "(",
            ")",
            "[",
            "]",
            ".",
            ":",
            "\"",
            "\"a\"",
            "\\",
            "\\u0000",
            "\\ud800",
            "true",
            "null",
            "1",
            "-",
            "$ref",
            "\0",
            ENTERPRISE,
            "urn:",
            "é",
            "1e999",
            "\u{202e}",
            "manager",
            "password",
            "meta.created",
            "\"2011-05-13T04:42:34Z\"",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()).boxed()
}

fn names() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        8 => select(vec![
            "userName", "USERNAME", "externalId", "active", "emails", "name", "name.givenName", "addresses", "value", "type",
            "primary", "members", "manager", "password", "id", "meta", "groups", "schemas", "displayName", "$ref", ENTERPRISE,
            "urn:example:extension:x:1.0:User", "urn:ietf:params:scim:schemas:core:2.0:User", "op", "path", "Operations",
        ])
        .prop_map(str::to_owned),
        1 => near_grammar(),
    ]
    .boxed()
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec!["", "True", "a", "work", "add", "replace", "remove", "bulkId:x", "\0"]).prop_map(Value::from),
        near_grammar().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((names(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn operations() -> impl Strategy<Value = Value> {
    let operation = (select(vec!["add", "Replace", "remove", "x"]), proptest::option::of(near_paths()), values())
        .prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value}));
    proptest::collection::vec(operation, 0..4).prop_map(|operations| json!({"Operations": operations}))
}

fn near_paths() -> impl Strategy<Value = String> {
    let path =
        (names(), select(vec!["type eq \"work\"", "value pr", "primary eq \"True\"", "value eq \"a\""]), names());
    prop_oneof![
        names(),
        near_grammar(),
        path.clone().prop_map(|(name, filter, sub)| format!("{name}[{filter}].{sub}")),
        path.clone().prop_map(|(name, filter, _)| format!("{name}[{filter}]")),
        path.prop_map(|(name, _, sub)| format!("{ENTERPRISE}:{name}.{sub}")),
    ]
}

fn everywhere(resource_type: &ResourceType, body: &Value, leniency: &Leniency) -> bool {
    let limits = Limits::default();
    let plan = PatchPlan::parse(body.clone(), resource_type, &limits, leniency);
    let applied = plan.and_then(|plan| plan.apply(ID, &posted(json!({"emails": [{"type": "work", "value": "a"}]}))));
    let bulk = BulkRequest::parse(body.clone(), &limits);
    is_4xx(applied)
        && is_4xx(accept(resource_type, body.clone(), &limits, leniency))
        && is_4xx(SearchRequest::parse(body.clone()))
        && is_4xx(bulk.map(|bulk| bulk.operations.iter().map(bulk_references).count()))
}

proptest! {
    #![proptest_config(tries())]

    #[test]
    fn any_bytes_are_json_or_refused(bytes in any::<Vec<u8>>(), text in near_grammar()) {
        prop_assert!(is_4xx(parse_json(&bytes)));
        let quoted = format!("{{\"a\": \"{text}\"}}");
        prop_assert!(is_4xx(parse_json(quoted.as_bytes())));
    }

    #[test]
    fn any_text_is_a_filter_or_refused(text in prop_oneof![any::<String>(), near_grammar()]) {
        for leniency in [Leniency::lenient(), Leniency::strict()] {
            let filter = Filter::parse(&text, &Limits::default());
            if let Ok(filter) = &filter {
                let wide = Limits { filter_bytes: 1 << 20, ..Limits::default() };
                let again = Filter::parse(&filter.to_string(), &wide);
                prop_assert_eq!(again.as_ref(), Ok(filter));
            }
            let condition = filter.and_then(|filter| filter.resolve(&user(), &leniency));
            if let Ok(condition) = &condition {
                condition.matches(&json!({"userName": "a", "emails": [{"value": "a"}]}));
            }
            prop_assert!(is_4xx(condition));
        }
    }

    #[test]
    fn any_text_is_a_path_or_refused(text in prop_oneof![any::<String>(), near_grammar(), near_paths()]) {
        prop_assert!(is_4xx(AttributePath::parse(&text, &Limits::default())));
        let projection = Projection::parse(&user(), Some(&text), Some(&text), &Leniency::lenient());
        prop_assert!(is_4xx(projection.map(|projection| projection.apply(&mut Map::new()))));
    }

    #[test]
    fn any_json_is_taken_or_refused(body in values()) {
        for resource_type in [user(), group()] {
            prop_assert!(everywhere(&resource_type, &body, &Leniency::lenient()));
            prop_assert!(everywhere(&resource_type, &body, &Leniency::strict()));
        }
    }

    #[test]
    fn any_operations_are_applied_or_refused(body in operations()) {
        for resource_type in [user(), group()] {
            prop_assert!(everywhere(&resource_type, &body, &Leniency::lenient()));
            prop_assert!(everywhere(&resource_type, &body, &Leniency::strict()));
        }
    }
}
