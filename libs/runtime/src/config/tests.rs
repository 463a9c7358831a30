use std::{ffi::OsString, fs};

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollcall.toml");
    fs::write(&path, file).unwrap();
    Config::load_with(Some(&path), environment(variables), &Overrides::default())
}

fn defaults() -> Config {
    Config::load_with(None, [], &Overrides::default()).unwrap()
}

fn sentence(outcome: Result<Config, ConfigError>) -> String {
    let text = outcome.unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn the_defaults_serve_everything_on_one_local_listener_with_sqlite() {
    let config = defaults();
    assert_eq!(config.public_url(&[]).as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.public_url(&["127.0.0.1:9".parse().unwrap()]).as_str(), "http://127.0.0.1:9");
    let database = config.database_url();
    assert!(database.expose().starts_with("sqlite:///") && database.expose().ends_with("/data/rollcall.db"));
    assert_eq!(config.keyring_path(), Path::new("data/keyring.json"));
    assert!(config.listeners[0].surfaces.serves(Surface::Scim));
}

#[test]
fn every_setting_stands_in_the_reference_file() {
    // Settings without a default are commented out there; the others are needed for the defaults to load at all.
    for optional in [
        "# public_url = ",
        "# secret_file = ",
        "# ca = ",
        "# tls = ",
        "# url = ",
        "# otlp_endpoint = ",
        "# key_id = ",
        "# region = ",
        "# endpoint = ",
    ] {
        assert!(DEFAULT_CONFIG.contains(optional), "{optional}");
    }
    let all_on = DEFAULT_CONFIG
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n");
    let config = load(&all_on, &[]).unwrap();
    assert!(config.public_url.is_some() && config.database.url.is_some() && config.listeners[0].tls.is_some());
}

#[test]
fn file_then_environment_then_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollcall.toml");
    fs::write(&path, "data_dir = \"/a\"\n[http]\nbody_bytes = 1\nworkers = 7\n").unwrap();
    let variables = environment(&[
        ("ROLLCALL_HTTP__BODY_BYTES", "2"),
        ("ROLLCALL_DATA_DIR", "/b"),
        ("ROLLCALL_HTTP__TRUSTED_PROXIES", "[\"10.0.0.0/8\", \"::1\"]"),
        ("ROLLCALL_LISTENERS", "[{address=\"127.0.0.1:1\", surfaces=[\"scim\"]}]"),
        ("OTHER", "3"),
    ]);
    let overrides = Overrides { data_dir: Some("/c".into()), listen: Some("127.0.0.1:2".parse().unwrap()) };
    let config = Config::load_with(Some(&path), variables, &overrides).unwrap();
    assert_eq!((config.http.body_bytes, config.http.workers), (2, 7));
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.data_dir, Path::new("/c"));
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].address, "127.0.0.1:2".parse().unwrap());
}

#[test]
fn an_unknown_setting_is_refused_with_its_place_and_the_nearest_name() {
    let text = sentence(load("[limits]\nfilter_byte = 1\n", &[]));
    assert!(text.contains("\"limits.filter_byte\"") && text.contains("rollcall.toml"), "{text}");
    assert!(text.contains("did you mean \"filter_bytes\"?"), "{text}");

    let text = sentence(load("", &[("ROLLCALL_DATABSE__URL", "postgres://me:s3cret@db/x")]));
    assert!(text.contains("\"databse\"") && text.contains("ROLLCALL_DATABSE__URL"), "{text}");
    assert!(text.contains("did you mean \"database\"?") && !text.contains("s3cret"), "{text}");

    let text = sentence(load("[telemetry]\nxyzzy = 1\n", &[]));
    assert!(text.contains("there are: log, format, service_name, otlp_endpoint"), "{text}");
}

#[test]
fn a_wrong_value_is_refused_with_what_it_must_be() {
    let cases: &[(&str, &[&str])] = &[
        ("[http]\nworkers = \"many\"", &["\"http.workers\"", "rollcall.toml", "not a text"]),
        ("[http]\ntrusted_proxies = [\"10.0.0.0/99\"]", &["http.trusted_proxies", "10.0.0.0/8"]),
        ("[telemetry]\nformat = \"jsn\"", &["\"telemetry.format\"", "did you mean \"json\"?"]),
        ("[telemetry]\nlog = \"rollcall=loud\"", &["\"telemetry.log\"", "info"]),
        ("[[listeners]]\naddress = \"8080\"\nsurfaces = [\"scim\"]", &["listeners.0.address"]),
        ("[[listeners]]\naddress = \"127.0.0.1:1\"\nsurfaces = []", &["listeners.0", "surfaces"]),
        ("[http]\nbody_bytes = \"many\"", &["http.body_bytes", "a whole number", "not a text"]),
        ("[[listeners]]\nsurfaces = [\"scim\"]", &["listeners.0.address", "must be given"]),
        ("listeners = []", &["at least one"]),
        ("public_url = \"scim.example.com\"", &["\"public_url\"", "https://scim.example.com"]),
        ("[cache]\nseconds = 31", &["\"cache.seconds\"", "from 0 to 30"]),
        ("[limits]\ndirectory_name_length = 254", &["from 1 to 253"]),
        ("[limits]\nfilter_terms = 0", &["\"limits.filter_terms\"", "1 or more"]),
        ("[limits]\npage = { default = 10, max = 5 }", &["\"limits.page.default\""]),
        (
            "[limits.requests]\ndirectory = { per_second = 24, burst = 50 }",
            &["limits.requests.directory.per_second", "25"],
        ),
        ("[limits.requests]\ntenant = { per_second = 50, burst = 24 }", &["limits.requests.tenant.burst", "25"]),
        ("[limits.requests]\nseconds = 60", &["limits.requests.seconds", "http.body_seconds"]),
        ("[limits.requests]\nin_flight = 0", &["limits.requests.in_flight", "from 1"]),
        ("[limits.requests]\nguaranteed_in_flight = 24", &["limits.requests.guaranteed_in_flight", "from 25"]),
        ("[limits.requests]\nturn_seconds = 120", &["limits.requests.turn_seconds", "from 0 to 119"]),
        ("[oauth]\ntoken_requests = { per_second = 24, burst = 100 }", &["oauth.token_requests.per_second", "from 25"]),
        ("[http]\nwrite_seconds = 0", &["http.write_seconds", "1 or more"]),
        ("[http]\nheader_bytes = 1000", &["http.header_bytes", "4096"]),
        ("[database]\nurl = \"mysql://x\"", &["\"database.url\"", "postgres://"]),
        ("[redis]\nurl = \"redis.example.com\"", &["\"redis.url\"", "redis+cluster://"]),
        ("[redis]\nurl = \"redis+sentinel://a:1\"", &["\"redis.url\"", "mymaster"]),
        ("[redis]\nprefix = \"a:b\"", &["\"redis.prefix\"", "64 letters"]),
        ("[redis]\ntimeout_ms = 0", &["\"redis.timeout_ms\"", "from 1 to 1000"]),
        ("[keys]\nprovider = \"aws-kms\"", &["\"keys.key_id\"", "alias/rollcall"]),
        ("[keys]\nprovider = \"aws\"", &["\"keys.provider\"", "aws-kms"]),
        ("[keys]\nendpoint = \"kms.example.com\"", &["\"keys.endpoint\"", "https://"]),
        ("[keys]\nrefresh_seconds = 7200\nlimit_seconds = 3600", &["\"keys.refresh_seconds\"", "from 60 to 3600"]),
        ("[keys]\nlimit_seconds = 86401", &["\"keys.limit_seconds\"", "from 60 to 86400"]),
        ("[http\n", &["line 1"]),
        ("\n\ndata_dir = \n", &["line 3"]),
    ];
    for (file, expected) in cases {
        let text = sentence(load(file, &[]));
        for part in *expected {
            assert!(text.contains(part), "{file}: {part}: {text}");
        }
    }
}

#[test]
fn a_key_in_a_kms_is_named_by_settings_that_check_shows() {
    let file = "[keys]\nprovider = \"aws-kms\"\nkey_id = \"alias/rollcall\"\n";
    let config = load(file, &[("ROLLCALL_KEYS__REGION", "eu-central-1")]).unwrap();
    assert_eq!(config.keys.provider, KeyProvider::AwsKms);
    let described = config.describe().unwrap();
    for line in ["provider = \"aws-kms\"", "key_id = \"alias/rollcall\"", "region = \"eu-central-1\""] {
        assert!(described.contains(line), "{described}");
    }
    assert_eq!(defaults().keys.provider, KeyProvider::Local);
}

#[test]
fn a_missing_file_is_named() {
    let outcome = Config::load_with(Some(Path::new("/nowhere/rollcall.toml")), [], &Overrides::default());
    assert!(sentence(outcome).contains("/nowhere/rollcall.toml"));
}

#[test]
fn the_description_is_a_configuration_itself_and_shows_no_password() {
    let config = load("", &[("ROLLCALL_DATABASE__URL", "postgres://me:s3cret@db/x")]).unwrap();
    let described = config.describe().unwrap();
    assert!(!described.contains("s3cret") && !format!("{config:?}").contains("s3cret"), "{described}");
    assert!(described.contains("postgres://me:(hidden)@db/x"), "{described}");

    let config = load("", &[("ROLLCALL_REDIS__URL", "redis://me:s3cret@cache:6379/0")]).unwrap();
    let described = config.describe().unwrap();
    assert!(!described.contains("s3cret") && !format!("{config:?}").contains("s3cret"), "{described}");
    assert!(described.contains("redis://me:(hidden)@cache:6379/0"), "{described}");

    let described = defaults().describe().unwrap();
    assert_eq!(load(&described, &[]).unwrap().describe().unwrap(), described);
}

#[test]
fn the_internal_secret_is_long_hidden_and_may_lie_in_a_file() {
    let secret = "0123456789abcdef0123456789abcdef";
    let config = load(&format!("[internal]\nsecret = \"{secret}\"\n"), &[]).unwrap();
    assert_eq!(config.internal_secret().unwrap().unwrap().expose(), secret);
    assert!(!config.describe().unwrap().contains(secret) && !format!("{config:?}").contains(secret));
    assert!(sentence(load("[internal]\nsecret = \"too short\"\n", &[])).contains("32 bytes"));
    assert!(defaults().internal_secret().unwrap().is_none());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let named = format!("[internal]\nsecret_file = {path:?}\n");
    assert!(load(&named, &[]).unwrap().internal_secret().unwrap_err().to_string().contains("internal.secret_file"));
    fs::write(&path, format!("{secret}\n")).unwrap();
    assert_eq!(load(&named, &[]).unwrap().internal_secret().unwrap().unwrap().expose(), secret);
    fs::write(&path, "short").unwrap();
    assert!(load(&named, &[]).unwrap().internal_secret().is_err());
}

#[test]
fn a_service_has_one_address_or_several_and_https_needs_to_know_whom_to_trust() {
    let addresses = |config: &Config| -> Vec<String> {
        config.internal.tokens_url.addresses().iter().map(ToString::to_string).collect()
    };
    let one = load("[internal]\ntokens_url = \"http://10.0.0.7:1/\"\n", &[]).unwrap();
    assert_eq!(addresses(&one), ["http://10.0.0.7:1"]);
    let two = load("", &[("ROLLCALL_INTERNAL__TOKENS_URL", "[\"http://a:1\", \"http://b:1\"]")]).unwrap();
    assert_eq!(addresses(&two), ["http://a:1", "http://b:1"]);
    let wrong = sentence(load("[internal]\ntokens_url = [\"a:1\"]\n", &[]));
    assert!(wrong.contains("internal.tokens_url"), "{wrong}");
    assert!(sentence(load("[internal]\ndirectory_url = \"https://a\"\n", &[])).contains("internal.ca"));
}
