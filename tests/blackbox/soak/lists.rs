//! What a client reads of its directory: pages, filters, crawls.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::client::{Client, Request};
use crate::directory::{SEARCH, encoded, ids};

/// Resources on a page of a crawl.
const PAGE: usize = 15;

impl Client {
    /// Compares all that a list shows of the client's own resources.
    fn compare_list(&mut self, list: &Value) {
        for shown in list["Resources"].as_array().into_iter().flatten() {
            self.compare(shown);
        }
    }

    pub(super) async fn list_page(&mut self) {
        let endpoint = *self.dice.pick(&["/Users", "/Groups", "/"]).unwrap();
        let (start, count) = (1 + self.dice.below(60), self.dice.below(20));
        let request = Request::new("GET", format!("{endpoint}?startIndex={start}&count={count}"));
        if let Some(reply) = self.expect("list page", request, 200).await {
            self.compare_list(&reply.body);
        }
    }

    /// Finds one of the client's own by an attribute; GET with a filter, or `.search`.
    pub(super) async fn find_own(&mut self) {
        let (document, endpoint, id) = if self.dice.one_in(4) {
            let Some(id) = self.some_group() else { return };
            (&self.model.groups[&id].document, "/Groups", id)
        } else {
            let Some(id) = self.some_user() else { return };
            (&self.model.users[&id].document, "/Users", id)
        };
        let name = if endpoint == "/Users" { "userName" } else { "displayName" };
        let filter = match self.dice.below(4) {
            0 => format!("id eq \"{id}\""),
            1 => format!("externalId eq {}", document["externalId"]),
            2 => format!("{name} eq {} and meta.resourceType pr", document[name]),
            _ => format!("{name} eq {}", document[name]),
        };
        let request = if self.dice.one_in(3) {
            let body = json!({ "schemas": [SEARCH], "filter": filter, "count": 5 });
            Request::new("POST", format!("{endpoint}/.search")).with(body)
        } else {
            Request::new("GET", format!("{endpoint}?filter={}", encoded(&filter)))
        };
        let Some(reply) = self.expect("find own", request, 200).await else { return };
        if ids(&reply.body) != [id.as_str()] {
            self.differs(format!("{filter} finds {} and not just {id}", reply.body));
        }
        self.compare_list(&reply.body);
    }

    /// The directory's own users, by the end of a name.
    pub(super) async fn find_many(&mut self) {
        let filter = format!("active eq true and userName ew \"{}\"", self.place().marker);
        let count = 1 + self.dice.below(10);
        let request = Request::new("GET", format!("/Users?count={count}&filter={}", encoded(&filter)));
        if let Some(reply) = self.expect("find many", request, 200).await {
            self.compare_list(&reply.body);
        }
    }

    /// All pages by cursor: whatever the other client does meanwhile, each of one's own is there once.
    pub(super) async fn crawl(&mut self) {
        let Some(shown) = self.read_all("crawl", "/Users").await else { return };
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for id in shown.iter().filter_map(|resource| resource["id"].as_str()) {
            *seen.entry(id).or_default() += 1;
        }
        let wrong: Vec<String> =
            self.model.users.keys().filter(|id| seen.get(id.as_str()) != Some(&1)).cloned().collect();
        if !wrong.is_empty() {
            self.differs(format!("a crawl shows these not once: {wrong:?}"));
        }
        for resource in &shown {
            self.compare(resource);
        }
    }

    /// Everything at an endpoint, page by page.
    pub(super) async fn read_all(&mut self, kind: &'static str, endpoint: &str) -> Option<Vec<Value>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let request = Request::new("GET", format!("{endpoint}?count={PAGE}&cursor={cursor}"));
            let mut page = self.expect(kind, request, 200).await?.body;
            if let Value::Array(resources) = page["Resources"].take() {
                all.extend(resources);
            }
            match page["nextCursor"].as_str() {
                None => return Some(all),
                Some(next) => {
                    self.place().shows_cursor(next);
                    next.clone_into(&mut cursor);
                }
            }
        }
    }
}
