//! Deviations from the RFCs: what a lenient directory makes of each, what a strict one answers, and how it is told.

use std::collections::BTreeMap;

use rollcall_scim::quirks::Quirk;
use serde_json::{Value, json};

use crate::{
    directory::{Answer, Directory, ENTERPRISE, GROUP, PATCH_OP, USER, encoded, id_of},
    server::{Place, Server, eventually},
    shape::Shape,
};

/// Until there is a command for it in every version under test: by a statement, before the directory is first asked for.
fn make_strict(place: &Place, directory: &Directory) {
    let statement =
        format!("UPDATE directory SET policies = '{{\"strict\":true}}' WHERE directory_id = '{}'", directory.id);
    match place.database_url() {
        None => place.sqlite(&statement),
        Some(_) => drop(place.psql(&statement)),
    }
}

/// What is counted with the quirks and is none: a directory's policy decides on it, strict or not.
const BY_POLICY: &[&str] = &["unknown_member_skipped"];

/// What a strict directory answers.
enum Strict {
    /// 400 with this scimType.
    Refuses(&'static str),
    /// Another status.
    Says(u16),
    /// The same status.
    Takes,
}

struct Case {
    quirk: Quirk,
    method: &'static str,
    /// `{u}`, `{g}` and `{m}` stand for a user, a group and its member.
    path: String,
    body: Value,
    lenient: u16,
    strict: Strict,
}

fn case(quirk: Quirk, method: &'static str, path: &str, body: Value, lenient: u16, strict: Strict) -> Case {
    Case { quirk, method, path: path.to_owned(), body, lenient, strict }
}

fn user_patch(quirk: Quirk, operations: Value, strict: &'static str) -> Case {
    let body = json!({"schemas": [PATCH_OP], "Operations": operations});
    case(quirk, "PATCH", "/Users/{u}", body, 200, Strict::Refuses(strict))
}

fn group_patch(quirk: Quirk, operation: Value, strict: &'static str) -> Case {
    let body = json!({"schemas": [PATCH_OP], "Operations": [operation]});
    case(quirk, "PATCH", "/Groups/{g}", body, 204, Strict::Refuses(strict))
}

fn post(quirk: Quirk, more: Value, strict: &'static str) -> Case {
    let mut body = json!({"schemas": [USER], "userName": format!("new-{}", quirk.as_str())});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    case(quirk, "POST", "/Users", body, 201, Strict::Refuses(strict))
}

fn get(quirk: Quirk, query: &str, strict: &'static str) -> Case {
    case(quirk, "GET", &format!("/Users?{query}"), Value::Null, 200, Strict::Refuses(strict))
}

fn cases() -> Vec<Case> {
    let replace = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    let pathless = |value: Value| json!([{"op": "replace", "value": value}]);
    let manager = format!("{ENTERPRISE}:manager");
    vec![
        user_patch(
            Quirk::OperationLetterCase,
            json!([{"op": "Replace", "path": "title", "value": "x"}]),
            "invalidSyntax",
        ),
        user_patch(Quirk::BooleanAsText, replace("active", json!("False")), "invalidValue"),
        user_patch(
            Quirk::BooleanLiteralAsText,
            replace("roles[primary eq \"True\"].value", json!("r")),
            "invalidFilter",
        ),
        group_patch(
            Quirk::RemoveListedValues,
            json!({"op": "remove", "path": "members", "value": [{"value": "{m}"}]}),
            "invalidSyntax",
        ),
        user_patch(Quirk::ElementCreatedFromFilter, replace("emails[type eq \"fax\"].value", json!("x")), "noTarget"),
        user_patch(Quirk::DottedKey, pathless(json!({"name.givenName": "x"})), "invalidSyntax"),
        user_patch(Quirk::UrnKey, pathless(json!({format!("{ENTERPRISE}:division"): "x"})), "invalidSyntax"),
        user_patch(Quirk::DotAfterUrn, replace(&format!("{ENTERPRISE}.division"), json!("x")), "invalidPath"),
        user_patch(Quirk::ComplexAsText, replace(&manager, json!("m")), "invalidValue"),
        user_patch(Quirk::ComplexInList, replace(&manager, json!([{"value": "m"}])), "invalidValue"),
        user_patch(Quirk::ListAsSingle, replace("phoneNumbers", json!({"value": "1"})), "invalidValue"),
        group_patch(Quirk::MemberAsText, json!({"op": "add", "path": "members", "value": ["{m}"]}), "invalidValue"),
        user_patch(Quirk::SimpleInList, replace("title", json!([{"$ref": null, "value": "x"}])), "invalidValue"),
        get(
            Quirk::FilterAfterElement,
            &format!("filter={}", encoded("emails[type eq \"work\"].value eq \"x\"")),
            "invalidFilter",
        ),
        get(Quirk::ShortExtensionName, &format!("filter={}", encoded("manager eq \"x\"")), "invalidFilter"),
        get(Quirk::FilterInProjection, &format!("attributes={}", encoded("emails[type eq \"work\"]")), "invalidPath"),
        post(Quirk::UnknownAttribute, json!({"badgeColour": "red"}), "invalidPath"),
        user_patch(Quirk::UnknownAttribute, replace("badgeColour", json!("red")), "invalidPath"),
        user_patch(Quirk::UnknownAttribute, pathless(json!({"badgeColour": "red"})), "invalidPath"),
        post(Quirk::UnmappedExtension, json!({"urn:example:extension:2.0:User": {"badge": 1}}), "invalidPath"),
        user_patch(Quirk::UnmappedExtension, replace("urn:example:extension:2.0:User:badge", json!(1)), "invalidPath"),
        post(
            Quirk::UnknownSchema,
            json!({"userName": "ads", "schemas": [USER, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"]}),
            "invalidSyntax",
        ),
        post(Quirk::Scim1Schema, json!({"schemas": ["urn:scim:schemas:core:1.0"]}), "invalidSyntax"),
        post(Quirk::MissingSchemas, json!({"schemas": []}), "invalidSyntax"),
        user_patch(Quirk::NoOperations, json!([]), "invalidSyntax"),
        case(
            Quirk::ExternalIdKept,
            "PUT",
            "/Users/{u}",
            json!({"schemas": [USER], "userName": "old", "active": true}),
            200,
            Strict::Takes,
        ),
        case(
            Quirk::OwnIdInPatch,
            "PATCH",
            "/Groups/{g}",
            json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"id": "{g}", "displayName": "h"}}]}),
            204,
            Strict::Takes,
        ),
        case(Quirk::EndpointLetterCase, "GET", "/users?count=0", Value::Null, 200, Strict::Says(404)),
    ]
}

/// A directory with a user, a group and its member, for which the cases' braces stand.
struct Ground {
    directory: Directory,
    names: [(&'static str, String); 3],
}

impl Ground {
    async fn new(directory: Directory) -> Self {
        let user = json!({"schemas": [USER], "userName": "old", "externalId": "e", "active": true,
            "emails": [{"value": "w", "type": "work"}], "roles": [{"value": "r0", "primary": true}]});
        let user = id_of(&directory.post("/Users", user).await.ok(201));
        let member = directory.user("member").await;
        let group = json!({"schemas": [GROUP], "displayName": "g", "members": [{"value": member}]});
        let group = id_of(&directory.post("/Groups", group).await.ok(201));
        Self { directory, names: [("{u}", user), ("{g}", group), ("{m}", member)] }
    }

    async fn send(&self, case: &Case) -> Answer {
        let fill = |text: &str| self.names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id));
        let body: Value = serde_json::from_str(&fill(&case.body.to_string())).unwrap();
        self.directory.send(case.method, &fill(&case.path), Some(&body).filter(|body| !body.is_null())).await
    }

    async fn user(&self) -> Value {
        self.directory.get(&format!("/Users/{}", self.names[0].1)).await.ok(200)
    }
}

/// What the command says: how often each thing was tolerated.
fn tolerated(place: &Place, directory: &Directory) -> BTreeMap<String, u64> {
    let choice = ["directory", "quirks", "--tenant", &directory.tenant, "--directory", &directory.id];
    let shown = place.json(&choice);
    let row = |row: &Value| {
        assert!(
            !row["meaning"].as_str().unwrap().is_empty() && row["last_seen"].as_str().unwrap().starts_with("20"),
            "{row}"
        );
        let name = row["name"].as_str().map_or(String::new(), |name| format!(":{name}"));
        (format!("{}{name}", row["what"].as_str().unwrap()), row["times"].as_u64().unwrap())
    };
    shown.as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn each_deviation_is_taken_by_a_lenient_directory_and_counted_and_answered_by_a_strict_one_as_the_rfcs_say() {
    let place = Server::shared();
    let strict = place.directory_of("acme", "other");
    make_strict(place, &strict);
    let (lenient, strict) = (Ground::new(place.directory_of("acme", "entra-id")).await, Ground::new(strict).await);
    for case in cases() {
        let (name, body) = (case.quirk.as_str(), &case.body);
        let taken = lenient.send(&case).await;
        assert_eq!(taken.status, case.lenient, "{name} {body}: {}", taken.text);
        let answer = strict.send(&case).await;
        match case.strict {
            Strict::Refuses(scim_type) => {
                let detail = answer.error(400, Some(scim_type));
                assert!(detail.len() > 20, "{name} {body}: {detail}");
            }
            Strict::Says(status) => assert_eq!(answer.status, status, "{name} {body}: {}", answer.text),
            Strict::Takes => assert_eq!(answer.status, case.lenient, "{name} {body}: {}", answer.text),
        }
    }
    assert_eq!(lenient.user().await["externalId"], "e", "the link is kept");
    assert_eq!(strict.user().await.get("externalId"), None, "a PUT that leaves it out clears it");
    assert_eq!(strict.user().await["emails"], Value::Null, "that PUT alone was taken");
    let expected: Vec<&str> =
        Quirk::ALL.into_iter().map(Quirk::as_str).filter(|name| !BY_POLICY.contains(name)).collect();
    let counts = eventually("everything that was tolerated is counted", || {
        let counts = tolerated(place, &lenient.directory);
        expected.iter().all(|name| counts.contains_key(*name)).then_some(counts)
    });
    assert_eq!((counts["unknown_attribute"], counts["unmapped:badgeColour"]), (3, 3), "{counts:?}");
    let counts = eventually("what a strict directory takes is counted too", || {
        Some(tolerated(place, &strict.directory)).filter(|counts| !counts.is_empty())
    });
    assert_eq!(counts, BTreeMap::from([("own_id_in_patch".to_owned(), 1)]));
}

#[tokio::test]
async fn a_strict_directory_takes_what_keeps_to_the_rfcs() {
    let place = Server::shared();
    let directory = place.directory_of("acme", "other");
    make_strict(place, &directory);
    let ground = Ground::new(directory).await;
    let [(_, user), (_, group), (_, member)] = &ground.names;
    let directory = &ground.directory;
    let operations = json!([{"op": "replace", "path": "active", "value": false},
        {"op": "add", "path": "emails", "value": [{"value": "h", "type": "home"}]},
        {"op": "replace", "path": "roles[primary eq true].value", "value": "r1"},
        {"op": "add", "value": {ENTERPRISE: {"department": "D", "manager": {"value": "m"}}}}]);
    let patched = directory.patch(&format!("/Users/{user}"), operations).await.ok(200);
    assert_eq!((&patched["active"], &patched[ENTERPRISE]["manager"]["value"]), (&json!(false), &json!("m")));
    let remove = json!([{"op": "remove", "path": format!("members[value eq \"{member}\"]")}]);
    directory.patch(&format!("/Groups/{group}"), remove).await.ok(204);
    let filter = format!("{ENTERPRISE}:manager.value eq \"m\" and emails[type eq \"home\" and value eq \"h\"]");
    assert_eq!(directory.find("/Users", &filter).await.ok(200)["totalResults"], 1);
    assert_eq!(tolerated(place, directory), BTreeMap::new());
}

#[tokio::test]
async fn what_was_tolerated_stands_on_the_requests_own_line_and_is_kept_when_the_service_stops() {
    let server = Server::start();
    let directory = server.directory();
    let id = directory.user("secret-name@private.example").await;
    let operations = json!([{"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": "badgeColour", "value": "secret-colour"}]);
    let answer = directory.patch(&format!("/Users/{id}"), operations).await;
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("x-rollcall-")), "{:?}", answer.headers);
    let request_id = answer.header("x-request-id").to_owned();
    answer.ok(200);
    let said =
        "tolerated=\"operation_letter_case×2, boolean_as_text, unknown_attribute; not in the schema: badgeColour\"";
    let processes = if Shape::tested() == Shape::Split { 2 } else { 1 };
    let log = eventually("the request's line in the log of each process that it went through", || {
        let log = server.place().log();
        let lines = log.lines().filter(|line| line.contains(&request_id) && line.contains("answered"));
        (lines.filter(|line| line.contains(said)).count() == processes).then_some(log)
    });
    assert!(!log.contains("secret-"), "no value of it");
    directory.get(&format!("/Users/{id}")).await.ok(200);
    let plain = eventually("the line of a request that keeps to the RFCs", || {
        let log = server.place().log();
        log.lines().rfind(|line| line.contains("answered") && line.contains("GET")).map(str::to_owned)
    });
    assert!(!plain.contains("tolerated"), "{plain}");

    let (place, well) = server.stop("TERM");
    assert!(well);
    let counts = tolerated(&place, &directory);
    assert_eq!(
        counts,
        BTreeMap::from(
            [
                ("operation_letter_case", 2),
                ("boolean_as_text", 1),
                ("unknown_attribute", 1),
                ("unmapped:badgeColour", 1)
            ]
            .map(|(name, times)| (name.to_owned(), times))
        )
    );
    let text = place.run(&["directory", "quirks", "--tenant", "acme", "--directory", &directory.id]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("capital letters") && text.contains("badgeColour"), "{text}");
    let refused = place.refusal(&["directory", "quirks", "--tenant", "acme", "--directory", "no-such"]);
    assert!(refused.contains("no-such"), "{refused}");
}
