//! Single services of a split installation, for tests that start and stop each by itself.

use std::{
    net::SocketAddr,
    process::{Child, Command},
};

use crate::server::{Place, eventually, free_address, health, send_signal};

/// A service that is stopped with the test.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Running {
    pub(crate) fn start(mut command: Command, address: SocketAddr) -> Self {
        Self { child: command.spawn().unwrap(), address }
    }

    pub(crate) fn is_ready(&self) -> bool {
        health(self.address, "/health/ready").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    pub(crate) fn wait_until_ready(self) -> Self {
        eventually("a service is ready", || self.is_ready().then_some(()));
        self
    }

    /// Something once it has ended by itself, badly.
    pub(crate) fn has_stopped(&mut self) -> Option<()> {
        self.child.try_wait().unwrap().map(|status| assert!(!status.success()))
    }

    /// As a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As a supervisor does before it starts the next.
    pub(crate) fn stop(&mut self) {
        send_signal(&self.child, "TERM");
        assert!(eventually("a service stops", || self.child.try_wait().unwrap()).success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn url(service: &Running) -> String {
    format!("http://{}", service.address)
}

pub(crate) fn service(place: &Place, role: &str) -> Running {
    let address = free_address();
    Running::start(place.service(role, address), address)
}

pub(crate) fn list(services: &[&Running]) -> String {
    format!("[{}]", services.iter().map(|one| format!("\"{}\"", url(one))).collect::<Vec<_>>().join(", "))
}
