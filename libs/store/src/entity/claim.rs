//! A value that only one resource may have.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "claim")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub directory_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub attribute_id: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub value_key: String,
    pub resource_id: Uuid,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
