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

/// A sentence for each edge that the table does not allow, for each crate that it does not know, and for each permission
/// that nobody uses.
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
    found.extend(unused(edges, table));
    found.into_iter().collect()
}

/// A sentence for each permission that nobody uses: what is open for nothing is walked through one day unseen.
fn unused(edges: &BTreeSet<Edge>, table: &Table) -> Vec<String> {
    let used = |from: &str, to: &str| edges.iter().any(|edge| edge.from == from && edge.to == to);
    let pairs = table.allowed.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (*from, *to)));
    let arrows = pairs
        .filter(|(from, to)| !used(from, to))
        .map(|(from, to)| format!("{from} does not depend on {to}: take that out of the table"));
    let in_tests = |name: &str| edges.iter().any(|edge| edge.dev && edge.to == name);
    let for_tests = table
        .dev
        .iter()
        .filter(|name| !in_tests(name))
        .map(|name| format!("no crate's tests use {name}: take it out of the table"));
    let through_walls = table.walls.iter().flat_map(|wall| {
        let idle = |name: &&&str| !edges.iter().any(|edge| edge.from == **name && wall.keeps_out(&edge.to));
        wall.inside.iter().filter(idle).map(|name| {
            format!("{name} uses nothing that a wall keeps out ({}): take it out of the wall's table", wall.what)
        })
    });
    arrows.chain(for_tests).chain(through_walls).collect()
}

impl Wall {
    fn keeps_out(&self, crate_name: &str) -> bool {
        self.outside.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => crate_name.starts_with(start),
            None => crate_name == *name,
        })
    }

    fn breach(&self, edge: &Edge) -> Option<String> {
        let outside = self.keeps_out(&edge.to);
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

    /// Everything that the table permits, in use.
    const PERMITTED: &[(&str, &str, bool)] = &[
        ("top", "middle", false),
        ("top", "bottom", false),
        ("middle", "bottom", false),
        ("kit", "bottom", false),
        ("middle", "kit", true),
        ("middle", "sqlx", false),
        ("top", "tokio", false),
        ("middle", "tokio", true),
    ];

    fn of_alone(edges: &[(&str, &str, bool)]) -> Vec<String> {
        let edge = |&(from, to, dev): &(&str, &str, bool)| Edge { from: from.to_owned(), to: to.to_owned(), dev };
        violations(&edges.iter().map(edge).collect(), &TABLE)
    }

    fn judged(edges: &[(&str, &str, bool)]) -> Vec<String> {
        of_alone(&[PERMITTED, edges].concat())
    }

    /// What is said when `unused` alone of all that is permitted is not in use.
    fn without(unused: (&str, &str, bool)) -> Vec<String> {
        of_alone(&PERMITTED.iter().copied().filter(|edge| *edge != unused).collect::<Vec<_>>())
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
    fn a_permission_that_nobody_uses_is_to_be_taken_out() {
        assert_eq!(without(("top", "bottom", false)), ["top does not depend on bottom: take that out of the table"]);
        assert_eq!(without(("middle", "kit", true)), ["no crate's tests use kit: take it out of the table"]);
        let wall = ["top uses nothing that a wall keeps out (bottom does no I/O): take it out of the wall's table"];
        assert_eq!(without(("top", "tokio", false)), wall);
    }

    #[test]
    fn this_workspace_keeps_its_own_table() {
        let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec().unwrap();
        assert_eq!(violations(&edges(&metadata), &crate::table::WORKSPACE), [""; 0]);
    }
}
