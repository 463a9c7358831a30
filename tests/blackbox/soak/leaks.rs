//! Looks through an answer for anything that is another directory's.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, RwLock},
};

use super::dice::{MARKER, MARKER_LENGTH};

/// Where the directories of a run are known by: what each must not see of the others.
#[derive(Debug, Default)]
pub(super) struct Territory {
    /// Markers and base paths (`/scim/tenant/directory/v2`), by directory.
    directories: Vec<(String, String)>,
    /// Every id that a directory gave out.
    owners: RwLock<HashMap<String, usize>>,
    /// Ids that turned up before their owner was known: who saw them, and what the answer was to.
    unresolved: Mutex<Vec<(usize, String, String)>>,
    /// Ids of others that a directory was made to store, as a manager's: they are its own words from then on.
    adopted: RwLock<HashSet<(usize, String)>>,
}

const ID_LENGTH: usize = 36;

impl Territory {
    pub(super) fn new(directories: Vec<(String, String)>) -> Self {
        Self { directories, ..Self::default() }
    }

    /// `directory` gave out `id`.
    pub(super) fn owns(&self, directory: usize, id: &str) {
        self.owners.write().unwrap().insert(id.to_owned(), directory);
    }

    /// `directory` is about to store `id`, whoever's it is.
    pub(super) fn adopts(&self, directory: usize, id: &str) {
        self.adopted.write().unwrap().insert((directory, id.to_owned()));
    }

    /// What in `answer`, headers and body, is not for `directory` and was not in its `request` either.
    pub(super) fn leaks(&self, directory: usize, request: &str, answer: &str) -> Vec<String> {
        let (marker, path) = &self.directories[directory];
        let markers = found(answer, MARKER, MARKER.len() + MARKER_LENGTH).filter(|found| found != marker);
        let paths = found(answer, "/scim/", path.len()).filter(|found| found != path);
        let strangers = markers.chain(paths).map(str::to_owned);
        let ids = ids(answer).filter(|id| self.is_anothers(directory, request, id)).map(str::to_owned);
        strangers.chain(ids).filter(|found| !request.contains(found.as_str())).collect()
    }

    fn is_anothers(&self, directory: usize, request: &str, id: &str) -> bool {
        let owner = self.owners.read().unwrap().get(id).copied();
        if owner == Some(directory) || self.adopted.read().unwrap().contains(&(directory, id.to_owned())) {
            return false;
        }
        if owner.is_none() && !request.contains(id) {
            let note = (directory, id.to_owned(), request.chars().take(200).collect());
            self.unresolved.lock().unwrap().push(note);
        }
        owner.is_some()
    }

    /// At the end: ids that were seen before their owner was known and turned out to be another's, or nobody's.
    pub(super) fn late_leaks(&self) -> Vec<String> {
        let owners = self.owners.read().unwrap();
        let unresolved = self.unresolved.lock().unwrap();
        let strange = unresolved.iter().filter(|(directory, id, _)| owners.get(id) != Some(directory));
        strange
            .map(|(directory, id, request)| format!("directory {directory} saw {id} in answer to {request}"))
            .collect()
    }
}

/// Each place where `begin` stands, with what follows, `length` bytes in all.
fn found<'a>(text: &'a str, begin: &'a str, length: usize) -> impl Iterator<Item = &'a str> {
    text.match_indices(begin).map(move |(at, _)| text.get(at..at + length).unwrap_or(&text[at..]))
}

/// Everything of the shape of an id.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let dash = |at: usize| bytes.get(at) == Some(&b'-');
    text.match_indices('-').filter_map(move |(at, _)| {
        if !(dash(at + 5) && dash(at + 10) && dash(at + 15)) {
            return None;
        }
        let begin = at.checked_sub(8)?;
        let id = text.get(begin..begin + ID_LENGTH)?;
        id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "01a20132-a43f-7f30-a609-11401eb194ae";
    const THEIRS: &str = "01a20132-a43f-7f30-a609-11401eb194af";

    fn territory() -> Territory {
        let directory =
            |letter: &str, path: &str| (format!("{MARKER}{}", letter.repeat(MARKER_LENGTH)), path.to_owned());
        let territory =
            Territory::new(vec![directory("a", "/scim/one/Dir-1/v2"), directory("b", "/scim/two/Dir-2/v2")]);
        territory.owns(0, OURS);
        territory.owns(1, THEIRS);
        territory
    }

    fn leaks(request: &str, answer: &str) -> Vec<String> {
        territory().leaks(0, request, answer)
    }

    #[test]
    fn a_planted_marker_id_or_location_of_another_directory_is_found() {
        let ours = format!("\"{OURS}\" user-{MARKER}aaaaaaaaaaaa at http://h/scim/one/Dir-1/v2/Users/{OURS}");
        assert!(leaks("", &ours).is_empty());
        for (plant, found) in [
            (format!("x{MARKER}bbbbbbbbbbbb-3"), format!("{MARKER}bbbbbbbbbbbb")),
            (format!("\"id\":\"{THEIRS}\""), THEIRS.to_owned()),
            ("http://h/scim/two/Dir-2/v2/Users".to_owned(), "/scim/two/Dir-2/v2".to_owned()),
            (MARKER.to_owned(), MARKER.to_owned()),
            ("/scim/".to_owned(), "/scim/".to_owned()),
        ] {
            assert_eq!(leaks("", &format!("{ours} {plant}")), [found], "{plant}");
        }
    }

    #[test]
    fn what_the_client_sent_itself_may_come_back_and_what_it_stored() {
        assert!(leaks(&format!("GET /Users/{THEIRS}"), &format!("no resource {THEIRS}")).is_empty());
        let territory = territory();
        territory.adopts(0, THEIRS);
        assert!(territory.leaks(0, "", THEIRS).is_empty());
        assert_eq!(territory.leaks(1, "", OURS), [OURS]);
    }

    #[test]
    fn an_id_whose_owner_becomes_known_later_is_judged_then() {
        let territory = territory();
        let (late_ours, late_theirs) = (OURS.replace("01a2", "02a2"), OURS.replace("01a2", "03a2"));
        assert!(territory.leaks(0, "a list", &format!("{late_ours} {late_theirs}")).is_empty());
        territory.owns(0, &late_ours);
        territory.owns(1, &late_theirs);
        assert_eq!(territory.late_leaks(), [format!("directory 0 saw {late_theirs} in answer to a list")]);
    }
}
