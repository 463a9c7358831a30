//! A stored resource as the client sees it: with the attributes that are the service's own (groups of a user, members
//! of a group, a manager's name), its location and its version.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use rollcall_access::Access;
use rollcall_base::{Id, marker};
use rollcall_scim::{
    Envelope, Projection, ScimError, ScimType,
    messages::urn::ENTERPRISE_USER,
    represent,
    schema::{GROUP, KindId, ResourceType, USER},
};
use rollcall_store::{DirectoryStore, GroupRef, Member, StoredResource};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{Call, DirectoryService, failure::Failure};

type ResourceId = Id<marker::Resource>;

/// Members in one piece of a streamed group, and the most that are sent without streaming.
pub(crate) const MEMBERS_AT_ONCE: u32 = 1000;

/// A representation, ready to be sent.
#[derive(Debug)]
pub(crate) struct Presented {
    /// The value of the ETag header and of `meta.version`.
    pub(crate) etag: String,
    /// The value of the Location header and of `meta.location`.
    pub(crate) location: String,
    /// The JSON object.
    pub(crate) body: Map<String, Value>,
    /// Set if the group has more members than `body` holds: these follow the one named here.
    pub(crate) members_continue_after: Option<ResourceId>,
}

/// What is read besides the resources themselves.
#[derive(Default)]
struct Derived {
    groups: HashMap<ResourceId, Vec<GroupRef>>,
    members: HashMap<ResourceId, Vec<Member>>,
    names: HashMap<ResourceId, (KindId, Option<String>)>,
    continues: Option<ResourceId>,
}

/// Whether a resource is shown with the groups that it is in.
pub(crate) fn shows_groups(kind: &ResourceType, projection: &Projection) -> bool {
    kind.kind == USER && projection.wants(kind, "groups")
}

/// The groups of each of `resources`: those that came with it, else those that a further statement finds.
async fn groups<A: Access>(
    store: &DirectoryStore<A>,
    resources: &[StoredResource],
    at_most: u32,
) -> Result<HashMap<ResourceId, Vec<GroupRef>>, Failure> {
    let came = resources.iter().filter_map(|resource| Some((resource.id, resource.groups.clone()?)));
    let mut groups: HashMap<ResourceId, Vec<GroupRef>> = came.filter(|(_, groups)| !groups.is_empty()).collect();
    let known = u32::try_from(groups.values().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX);
    let others: Vec<ResourceId> =
        resources.iter().filter(|resource| resource.groups.is_none()).map(|resource| resource.id).collect();
    let further = match at_most.checked_sub(known) {
        Some(_) if others.is_empty() => Some(HashMap::new()),
        Some(left) => store.groups_of(&others, left).await?,
        None => None,
    };
    groups.extend(further.ok_or_else(|| {
        ScimError::bad_request(
            ScimType::TooMany,
            format!(
                "The users of this page are in more than {at_most} groups, counted for each user. Ask for them with \
                 excludedAttributes=groups, or for fewer users at a time with a smaller count."
            ),
        )
    })?);
    Ok(groups)
}

impl DirectoryService {
    /// One resource. Members of a big group beyond the first [`MEMBERS_AT_ONCE`] are left to be streamed.
    pub(crate) async fn present_one<A: Access>(
        &self,
        call: &Call,
        store: &DirectoryStore<A>,
        kind: &Arc<ResourceType>,
        resource: &StoredResource,
        projection: &Projection,
    ) -> Result<Presented, Failure> {
        let mut derived = self.derive(store, kind, std::slice::from_ref(resource), projection, u32::MAX).await?;
        if kind.kind == GROUP && projection.wants(kind, "members") {
            let mut members = store.members_page(resource.id, None, MEMBERS_AT_ONCE + 1).await?;
            if members.len() > MEMBERS_AT_ONCE as usize {
                members.truncate(MEMBERS_AT_ONCE as usize);
                derived.continues = members.last().map(|last| last.id);
            }
            derived.members.insert(resource.id, members);
        }
        Ok(self.show(call, kind, resource, projection, &derived))
    }

    /// All resources of a page. The groups of a page may have a bounded number of members in all.
    pub(crate) async fn present_all<A: Access>(
        &self,
        call: &Call,
        store: &DirectoryStore<A>,
        kind: &Arc<ResourceType>,
        resources: &[StoredResource],
        projection: &Projection,
    ) -> Result<Vec<Presented>, Failure> {
        if resources.is_empty() {
            return Ok(Vec::new());
        }
        let mut derived = self.derive(store, kind, resources, projection, self.limits.list_members).await?;
        if kind.kind == GROUP && projection.wants(kind, "members") {
            let ids: Vec<ResourceId> = resources.iter().map(|resource| resource.id).collect();
            let at_most = self.limits.list_members;
            derived.members = store.members_of(&ids, at_most).await?.ok_or_else(|| {
                ScimError::bad_request(
                    ScimType::TooMany,
                    format!(
                        "The groups of this page have more than {at_most} members in all. Ask for them with \
                         excludedAttributes=members, or for fewer groups at a time with a smaller count."
                    ),
                )
            })?;
        }
        Ok(resources.iter().map(|resource| self.show(call, kind, resource, projection, &derived)).collect())
    }

    /// Further members of a big group, as JSON elements, for streaming.
    pub(crate) fn member_elements(&self, call: &Call, projection: &Projection, members: &[Member]) -> Vec<Value> {
        let mut part = Map::new();
        part.insert("members".to_owned(), self.members_json(call, members));
        projection.apply(&mut part);
        match part.remove("members") {
            Some(Value::Array(elements)) => elements,
            _ => Vec::new(),
        }
    }

    async fn derive<A: Access>(
        &self,
        store: &DirectoryStore<A>,
        kind: &ResourceType,
        resources: &[StoredResource],
        projection: &Projection,
        groups_at_most: u32,
    ) -> Result<Derived, Failure> {
        let mut derived = Derived::default();
        if kind.kind != USER {
            return Ok(derived);
        }
        if shows_groups(kind, projection) {
            derived.groups = groups(store, resources, groups_at_most).await?;
        }
        let managers: Vec<ResourceId> = resources.iter().filter_map(manager_of).collect();
        if !managers.is_empty() {
            derived.names = store.displays(&managers).await?;
        }
        Ok(derived)
    }

    fn show(
        &self,
        call: &Call,
        kind: &ResourceType,
        resource: &StoredResource,
        projection: &Projection,
        derived: &Derived,
    ) -> Presented {
        let id = resource.id.to_string();
        let location = format!("{}{}/{id}", call.base_url, kind.endpoint);
        let mut own = Map::new();
        if let Some(groups) = derived.groups.get(&resource.id).filter(|groups| !groups.is_empty()) {
            own.insert("groups".to_owned(), self.groups_json(call, groups));
        }
        if let Some(members) = derived.members.get(&resource.id).filter(|members| !members.is_empty()) {
            own.insert("members".to_owned(), self.members_json(call, members));
        }
        let manager = manager_of(resource).and_then(|manager| {
            let (kind, name) = derived.names.get(&manager)?;
            Some((self.location(call, *kind, manager), name.clone()))
        });
        let etag = etag(resource.version, &own, manager.as_ref(), derived.continues.is_some());
        let envelope = Envelope {
            id: &id,
            resource_type: kind,
            version: &etag,
            created: resource.created_at,
            last_modified: resource.modified_at,
            location: &location,
        };
        let mut body = represent(&envelope, &resource.document, own);
        if let (Some((location, name)), Some(shown)) =
            (manager, body.get_mut(ENTERPRISE_USER).and_then(|e| e.get_mut("manager")).and_then(Value::as_object_mut))
        {
            shown.insert("$ref".to_owned(), Value::String(location));
            if let Some(name) = name {
                shown.insert("displayName".to_owned(), Value::String(name));
            }
        }
        projection.apply(&mut body);
        Presented { etag, location, body, members_continue_after: derived.continues }
    }

    fn location(&self, call: &Call, kind: KindId, id: ResourceId) -> String {
        let endpoint = self.registry.by_kind(kind).map_or("", |kind| kind.endpoint.as_str());
        format!("{}{endpoint}/{id}", call.base_url)
    }

    fn groups_json(&self, call: &Call, groups: &[GroupRef]) -> Value {
        let elements = groups.iter().map(|group| {
            let mut element = json!({
                "value": group.id.to_string(),
                "$ref": self.location(call, GROUP, group.id),
                "type": if group.direct { "direct" } else { "indirect" },
            });
            if let Some(display) = &group.display {
                element["display"] = Value::String(display.clone());
            }
            element
        });
        Value::Array(elements.collect())
    }

    fn members_json(&self, call: &Call, members: &[Member]) -> Value {
        let elements = members.iter().map(|member| {
            let mut element = json!({
                "value": member.id.to_string(),
                "$ref": self.location(call, member.kind, member.id),
                "type": self.registry.by_kind(member.kind).map_or("", |kind| kind.name.as_str()),
            });
            if let Some(display) = &member.display {
                element["display"] = Value::String(display.clone());
            }
            element
        });
        Value::Array(elements.collect())
    }
}

/// The ETag covers what is shown: the version, and a digest of what changes without it. A group too big to be sent at
/// once is known by its version alone, so a GET of it is never answered with 304.
fn etag(version: i64, own: &Map<String, Value>, manager: Option<&(String, Option<String>)>, streamed: bool) -> String {
    let plain = own.is_empty() && manager.is_none();
    if plain || streamed {
        return format!("W/\"{version}\"");
    }
    let mut digest = Sha256::new();
    digest.update(Value::Object(own.clone()).to_string());
    if let Some((location, name)) = manager {
        digest.update(location);
        digest.update(name.as_deref().unwrap_or_default());
    }
    let digest = digest.finalize();
    let mut tag = format!("W/\"{version}-");
    for byte in &digest[..8] {
        tag.push_str(&format!("{byte:02x}"));
    }
    tag.push('"');
    tag
}

fn manager_of(resource: &StoredResource) -> Option<ResourceId> {
    let manager = resource.document.attributes().get(ENTERPRISE_USER)?.get("manager")?.get("value")?.as_str()?;
    ResourceId::from_str(manager).ok()
}
