//! Which crate may depend on which.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

/// One crate of the workspace depends on another crate, of the workspace or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Only tests, benches and examples see it.
    pub(crate) dev: bool,
}

/// What is allowed.
pub(crate) struct Table {
    /// Each crate with those of the workspace that it may depend on.
    pub(crate) allowed: &'static [(&'static str, &'static [&'static str])],
    /// Crates that any crate may use in its tests.
    pub(crate) dev: &'static [&'static str],
    /// Walls against crates from outside.
    pub(crate) walls: &'static [Wall],
}

/// Crates from outside that only some may use.
pub(crate) struct Wall {
    /// What the wall keeps.
    pub(crate) what: &'static str,
    /// Names from outside; one that ends with `*` stands for all that begin so.
    pub(crate) outside: &'static [&'static str],
    /// Who may use them.
    pub(crate) inside: &'static [&'static str],
    /// Whether it holds for tests too.
    pub(crate) dev: bool,
}

/// Every dependency that a crate of the workspace names.
pub(crate) fn edges(metadata: &Metadata) -> BTreeSet<Edge> {
    let members = metadata.workspace_packages();
    members
        .iter()
        .flat_map(|package| {
            package.dependencies.iter().map(|dependency| Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                dev: dependency.kind == DependencyKind::Development,
            })
        })
        .collect()
}

/// A sentence for each edge that the table does not allow, and for each crate that it does not know.
pub(crate) fn violations(edges: &BTreeSet<Edge>, table: &Table) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = table.allowed.iter().copied().collect();
    let mut found = BTreeSet::new();
    for edge in edges {
        let Some(targets) = allowed.get(edge.from.as_str()) else {
            found.insert(format!(
                "{} is not in the table: add it to infra/xtask/src/table.rs with what it may use",
                edge.from
            ));
            continue;
        };
        let of_workspace = allowed.contains_key(edge.to.as_str());
        // A crate's tests may name the crate itself, to see it with another of its features.
        let itself = edge.dev && edge.from == edge.to;
        let permitted =
            itself || targets.contains(&edge.to.as_str()) || edge.dev && table.dev.contains(&edge.to.as_str());
        if of_workspace && !permitted {
            found.insert(format!(
                "{} must not depend on {}: arrows point down only (docs/architecture.md)",
                edge.from, edge.to
            ));
        }
        found.extend(table.walls.iter().filter_map(|wall| wall.breach(edge)));
    }
    found.into_iter().collect()
}

impl Wall {
    fn breach(&self, edge: &Edge) -> Option<String> {
        let outside = self.outside.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => edge.to.starts_with(start),
            None => edge.to == *name,
        });
        let broken = outside && !self.inside.contains(&edge.from.as_str()) && (self.dev || !edge.dev);
        broken.then(|| format!("{} must not depend on {}: {}", edge.from, edge.to, self.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table {
        allowed: &[("top", &["middle", "bottom"]), ("middle", &["bottom"]), ("bottom", &[]), ("kit", &["bottom"])],
        dev: &["kit"],
        walls: &[
            Wall { what: "only middle knows SQL", outside: &["sqlx", "sea-*"], inside: &["middle"], dev: true },
            Wall { what: "bottom does no I/O", outside: &["tokio"], inside: &["top", "middle"], dev: false },
        ],
    };

    fn judged(edges: &[(&str, &str, bool)]) -> Vec<String> {
        let edge = |&(from, to, dev): &(&str, &str, bool)| Edge { from: from.to_owned(), to: to.to_owned(), dev };
        violations(&edges.iter().map(edge).collect(), &TABLE)
    }

    #[test]
    fn arrows_that_point_down_and_crates_from_outside_pass() {
        assert_eq!(judged(&[("top", "bottom", false), ("middle", "sqlx", false), ("bottom", "serde", false)]), [""; 0]);
    }

    #[test]
    fn an_arrow_that_points_up_is_refused_in_tests_too() {
        let complaint = ["bottom must not depend on top: arrows point down only (docs/architecture.md)"];
        assert_eq!(judged(&[("bottom", "top", false)]), complaint);
        assert_eq!(judged(&[("bottom", "top", true)]), complaint);
    }

    #[test]
    fn only_tests_may_use_the_test_kit() {
        assert_eq!(judged(&[("bottom", "kit", true)]), [""; 0]);
        assert_eq!(judged(&[("bottom", "kit", false)]).len(), 1);
    }

    #[test]
    fn a_crates_tests_may_name_the_crate_itself() {
        assert_eq!(judged(&[("bottom", "bottom", true)]), [""; 0]);
        assert_eq!(judged(&[("bottom", "bottom", false)]).len(), 1);
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_named() {
        assert!(judged(&[("cellar", "serde", false)])[0].starts_with("cellar is not in the table"));
    }

    #[test]
    fn walls_hold_by_name_and_by_prefix() {
        assert_eq!(judged(&[("top", "sea-query", true)]), ["top must not depend on sea-query: only middle knows SQL"]);
        assert_eq!(judged(&[("top", "sqlx", false)]).len(), 1);
        assert_eq!(judged(&[("bottom", "tokio", false)]), ["bottom must not depend on tokio: bottom does no I/O"]);
        assert_eq!(judged(&[("bottom", "tokio", true)]), [""; 0]);
    }

    #[test]
    fn this_workspace_keeps_its_own_table() {
        let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec().unwrap();
        assert_eq!(violations(&edges(&metadata), &crate::table::WORKSPACE), [""; 0]);
    }
}
