//! Why the server does not serve.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why the server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error(
        "port {} on {} is already in use; stop the program that uses it or choose another port, for example with \
         --listen {}:{}", address.port(), address.ip(), shown(address), address.port().wrapping_add(1).max(1024)
    )]
    PortTaken {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The system does not let this user listen there.
    #[error(
        "this user may not listen on {address}; choose a port from 1024 on, for example with --listen {}:8080",
        shown(address)
    )]
    NotAllowed {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error(
        "cannot listen on {address}: {source}; choose an address of this machine with --listen or in [[listeners]]"
    )]
    NotBound {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error("the TLS file {} cannot be used: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A signal handler could not be installed.
    #[error("stop signals cannot be listened for")]
    Signals(#[source] io::Error),
    /// The server broke down.
    #[error("the HTTP server broke down")]
    Failed(#[source] io::Error),
}

impl ServeError {
    pub(super) fn of_bind(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken { address },
            io::ErrorKind::PermissionDenied => Self::NotAllowed { address },
            _ => Self::NotBound { address, source },
        }
    }
}

/// The host as it stands before a port.
fn shown(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}
