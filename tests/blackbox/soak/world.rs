//! What all clients of a run share: the directories, and what each has shown of itself.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{dice::Dice, leaks::Territory};
use crate::{directory::Directory, server::Place as Installation};

pub(super) const TENANTS: usize = 8;
pub(super) const DIRECTORIES_PER_TENANT: usize = 2;
/// As many of each are remembered of a directory, for the others to try.
const REMEMBERED: usize = 64;

/// Something of a directory that clients of others try.
#[derive(Debug, Clone)]
pub(super) struct Trophy {
    pub(super) is_user: bool,
    pub(super) id: String,
    /// userName or displayName.
    pub(super) name: String,
    pub(super) external_id: String,
    pub(super) etag: String,
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: Directory,
    pub(super) marker: String,
    trophies: Mutex<VecDeque<Trophy>>,
    cursors: Mutex<VecDeque<String>>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) places: Vec<Place>,
    pub(super) territory: Territory,
    requests: AtomicUsize,
}

impl World {
    /// New tenants and directories of `installation`.
    pub(super) fn new(installation: &Installation, seed: u64) -> Self {
        let dice = Dice::new(seed, u64::MAX - 1);
        let place = |number: usize| Place {
            directory: installation.directory_of(&format!("tenant-{}", number / DIRECTORIES_PER_TENANT), "other"),
            marker: dice.marker(),
            trophies: Mutex::default(),
            cursors: Mutex::default(),
        };
        let places: Vec<Place> = (0..TENANTS * DIRECTORIES_PER_TENANT).map(place).collect();
        let known_by = |place: &Place| {
            let (_, path) = place.directory.base_url.split_once("/scim/").unwrap();
            (place.marker.clone(), format!("/scim/{path}"))
        };
        let territory = Territory::new(places.iter().map(known_by).collect());
        Self { places, territory, requests: AtomicUsize::new(0) }
    }

    /// One more request is sent.
    pub(super) fn sent(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn remember<T>(list: &Mutex<VecDeque<T>>, one: T) {
    let mut list = list.lock().unwrap();
    if list.len() == REMEMBERED {
        list.pop_front();
    }
    list.push_back(one);
}

fn some<T: Clone>(list: &Mutex<VecDeque<T>>, dice: &Dice) -> Option<T> {
    let list = list.lock().unwrap();
    list.get(dice.below(list.len())).cloned()
}

impl Place {
    pub(super) fn shows(&self, trophy: Trophy) {
        remember(&self.trophies, trophy);
    }

    pub(super) fn shows_cursor(&self, cursor: &str) {
        remember(&self.cursors, cursor.to_owned());
    }

    pub(super) fn some_trophy(&self, dice: &Dice) -> Option<Trophy> {
        some(&self.trophies, dice)
    }

    pub(super) fn some_cursor(&self, dice: &Dice) -> Option<String> {
        some(&self.cursors, dice)
    }
}
