//! Lookups: who a user is and which groups they are in, for what enforces access by it. Answered from memory where that
//! is known to be right.
//!
//! An answer is forgotten before the change that makes it wrong is acknowledged:
//! * a change of a user, or of a group's members, forgets the answers of the users concerned;
//! * whatever concerns more users than can be named (a group renamed or deleted, a group put into a group, a big change
//!   of members) gives the directory a new *generation*, and answers of an older one are not used.
//!
//! What a name stands for is remembered apart. It is forgotten when somebody comes to be known by it, and is checked against
//! the answer each time. A renamed user is found under an old name as long as nobody has it who came later: who comes to have
//! it makes it forgotten.

mod answer;
mod keys;

use std::{convert::Infallible, sync::Arc};

use futures_util::future::join_all;
use rollcall_access::{DirectoryScope, Read, Write};
use rollcall_base::{Entropy, Id, marker};
use rollcall_cache::{Cache, CacheLimits, Tiers, Told};
use rollcall_scim::{Document, ScimError};
use rollcall_store::{DirectoryStore, Memberships, StoreError, UserKey};

pub(crate) use self::answer::{FoundUser, KnownAs};
use self::keys::{AnswerOf, DirectoryOf, IdsOf};
use crate::{DirectoryService, failure::Failure};

type ResourceId = Id<marker::Resource>;

/// The most users that one question may find, for those who gave several the same externalId.
const MOST_USERS: u32 = 20;
/// Changes of more members than this are not forgotten one by one.
const MOST_FORGOTTEN: usize = 20;

/// What is remembered of users and their groups.
pub struct Lookups {
    answers: Cache<AnswerOf, Arc<FoundUser>>,
    ids: Cache<IdsOf, Arc<[ResourceId]>>,
    generations: Cache<DirectoryOf, Generation>,
    entropy: Arc<dyn Entropy>,
}

/// A random number that a directory's answers carry.
type Generation = u64;

/// Has all processes that `tiers` reach forget what they would answer of a directory's users and their groups. This one
/// remembers it.
pub async fn announce_lookups(scope: &DirectoryScope<Read>, limits: CacheLimits, tiers: &Tiers) -> Told {
    Cache::<DirectoryOf, Generation>::new(limits, tiers).forget(&DirectoryOf::new(scope)).await
}

impl Lookups {
    /// Nothing yet; what comes is remembered on `tiers` within `limits`.
    pub fn new(limits: CacheLimits, tiers: &Tiers, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            answers: Cache::weighed(limits, tiers, |user: &Arc<FoundUser>| user.bytes()),
            ids: Cache::new(limits, tiers),
            generations: Cache::new(limits, tiers),
            entropy,
        }
    }

    /// To be called when a user changed or went, before it is acknowledged.
    pub(crate) async fn user_changed(&self, scope: &DirectoryScope<Write>, user: ResourceId) {
        // Who could not be told follows within the bound.
        let _ = self.answers.forget(&AnswerOf::new(&scope.to_read(), user)).await;
    }

    /// To be called when memberships changed, before it is acknowledged.
    pub(crate) async fn memberships_changed(&self, scope: &DirectoryScope<Write>, whose: &Memberships) {
        match whose {
            Memberships::Of(users) if users.len() <= MOST_FORGOTTEN => {
                // At once: nobody waits for Redis longer than for one command.
                join_all(users.iter().map(|user| self.user_changed(scope, *user))).await;
            }
            _ => self.much_changed(scope).await,
        }
    }

    /// To be called when a user came to be known by the names in `document`, before it is acknowledged: whoever asked for
    /// them before is to find this user too.
    pub(crate) async fn name_taken(&self, scope: &DirectoryScope<Write>, document: &Document) {
        let name = document.user_name().map(|name| UserKey::UserName(name.to_owned()));
        let external_id = document.external_id().map(|id| UserKey::ExternalId(id.to_owned()));
        let scope = scope.to_read();
        let forgotten = name.iter().chain(&external_id).map(|name| {
            let place = IdsOf::new(&scope, name);
            async move { self.ids.forget(&place).await }
        });
        let _ = join_all(forgotten).await;
    }

    /// To be called when a user came back who had other names before, with the keys of these, before it is acknowledged.
    pub(crate) async fn names_returned(&self, scope: &DirectoryScope<Write>, names: &[String]) {
        let scope = scope.to_read();
        let forgotten = names.iter().map(|name| {
            let place = IdsOf::new(&scope, &UserKey::NameKey(name.clone()));
            async move { self.ids.forget(&place).await }
        });
        let _ = join_all(forgotten).await;
    }

    /// Forgets everything that this process remembers, of all directories.
    pub fn clear(&self) {
        self.answers.clear();
        self.ids.clear();
        self.generations.clear();
    }

    /// To be called when nobody can say whose groups changed, before it is acknowledged.
    pub(crate) async fn much_changed(&self, scope: &DirectoryScope<Write>) {
        let _ = self.generations.forget(&DirectoryOf::new(&scope.to_read())).await;
    }

    async fn generation(&self, scope: &DirectoryScope<Read>) -> Generation {
        let drawn = || async {
            let mut bytes = [0; 8];
            self.entropy.fill(&mut bytes);
            Ok::<_, Infallible>(Some(Generation::from_be_bytes(bytes)))
        };
        match self.generations.get_or_try_load(&DirectoryOf::new(scope), drawn).await {
            Ok(generation) => generation.unwrap_or_default(),
            Err(never) => match *never {},
        }
    }
}

impl DirectoryService {
    /// The users that `key` names, with their groups; nobody is no error. What this process acknowledged before is in the
    /// answer. What another did is as soon as it is told, mostly within milliseconds; where it could not be told of a change, the
    /// answer may be 30 seconds old.
    pub(crate) async fn look_up(
        &self,
        scope: &DirectoryScope<Read>,
        key: &UserKey,
    ) -> Result<Vec<(Arc<FoundUser>, KnownAs)>, Failure> {
        if let UserKey::Id(id) = key {
            return Ok(self.user(scope, *id).await?.map(|user| (user, KnownAs::Now)).into_iter().collect());
        }
        let place = IdsOf::new(scope, key);
        let load = || self.ids_of(scope, key);
        let mut found = Vec::new();
        for is_last in [false, true] {
            let ids = self.lookups.ids.get_or_try_load(&place, load).await.map_err(shared)?;
            found.clear();
            let ids = ids.as_deref().unwrap_or_default();
            for user in join_all(ids.iter().map(|id| self.user(scope, *id))).await {
                found.extend(user?.and_then(|user| {
                    let known_as = user.known_as(key)?;
                    Some((user, known_as))
                }));
            }
            if is_last || found.len() == ids.len() {
                break;
            }
            // The name moved on, or whoever had it before went.
            let _ = self.lookups.ids.forget(&place).await;
        }
        Ok(found)
    }

    async fn user(&self, scope: &DirectoryScope<Read>, id: ResourceId) -> Result<Option<Arc<FoundUser>>, Failure> {
        // Before the load: what changes meanwhile has a newer one.
        let generation = self.lookups.generation(scope).await;
        let place = AnswerOf::new(scope, id);
        let load = || async { Ok::<_, Failure>(self.load_user(scope, id, generation).await?.map(Arc::new)) };
        let fits = |user: &Arc<FoundUser>| user.generation == generation;
        self.lookups.answers.get_fitting_or_try_load(&place, fits, load).await.map_err(shared)
    }

    async fn load_user(
        &self,
        scope: &DirectoryScope<Read>,
        id: ResourceId,
        generation: Generation,
    ) -> Result<Option<FoundUser>, Failure> {
        let store = self.store.directory(scope);
        let Some(user) = store.users_known_as(&UserKey::Id(id), 1).await?.pop() else { return Ok(None) };
        let at_most = self.limits.lookup_groups;
        let groups = store.groups_of(&[id], at_most).await?.ok_or_else(|| {
            ScimError::status(
                422,
                format!("The user is in more than {at_most} groups, which is as many as a lookup answers with."),
            )
        })?;
        Ok(Some(FoundUser::new(user, groups.into_values().flatten(), generation)))
    }

    async fn ids_of(&self, scope: &DirectoryScope<Read>, key: &UserKey) -> Result<Option<Arc<[ResourceId]>>, Failure> {
        let store: DirectoryStore<Read> = self.store.directory(scope);
        let users = store.users_known_as(key, MOST_USERS + 1).await?;
        if users.len() > MOST_USERS as usize {
            let told = format!("More than {MOST_USERS} users have this externalId. Ask for one by id or userName.");
            return Err(ScimError::status(422, told).into());
        }
        let ids: Arc<[ResourceId]> = users.iter().map(|user| user.resource.id).collect();
        Ok((!ids.is_empty()).then_some(ids))
    }
}

/// The failure of a load that several waited for.
fn shared(failure: Arc<Failure>) -> Failure {
    match &*failure {
        Failure::Scim(error) => Failure::Scim(error.clone()),
        Failure::Forbidden(forbidden) => Failure::Forbidden(*forbidden),
        Failure::Unavailable(_) | Failure::OutcomeUnknown(_) | Failure::NotShown(_) => {
            Failure::Unavailable(StoreError::Unavailable(failure))
        }
        Failure::Internal(_) => Failure::Internal(StoreError::Internal(failure)),
    }
}
