//! What a client tries with what is another directory's. Each try has a control: the same request with something made
//! up of the same shape. Both must be answered in the same words.

use serde_json::{Value, json};

use super::{
    client::{Client, Reply, Request},
    model::User,
    users::patch,
    world::Trophy,
};
use crate::directory::{BULK, ENTERPRISE, GROUP, PATCH_OP, SEARCH, USER, encoded};

/// How a foreign thing and its control are called in a comparison.
const SOMETHING: &str = "SOMETHING";

impl Client {
    pub(super) async fn trespass(&mut self) {
        let there = self.elsewhere();
        let Some(trophy) = self.world.places[there].some_trophy(&self.dice) else { return };
        let made_up = self.made_up(&trophy, there);
        match self.dice.below(10) {
            0 | 1 => self.at_anothers_id(&trophy, &made_up).await,
            2 | 3 => self.find_anothers(&trophy, &made_up).await,
            4 => self.anothers_cursor(there).await,
            5 => self.bulk_with_anothers(&trophy, &made_up).await,
            6 => self.anothers_as_member(&trophy, &made_up).await,
            7 => self.token_at_anothers_url(there, &trophy).await,
            8 => self.patch_user_under_anothers_tag(&trophy.etag).await,
            _ => self.anothers_as_manager(&trophy, &made_up).await,
        }
    }

    /// Of the same shape, and nobody's.
    fn made_up(&self, trophy: &Trophy, there: usize) -> Trophy {
        let (theirs, nobodys) = (&self.world.places[there].marker, self.dice.marker());
        let replaced = |text: &str| text.replace(theirs, &nobodys);
        let (name, external_id) = (replaced(&trophy.name), replaced(&trophy.external_id));
        Trophy { id: self.dice.made_up_id(), name, external_id, ..trophy.clone() }
    }

    /// Sends both and notes if the answers tell them apart. Gives the first.
    async fn alike(
        &mut self,
        kind: &'static str,
        real: (Request, &str),
        control: (Request, &str),
        status: u16,
    ) -> Option<Reply> {
        let ((real, theirs), (control, nobodys)) = (real, control);
        let one = self.send(kind, &real).await?;
        let two = self.send(kind, &control).await?;
        let shown = |reply: &Reply, what: &str| reply.text.replace(what, SOMETHING);
        if one.status != two.status || shown(&one, theirs) != shown(&two, nobodys) {
            let told = real.told();
            self.tally
                .leaks
                .push(format!("told apart: {told}: {} {}, but {} {}", one.status, one.text, two.status, two.text));
        } else if one.status != status {
            self.tally.surprises.push(format!("{} and not {status} to {}: {}", one.status, real.told(), one.text));
        }
        Some(one)
    }

    async fn at_anothers_id(&mut self, trophy: &Trophy, made_up: &Trophy) {
        let endpoint = *self.dice.pick(&["Users", "Groups"]).unwrap();
        let method = *self.dice.pick(&["GET", "PUT", "PATCH", "DELETE"]).unwrap();
        let operations = json!([{ "op": "replace", "path": "displayName", "value": self.fresh("intruder") }]);
        let new_name = self.fresh("intruder");
        let with_tag = self.dice.one_in(2);
        let request = |id: &str| {
            let request = Request::new(method, format!("/{endpoint}/{id}"));
            let request = if with_tag { request.under("if-match", &trophy.etag) } else { request };
            match method {
                "PUT" => request.with(json!({ "schemas": [if endpoint == "Users" { USER } else { GROUP }],
                    "userName": new_name, "displayName": new_name })),
                "PATCH" => request.with(json!({ "schemas": [PATCH_OP], "Operations": operations })),
                _ => request,
            }
        };
        let (real, control) = (request(&trophy.id), request(&made_up.id));
        self.alike("another's id", (real, &trophy.id), (control, &made_up.id), 404).await;
    }

    async fn find_anothers(&mut self, trophy: &Trophy, made_up: &Trophy) {
        let name = if trophy.is_user { "userName" } else { "displayName" };
        let own = if trophy.is_user { "/Users" } else { "/Groups" };
        let (filter, theirs, nobodys, endpoint) = match self.dice.below(6) {
            0 => (format!("{name} eq"), &trophy.name, &made_up.name, own),
            1 => ("externalId eq".to_owned(), &trophy.external_id, &made_up.external_id, own),
            2 => ("members.value eq".to_owned(), &trophy.id, &made_up.id, "/Groups"),
            3 => ("groups.value eq".to_owned(), &trophy.id, &made_up.id, "/Users"),
            4 => (format!("id pr and {name} sw"), &trophy.name, &made_up.name, own),
            _ => ("id eq".to_owned(), &trophy.id, &made_up.id, own),
        };
        // Some names are the same everywhere, and then what is found is the client's own directory's.
        if theirs == nobodys {
            return;
        }
        let by_post = self.dice.one_in(3);
        let request = |value: &str| {
            let filter = format!("{filter} \"{value}\"");
            if by_post {
                let body = json!({ "schemas": [SEARCH], "filter": filter });
                Request::new("POST", format!("{endpoint}/.search")).with(body)
            } else {
                Request::new("GET", format!("{endpoint}?filter={}", encoded(&filter)))
            }
        };
        let (real, control) = (request(theirs), request(nobodys));
        let told = real.told();
        let Some(reply) = self.alike("another's name or id in a filter", (real, theirs), (control, nobodys), 200).await
        else {
            return;
        };
        if reply.body["totalResults"] != 0 {
            self.tally.leaks.push(format!("{told} finds {}", reply.text));
        }
    }

    async fn anothers_cursor(&mut self, there: usize) {
        let Some(cursor) = self.world.places[there].some_cursor(&self.dice) else { return };
        let middle = cursor.len() / 2;
        let other = if cursor.as_bytes()[middle] == b'A' { "B" } else { "A" };
        let forged = format!("{}{other}{}", &cursor[..middle], &cursor[middle + 1..]);
        let request = |cursor: &str| Request::new("GET", format!("/Users?count=15&cursor={cursor}"));
        let (real, control) = (request(&cursor), request(&forged));
        self.alike("another's cursor", (real, &cursor), (control, &forged), 400).await;
    }

    async fn bulk_with_anothers(&mut self, trophy: &Trophy, made_up: &Trophy) {
        let Some(group) = self.some_group() else { return };
        let endpoint = if trophy.is_user { "Users" } else { "Groups" };
        let replace = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "replace", "path": "displayName", "value": self.fresh("intruder") }] });
        let request = |id: &str| {
            let add = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "members", "value": [{ "value": id }] }] });
            let operations = json!([
                { "method": "PATCH", "path": format!("/{endpoint}/{id}"), "data": replace },
                { "method": "PATCH", "path": format!("/Groups/{group}"), "data": add },
                { "method": "DELETE", "path": format!("/{endpoint}/{id}") },
            ]);
            Request::new("POST", "/Bulk").with(json!({ "schemas": [BULK], "Operations": operations }))
        };
        let (real, control) = (request(&trophy.id), request(&made_up.id));
        let told = real.told();
        let Some(reply) = self.alike("another's ids in bulk", (real, &trophy.id), (control, &made_up.id), 200).await
        else {
            return;
        };
        let outcomes: Vec<&str> = reply.body["Operations"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["status"].as_str())
            .collect();
        if outcomes != ["404", "400", "404"] {
            self.differs(format!("{told} was answered {}", reply.text));
        }
    }

    async fn anothers_as_member(&mut self, trophy: &Trophy, made_up: &Trophy) {
        let Some(group) = self.some_group() else { return };
        let name = self.fresh("group");
        let way = self.dice.below(3);
        let request = |id: &str| {
            let members = json!([{ "value": id }]);
            match way {
                0 => patch(format!("/Groups/{group}"), json!([{ "op": "add", "path": "members", "value": members }])),
                1 => Request::new("PUT", format!("/Groups/{group}"))
                    .with(json!({ "schemas": [GROUP], "displayName": name, "members": members })),
                _ => Request::new("POST", "/Groups")
                    .with(json!({ "schemas": [GROUP], "displayName": name, "members": members })),
            }
        };
        let (real, control) = (request(&trophy.id), request(&made_up.id));
        self.alike("another's id as a member", (real, &trophy.id), (control, &made_up.id), 400).await;
    }

    /// One's own token opens nothing at somebody else's Base URL, and does not tell whether there is one.
    async fn token_at_anothers_url(&mut self, there: usize, trophy: &Trophy) {
        let theirs = &self.world.places[there].directory;
        // Of the same length, and no directory has such a key.
        let nowhere = theirs.base_url.replace("/Dir-", "/Nir-");
        let way = self.dice.below(3);
        let request = |base: &str| match way {
            0 => Request::new("GET", format!("{base}/Users/{}", trophy.id)),
            1 => Request::new("DELETE", format!("{base}/Users/{}", trophy.id)),
            _ => {
                Request::new("POST", format!("{base}/Users")).with(json!({ "schemas": [USER], "userName": "intruder" }))
            }
        };
        let (real, control) = (request(&theirs.base_url), request(&nowhere));
        self.alike("token at another's URL", (real, SOMETHING), (control, SOMETHING), 401).await;
    }

    /// A manager may be any id; nothing of whom it belongs to elsewhere shows.
    async fn anothers_as_manager(&mut self, trophy: &Trophy, made_up: &Trophy) {
        let Some(user) = self.some_user() else { return };
        let mut shown: Vec<Value> = Vec::new();
        for id in [&trophy.id, &made_up.id] {
            self.world.territory.adopts(self.here, id);
            let operation =
                json!([{ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": { "value": id } }]);
            let request = patch(format!("/Users/{user}"), operation);
            let Some(reply) = self.expect("another's id as manager", request, 200).await else { return };
            let manager = json!({ "value": id });
            self.model.users.get_mut(&user).map(|user: &mut User| user.change_enterprise("manager", manager));
            self.compare(&reply.body);
            shown.push(
                serde_json::from_str(&reply.body[ENTERPRISE]["manager"].to_string().replace(id.as_str(), SOMETHING))
                    .unwrap(),
            );
        }
        if shown[0] != shown[1] {
            self.tally.leaks.push(format!("a manager of another directory is told apart: {shown:?}"));
        }
    }
}
