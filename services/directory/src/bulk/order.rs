//! In which order operations can run.

use std::collections::{HashMap, HashSet};

use rollcall_scim::messages::{BulkMethod, BulkOperation, bulk_references};

/// Which operation waits for which.
pub(super) struct Order {
    /// For each operation: how many that it refers to are not done with.
    pub(super) open_references: Vec<usize>,
    /// For each bulkId: the operations that refer to it.
    dependents: HashMap<String, Vec<usize>>,
}

impl Order {
    /// A bulkId that no operation creates is waited for by nobody: the attempt says what is wrong with it.
    pub(super) fn of(operations: &[BulkOperation]) -> Self {
        let created: HashSet<&str> = operations
            .iter()
            .filter(|operation| operation.method == BulkMethod::Post)
            .filter_map(|operation| operation.bulk_id.as_deref())
            .collect();
        let mut order = Self { open_references: vec![0; operations.len()], dependents: HashMap::new() };
        for (at, operation) in operations.iter().enumerate() {
            for bulk_id in bulk_references(operation).into_iter().filter(|bulk_id| created.contains(bulk_id.as_str())) {
                order.open_references[at] += 1;
                order.dependents.entry(bulk_id).or_default().push(at);
            }
        }
        order
    }

    pub(super) fn settle(&mut self, operation: &BulkOperation) {
        let dependents = operation.bulk_id.as_ref().and_then(|bulk_id| self.dependents.remove(bulk_id));
        for at in dependents.unwrap_or_default() {
            self.open_references[at] -= 1;
        }
    }
}
