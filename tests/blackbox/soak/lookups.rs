//! What a client asks of the lookup surface: of its own users, of those of its neighbour, and of others'.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{
    client::{Client, Request},
    model::{Document, Model},
    trespass::SOMETHING,
    world::Trophy,
};
use crate::directory::encoded;

/// As many questions that must find nobody are remembered.
const FORMER: usize = 64;

/// As many of a user's former names find it.
const FORMER_NAMES: usize = 10;

fn by(attribute: &str, value: &str) -> String {
    format!("/users?{attribute}={}", encoded(value))
}

impl Model {
    /// The user has none of this any more: whoever asks so finds nobody.
    pub(super) fn gave_up(&mut self, question: String) {
        if self.former.len() == FORMER {
            self.former.pop_front();
        }
        self.former.push_back(question);
    }

    /// The user `id` is `after` and no longer `before`: what it was called finds it still, by its last names; whatever else it
    /// gave up finds nobody, and neither does anything when it is gone.
    pub(super) fn gave_up_names(&mut self, id: &str, before: &Document, after: &Document) {
        let gave_up = |attribute: &str| {
            let value = before.get(attribute).filter(|value| after.get(attribute) != Some(*value));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        if let Some(value) = gave_up("externalId") {
            self.gave_up(by("externalId", &value));
        }
        let names = self.renamed.entry(id.to_owned()).or_default();
        names.extend(gave_up("userName"));
        let first = if after.is_empty() { names.len() } else { names.len().saturating_sub(FORMER_NAMES) };
        let nobodys: Vec<String> = names.drain(..first).collect();
        for name in nobodys {
            self.gave_up(by("userName", &name));
        }
        self.renamed.retain(|_, names| !names.is_empty());
    }

    /// What the lookup surface has to say of a user, groups in order of their ids.
    fn found(&self, id: &str) -> Value {
        let document = &self.users[id].document;
        let mut found = json!({ "id": id, "groups": [] });
        for attribute in ["userName", "externalId", "displayName", "active"] {
            if let Some(value) = document.get(attribute) {
                found[attribute] = value.clone();
            }
        }
        let groups = self.groups.iter().filter(|(_, group)| group.members.contains(id));
        found["groups"] = groups
            .map(|(id, group)| {
                let (name, external_id) = (&group.document["displayName"], &group.document["externalId"]);
                json!({ "id": id, "displayName": name, "externalId": external_id, "direct": true })
            })
            .collect();
        found
    }

    /// How an answer about the user `id` differs from what stands here.
    fn found_difference(&self, id: &str, shown: &Value) -> Option<String> {
        let (mut shown, expected) = (shown.clone(), self.found(id));
        if let Some(groups) = shown["groups"].as_array_mut() {
            groups.sort_by_key(|group| group["id"].to_string());
        }
        (shown != expected).then(|| format!("a lookup finds {shown} where {expected} should be"))
    }
}

impl Client {
    fn lookup(&self, path: &str) -> Request {
        Request::new("GET", self.place().directory.lookup_url(path))
    }

    pub(super) async fn look_up(&mut self) {
        match self.dice.below(9) {
            0 | 1 => self.look_up_a_neighbour().await,
            2 => self.look_up_who_is_gone().await,
            3 => self.look_up_who_was_renamed().await,
            _ => self.look_up_own().await,
        }
    }

    /// All that was acknowledged to this client is in the answer.
    async fn look_up_own(&mut self) {
        let Some(id) = self.some_user() else { return };
        let document = &self.model.users[&id].document;
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        let (path, listed) = match self.dice.below(4) {
            0 => (by("userName", &text("userName")), true),
            // Names are the same whatever their case, externalIds are not.
            1 => (by("userName", &text("userName").to_uppercase()), true),
            2 => (by("externalId", &text("externalId")), true),
            _ => (format!("/users/{id}"), false),
        };
        let Some(reply) = self.expect("look own user up", self.lookup(&path), 200).await else { return };
        let difference = if listed {
            match reply.body["users"].as_array().map(Vec::as_slice) {
                Some([one]) => self.model.found_difference(&id, one),
                _ => Some(format!("{path} finds {} and not just {id}", reply.body)),
            }
        } else {
            self.model.found_difference(&id, &reply.body)
        };
        self.tally.differences.extend(difference);
    }

    /// Somebody of the same directory, whom the other client may be changing: what is remembered of this answer must not
    /// be in one to the other client.
    async fn look_up_a_neighbour(&mut self) {
        let Some(Trophy { id, name, external_id, .. }) = self.place().some_trophy(&self.dice) else { return };
        let path = match self.dice.below(3) {
            0 => by("userName", &name),
            1 => by("externalId", &external_id),
            _ => format!("/users/{id}"),
        };
        let Some(reply) = self.send("look a neighbour up", &self.lookup(&path)).await else { return };
        if reply.status != 200 && !(reply.status == 404 && path.contains(&id)) {
            self.tally.surprises.push(format!("{} to a lookup of {path}: {}", reply.status, reply.text));
        }
    }

    /// A user who was deleted, or a name that nobody has or had.
    async fn look_up_who_is_gone(&mut self) {
        let former: Vec<&String> = self.model.former.iter().collect();
        let Some(path) = self.dice.pick(&former).map(ToString::to_string) else { return };
        if path.contains('?') {
            let Some(reply) = self.expect("look up who is gone", self.lookup(&path), 200).await else { return };
            if reply.body != json!({ "users": [] }) {
                self.differs(format!("{path}, which nobody has any more, finds {}", reply.body));
            }
        } else {
            self.expect("look up who is gone", self.lookup(&path), 404).await;
        }
    }

    /// A user by a name that it had before: nobody else has it, as all names are new ones.
    async fn look_up_who_was_renamed(&mut self) {
        let ids: Vec<&String> = self.model.renamed.keys().collect();
        let Some(id) = self.dice.pick(&ids).map(ToString::to_string) else { return };
        let names: Vec<&String> = self.model.renamed[&id].iter().collect();
        let Some(path) = self.dice.pick(&names).map(|name| by("userName", name)) else { return };
        let Some(mut reply) = self.expect("look up who was renamed", self.lookup(&path), 200).await else { return };
        let renamed =
            reply.body.pointer_mut("/users/0").and_then(Value::as_object_mut).and_then(|user| user.remove("renamed"));
        let difference = match reply.body["users"].as_array().map(Vec::as_slice) {
            Some([one]) if renamed == Some(json!(true)) => self.model.found_difference(&id, one),
            _ => Some(format!("{path} finds {} and not {id}, who was renamed", reply.body)),
        };
        self.tally.differences.extend(difference);
    }

    /// One's own lookup surface, asked for what is another directory's.
    pub(super) async fn look_up_anothers(&mut self, trophy: &Trophy, made_up: &Trophy) {
        let kind = "another's in a lookup";
        let (attribute, theirs, nobodys) = match self.dice.below(3) {
            0 => ("userName", &trophy.name, &made_up.name),
            1 => ("externalId", &trophy.external_id, &made_up.external_id),
            _ => {
                let request = |id: &str| self.lookup(&format!("/users/{id}"));
                let (real, control) = (request(&trophy.id), request(&made_up.id));
                self.alike(kind, (real, &trophy.id), (control, &made_up.id), 404).await;
                return;
            }
        };
        // Some names are the same everywhere, and then who is found is the client's own directory's.
        if theirs == nobodys {
            return;
        }
        let (real, control) = (self.lookup(&by(attribute, theirs)), self.lookup(&by(attribute, nobodys)));
        let told = real.told();
        let Some(reply) = self.alike(kind, (real, theirs), (control, nobodys), 200).await else { return };
        if reply.body != json!({ "users": [] }) {
            self.tally.leaks.push(format!("{told} finds {}", reply.text));
        }
    }

    /// One's own token opens no lookup surface but one's own, and does not tell whether there is one.
    pub(super) async fn token_at_anothers_lookup(&mut self, there: usize, trophy: &Trophy) {
        let theirs = &self.world.places[there].directory;
        let path = match self.dice.below(3) {
            0 => by("userName", &trophy.name),
            1 => by("externalId", &trophy.external_id),
            _ => format!("/users/{}", trophy.id),
        };
        let url = theirs.lookup_url(&path);
        // Of the same length, and no directory has such a key.
        let nowhere = url.replace("/Dir-", "/Nir-");
        let (real, control) = (Request::new("GET", url), Request::new("GET", nowhere));
        self.alike("token at another's lookups", (real, SOMETHING), (control, SOMETHING), 401).await;
    }
}

/// The questions of a client that must find nobody.
pub(super) type Former = VecDeque<String>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::model::{Group, User};

    fn model() -> Model {
        let document = |json: Value| json.as_object().unwrap().clone();
        let user = User { document: document(json!({ "userName": "ada", "active": true, "title": "x" })), version: 1 };
        let group = |name: &str| Group {
            document: document(json!({ "displayName": name, "externalId": "e" })),
            members: ["u".to_owned()].into(),
            version: 1,
        };
        let mut model = Model { users: [("u".to_owned(), user)].into(), ..Model::default() };
        model.groups.extend([("a".to_owned(), group("one")), ("b".to_owned(), group("two"))]);
        model
    }

    #[test]
    fn each_planted_difference_of_a_lookup_is_found() {
        let group = |id: &str, name: &str| json!({ "id": id, "displayName": name, "externalId": "e", "direct": true });
        let shown =
            json!({ "id": "u", "userName": "ada", "active": true, "groups": [group("b", "two"), group("a", "one")] });
        let planted = |plant: &dyn Fn(&mut Value)| {
            let mut shown = shown.clone();
            plant(&mut shown);
            model().found_difference("u", &shown).is_some()
        };
        assert!(!planted(&|_| ()));
        assert!(planted(&|user| user["active"] = json!(false)), "a user who may still come in");
        assert!(planted(&|user| user["userName"] = json!("eve")), "a name");
        assert!(planted(&|user| user["displayName"] = json!("A")), "an attribute more");
        assert!(planted(&|user| user["groups"] = json!([group("a", "one")])), "a group less");
        assert!(planted(&|user| user["groups"][0] = group("c", "two")), "another group");
        assert!(planted(&|user| user["groups"][0] = group("b", "old")), "a group's name");
    }
}
