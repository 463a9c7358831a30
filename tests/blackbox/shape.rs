//! In which shape the installations under test are: `ROLLCALL_TEST_SHAPE` and `ROLLCALL_TEST_KEYS`.

use std::sync::OnceLock;

use rollcall_testkit::Kms;

/// Settings for a process's environment.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// `ROLLCALL_TEST_SHAPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `all`, the default: one process on SQLite.
    All,
    /// `all-postgres`: one process on PostgreSQL.
    AllPostgres,
    /// `split`: a process for each service, on PostgreSQL.
    Split,
}

impl Shape {
    /// The one that is being tested.
    pub(crate) fn tested() -> Self {
        match std::env::var("ROLLCALL_TEST_SHAPE").as_deref() {
            Err(_) | Ok("all") => Self::All,
            Ok("all-postgres") => Self::AllPostgres,
            Ok("split") => Self::Split,
            Ok(other) => panic!("ROLLCALL_TEST_SHAPE is all, all-postgres or split, not {other}"),
        }
    }

    pub(crate) fn has_postgres(self) -> bool {
        self != Self::All
    }
}

/// What wraps data keys in the installations under test, for the processes that wrap any: `ROLLCALL_TEST_KEYS=kms` is a
/// KMS endpoint of this test process, `local`, the default, the keyring file.
pub(crate) fn tested_keys() -> Settings {
    match std::env::var("ROLLCALL_TEST_KEYS").as_deref() {
        Err(_) | Ok("local") => Settings::new(),
        Ok("kms") => {
            static KEY: OnceLock<String> = OnceLock::new();
            kms(Kms::shared().url(), KEY.get_or_init(|| Kms::shared().create_key()))
        }
        Ok(other) => panic!("ROLLCALL_TEST_KEYS is local or kms, not {other}"),
    }
}

/// The settings for `key` at `endpoint`; credentials by the environment, as in a container.
pub(crate) fn kms(endpoint: String, key: &str) -> Settings {
    vec![
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("ROLLCALL_KEYS__PROVIDER", "aws-kms".to_owned()),
        ("ROLLCALL_KEYS__KEY_ID", key.to_owned()),
        ("ROLLCALL_KEYS__REGION", Kms::shared().region().to_owned()),
        ("ROLLCALL_KEYS__ENDPOINT", endpoint),
    ]
}
