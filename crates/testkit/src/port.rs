//! Ports of the loopback: for programs that must be told a number, and such that nobody answers on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Child;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// How long a program may take until it listens.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Another program may take the port between our look and the start of who is told it.
const ATTEMPTS: usize = 5;

/// Returns a port that is free at this moment. Who is told it may come too late: see [`start_on_port`].
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Starts a program that is told a port of the loopback, waits until it listens there, and returns both; `None` where it has
/// ended every time, or does not listen.
///
/// Where another program was faster, it is started on another port.
pub fn start_on_port(mut start: impl FnMut(u16) -> Child) -> Option<(Child, u16)> {
    for _ in 0..ATTEMPTS {
        let port = free_port();
        let mut child = start(port);
        let deadline = Instant::now() + READY_WITHIN;
        while child.try_wait().unwrap().is_none() {
            if listens(&child, port) {
                return Some((child, port));
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    None
}

/// Tells whether this program listens on a port of the loopback, and not another one that was faster.
#[cfg(target_os = "linux")]
fn listens(child: &Child, port: u16) -> bool {
    // Address and port in hexadecimal, the bytes of the address in the machine's order; 0A is a socket that listens.
    let address = u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets());
    let wanted = format!("{address:08X}:{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let socket = table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1) == Some(&wanted.as_str()) && words.get(3) == Some(&"0A");
        is_it.then(|| format!("socket:[{}]", words.get(9).copied().unwrap_or_default()))
    });
    let Some(socket) = socket else { return false };
    let Ok(files) = std::fs::read_dir(format!("/proc/{}/fd", child.id())) else {
        return false;
    };
    files
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .any(|target| target.as_os_str() == socket.as_str())
}

/// Tells whether something listens on a port of the loopback.
#[cfg(not(target_os = "linux"))]
fn listens(_: &Child, port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port of the loopback that refuses every connection, and that nobody else gets meanwhile.
#[derive(Debug)]
pub struct ClosedPort(Socket);

impl Default for ClosedPort {
    fn default() -> Self {
        Self::new()
    }
}

impl ClosedPort {
    /// Takes one.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).unwrap();
        // It is not listened to.
        Self(socket)
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        let address = self.0.local_addr().unwrap().as_socket();
        address.unwrap().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_port_refuses() {
        let port = ClosedPort::new();
        let refused = std::net::TcpStream::connect(port.host()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
