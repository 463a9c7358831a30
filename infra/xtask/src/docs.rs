//! What the documentation says of the code: every source file that it names is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

const CODE: [&str; 5] = ["infra", "libs", "migrations", "services", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files in `folder` and below whose names end with `ending`, as text with `/`.
fn files(folder: &Path, ending: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (kind, path) = (entry.file_type().unwrap(), entry.path());
        if kind.is_dir() {
            files(&path, ending, found);
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path.to_str().unwrap().replace('\\', "/"));
        }
    }
}

/// The names of Rust files in `text`: `{a,b}` stands for one and the other.
fn named(text: &str) -> Vec<String> {
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || "_-./{},".contains(c);
    let paths = text.split(|c| !of_a_path(c)).map(|word| word.trim_matches(['.', ',']));
    paths.filter(|path| path.ends_with(".rs")).flat_map(each).collect()
}

fn each(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.trim_start_matches('/').to_owned()] };
    let (names, after) = rest.split_once('}').unwrap_or((rest, ""));
    names.split(',').map(|name| format!("{before}{name}{after}")).collect()
}

#[test]
fn every_source_file_that_the_documentation_names_is_there() {
    let (mut code, mut pages) = (Vec::new(), Vec::new());
    for folder in CODE {
        files(&root().join(folder), ".rs", &mut code);
    }
    files(&root().join("docs"), ".md", &mut pages);
    let mut missing = Vec::new();
    let mut seen = 0;
    for page in pages {
        for (number, line) in fs::read_to_string(&page).unwrap().lines().enumerate() {
            for path in named(line) {
                seen += 1;
                // A page's links begin at its own folder; in its text a path may begin anywhere.
                let end = format!("/{}", path.rsplit("../").next().unwrap_or(&path));
                if !code.iter().any(|file| file.ends_with(&end)) {
                    missing.push(format!("{page}:{}: {path}", number + 1));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen > 50, "the pages name {seen} files only: they are not read as they are written");
}

#[test]
fn names_are_found_in_whatever_stands_around_them() {
    let text = "`turn.rs`, (../a/b.rs), c/{d,e}.rs. Not `f.rst`, not rs.";
    assert_eq!(named(text), ["turn.rs", "a/b.rs", "c/d.rs", "c/e.rs"]);
}
