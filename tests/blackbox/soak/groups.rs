//! What a client does with its own groups, and with several resources at once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    client::{Client, Request},
    model::{Document, Group, User},
    users::{body, patch},
};
use crate::directory::{BULK, GROUP, PATCH_OP, USER, id_of};

fn members(ids: &BTreeSet<String>) -> Value {
    ids.iter().map(|id| json!({ "value": id })).collect()
}

impl Client {
    fn new_group(&mut self) -> Document {
        let (name, external_id) = (self.fresh("group"), self.fresh("ext"));
        let Value::Object(document) = json!({ "displayName": name, "externalId": external_id }) else {
            unreachable!("an object was made")
        };
        document
    }

    /// Some of the client's users.
    fn some_users(&self) -> BTreeSet<String> {
        (0..self.dice.below(6)).filter_map(|_| self.some_user()).collect()
    }

    pub(super) async fn create_group(&mut self) {
        let (document, ids) = (self.new_group(), self.some_users());
        let mut sent = body(GROUP, &document);
        sent["members"] = members(&ids);
        let Some(reply) = self.expect("create group", Request::new("POST", "/Groups").with(sent), 201).await else {
            return;
        };
        let id = id_of(&reply.body);
        self.has_id(&id, &document, false);
        self.model.groups.insert(id, Group { document, members: ids, version: 1 });
        self.compare(&reply.body);
    }

    pub(super) async fn read_group(&mut self) {
        let Some(id) = self.some_group() else { return };
        if let Some(reply) = self.expect("read group", Request::new("GET", format!("/Groups/{id}")), 200).await {
            self.compare(&reply.body);
        }
    }

    pub(super) async fn replace_group(&mut self) {
        let Some(id) = self.some_group() else { return };
        let (document, ids) = (self.new_group(), self.some_users());
        let mut sent = body(GROUP, &document);
        sent["members"] = members(&ids);
        let request = Request::new("PUT", format!("/Groups/{id}")).with(sent);
        if let Some(reply) = self.expect("replace group", request, 200).await {
            let version = self.model.groups[&id].version + 1;
            self.model.groups.insert(id, Group { document, members: ids, version });
            self.compare(&reply.body);
        }
    }

    pub(super) async fn patch_group(&mut self) {
        let Some(id) = self.some_group() else { return };
        let before = self.model.groups[&id].members.clone();
        let mut after = before.clone();
        let operation = if self.dice.one_in(3) {
            let Some(gone) = self.dice.pick(&before.iter().collect::<Vec<_>>()).copied() else { return };
            after.remove(gone);
            json!({ "op": "Remove", "path": format!("members[value eq \"{gone}\"]") })
        } else {
            let ids = self.some_users();
            after.extend(ids.iter().cloned());
            json!({ "op": "Add", "path": "members", "value": members(&ids) })
        };
        let request = patch(format!("/Groups/{id}"), json!([operation]));
        if self.expect("patch group", request, 204).await.is_some() {
            let group = self.model.groups.get_mut(&id).unwrap();
            group.version += u64::from(after != before);
            group.members = after;
        }
    }

    pub(super) async fn delete_group(&mut self) {
        let Some(id) = self.some_group() else { return };
        if self.expect("delete group", Request::new("DELETE", format!("/Groups/{id}")), 204).await.is_some() {
            self.model.groups.remove(&id);
        }
    }

    /// Two new users, both into a group that there is, and a change of a user that there is.
    pub(super) async fn bulk(&mut self) {
        let (Some(user), Some(group)) = (self.some_user(), self.some_group()) else { return };
        let (one, two, title) = (self.new_user(), self.new_user(), self.fresh("title"));
        let post = |name: &str, document: &Document| json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": body(USER, document) });
        let change = |path: String, operation: Value| json!({ "method": "PATCH", "path": path, "data": { "schemas": [PATCH_OP], "Operations": [operation] } });
        let both = json!([{ "value": "bulkId:one" }, { "value": "bulkId:two" }]);
        let operations = json!([
            post("one", &one),
            change(format!("/Groups/{group}"), json!({ "op": "add", "path": "members", "value": both })),
            post("two", &two),
            change(format!("/Users/{user}"), json!({ "op": "add", "path": "title", "value": title })),
        ]);
        let request = Request::new("POST", "/Bulk").with(json!({ "schemas": [BULK], "Operations": operations }));
        let Some(reply) = self.expect("bulk", request, 200).await else { return };
        let outcomes: Vec<&Value> = reply.body["Operations"].as_array().into_iter().flatten().collect();
        let made = |bulk_id: &str| {
            let outcome = outcomes.iter().find(|outcome| outcome["bulkId"] == bulk_id)?;
            Some(outcome["location"].as_str()?.rsplit('/').next()?.to_owned())
        };
        let well = outcomes.len() == 4 && outcomes.iter().all(|one| one["status"].as_str().is_some_and(|s| s < "300"));
        let (true, Some(first), Some(second)) = (well, made("one"), made("two")) else {
            self.differs(format!("the bulk request was not done as a whole: {}", reply.body));
            return;
        };
        for (id, document) in [(&first, one), (&second, two)] {
            self.has_id(id, &document, true);
            self.model.users.insert(id.clone(), User { document, version: 1 });
        }
        let group = self.model.groups.get_mut(&group).unwrap();
        group.members.extend([first, second]);
        group.version += 1;
        let user = self.model.users.get_mut(&user).unwrap();
        user.change(|document| drop(document.insert("title".to_owned(), json!(title))));
    }
}
