//! `docs/quirks.md` says the truth about what there is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use rollcall_scim::quirks::Quirk;
use serde_json::Value;

/// Every difference between clients that is known, by its id: a letter for the client, and a number.
const KNOWN: &str = "\
    A01 A02 A03 A04 A05 A06 C01 C02 C03 C04 C05 C06 C07 C08 C09 C10 C11 E01 E02 E03 E04 E05 E06 E07 E08 E09 E10 \
    E11 E12 E13 E14 E15 E16 E17 E18 E19 E20 E21 E22 E23 E24 E25 E26 E27 E28 E29 E30 E31 E32 E33 E34 E35 E36 E37 \
    E38 E39 E40 E41 E42 E43 E44 E45 E46 E47 E48 E49 E50 E51 E52 E53 E54 E55 E56 G01 G02 G03 G04 G05 J01 J02 J03 \
    J04 J05 J06 J07 J08 J09 J10 K01 K02 K03 K04 K05 K06 K07 K08 K09 K10 K11 K12 K13 K14 K15 K16 K17 K18 K19 K20 \
    K21 K22 K23 K24 K25 K26 K27 K28 K29 K30 K31 K32 K33 K34 K35 L01 L02 L03 L04 L05 L06 L07 L08 L09 P01 P02 P03 \
    P04 P05 P06 P07 P08 P09 P10 P11 P12 P13 P14 P15 P20 P21 P22 P23 P24 R01 R02 R03 S01 S02 S03 S04 S05 S06 S07 \
    S08 X01 X02 X03 X10 X11 X12 X13 X14 X15 X16 X17 X18 X19";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/quirks.md")).unwrap()
}

/// The cells of each row of the tables.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows =
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| id") && !line.starts_with("| quirk"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn known() -> BTreeSet<&'static str> {
    KNOWN.split_whitespace().collect()
}

/// All transcripts, by their path from the root.
fn transcripts() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for folder in ["tests/traffic", "tests/traffic/more"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                found.insert(format!("{folder}/{name}"), serde_json::from_str(&text).unwrap());
            }
        }
    }
    found
}

#[test]
fn each_known_difference_has_one_row_that_says_what_becomes_of_it() {
    let page = page();
    let rows = rows(&page);
    for id in known() {
        let of_it: Vec<_> = rows.iter().filter(|row| row[0] == id).collect();
        assert_eq!(of_it.len(), 1, "{id}");
        assert!(of_it[0].len() == 5 && of_it[0].iter().all(|cell| !cell.is_empty()), "{id}: {:?}", of_it[0]);
    }
    let strangers = rows.iter().filter(|row| row.len() == 5 && !known().contains(row[0])).count();
    assert_eq!(strangers, 0, "a row without a known id");
}

#[test]
fn what_a_row_is_shown_by_is_there_and_is_about_it() {
    let (page, transcripts) = (page(), transcripts());
    for row in rows(&page).iter().filter(|row| row.len() == 5) {
        let links: Vec<&str> = row[4].split("](../").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(!links.is_empty(), "{} is shown by nothing", row[0]);
        for link in links {
            assert!(root().join(link).is_file(), "{}: {link} is not there", row[0]);
            if let Some(transcript) = transcripts.get(link) {
                let about = transcript["quirks"].as_array().unwrap().iter().any(|id| id == row[0]);
                assert!(about, "{link} does not say that it is about {}", row[0]);
            }
        }
    }
}

#[test]
fn each_quirk_is_named_with_what_a_strict_directory_does_and_where_it_is_met() {
    let page = page();
    let rows = rows(&page);
    for quirk in Quirk::ALL {
        let name = format!("`{}`", quirk.as_str());
        assert_eq!(rows.iter().filter(|row| row.len() == 3 && row[0] == name).count(), 1, "{name}");
        assert_eq!(Quirk::of_name(quirk.as_str()), Some(quirk));
        assert!(quirk.meaning().len() > 20 && quirk.meaning().ends_with('.'), "{name}");
    }
    let named: BTreeSet<&str> = Quirk::ALL.into_iter().map(Quirk::as_str).collect();
    assert_eq!(named.len(), Quirk::ALL.len(), "no two have one name");
    let in_rows = rows.iter().filter(|row| row.len() == 5).flat_map(|row| row[3].split('`').skip(1).step_by(2));
    let unknown: Vec<&str> = in_rows.filter(|name| !named.contains(name) && *name != "User.groups").collect();
    assert_eq!(unknown, Vec::<&str>::new());
}

#[test]
fn each_transcript_says_whose_it_is_where_it_is_from_and_what_is_expected() {
    let transcripts = transcripts();
    let more = transcripts.keys().filter(|path| path.contains("/more/")).count();
    assert!(transcripts.len() - more >= 38 && more >= 45, "{} of which {more} are ours", transcripts.len());
    for (path, transcript) in &transcripts {
        let stem = path.rsplit('/').next().unwrap().trim_end_matches(".json");
        let idp = transcript["idp"].as_str().unwrap();
        assert_eq!(format!("{idp}-{}", transcript["scenario"].as_str().unwrap()), stem);
        assert!(!transcript["sources"].as_array().unwrap().is_empty(), "{path}");
        for id in transcript["quirks"].as_array().unwrap() {
            assert!(known().contains(id.as_str().unwrap()), "{path} names {id}");
        }
        for step in transcript["steps"].as_array().unwrap() {
            assert!(
                step["expect"]["status"].as_array().is_some_and(|list| !list.is_empty()),
                "{path}: {}",
                step["name"]
            );
        }
    }
}
