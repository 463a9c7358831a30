//! Clients that do not read.

use std::{io, net::TcpListener, time::Duration};

/// Has the system close a connection of `listener` whose other end took nothing of what was sent for as long as `within`
/// (RFC 5482's timeout), so that nobody keeps answers in memory. A system that is not Linux keeps them.
#[cfg(target_os = "linux")]
pub(super) fn give_up_after(listener: &TcpListener, within: Duration) -> io::Result<()> {
    // Accepted sockets inherit it.
    socket2::SockRef::from(listener).set_tcp_user_timeout(Some(within))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn give_up_after(_: &TcpListener, _: Duration) -> io::Result<()> {
    Ok(())
}
