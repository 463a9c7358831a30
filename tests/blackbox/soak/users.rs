//! What a client does with its own users.

use serde_json::{Value, json};

use super::{
    client::{Client, Reply, Request},
    model::{Document, User, version},
    world::Trophy,
};
use crate::directory::{ENTERPRISE, PATCH_OP, USER, id_of};

/// What a request does to a user if it is done.
type Change = Box<dyn FnOnce(&mut User) + Send>;

/// A PATCH of these operations.
pub(super) fn patch(path: impl Into<String>, operations: Value) -> Request {
    Request::new("PATCH", path).with(json!({ "schemas": [PATCH_OP], "Operations": operations }))
}

/// A document as it is sent.
pub(super) fn body(schema: &str, document: &Document) -> Value {
    let mut body = document.clone();
    body.insert("schemas".to_owned(), json!([schema]));
    if document.contains_key(ENTERPRISE) {
        body.insert("schemas".to_owned(), json!([schema, ENTERPRISE]));
    }
    Value::Object(body)
}

impl Client {
    /// A user that nobody has; every value has the directory's marker.
    pub(super) fn new_user(&mut self) -> Document {
        // Some names are given in every directory: they are free here whoever has them elsewhere.
        let user_name = if self.dice.one_in(8) { self.common_name() } else { self.fresh("user") };
        let mut document = json!({
            "userName": user_name,
            "externalId": self.fresh("ext"),
            "active": !self.dice.one_in(4),
            "emails": [{ "value": format!("{}@example.com", self.fresh("mail")), "type": "work" }],
        });
        if self.dice.one_in(2) {
            document["displayName"] = json!(self.fresh("display"));
        }
        if self.dice.one_in(3) {
            document[ENTERPRISE] = json!({ "department": self.fresh("department") });
        }
        let Value::Object(document) = document else { unreachable!("an object was made") };
        document
    }

    pub(super) async fn create_user(&mut self) {
        let document = self.new_user();
        let request = Request::new("POST", "/Users").with(body(USER, &document));
        if let Some(reply) = self.expect("create user", request, 201).await {
            self.has_user(&reply.body, document);
            self.compare(&reply.body);
        }
    }

    /// A user was made, in whatever way.
    pub(super) fn has_user(&mut self, shown: &Value, document: Document) {
        let id = id_of(shown);
        let user = User { document, version: 1 };
        self.has_id(&id, &user.document, true);
        self.model.users.insert(id, user);
    }

    /// An id was given out: it is known whose it is, and others may try it.
    pub(super) fn has_id(&self, id: &str, document: &Document, is_user: bool) {
        self.world.territory.owns(self.here, id);
        let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = text(if is_user { "userName" } else { "displayName" });
        let (id, external_id, etag) = (id.to_owned(), text("externalId"), format!("W/\"{}\"", 1 + self.dice.below(4)));
        self.place().shows(Trophy { is_user, id, name, external_id, etag });
    }

    pub(super) async fn read_user(&mut self) {
        let Some(id) = self.some_user() else { return };
        let Some(reply) = self.expect("read user", Request::new("GET", format!("/Users/{id}")), 200).await else {
            return;
        };
        self.compare(&reply.body);
        if self.dice.one_in(4) {
            let again = Request::new("GET", format!("/Users/{id}")).under("if-none-match", reply.etag);
            self.expect("read user unchanged", again, 304).await;
        }
    }

    pub(super) async fn replace_user(&mut self) {
        let Some(id) = self.some_user() else { return };
        let mut document = self.new_user();
        if self.dice.one_in(2) {
            document.insert("userName".to_owned(), json!(self.model.users[&id].name()));
        }
        let request = Request::new("PUT", format!("/Users/{id}")).with(body(USER, &document));
        let before = self.model.users[&id].document.clone();
        self.change_user("replace user", &id, request, |user| user.change(|old| *old = document)).await;
        let after = self.model.users[&id].document.clone();
        self.model.gave_up_names(&id, &before, &after);
    }

    pub(super) async fn patch_user(&mut self) {
        let Some(id) = self.some_user() else { return };
        let title = self.fresh("title");
        let (operation, change): (Value, Change) = match self.dice.below(5) {
            0 => (
                json!({ "op": "remove", "path": "title" }),
                Box::new(|user| user.change(|d| drop(d.shift_remove("title")))),
            ),
            1 => {
                let active = self.dice.one_in(2);
                let change = move |user: &mut User| user.change(|d| drop(d.insert("active".to_owned(), json!(active))));
                (json!({ "op": "Replace", "path": "active", "value": active }), Box::new(change))
            }
            2 => {
                let operation = json!({ "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": title });
                (operation, Box::new(move |user| user.change_enterprise("department", json!(title))))
            }
            _ => {
                let operation = json!({ "op": "add", "path": "title", "value": title });
                (operation, Box::new(move |user| user.change(|d| drop(d.insert("title".to_owned(), json!(title))))))
            }
        };
        self.change_user("patch user", &id, patch(format!("/Users/{id}"), json!([operation])), change).await;
    }

    /// With the entity tag of a resource of another directory: it holds if it happens to name the same version.
    pub(super) async fn patch_user_under_anothers_tag(&mut self, etag: &str) {
        let Some(id) = self.some_user() else { return };
        let title = self.fresh("title");
        let operation = json!([{ "op": "add", "path": "title", "value": title }]);
        let request = patch(format!("/Users/{id}"), operation).under("if-match", etag);
        let kind = "patch under another's ETag";
        if version(etag) == Some(self.model.users[&id].version) {
            let change = |user: &mut User| user.change(|d| drop(d.insert("title".to_owned(), json!(title))));
            self.change_user(kind, &id, request, change).await;
        } else {
            self.expect(kind, request, 412).await;
        }
    }

    async fn change_user(&mut self, kind: &'static str, id: &str, request: Request, change: impl FnOnce(&mut User)) {
        let Some(Reply { body, .. }) = self.expect(kind, request, 200).await else { return };
        self.model.users.get_mut(id).map(change);
        self.compare(&body);
    }

    pub(super) async fn delete_user(&mut self) {
        let Some(id) = self.some_user() else { return };
        if self.expect("delete user", Request::new("DELETE", format!("/Users/{id}")), 204).await.is_some() {
            self.model.delete_user(&id);
        }
    }

    pub(super) async fn create_user_whose_name_is_taken(&mut self) {
        let Some(id) = self.some_user() else { return };
        let mut document = self.new_user();
        document.insert("userName".to_owned(), json!(self.model.users[&id].name()));
        self.expect("create user, name taken", Request::new("POST", "/Users").with(body(USER, &document)), 409).await;
    }
}
