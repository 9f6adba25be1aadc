//! The other tools, each with a place of its own: nothing of the machine's is read or changed.

use std::path::Path;
use std::process::{Command, Stdio};

use oci::Digest;
use tempfile::TempDir;

use crate::docker_registry::find;

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
