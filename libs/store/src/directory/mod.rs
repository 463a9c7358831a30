//! The people and groups of one directory.

use std::{collections::HashMap, marker::PhantomData, sync::Arc};

use rollcall_access::{Access, Write};
use rollcall_base::{Id, marker::Resource};
use rollcall_scim::schema::{KindId, ResourceType};

use crate::{ChangeFn, GroupRef, ListQuery, Listing, Member, NewResource, StoreError, StoredResource, Target, Updated};

/// One directory's resources.
#[derive(Clone)]
pub struct DirectoryStore<A: Access> {
    access: PhantomData<fn() -> A>,
}

#[allow(missing_docs)]
impl<A: Access> DirectoryStore<A> {
    pub async fn get(&self, _rt: &Arc<ResourceType>, _id: Id<Resource>) -> Result<Option<StoredResource>, StoreError> {
        todo!()
    }
    pub async fn list(&self, _query: &ListQuery) -> Result<Listing, StoreError> {
        todo!()
    }
    pub async fn groups_of(&self, _ids: &[Id<Resource>]) -> Result<HashMap<Id<Resource>, Vec<GroupRef>>, StoreError> {
        todo!()
    }
    pub async fn members_page(
        &self,
        _group: Id<Resource>,
        _after: Option<Id<Resource>>,
        _limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        todo!()
    }
    pub async fn members_of(
        &self,
        _groups: &[Id<Resource>],
        _at_most: u32,
    ) -> Result<Option<HashMap<Id<Resource>, Vec<Member>>>, StoreError> {
        todo!()
    }
    pub async fn displays(
        &self,
        _ids: &[Id<Resource>],
    ) -> Result<HashMap<Id<Resource>, (KindId, Option<String>)>, StoreError> {
        todo!()
    }
}

#[allow(missing_docs)]
impl DirectoryStore<Write> {
    pub async fn create(&self, _new: NewResource) -> Result<StoredResource, StoreError> {
        todo!()
    }
    pub async fn update(&self, _target: Target, _change: ChangeFn) -> Result<Updated, StoreError> {
        todo!()
    }
    pub async fn delete(&self, _target: Target) -> Result<(), StoreError> {
        todo!()
    }
}
