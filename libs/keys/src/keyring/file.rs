//! The keyring's file: `{"version":1,"master":"<base64>","check":"<base64>"}`, mode 0600.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rollcall_base::{Entropy, Secret32};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VERSION: u32 = 1;

/// Why the keyring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file is there but cannot be read.
    #[error("the keyring {} cannot be read: {source}; let the user that runs rollcall own it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no file and none can be made.
    #[error("the keyring {} cannot be created: {source}; make its folder writable for the user that runs rollcall", path.display())]
    NotCreated {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner may use the file.
    #[error("the keyring {} is open to others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file was written by a later version.
    #[error("the keyring {} has version {version}, this program reads version {VERSION}; use a newer program", path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The file's content is not what was written.
    #[error("the keyring {} is damaged ({reason}); restore it from a backup: without it no token can be verified", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without any of its content.
        reason: &'static str,
    },
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Content {
    version: u32,
    master: String,
    /// A key derived from the master key, so that a flipped bit is damage and not another keyring.
    check: String,
}

/// The master key in the file at `path`; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Secret32>, KeyringError> {
    let unreadable = |source| KeyringError::Unreadable { path: path.to_owned(), source };
    let damaged = |reason| KeyringError::Damaged { path: path.to_owned(), reason };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // Of the opened file, not of the path: nobody can swap it in between.
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyringError::OpenToOthers { path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(io::read_to_string(file).map_err(unreadable)?);
    let content = parse(&text).ok_or_else(|| damaged("it is not the JSON that was written"))?;
    if content.version > VERSION {
        return Err(KeyringError::NewerVersion { path: path.to_owned(), version: content.version });
    }
    let bytes = Zeroizing::new(STANDARD.decode(&content.master).unwrap_or_default());
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| damaged("its key is not 256 bits long"))?;
    let master = Secret32::from_bytes(bytes);
    if content.check != check(&master) {
        return Err(damaged("its key and its checksum differ"));
    }
    Ok(Some(master))
}

/// Writes `master` to a new file at `path` and returns the key that stands there: another one, if another process was
/// faster. The file appears whole or not at all.
pub(super) fn create(path: &Path, master: &Secret32, entropy: &dyn Entropy) -> Result<Secret32, KeyringError> {
    let not_created = |source| KeyringError::NotCreated { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(not_created)?;
    let draft = draft_path(path, entropy);
    let published = write_draft(&draft, master).and_then(|()| match fs::hard_link(&draft, path) {
        // A link, unlike a rename, does not replace what another process has put there first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    });
    let removed = fs::remove_file(&draft);
    published.and(removed).and_then(|()| File::open(folder)?.sync_all()).map_err(not_created)?;
    read(path)?.ok_or_else(|| not_created(io::ErrorKind::NotFound.into()))
}

fn write_draft(draft: &Path, master: &Secret32) -> io::Result<()> {
    let content = Content { version: VERSION, master: STANDARD.encode(master.expose()), check: check(master) };
    let text = Zeroizing::new(serde_json::to_vec(&content)?);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(&text)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// A name of its own in the same folder, because links do not cross file systems.
fn draft_path(path: &Path, entropy: &dyn Entropy) -> PathBuf {
    let mut random = [0_u8; 8];
    entropy.fill(&mut random);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", u64::from_be_bytes(random)));
    path.with_file_name(name)
}

fn parse(text: &str) -> Option<Content> {
    serde_json::from_str(text).ok()
}

fn check(master: &Secret32) -> String {
    STANDARD.encode(&super::subkey(master, "check", "").expose()[..8])
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, sync::Barrier, thread};

    use rollcall_base::SystemEntropy;

    use super::*;

    fn made(folder: &Path) -> PathBuf {
        let path = folder.join("keyring.json");
        create(&path, &Secret32::random(&SystemEntropy), &SystemEntropy).unwrap();
        path
    }

    fn overwrite(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_nothing_else_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(&folder.path().join("deeper/still"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn processes_that_start_together_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        let together = Barrier::new(8);
        let keys: Vec<[u8; 32]> = thread::scope(|scope| {
            let start = || {
                together.wait();
                *create(&path, &Secret32::random(&SystemEntropy), &SystemEntropy).unwrap().expose()
            };
            let running: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key == read(&path).unwrap().unwrap().expose()));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_command_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path());
        for mode in [0o644, 0o640, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, KeyringError::OpenToOthers { .. }));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn damage_is_noticed_and_never_taken_for_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path());
        let whole = fs::read_to_string(&path).unwrap();
        let at = whole.find("master\":\"").unwrap() + 12;
        let flipped = if &whole[at..=at] == "A" { "B" } else { "A" };
        let flipped = format!("{}{flipped}{}", &whole[..at], &whole[at + 1..]);
        for text in ["", "{}", "[1]", &whole[..whole.len() / 2], &whole.replace("\":\"", "\":\"!"), &flipped] {
            overwrite(&path, text);
            let error = read(&path).unwrap_err();
            assert!(matches!(error, KeyringError::Damaged { .. }), "{text}: {error}");
            assert!(error.to_string().contains("backup"), "{error}");
        }
        overwrite(&path, &whole.replace("\"version\":1", "\"version\":2"));
        assert!(matches!(read(&path), Err(KeyringError::NewerVersion { version: 2, .. })));
    }

    #[test]
    fn what_stands_in_the_way_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = create(&file.join("keyring.json"), &Secret32::random(&SystemEntropy), &SystemEntropy).unwrap_err();
        assert!(matches!(error, KeyringError::NotCreated { .. }), "{error}");
    }
}
