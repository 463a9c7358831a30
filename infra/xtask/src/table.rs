//! The table of this workspace. The rule is `rollcall → {gateway, console, directory, tokens} → {access, store, runtime}
//! → {keys, cache, scim} → base`; each line that says more than the rule says why.

use crate::deps::{Table, Wall};

pub(crate) const WORKSPACE: Table = Table {
    allowed: &[
        ("rollcall-base", &[]),
        ("rollcall-scim", &["rollcall-base"]),
        // scim, in tests: the names of its leniencies.
        ("rollcall-clients", &["rollcall-base", "rollcall-scim"]),
        ("rollcall-keys", &["rollcall-base"]),
        ("rollcall-cache", &["rollcall-base"]),
        // A client from outside that happens to live here: it must not know more of the server than any client does.
        ("rollcall-simulator", &["rollcall-base"]),
        ("rollcall-access", &["rollcall-base"]),
        // migrations: their number says whether a database fits this code. access: rows are to be had through a scope only.
        ("rollcall-store", &["rollcall-access", "rollcall-base", "rollcall-migrations", "rollcall-scim"]),
        ("rollcall-migrations", &[]),
        ("rollcall-runtime", &["rollcall-base", "rollcall-cache"]),
        // For tests: it may set up anything below the services.
        ("rollcall-testkit", &["rollcall-access", "rollcall-base", "rollcall-scim", "rollcall-store"]),
        (
            "rollcall-tokens",
            &[
                "rollcall-access",
                "rollcall-base",
                "rollcall-cache",
                "rollcall-keys",
                "rollcall-runtime",
                "rollcall-scim",
                "rollcall-store",
            ],
        ),
        // tokens: its trait, which has a remote implementation too. No store: the edge holds no database credentials.
        (
            "rollcall-gateway",
            &[
                "rollcall-access",
                "rollcall-base",
                "rollcall-cache",
                "rollcall-clients",
                "rollcall-runtime",
                "rollcall-scim",
                "rollcall-tokens",
            ],
        ),
        (
            "rollcall-directory",
            &[
                "rollcall-access",
                "rollcall-base",
                "rollcall-cache",
                "rollcall-runtime",
                "rollcall-scim",
                "rollcall-store",
            ],
        ),
        // Composition: everything. simulator: `rollcall simulate` and the demo.
        (
            "rollcall",
            &[
                "rollcall-access",
                "rollcall-base",
                "rollcall-cache",
                "rollcall-clients",
                "rollcall-directory",
                "rollcall-gateway",
                "rollcall-keys",
                "rollcall-migrations",
                "rollcall-runtime",
                "rollcall-scim",
                "rollcall-simulator",
                "rollcall-store",
                "rollcall-tokens",
            ],
        ),
        // base: its clock and ids, for rows like the service's. It measures from outside: nothing else of the service.
        ("rollcall-bench", &["rollcall-base"]),
        ("xtask", &[]),
    ],
    dev: &["rollcall-testkit"],
    walls: &[
        Wall {
            what: "only the store and the migrations know SQL",
            outside: &[
                "sea-orm*",
                "sea-query*",
                "sea-schema*",
                "sqlx*",
                "rusqlite",
                "libsqlite3-sys",
                "tokio-postgres",
                "diesel*",
            ],
            // testkit makes and drops databases for tests; bench has a floor of bare SQL to compare with.
            inside: &["rollcall-store", "rollcall-migrations", "rollcall-testkit", "rollcall-bench"],
            dev: true,
        },
        Wall {
            what: "scim, clients, base and access do no I/O",
            outside: &[
                "tokio*",
                "async-std",
                "smol",
                "actix*",
                "hyper*",
                "reqwest",
                "rustls*",
                "mio",
                "socket2",
                "tempfile",
                "redis",
                "moka",
            ],
            inside: &[
                "rollcall",
                "rollcall-bench",
                "rollcall-cache",
                "rollcall-directory",
                "rollcall-gateway",
                "rollcall-keys",
                "rollcall-runtime",
                "rollcall-simulator",
                "rollcall-store",
                "rollcall-testkit",
                "rollcall-tokens",
            ],
            dev: false,
        },
        Wall { what: "only the cache talks to Redis", outside: &["redis"], inside: &["rollcall-cache"], dev: true },
        Wall { what: "only keys talks to AWS", outside: &["aws-*"], inside: &["rollcall-keys"], dev: true },
        Wall {
            what: "HTTP is served by the services and the runtime alone",
            outside: &["actix*"],
            // bench: the floor is the framework alone.
            inside: &[
                "rollcall",
                "rollcall-bench",
                "rollcall-directory",
                "rollcall-gateway",
                "rollcall-runtime",
                "rollcall-tokens",
            ],
            dev: false,
        },
    ],
};
