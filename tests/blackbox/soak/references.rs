//! References to what is another directory's, in requests about one's own.

use serde_json::{Value, json};

use super::{
    client::{Client, Request},
    trespass::SOMETHING,
    users::patch,
    world::Trophy,
};
use crate::directory::{BULK, ENTERPRISE, GROUP, PATCH_OP};

impl Client {
    pub(super) async fn bulk_with_anothers(&mut self, trophy: &Trophy, made_up: &Trophy) {
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

    pub(super) async fn anothers_as_member(&mut self, trophy: &Trophy, made_up: &Trophy) {
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

    /// A manager may be any id; nothing of whom it belongs to elsewhere shows.
    pub(super) async fn anothers_as_manager(&mut self, trophy: &Trophy, made_up: &Trophy) {
        let Some(user) = self.some_user() else { return };
        let mut shown: Vec<Value> = Vec::new();
        for id in [&trophy.id, &made_up.id] {
            self.world.territory.adopts(self.here, id);
            let operation =
                json!([{ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": { "value": id } }]);
            let request = patch(format!("/Users/{user}"), operation);
            let Some(reply) = self.expect("another's id as manager", request, 200).await else { return };
            let manager = json!({ "value": id });
            self.model.users.get_mut(&user).unwrap().change_enterprise("manager", manager);
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
