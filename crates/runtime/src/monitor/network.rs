//! How a container reaches others, and the files that tell it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

use super::bundle::Bundle;
use crate::Failure;
use crate::options::{Network, Port, Protocol};
use crate::programs::Programs;
use crate::spec::RunSpec;

/// The files of `/etc` that are a container's own, and no change of it.
pub(super) const FILES: [&str; 3] = ["hosts", "hostname", "resolv.conf"];

/// The name server and the gateway of slirp4netns, which it has unless told otherwise.
const SLIRP_NAMES: &str = "nameserver 10.0.2.3\n";

/// The address at which pasta answers questions for names, one of those that are nobody's (RFC 3927).
const PASTA_NAMES: &str = "169.254.1.1";

/// Writes these files into the working folder.
pub(super) fn write_files(
    spec: &RunSpec,
    programs: &Programs,
    bundle: &Bundle,
) -> Result<(), Failure> {
    let name = &spec.hostname;
    let hosts = format!(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n\
         ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n127.0.1.1\t{name}\n"
    );
    bundle.write("hosts", hosts.as_bytes())?;
    bundle.write("hostname", format!("{name}\n").as_bytes())?;
    let outside = || fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let names = match (spec.network, &programs.pasta) {
        (Network::Private, Some(_)) => {
            let kept = outside();
            let search = kept
                .lines()
                .filter(|line| line.starts_with("search") || line.starts_with("options"));
            let lines: Vec<&str> = search.collect();
            format!("nameserver {PASTA_NAMES}\n{}\n", lines.join("\n"))
        }
        (Network::Private, None) => SLIRP_NAMES.to_owned(),
        _ => outside(),
    };
    bundle.write("resolv.conf", names.as_bytes())
}

/// A program that carries a container's packets; it ends when this is dropped.
pub(super) struct Connected(Child);

impl Drop for Connected {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Connects the network of a process.
pub(super) fn connect(
    programs: &Programs,
    bundle: &Bundle,
    pid: Pid,
    ports: &[Port],
) -> Result<Connected, Failure> {
    // Under a name of its own: for one below `/proc` these programs lack a right that they give away at their start.
    fs::File::create("net").map_err(failed)?;
    let network = format!("/proc/{}/ns/net", pid.as_raw_nonzero());
    rustix::mount::mount_bind(network, "net").map_err(failed)?;
    let network = bundle.at("net");
    match (&programs.pasta, &programs.slirp4netns) {
        (Some(pasta), _) => start_pasta(pasta, &network, pid, ports),
        (None, Some(slirp)) => start_slirp(slirp, &network, ports),
        (None, None) => Err(failed("neither pasta nor slirp4netns is installed")),
    }
}

fn failed(message: impl std::fmt::Display) -> Failure {
    Failure::Network {
        message: message.to_string(),
    }
}

fn start_pasta(
    program: &Path,
    network: &str,
    pid: Pid,
    ports: &[Port],
) -> Result<Connected, Failure> {
    let mut command = Command::new(program);
    command.args([
        "--config-net",
        "--foreground",
        "--runas",
        "0",
        "--no-map-gw",
    ]);
    command.args([
        "--dns-forward",
        PASTA_NAMES,
        "--tcp-ns",
        "none",
        "--udp-ns",
        "none",
    ]);
    for (protocol, option) in [
        (Protocol::Tcp, "--tcp-ports"),
        (Protocol::Udp, "--udp-ports"),
    ] {
        let mut any = false;
        for port in ports.iter().filter(|port| port.protocol == protocol) {
            let address = port.address.map(|at| format!("{at}/")).unwrap_or_default();
            command.args([
                option,
                &format!("{address}{}:{}", port.host, port.container),
            ]);
            any = true;
        }
        if !any {
            command.args([option, "none"]);
        }
    }
    command.args(["--netns", network]);
    wait_for_link(spawn(command.stdout(Stdio::null()))?, pid)
}

fn start_slirp(program: &Path, network: &str, ports: &[Port]) -> Result<Connected, Failure> {
    let mut command = Command::new(program);
    command.args([
        "--configure",
        "--mtu=65520",
        "--disable-host-loopback",
        "--ready-fd=1",
    ]);
    command.args([
        "--api-socket",
        "slirp",
        "--netns-type=path",
        network,
        "tap0",
    ]);
    let mut connected = spawn(command.stdout(Stdio::piped()))?;
    let mut ready = [0];
    let read = connected
        .0
        .stdout
        .take()
        .map(|mut out| out.read_exact(&mut ready));
    if !matches!(read, Some(Ok(()))) {
        return Err(failed(words(connected)));
    }
    for port in ports {
        forward(port).map_err(failed)?;
    }
    Ok(connected)
}

/// Asks slirp4netns to let a port in.
fn forward(port: &Port) -> std::io::Result<()> {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let address = port
        .address
        .map_or("0.0.0.0".to_owned(), |at| at.to_string());
    let order = serde_json::json!({ "execute": "add_hostfwd", "arguments": {
        "proto": protocol, "host_addr": address, "host_port": port.host, "guest_port": port.container,
    }});
    let mut socket = UnixStream::connect("slirp")?;
    socket.write_all(order.to_string().as_bytes())?;
    socket.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    match answer["error"]["desc"].as_str() {
        None => Ok(()),
        Some(words) => Err(std::io::Error::other(format!(
            "port {}: {words}",
            port.host
        ))),
    }
}

/// Where these programs write what they have to say, as long as they live: nobody may be there to read it from a pipe.
const LOG: &str = "net-log";

fn spawn(command: &mut Command) -> Result<Connected, Failure> {
    let log = fs::File::create(LOG).map_err(failed)?;
    command.env_clear().stdin(Stdio::null()).stderr(log);
    command.spawn().map(Connected).map_err(failed)
}

/// Waits until the namespace has an interface that leads out, or the program has given up.
fn wait_for_link(mut connected: Connected, pid: Pid) -> Result<Connected, Failure> {
    let table = format!("/proc/{}/net/route", pid.as_raw_nonzero());
    for _ in 0..ATTEMPTS {
        if !matches!(connected.0.try_wait(), Ok(None)) {
            return Err(failed(words(connected)));
        }
        if fs::read_to_string(&table).is_ok_and(|routes| routes.lines().count() > 1) {
            return Ok(connected);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Err(failed(words(connected)))
}

/// How often is looked, 5 milliseconds apart.
const ATTEMPTS: u32 = 6000;

/// Ends the program, and returns what it said.
fn words(connected: Connected) -> String {
    drop(connected);
    let said = fs::read(LOG).unwrap_or_default();
    String::from_utf8_lossy(&said).trim().to_owned()
}
