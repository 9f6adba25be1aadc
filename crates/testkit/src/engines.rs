//! The real engines, each with a place of its own: nothing of the machine's is read or changed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::docker_registry::{find, run};
use crate::start_on_port;

/// How long one may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// How long one may take to end in good order.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

/// A running `dockerd` (Debian's package `docker.io`) on a socket of its own. Stopped by its process id when dropped.
#[derive(Debug)]
pub struct Dockerd {
    child: Child,
    folder: TempDir,
    tls: Option<Certificates>,
    port: u16,
}

impl Dockerd {
    /// Starts one and waits until it answers. It needs root.
    pub fn start() -> Self {
        Self::started(None)
    }

    /// Starts one that also listens on a port of the loopback, to those with the right certificate.
    pub fn start_with_tls() -> Self {
        Self::started(Some(Certificates::make()))
    }

    fn started(tls: Option<Certificates>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::write(place("daemon.json"), "{}").unwrap();
        let command = || {
            let log = std::fs::File::create(place("log")).unwrap();
            let mut command = Command::new(find("dockerd", "docker.io"));
            command
                .arg(format!("--host=unix://{}", place("docker.sock").display()))
                .arg(format!("--data-root={}", place("data").display()))
                .arg(format!("--exec-root={}", place("exec").display()))
                .arg(format!("--pidfile={}", place("docker.pid").display()))
                .arg(format!("--config-file={}", place("daemon.json").display()))
                .args(["--iptables=false", "--ip6tables=false", "--ip-masq=false"])
                .args(["--bridge=none", "--storage-driver=vfs"])
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log);
            command
        };
        let log = || std::fs::read_to_string(place("log")).unwrap_or_default();
        let (child, port) = match &tls {
            None => (command().spawn().unwrap(), 0),
            Some(tls) => {
                let file =
                    |option: &str, name: &str| format!("--{option}={}", tls.file(name).display());
                let started = start_on_port(|port| {
                    command()
                        .arg(format!("--host=tcp://127.0.0.1:{port}"))
                        .arg("--tlsverify")
                        .arg(file("tlscacert", "ca.pem"))
                        .arg(file("tlscert", "server-cert.pem"))
                        .arg(file("tlskey", "server-key.pem"))
                        .spawn()
                        .unwrap()
                });
                started.unwrap_or_else(|| panic!("dockerd does not start: {}", log()))
            }
        };
        let mut started = Self {
            child,
            folder,
            tls,
            port,
        };
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline && started.child.try_wait().unwrap().is_none() {
            if started
                .command(&["version"])
                .output()
                .unwrap()
                .status
                .success()
            {
                return started;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(started.folder.path().join("log")).unwrap_or_default();
        panic!("dockerd does not answer: {log}");
    }

    /// Returns its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Returns its socket as docker's `--host` wants it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Returns the port on which it speaks TLS, and the certificates.
    pub fn tls(&self) -> (u16, &Certificates) {
        (
            self.port,
            self.tls.as_ref().expect("it was started with TLS"),
        )
    }

    /// Returns `docker`, about to be run against it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        docker(&self.address(), self.folder.path(), arguments)
    }

    /// Runs `docker` against it and returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        output(self.command(arguments))
    }

    /// Ends it without a warning, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // Asked to end, it also ends the containerd that it started. It may have ended by itself.
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = self.child.id().to_string();
            drop(Command::new("kill").arg(&pid).status());
        }
        until_ended(|| !matches!(self.child.try_wait(), Ok(None)));
        drop(self.child.kill());
        drop(self.child.wait());
        // One that was killed leaves its containerd behind, which writes into the folder until it has ended,
        let left = self.folder.path().join("exec/containerd/containerd.pid");
        if let Ok(pid) = std::fs::read_to_string(left) {
            let folder = self.folder.path().display().to_string();
            let line = Path::new("/proc").join(pid.trim()).join("cmdline");
            // The number may be another program's by now.
            let runs = || {
                let line = std::fs::read(&line).unwrap_or_default();
                String::from_utf8_lossy(&line).contains(&folder)
            };
            if runs() {
                drop(Command::new("kill").arg(pid.trim()).status());
                until_ended(|| !runs());
            }
        }
        // and what it had mounted, on its data too: nothing of that can be removed before.
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let places = mounts.lines().filter_map(|line| line.split(' ').nth(4));
        let ours = places.filter(|place| Path::new(place).starts_with(self.folder.path()));
        for place in ours.collect::<Vec<_>>().into_iter().rev() {
            drop(Command::new("umount").args(["--lazy", place]).status());
        }
    }
}

/// Waits until something has ended, or takes too long.
fn until_ended(mut ended: impl FnMut() -> bool) {
    let deadline = Instant::now() + ENDED_WITHIN;
    while !ended() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A running `podman system service` on a socket of its own. Stopped by its process id when dropped.
#[derive(Debug)]
pub struct PodmanService {
    child: Child,
    folder: TempDir,
}

/// For machines whose limits and control groups are those of a container: what podman would raise cannot be raised there.
const CONTAINERS_CONF: &str = r#"[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"#;

impl PodmanService {
    /// Starts one and waits until it answers. It needs root.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let log = std::fs::File::create(place("log")).unwrap();
        std::fs::write(place("containers.conf"), CONTAINERS_CONF).unwrap();
        let policy = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
        std::fs::create_dir_all(place("home/.config/containers")).unwrap();
        std::fs::write(place("home/.config/containers/policy.json"), policy).unwrap();
        let child = Command::new(find("podman", "podman"))
            .arg("--root")
            .arg(place("root"))
            .arg("--runroot")
            .arg(place("runroot"))
            .arg("--tmpdir")
            .arg(place("tmp"))
            .args(["--storage-driver=vfs", "--events-backend=file"])
            .args(["--cgroup-manager=cgroupfs", "--runtime=runc"])
            .args(["system", "service", "--time=0"])
            .arg(format!("unix://{}", place("podman.sock").display()))
            .env("CONTAINERS_CONF", place("containers.conf"))
            .env("HOME", place("home"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut started = Self { child, folder };
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline && started.child.try_wait().unwrap().is_none() {
            let version = started.command(&["version"]).output().unwrap();
            if version.status.success() {
                return started;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(started.folder.path().join("log")).unwrap_or_default();
        panic!("podman does not start: {log}");
    }

    /// Returns its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("podman.sock")
    }

    /// Returns its socket as docker's `--host` wants it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Returns `docker`, about to be run against it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        docker(&self.address(), self.folder.path(), arguments)
    }

    /// Runs `docker` against it and returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        output(self.command(arguments))
    }
}

impl Drop for PodmanService {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Certificates for a `dockerd` on the loopback: an authority, the engine's, and a client's in docker's names.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes them with `openssl`.
    pub fn make() -> Self {
        let made = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        made.authority("ca");
        let server = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth";
        made.signed("server", server);
        made.signed("client", "extendedKeyUsage=clientAuth");
        for name in ["cert.pem", "key.pem"] {
            std::fs::copy(made.file(&format!("client-{name}")), made.file(name)).unwrap();
        }
        made.authority("other-ca");
        made
    }

    /// Returns a file: `ca.pem`, `cert.pem`, `key.pem`, or `other-ca.pem`, which signed nothing.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn authority(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=testkit-{name} \
             -keyout {name}-key.pem -out {name}.pem -addext keyUsage=critical,keyCertSign,cRLSign"
        ));
    }

    fn signed(&self, name: &str, extensions: &str) {
        let extensions = format!("{extensions}\nbasicConstraints=CA:FALSE\n");
        std::fs::write(self.file("extensions"), extensions).unwrap();
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test -keyout {name}-key.pem -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile extensions \
             -out {name}-cert.pem"
        ));
    }

    fn openssl(&self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        run("openssl", &words, self.folder.path());
    }
}

fn docker(address: &str, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(find("docker", "docker.io"));
    command
        .arg("--host")
        .arg(address)
        .args(arguments)
        .env("HOME", home)
        .stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
