//! How large a resource may be.

use std::io::{self, Write};

use rollcall_scim::{Document, ScimError};

use crate::DirectoryLimits;

/// Counts what is written and keeps nothing.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The document's size as JSON.
fn bytes(document: &Document) -> usize {
    let mut counter = Counter(0);
    // A map of JSON values always serialises, and the counter takes everything.
    let _ = serde_json::to_writer(&mut counter, document.attributes());
    counter.0
}

impl DirectoryLimits {
    /// Refuses a resource that would make every page it is on too large. Members do not count: they are no part of it.
    pub(crate) fn check_document(&self, document: &Document) -> Result<(), ScimError> {
        let (size, most) = (bytes(document), self.resource_bytes);
        if size <= most {
            return Ok(());
        }
        Err(ScimError::status(
            413,
            format!(
                "The resource would have {size} bytes; {most} are the most. Send smaller values, such as a photo's \
                 address in place of the photo."
            ),
        ))
    }
}
