//! A place to run `strata` in: its own home, its own store, its own registry, nothing of the machine's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use testkit::{Image, ImageBuilder, IndexBuilder, Registry};

pub(crate) struct Lab {
    pub(crate) registry: Registry,
    folder: tempfile::TempDir,
}

/// What a run printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("home")).expect("a home");
        Lab {
            registry: Registry::start(),
            folder,
        }
    }

    /// A lab whose registry has a small image as `app:1`.
    pub(crate) fn with_app() -> (Lab, Image) {
        let lab = Lab::new();
        let image = app("one").build();
        lab.registry.push("app:1", &image);
        (lab, image)
    }

    /// A lab whose registry has `app:1`, an index, and the images in it for amd64 and for arm64.
    pub(crate) fn with_two_platforms() -> (Lab, Image, [Image; 2]) {
        let lab = Lab::new();
        let images =
            ["amd64", "arm64"].map(|name| app(name).platform(&format!("linux/{name}")).build());
        let index = images.iter().cloned();
        let index = index.fold(IndexBuilder::new(), IndexBuilder::image).build();
        lab.registry.push("app:1", &index);
        (lab, index, images)
    }

    /// The name of an image in the lab's registry.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.registry.host())
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, about to be run in an environment of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strata"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            .env("STRATA_STORE", self.store())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[must_use = "a run that nobody looks at tests nothing"]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("strata starts"))
    }

    /// Pulls a name of the lab's registry, and wants it to work.
    pub(crate) fn pull(&self, name: &str) {
        self.run(&["pull", "-q", &self.at(name)]).ok();
    }

    /// Runs with `--json` and reads what it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let ran = self.run(&arguments).ok();
        ran.json()
    }

    /// The familiar tags of the store, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let out = self
            .run(&["images", "--format", "{{.Repository}}:{{.Tag}}"])
            .ok()
            .out;
        let mut names: Vec<String> = out
            .lines()
            .map(|line| line.replace(&self.registry.host(), "HOST"))
            .collect();
        names.sort();
        names
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        Ran {
            out: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
            err: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Wants exit code 0.
    pub(crate) fn ok(self) -> Ran {
        self.ended(0)
    }

    pub(crate) fn ended(self, code: i32) -> Ran {
        assert_eq!(
            self.code, code,
            "standard output:\n{}\nstandard error:\n{}",
            self.out, self.err
        );
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {:?}", self.out))
    }

    /// The error document on standard error.
    pub(crate) fn error(&self) -> Value {
        let document: Value = serde_json::from_str(&self.err)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.err));
        document["error"].clone()
    }
}

/// A small image with three layers, the last of them its own.
pub(crate) fn app(name: &str) -> ImageBuilder {
    ImageBuilder::new()
        .files([("etc/os-release", "ID=test\n")])
        .files([("usr/lib/shared", "0123456789")])
        .files([("app", name)])
        .empty_step("CMD [\"/app\"]")
        .author("Ada")
        .label("name", name)
}

/// The blob of a digest in the store's folder.
pub(crate) fn blob(store: &Path, digest: &str) -> PathBuf {
    store.join("blobs").join(digest.replace(':', "/"))
}
