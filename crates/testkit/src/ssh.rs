//! The real `sshd` on the loopback, for those with its key.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::docker_registry::{find, run};
use crate::start_on_port;

/// A running `sshd` (Debian's package `openssh-server`) on a port of its own. Stopped by its process id when dropped.
///
/// Whoever runs the tests signs in as themselves, with a key that was made for this; nothing in their home folder is read.
#[derive(Debug)]
pub struct SshServer {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl SshServer {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for key in ["host", "user", "stranger"] {
            let file = place(key).display().to_string();
            let quiet = ["-q", "-t", "ed25519", "-N", "", "-f", &file];
            run("ssh-keygen", &quiet, folder.path());
        }
        std::fs::copy(place("user.pub"), place("authorized")).unwrap();
        let start = |port: u16| {
            let settings = format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
                 PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n",
                place("host").display(),
                place("authorized").display(),
            );
            std::fs::write(place("sshd_config"), settings).unwrap();
            let log = std::fs::File::create(place("log")).unwrap();
            Command::new(find("sshd", "openssh-server"))
                .args(["-D", "-e", "-f"])
                .arg(place("sshd_config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap()
        };
        // Where it puts the processes that know no secret; in a container nobody has made it yet.
        drop(std::fs::create_dir_all("/run/sshd"));
        let Some((child, port)) = start_on_port(start) else {
            let log = std::fs::read_to_string(place("log")).unwrap_or_default();
            panic!("sshd does not start: {log}");
        };
        for (key, file) in [
            ("host.pub", "known_hosts"),
            ("stranger.pub", "outdated_hosts"),
        ] {
            let key = std::fs::read_to_string(place(key)).unwrap();
            std::fs::write(place(file), format!("[127.0.0.1]:{port} {key}")).unwrap();
        }
        Self {
            child,
            folder,
            port,
        }
    }

    /// Returns the `ssh://` address of an engine's socket behind it.
    pub fn address(&self, socket: &Path) -> String {
        let user = run("id", &["-un"], self.folder.path());
        let (user, port) = (user.trim(), self.port);
        format!("ssh://{user}@127.0.0.1:{port}{}", socket.display())
    }

    /// Returns a folder with a program `ssh`: the real one, with the right key and the server's known.
    pub fn client(&self) -> PathBuf {
        self.client_with("user", "known_hosts")
    }

    /// Returns a folder with an `ssh` whose key the server does not take.
    pub fn stranger(&self) -> PathBuf {
        self.client_with("stranger", "known_hosts")
    }

    /// Returns a folder with an `ssh` that has never heard of the server.
    pub fn newcomer(&self) -> PathBuf {
        self.client_with("user", "nothing_known")
    }

    /// Returns a folder with an `ssh` that knows another key of the server's.
    pub fn outdated(&self) -> PathBuf {
        self.client_with("user", "outdated_hosts")
    }

    /// Returns a folder with an `ssh` whose settings call the server `build`, and that knows another key of it in the list returned beside.
    pub fn alias(&self) -> (PathBuf, PathBuf) {
        let known = self.folder.path().join("alias_hosts");
        std::fs::copy(self.folder.path().join("outdated_hosts"), &known).unwrap();
        let settings = self.folder.path().join("ssh_config");
        let user = run("id", &["-un"], self.folder.path());
        let (user, port) = (user.trim(), self.port);
        let lines = format!("Host build\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n");
        std::fs::write(&settings, lines).unwrap();
        let client = self.client_of(&settings.display().to_string(), "user", "alias_hosts");
        (client, known)
    }

    /// Returns the fingerprint of the server's key.
    pub fn fingerprint(&self) -> String {
        let line = run("ssh-keygen", &["-lf", "host.pub"], self.folder.path());
        let word = line.split_whitespace().nth(1);
        word.unwrap().to_owned()
    }

    fn client_with(&self, key: &str, known: &str) -> PathBuf {
        self.client_of("none", key, known)
    }

    fn client_of(&self, settings: &str, key: &str, known: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let place = |name: &str| self.folder.path().join(name);
        let folder = place(&format!("client-{key}-{known}"));
        std::fs::create_dir_all(&folder).unwrap();
        let script = format!(
            "#!/bin/sh\nexec {} -F {settings} -o IdentitiesOnly=yes -i {} -o UserKnownHostsFile={} -o GlobalKnownHostsFile=none \\\n  -o StrictHostKeyChecking=yes \"$@\"\n",
            find("ssh", "openssh-client").display(),
            place(key).display(),
            place(known).display(),
        );
        let program = folder.join("ssh");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
