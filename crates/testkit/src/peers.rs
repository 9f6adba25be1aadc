//! The other tools, each with a place of its own: nothing of the machine's is read or changed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use oci::Digest;
use tempfile::TempDir;

use crate::docker_registry::find;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A tool that other people use for images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `skopeo`.
    Skopeo,
    /// `umoci`.
    Umoci,
    /// `podman`, with a store of its own.
    Podman,
    /// `buildah`, with podman's store.
    Buildah,
    /// `rpm`, which installs into a database of the folder.
    Rpm,
    /// `rpmbuild`, which makes packages in the folder.
    RpmBuild,
    /// `db5.3_load`, which makes a database of Berkeley DB.
    DbLoad,
}

/// A folder in which tools run.
#[derive(Debug)]
pub struct Workshop {
    folder: TempDir,
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}

impl Workshop {
    /// Makes an empty one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Without it podman asks who may sign what; this is for a machine on which nobody set that up.
        std::fs::write(
            folder.path().join("policy.json"),
            r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
        )
        .unwrap();
        Self { folder }
    }

    /// Returns the folder, which is where the tools run.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a tool and returns what it printed.
    pub fn run(&self, tool: Tool, arguments: &[&str]) -> String {
        let out = self.output(tool, arguments);
        String::from_utf8(out).unwrap().trim().to_owned()
    }

    fn output(&self, tool: Tool, arguments: &[&str]) -> Vec<u8> {
        let place = |name: &str| self.path().join(name).display().to_string();
        let (program, package, mut before): (_, _, Vec<String>) = match tool {
            Tool::Skopeo => (
                "skopeo",
                "skopeo",
                vec!["--policy".into(), "policy.json".into()],
            ),
            Tool::Umoci => ("umoci", "umoci", Vec::new()),
            Tool::Podman => ("podman", "podman", self.storage()),
            Tool::Buildah => ("buildah", "buildah", self.storage()),
            Tool::Rpm => ("rpm", "rpm", vec!["--dbpath".into(), place("rpmdb")]),
            Tool::RpmBuild => (
                "rpmbuild",
                "rpm",
                vec![
                    "--define".into(),
                    format!("_topdir {}", place("rpmbuild")),
                    "--dbpath".into(),
                    place("rpmdb"),
                ],
            ),
            Tool::DbLoad => ("db5.3_load", "db5.3-util", Vec::new()),
        };
        before.extend(arguments.iter().map(ToString::to_string));
        if matches!(tool, Tool::Podman | Tool::Buildah) && arguments.first() == Some(&"load") {
            before.push("--signature-policy=policy.json".into());
        }
        let output = Command::new(find(program, package))
            .args(&before)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("BUILDAH_ISOLATION", "chroot")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{program} {before:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Returns the ID of the image in a place that skopeo reads: the digest of its config.
    pub fn image_id(&self, place: &str) -> String {
        let config = self.output(Tool::Skopeo, &["inspect", "--config", "--raw", place]);
        Digest::sha256(&config).to_string()
    }

    fn storage(&self) -> Vec<String> {
        let place = |name: &str| self.path().join(name).display().to_string();
        [
            ("--root", place("storage")),
            ("--runroot", place("run")),
            ("--storage-driver", "vfs".into()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
    }
}

/// A running `dockerd` (Debian's package `docker.io`) on a socket of its own. Stopped by its process id when dropped.
#[derive(Debug)]
pub struct Dockerd {
    child: Child,
    folder: TempDir,
}

impl Dockerd {
    /// Starts one and waits until it answers. It needs root.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let log = std::fs::File::create(place("log")).unwrap();
        std::fs::write(place("daemon.json"), "{}").unwrap();
        let child = Command::new(find("dockerd", "docker.io"))
            .arg(format!("--host=unix://{}", place("docker.sock").display()))
            .arg(format!("--data-root={}", place("data").display()))
            .arg(format!("--exec-root={}", place("exec").display()))
            .arg(format!("--pidfile={}", place("docker.pid").display()))
            .arg(format!("--config-file={}", place("daemon.json").display()))
            .args(["--iptables=false", "--ip6tables=false", "--ip-masq=false"])
            .args(["--bridge=none", "--storage-driver=vfs"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut started = Self { child, folder };
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
        panic!("dockerd does not start: {log}");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(find("docker", "docker.io"));
        command
            .arg("--host")
            .arg(format!(
                "unix://{}",
                self.folder.path().join("docker.sock").display()
            ))
            .args(arguments)
            .env("HOME", self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `docker` against it and returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "docker {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // Asked to end, it also ends the containerd that it started. It may have ended by itself.
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = self.child.id().to_string();
            drop(Command::new("kill").arg(&pid).status());
        }
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
        let mount = self.folder.path().join("exec/netns/default");
        if mount.exists() {
            drop(Command::new("umount").arg(mount).status());
        }
    }
}
