//! The schemas that every directory has.

use std::sync::Arc;

use super::{DefinitionError, Registry, Schema};

const RESOURCE_TYPES: &str = include_str!("../../schemas/resource_types.json");
const COMMON: &str = include_str!("../../schemas/common.json");
const SERVED: [&str; 3] = [
    include_str!("../../schemas/user.json"),
    include_str!("../../schemas/enterprise_user.json"),
    include_str!("../../schemas/group.json"),
];
const DISCOVERY: [&str; 3] = [
    include_str!("../../schemas/service_provider_config.json"),
    include_str!("../../schemas/resource_type.json"),
    include_str!("../../schemas/schema.json"),
];

impl Registry {
    /// User with the enterprise extension, and Group (RFC 7643 §4).
    #[allow(clippy::expect_used)] // the definitions are part of the executable and a test reads them
    pub fn standard() -> Self {
        Self::read_standard().expect("the embedded definitions are well formed")
    }

    fn read_standard() -> Result<Self, DefinitionError> {
        let read = |texts: &[&str]| -> Result<Vec<Arc<Schema>>, DefinitionError> {
            texts.iter().map(|text| Schema::from_json(text).map(Arc::new)).collect()
        };
        Self::from_definitions(RESOURCE_TYPES, &read(&SERVED)?, &Schema::from_json(COMMON)?, read(&DISCOVERY)?)
    }
}
