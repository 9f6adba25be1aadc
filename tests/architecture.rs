//! The rules of `docs/architecture.md` that a compiler does not check.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Who may know whom, of the crates of this workspace: everything else is forbidden.
const ALLOWED: &[(&str, &[&str])] = &[
    ("oci", &[]),
    ("layer", &["oci"]),
    ("store", &["oci"]),
    ("registry", &["oci"]),
    ("archive", &["oci", "layer"]),
    ("docker", &["oci"]),
    ("runtime", &["oci", "layer"]),
    (
        "engine",
        &[
            "oci", "layer", "store", "registry", "archive", "docker", "runtime",
        ],
    ),
    ("strata-cli", &["engine"]),
    ("strata-desktop", &["engine"]),
    // For tests only. `engine` is behind its feature `lab`.
    ("testkit", &["oci", "layer", "engine"]),
];

/// The one policy that the window runs under. Loosening it is a decision, made here too.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src ipc: http://ipc.localhost; frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&read(path)).expect("it is JSON")
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo speaks JSON");
    serde_json::from_value(metadata["packages"].take()).expect("a list of packages")
}

/// Every `.rs` file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Whether a file holds unit tests only: `tests.rs`, or something in a folder `tests`.
fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests") || path.iter().any(|part| part == "tests")
}

/// What a file says outside of comments, up to its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the source can be read");
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn crates_know_only_those_below_them() {
    let ours: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        let may = allowed.get(name).unwrap_or_else(|| {
            panic!("{name} is not in the table of tests/architecture.rs and docs/architecture.md")
        });
        for dependency in package["dependencies"].as_array().expect("a list") {
            let on = dependency["name"].as_str().expect("a name");
            // `null` is a normal dependency; a test may know whom it likes.
            if dependency["kind"].is_null() && ours.contains(on) {
                assert!(may.contains(&on), "{name} must not depend on {on}");
            }
        }
    }
}

#[test]
fn only_the_shell_knows_tauri_and_only_the_programs_know_a_terminal() {
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        for dependency in package["dependencies"].as_array().expect("a list") {
            let on = dependency["name"].as_str().expect("a name");
            if on.starts_with("tauri") {
                assert_eq!(name, "strata-desktop", "{name} must not know {on}");
            }
            if on == "clap" || on == "indicatif" {
                assert_eq!(name, "strata-cli", "{name} must not know {on}");
            }
        }
    }
}

/// Environment, clock and standard output are arguments below the programs. (`std::env::consts` and the splitting of a
/// `PATH` that was given are no environment. A container's monitor is a program of its own.)
#[test]
fn below_the_programs_nothing_reads_the_world() {
    let forbidden = [
        "env::var",
        "env::vars",
        "env::current_dir",
        "env::home_dir",
        "env::temp_dir",
        "env::args",
        "Timestamp::now",
        "SystemTime::now",
        "Zoned::now",
        "println!",
        "print!(",
        "io::stdout",
        "io::stderr",
        "home_dir(",
    ];
    for name in [
        "oci", "layer", "store", "registry", "archive", "docker", "runtime", "engine",
    ] {
        for path in sources(&root().join("crates").join(name).join("src")) {
            if is_test(&path) || path.iter().any(|part| part == "monitor") {
                continue;
            }
            let code = code(&path);
            for word in forbidden {
                assert!(
                    !code.contains(word),
                    "{} uses {word}: it has to come in as an argument",
                    path.display()
                );
            }
        }
    }
}

/// Files become visible in one way: written aside, synced, renamed, the folder synced. Whoever writes a file differently loses
/// it in a power cut. (Not clippy's `disallowed-methods`: tests may write files as they like.)
#[test]
fn files_are_written_durably() {
    // The settings are the shell's own file, below no store.
    let durable = ["crates/store/src/durable.rs", "src-tauri/src/settings.rs"];
    let forbidden = ["fs::write(", "fs::rename(", "fs::copy(", "File::create("];
    let folders = [
        "oci", "layer", "store", "registry", "archive", "docker", "engine",
    ]
    .map(|name| format!("crates/{name}/src"));
    for folder in folders.iter().map(String::as_str).chain(["src-tauri/src"]) {
        for path in sources(&root().join(folder)) {
            let relative = path.strip_prefix(root()).expect("below the root");
            if durable.iter().any(|allowed| relative == Path::new(allowed)) || is_test(&path) {
                continue;
            }
            let code = code(&path);
            for word in forbidden {
                assert!(
                    !code.contains(word),
                    "{} uses {word}: store::durable does that",
                    relative.display()
                );
            }
        }
    }
}

#[test]
fn the_window_runs_under_the_strict_policy() {
    let configuration = json("tauri.conf.json");
    let app = &configuration["app"];
    assert_eq!(app["security"]["csp"], CSP);
    assert_eq!(app["withGlobalTauri"], false);
    assert_eq!(app["security"]["freezePrototype"], true);
    assert!(
        app["security"]
            .get("dangerousDisableAssetCspModification")
            .is_none()
    );
    assert!(
        app["security"].get("assetProtocol").is_none(),
        "the window shows no files from the disk"
    );
}

/// The names of the functions under `#[tauri::command]`.
fn commands() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in sources(&root().join("src-tauri/src")) {
        let code = code(&path);
        for after in code.split("#[tauri::command").skip(1) {
            let signature = after.split("fn ").nth(1).expect("a function follows");
            let end = signature
                .find(['(', '<'])
                .expect("a function has arguments");
            names.insert(signature[..end].trim().to_owned());
        }
    }
    names
}

#[test]
fn the_capability_lists_exactly_the_commands_in_use() {
    let capabilities =
        fs::read_dir(root().join("src-tauri/capabilities")).expect("the folder can be listed");
    assert_eq!(capabilities.count(), 1, "there is one capability file");
    let capability = json("src-tauri/capabilities/main.json");
    let listed: BTreeSet<&str> = capability["permissions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|permission| permission.as_str().expect("plain names only"))
        .collect();
    let (framework, own): (Vec<&str>, Vec<&str>) =
        listed.iter().partition(|name| name.contains(':'));
    for name in framework {
        assert!(
            name.starts_with("core:"),
            "{name}: no plugin is open to the page"
        );
    }
    let own: BTreeSet<String> = own.into_iter().map(String::from).collect();
    let used: BTreeSet<String> = commands()
        .iter()
        .map(|name| format!("allow-{}", name.replace('_', "-")))
        .collect();
    assert!(used.len() > 10, "the commands were not found: {used:?}");
    assert_eq!(
        own, used,
        "left: main.json, right: the commands of src-tauri"
    );
}

/// Long files do several things. Generated ones and tests may be long.
#[test]
fn no_file_is_long() {
    let mut folders: Vec<PathBuf> = ALLOWED
        .iter()
        .filter_map(|(name, _)| {
            let folder = root()
                .join("crates")
                .join(name.strip_prefix("strata-").unwrap_or(name))
                .join("src");
            folder.is_dir().then_some(folder)
        })
        .collect();
    folders.push(root().join("src-tauri/src"));
    for path in folders.iter().flat_map(|folder| sources(folder)) {
        let lines = fs::read_to_string(&path)
            .expect("the source can be read")
            .lines()
            .count();
        assert!(
            lines <= 650,
            "{} has {lines} lines; about 500 is the aim",
            path.display()
        );
    }
}
