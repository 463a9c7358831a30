//! Those of a tenant who wait, each of its directories in turn however many it has.

use std::collections::VecDeque;

use rollcall_base::{Id, marker};
use tokio::sync::oneshot;

type DirectoryId = Id<marker::Directory>;

/// Who waits for a `T`. Who waits in vain is passed over.
#[derive(Debug)]
pub(super) struct Queue<T>(VecDeque<(DirectoryId, VecDeque<oneshot::Sender<T>>)>);

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Queue<T> {
    /// Waits behind the others of its directory.
    pub(super) fn push(&mut self, directory: DirectoryId, give: oneshot::Sender<T>) {
        match self.0.iter_mut().find(|(id, _)| *id == directory) {
            Some((_, waiting)) => {
                // Who waited in vain would else stay for as long as nothing of the tenant ends.
                if waiting.len() == waiting.capacity() {
                    waiting.retain(|give| !give.is_closed());
                }
                waiting.push_back(give);
            }
            None => self.0.push_back((directory, VecDeque::from([give]))),
        }
    }

    /// The next of the directory that waits longest, which then stands behind the others.
    pub(super) fn pop(&mut self) -> Option<(DirectoryId, oneshot::Sender<T>)> {
        while let Some((directory, mut waiting)) = self.0.pop_front() {
            let next = std::iter::from_fn(|| waiting.pop_front()).find(|give| !give.is_closed());
            if !waiting.is_empty() {
                self.0.push_back((directory, waiting));
            }
            if let Some(next) = next {
                return Some((directory, next));
            }
        }
        None
    }

    /// Whether nobody waits, not even in vain.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|(_, waiting)| waiting.len()).sum()
    }
}
