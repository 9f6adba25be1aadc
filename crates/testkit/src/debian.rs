//! A real Debian, for stories about images of the size and the oddities that real ones have.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::docker_registry::run;

/// A small package that needs no other.
const PACKAGE: &str = "hello";

/// A Debian's files as a tar, and a folder with one package and the list of it. They are made once, and need the network for that.
#[derive(Debug)]
pub struct Debian {
    /// The tar.
    pub root: PathBuf,
    /// The folder with the package `hello`.
    pub packages: PathBuf,
}

impl Debian {
    /// Takes what another run left below a folder, or makes it there.
    pub fn get(folder: &Path) -> Self {
        let folder = folder.join("debian");
        fs::create_dir_all(&folder).expect("a folder");
        // Several tests may want it at once.
        let lock = File::create(folder.join("lock")).expect("a file");
        lock.lock().expect("a lock");
        let debian = Self {
            root: folder.join("root.tar"),
            packages: folder.join("packages"),
        };
        if !(debian.root.is_file() && debian.packages.is_dir()) {
            debian.fetch(&folder);
        }
        debian
    }

    /// Makes a Debian, and has its own apt fetch the package.
    fn fetch(&self, folder: &Path) {
        let root = folder.join("root");
        let place = root.display().to_string();
        // What an earlier run or attempt left goes.
        let made = retried("rm -rf root; debootstrap --variant=minbase bookworm root");
        run("sh", &["-c", &made], folder);
        let packages = root.join("packages");
        fs::create_dir(&packages).expect("a folder");
        let fetched = retried(&format!(
            "cd /packages && apt-get update -q && apt-get download -q {PACKAGE}"
        ));
        run("chroot", &[&place, "sh", "-c", &fetched], folder);
        list(&packages);
        drop(fs::remove_dir_all(&self.packages));
        fs::rename(&packages, &self.packages).expect("a name");
        for cache in ["var/cache/apt/archives", "var/lib/apt/lists"] {
            fs::remove_dir_all(root.join(cache)).expect("it is there");
        }
        let new = folder.join("root.tar.new");
        let tar = new.display().to_string();
        run(
            "tar",
            &["--numeric-owner", "-C", &place, "-cf", &tar, "."],
            folder,
        );
        fs::remove_dir_all(&root).expect("it can go");
        fs::rename(new, &self.root).expect("a name");
    }
}

/// A line of shell that does something again where it fails: a mirror may have a bad moment.
fn retried(line: &str) -> String {
    format!("for pause in 5 20 0; do ({line}) && exit 0; sleep $pause; done; exit 1")
}

/// Writes the list that makes a folder with one package a repository.
fn list(packages: &Path) {
    let file = fs::read_dir(packages)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .next()
        .expect("one package");
    let name = file
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let about = run("dpkg-deb", &["--field", &name], packages);
    let bytes = fs::read(&file).expect("a package");
    let list = format!(
        "{}\nFilename: ./{name}\nSize: {}\nSHA256: {}\n",
        about.trim_end(),
        bytes.len(),
        oci::Digest::sha256(&bytes).hex()
    );
    fs::write(packages.join("Packages"), list).expect("a file");
}
