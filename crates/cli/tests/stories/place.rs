//! Where containers are run in stories: as root, and as a user who has ranges of user numbers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::{Image, ImageBuilder, Layer, Registry};

use crate::lab::Ran;

/// A place to run in, for root or for a user.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) program: PathBuf,
    registry: Registry,
    user: Option<(u32, u32)>,
}

fn base() -> Image {
    let busybox = fs::read("/bin/busybox").expect("it is in Debian's package busybox-static");
    let mut layer = Layer::new()
        .folder("bin")
        .entry("bin/busybox", b'0', 0o755, "", &busybox);
    for name in [
        "sh", "cat", "sleep", "ls", "stty", "rm", "id", "echo", "true",
    ] {
        layer = layer.symlink(&format!("bin/{name}"), "busybox");
    }
    ImageBuilder::new()
        .layer(
            layer
                .folder("etc")
                .file(
                    "etc/passwd",
                    "root:x:0:0:root:/:/bin/sh\nada:x:7:8::/:/bin/sh\n",
                )
                .file("etc/motd", "hello\n")
                .folder("tmp"),
        )
        .config("Env", json!(["PATH=/bin"]))
        .config("Cmd", json!(["true"]))
        .build()
}

/// Tells a story twice: as root, and as a user.
pub(crate) fn both(story: impl Fn(&Place)) {
    for is_root in [true, false] {
        story(&Place::with_base(is_root));
    }
}

impl Place {
    pub(crate) fn new(is_root: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
        // A user may not be able to read where it was built.
        let program = folder.path().join("strata");
        fs::copy(env!("CARGO_BIN_EXE_strata"), &program).expect("a copy");
        let home = folder.path().join("home");
        fs::create_dir(&home).expect("a folder");
        let user = (!is_root).then(testkit::user_with_ranges);
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&home, Some(uid), Some(gid)).expect("an owner");
        }
        let registry = Registry::start();
        Self {
            folder,
            program,
            registry,
            user,
        }
    }

    /// A place whose store has a small image, `base:1`.
    pub(crate) fn with_base(is_root: bool) -> Self {
        let place = Self::new(is_root);
        place.registry.push("base:1", &base());
        let base = format!("{}/base:1", place.registry.host());
        place.run(&["pull", "-q", &base]).ok();
        place.run(&["tag", &base, "base:1"]).ok();
        place
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.as_user(&self.program);
        command.args(arguments);
        command
    }

    /// A line of shell, in which `$0` is the program.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = self.as_user(Path::new("sh"));
        command.args(["-c", line]).arg(&self.program);
        command
    }

    fn as_user(&self, program: &Path) -> Command {
        let mut command = match &self.user {
            None => Command::new(program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command
                    .args([
                        format!("--reuid={uid}"),
                        format!("--regid={gid}"),
                        "--init-groups".to_owned(),
                    ])
                    .arg(program);
                command
            }
        };
        command
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("STRATA_STORE", self.home().join("store"))
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("strata starts"))
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--json"], arguments].concat()).ok().json()
    }

    /// What is mounted or runs below this place: the lines that name it.
    pub(crate) fn remains(&self) -> Vec<String> {
        let folder = self.folder.path().display().to_string();
        let mut found: Vec<String> = fs::read_to_string("/proc/self/mountinfo")
            .expect("a list of mounts")
            .lines()
            .filter(|line| line.contains(&folder))
            .map(str::to_owned)
            .collect();
        for entry in fs::read_dir("/proc").expect("a list of processes") {
            let path = entry.expect("an entry").path();
            // A process that has ended meanwhile is none.
            let program = fs::read_link(path.join("exe")).unwrap_or_default();
            let root = fs::read_to_string(path.join("mountinfo")).unwrap_or_default();
            if program.starts_with(self.folder.path()) || root.contains(&folder) {
                found.push(path.display().to_string());
            }
        }
        found
    }
}
