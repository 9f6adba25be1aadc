//! Other people's images in, and other people's tools on our store.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::DockerRegistry;

use crate::lab::Lab;

/// Runs a peer; one that is missing is named with its package.
fn run(program: &str, package: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}. It is in Debian's package {package}."));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A real image in an OCI layout that `buildah` made: busybox, whose files nobody here wrote.
fn busybox(folder: &Path) -> String {
    let root = folder.join("containers");
    let storage = [
        "--root",
        root.to_str().unwrap(),
        "--runroot",
        folder.join("run").to_str().unwrap(),
        "--storage-driver",
        "vfs",
    ]
    .map(str::to_owned);
    let buildah = |arguments: &[&str]| {
        let all: Vec<&str> = storage
            .iter()
            .map(String::as_str)
            .chain(arguments.iter().copied())
            .collect();
        run("buildah", "buildah", &all).trim().to_owned()
    };
    let container = buildah(&["from", "scratch"]);
    assert!(
        Path::new("/bin/busybox").exists(),
        "/bin/busybox is in Debian's package busybox-static"
    );
    buildah(&[
        "copy",
        "--quiet",
        &container,
        "/bin/busybox",
        "/bin/busybox",
    ]);
    buildah(&[
        "config",
        "--cmd",
        "/bin/busybox",
        "--env",
        "A=1",
        "--label",
        "team=red",
        "--author",
        "Ada",
        &container,
    ]);
    buildah(&["commit", "--quiet", "--rm", &container, "first"]);
    // A second layer, so that the order matters.
    let container = buildah(&["from", "--pull-never", "first"]);
    std::fs::write(folder.join("motd"), "hello\n").unwrap();
    buildah(&[
        "copy",
        "--quiet",
        &container,
        folder.join("motd").to_str().unwrap(),
        "/etc/motd",
    ]);
    buildah(&["commit", "--quiet", "--rm", &container, "second"]);
    let layout = format!("oci:{}:second", folder.join("layout").display());
    buildah(&["push", "--quiet", "second", &layout]);
    layout
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_and_umoci_see_in_our_store_what_buildah_made() {
    let lab = Lab::new().await;
    let work = tempfile::tempdir().unwrap();
    let layout = busybox(work.path());
    let registry = DockerRegistry::plain();
    let reference = registry.skopeo_copy(&layout, "team/busybox:1");
    let pulled = lab.pull(&reference).await.unwrap();

    // skopeo reads the registry's and our store's image and tells the same of both.
    let skopeo = |arguments: &[&str]| -> Value {
        let all = [&["--insecure-policy", "inspect"], arguments].concat();
        serde_json::from_str(&run("skopeo", "skopeo", &all)).unwrap()
    };
    let store = format!("oci:{}:{reference}", lab.store().display());
    let here = skopeo(&[&store]);
    let there = skopeo(&["--tls-verify=false", &format!("docker://{reference}")]);
    for key in [
        "Digest",
        "Created",
        "Labels",
        "Architecture",
        "Os",
        "Layers",
        "Env",
    ] {
        assert_eq!(here[key], there[key], "{key}");
    }
    assert_eq!(here["Digest"], pulled.target.to_string());
    let raw = run(
        "skopeo",
        "skopeo",
        &["--insecure-policy", "inspect", "--raw", &store],
    );
    assert_eq!(
        oci::Digest::sha256(raw.as_bytes()),
        pulled.target,
        "byte for byte"
    );

    // And it copies from there, every blob verified.
    let copy = format!("dir:{}", work.path().join("copy").display());
    run(
        "skopeo",
        "skopeo",
        &["--insecure-policy", "copy", "--quiet", &store, &copy],
    );

    // umoci lists and unpacks.
    let image = format!("{}:{reference}", lab.store().display());
    let stat = run("umoci", "umoci", &["stat", "--json", "--image", &image]);
    let stat: Value = serde_json::from_str(&stat).unwrap();
    assert!(stat["history"].as_array().unwrap().len() >= 2, "{stat}");
    let bundle = work.path().join("bundle");
    run(
        "umoci",
        "umoci",
        &[
            "unpack",
            "--rootless",
            "--image",
            &image,
            bundle.to_str().unwrap(),
        ],
    );
    let motd = std::fs::read_to_string(bundle.join("rootfs/etc/motd")).unwrap();
    assert_eq!(motd, "hello\n");

    lab.check().await;
}
