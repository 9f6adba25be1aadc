//! What the stories share: an image's files made of busybox, and being two users one after the other.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oci::ContainerConfig;
use runtime::{
    Identity, Programs, RunOptions, RunSpec, Running, Runtime, RuntimeKind, Settings, Start,
};
use tokio::io::AsyncReadExt;

/// Says in which process, and where the monitor is, a story runs as the test user.
const AS_USER: &str = "STRATA_TEST_MONITOR";

/// Where one story takes place.
pub(crate) struct Lab {
    pub(crate) runtime: Runtime,
    /// The image's files.
    pub(crate) root: PathBuf,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) monitor: PathBuf,
}

/// What a process did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Tells a story as the user who runs the tests, and where that is root, as a user with ranges too.
macro_rules! stories {
    ($($(#[$about:meta])* async fn $name:ident($lab:ident: Lab) $body:block)*) => { $(
        $(#[$about])*
        #[test]
        fn $name() {
            $crate::lab::tell(concat!(module_path!(), "::", stringify!($name)), async |$lab: $crate::lab::Lab| $body);
        }
    )* };
}
pub(crate) use stories;

pub(crate) fn tell(name: &str, story: impl AsyncFn(Lab)) {
    let threads = tokio::runtime::Runtime::new().expect("a runtime");
    for kind in [RuntimeKind::Crun, RuntimeKind::Runc] {
        threads.block_on(Box::pin(story(Lab::new(kind))));
    }
    if std::env::var_os(AS_USER).is_none() && rustix::process::geteuid().is_root() {
        tell_as_user(name);
    }
}

/// Starts this test again as the other user, who may not be able to read where it was built.
fn tell_as_user(name: &str) {
    let (uid, gid) = testkit::user_with_ranges();
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |from: &Path, name: &str| {
        let to = folder.path().join(name);
        fs::copy(from, &to).expect("a copy");
        fs::set_permissions(&to, PermissionsExt::from_mode(0o755)).expect("a mode");
        to
    };
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
    let test = copy(&std::env::current_exe().expect("its path"), "test");
    let monitor = copy(Path::new(env!("CARGO_BIN_EXE_strata-monitor")), "monitor");
    let story = name.split_once("::").expect("a module").1;
    // Distributions let everybody open these two; where one does not, the stories still want to be told.
    let devices = "set -e; mkdir devices; mount -t tmpfs tmpfs devices; chmod 755 devices; \
        mknod -m 666 devices/tun c 10 200; mknod -m 666 devices/fuse c 10 229; \
        mount --bind devices/tun /dev/net/tun; mount --bind devices/fuse /dev/fuse; cd /; exec setpriv \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", devices, "sh"])
        .args([
            format!("--reuid={uid}"),
            format!("--regid={gid}"),
            "--init-groups".to_owned(),
        ])
        .arg(test)
        .args(["--exact", story, "--nocapture"])
        .env(AS_USER, monitor)
        .env("HOME", "/nonexistent")
        .current_dir(folder.path())
        .output()
        .expect("unshare runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "as user {uid}: {text}"
    );
}

impl Lab {
    fn new(kind: RuntimeKind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let monitor = std::env::var_os(AS_USER).map_or_else(
            || PathBuf::from(env!("CARGO_BIN_EXE_strata-monitor")),
            PathBuf::from,
        );
        let path = std::env::var_os("PATH").unwrap_or_default();
        let settings = Settings {
            path: path.clone(),
            monitor: monitor.clone(),
            volumes: folder.path().join("volumes"),
            roots: folder.path().join("roots"),
        };
        let programs =
            Programs::find(&path).and_then(|programs| programs.with_runtime(kind, &path));
        let programs = programs.expect("crun and runc are installed");
        let runtime = Runtime::open(settings)
            .expect("a runtime")
            .with_programs(programs);
        let root = folder.path().join("image");
        busybox(&root);
        Self {
            runtime,
            root,
            folder,
            monitor,
        }
    }

    /// Tells whether the story is told as root.
    pub(crate) fn is_root(&self) -> bool {
        self.runtime.identity() == Identity::Root
    }

    /// Returns the folder of a container.
    pub(crate) fn container(&self) -> PathBuf {
        self.folder.path().join("container")
    }

    /// Returns how a container of that is started.
    pub(crate) fn start_of(&self, options: &RunOptions) -> Start {
        let config = ContainerConfig {
            env: vec!["PATH=/bin".to_owned()],
            ..ContainerConfig::default()
        };
        Start {
            folder: self.container(),
            lower: vec![self.root.clone()],
            spec: RunSpec::new(&config, options).expect("it can run"),
            detached: false,
            remove: false,
            log: Some(1 << 20),
        }
    }

    /// Starts a container.
    pub(crate) async fn start(&self, options: &RunOptions) -> Result<Running, runtime::Error> {
        Box::pin(self.runtime.start(self.start_of(options))).await
    }

    /// Runs a container to its end.
    pub(crate) async fn run(&self, options: &RunOptions) -> Result<Outcome, runtime::Error> {
        let running = self.start(options).await?;
        Ok(end(running).await)
    }

    /// Runs a line of shell.
    pub(crate) async fn shell(&self, line: &str) -> Outcome {
        self.run(&shell(line)).await.expect("it starts")
    }
}

/// Ends what still runs, and removes what belongs to others outside of their user namespace: the folder could not be.
impl Drop for Lab {
    fn drop(&mut self) {
        let (runtime, folder) = (&self.runtime, self.folder.path());
        let clear = async {
            let names = fs::read_dir(folder)?;
            for entry in names {
                let path = entry?.path();
                if path.is_dir() {
                    runtime.stop(&path, Duration::ZERO).await?;
                    runtime.remove(&path).await?;
                }
            }
            Ok::<(), Box<dyn std::error::Error>>(())
        };
        // This thread may be one of a runtime, in which nothing can be waited for.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let threads = tokio::runtime::Runtime::new().expect("a runtime");
                // Where it cannot be, the folder stays for whoever looks why.
                drop(threads.block_on(clear));
            });
        });
    }
}

/// Returns options that run a line of shell.
pub(crate) fn shell(line: &str) -> RunOptions {
    RunOptions {
        command: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
        ..RunOptions::default()
    }
}

/// Takes everything that a process writes, and how it ends.
pub(crate) async fn end(mut running: Running) -> Outcome {
    let (output, errors) = (running.output.take(), running.errors.take());
    let read = async |stream: Option<tokio::net::unix::pipe::Receiver>| {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream
                .read_to_end(&mut bytes)
                .await
                .expect("it can be read");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (output, errors, code) = tokio::join!(read(output), read(errors), running.wait());
    Outcome {
        code: code.expect("it ends"),
        output,
        errors,
    }
}

/// Makes a small image's files.
fn busybox(root: &Path) {
    for folder in ["bin", "etc", "tmp", "home/web"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
    let list = Command::new("/bin/busybox")
        .arg("--list")
        .output()
        .expect("busybox runs");
    for name in String::from_utf8_lossy(&list.stdout)
        .lines()
        .filter(|name| *name != "busybox")
    {
        symlink("busybox", root.join("bin").join(name)).expect("a link");
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/home/web:/bin/sh\n",
    )
    .expect("a file");
    fs::write(
        root.join("etc/group"),
        "root:x:0:\nweb:x:33:\nstaff:x:50:web\n",
    )
    .expect("a file");
    fs::set_permissions(root.join("tmp"), PermissionsExt::from_mode(0o1777)).expect("a mode");
}
