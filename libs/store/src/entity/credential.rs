//! A bearer token's record: of one that an admin carried, or of an OAuth client's access token.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "credential")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub directory_id: Uuid,
    pub data_key_id: Uuid,
    pub hash: Vec<u8>,
    pub may_write: bool,
    pub label: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    pub scopes: Option<i32>,
    pub networks: Option<String>,
    pub observes_networks: Option<bool>,
    pub oauth_client_id: Option<Uuid>,
    pub replaced_by: Option<Uuid>,
    pub rotated_at: Option<i64>,
    pub overlap: Option<i64>,
    pub in_use_since: Option<i64>,
    pub retires_at: Option<i64>,
    pub ladder_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
