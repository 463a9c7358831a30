//! What a client tries with what is another directory's. Each try has a control: the same request with something made
//! up of the same shape. Both must be answered in the same words.

use serde_json::json;

use super::{
    client::{Client, Reply, Request},
    world::Trophy,
};
use crate::directory::{GROUP, PATCH_OP, SEARCH, USER, encoded};

/// How a foreign thing and its control are called in a comparison.
pub(super) const SOMETHING: &str = "SOMETHING";

impl Client {
    pub(super) async fn trespass(&mut self) {
        let there = self.elsewhere();
        let Some(trophy) = self.world.places[there].some_trophy(&self.dice) else { return };
        let made_up = self.made_up(&trophy, there);
        match self.dice.below(13) {
            0 | 1 => self.at_anothers_id(&trophy, &made_up).await,
            2 | 3 => self.find_anothers(&trophy, &made_up).await,
            4 => self.anothers_cursor(there).await,
            5 => self.bulk_with_anothers(&trophy, &made_up).await,
            6 => self.anothers_as_member(&trophy, &made_up).await,
            7 => self.token_at_anothers_url(there, &trophy).await,
            8 => self.patch_user_under_anothers_tag(&trophy.etag).await,
            9 | 10 => self.look_up_anothers(&trophy, &made_up).await,
            11 => self.token_at_anothers_lookup(there, &trophy).await,
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
    pub(super) async fn alike(
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
}
