//! The tenants.

use std::sync::Arc;

use async_trait::async_trait;
use rollcall_base::{Id, Timestamp};
use rollcall_scim::fold;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};

use super::TenantRecord;
use crate::{
    ControlError, StoreError,
    door::Mutation,
    entity::{data_key, tenant},
    statement,
    store::Inner,
    transaction::Transaction,
};

/// The tenants.
#[derive(Clone)]
pub struct OperatorStore(Arc<Inner>);

impl OperatorStore {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// Creates a tenant. The slug is folded; whether it is fit for URLs is the caller's check.
    ///
    /// # Errors
    /// [`ControlError::Taken`] if another tenant has the slug.
    pub async fn create_tenant(&self, slug: &str, name: &str) -> Result<TenantRecord, ControlError> {
        let now = self.0.clock.now();
        let id = Id::new(now, &*self.0.entropy);
        let record = TenantRecord { id, slug: fold(slug), name: name.to_owned(), created_at: now };
        let inserted = self.0.write(InsertTenant(record.clone())).await?;
        if inserted { Ok(record) } else { Err(ControlError::Taken { field: "slug" }) }
    }

    /// All tenants, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn tenants(&self) -> Result<Vec<TenantRecord>, StoreError> {
        let rows = tenant::Entity::find().order_by_asc(tenant::Column::Id).all(self.0.reader()).await?;
        Ok(rows.into_iter().map(TenantRecord::from).collect())
    }

    /// Whether any tenant has a data key: then the keys that wrap them must be at hand.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_data_keys(&self) -> Result<bool, StoreError> {
        Ok(data_key::Entity::find().one(self.0.reader()).await?.is_some())
    }

    /// The tenant with this slug, in any case.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<TenantRecord>, StoreError> {
        let slug = tenant::Column::Slug.eq(fold(slug));
        Ok(tenant::Entity::find().filter(slug).one(self.0.reader()).await?.map(TenantRecord::from))
    }
}

struct InsertTenant(TenantRecord);

#[async_trait]
impl Mutation for InsertTenant {
    type Output = bool;

    async fn run(&self, transaction: &Transaction) -> Result<bool, StoreError> {
        let row = tenant::ActiveModel {
            id: Set(self.0.id.as_uuid()),
            slug: Set(self.0.slug.clone()),
            name: Set(self.0.name.clone()),
            created_at: Set(Timestamp::as_micros(self.0.created_at)),
        };
        let on_conflict = OnConflict::column(tenant::Column::Slug).do_nothing().to_owned();
        let inserted = tenant::Entity::insert(row).on_conflict(on_conflict).exec_without_returning(transaction).await;
        Ok(statement::inserted(inserted)? == 1)
    }
}
