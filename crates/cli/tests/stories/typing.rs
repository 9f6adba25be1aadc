//! What can be typed.

use crate::lab::Lab;

#[test]
fn flags_stand_anywhere() {
    let (lab, _) = Lab::with_app();
    let name = lab.at("app:1");
    let store = lab.path("other");
    let store = store.to_str().expect("UTF-8");
    for arguments in [
        [
            "--store",
            store,
            "--json",
            "pull",
            &name,
            "--platform",
            "linux/amd64",
        ],
        [
            "pull",
            "--platform",
            "linux/amd64",
            &name,
            "--json",
            "--store",
            store,
        ],
        [
            "pull",
            "--json",
            "--platform",
            "linux/amd64",
            "--store",
            store,
            &name,
        ],
    ] {
        let document = lab.run(&arguments).ok().json();
        assert_eq!(document["images"][0]["names"][0], name);
    }
    assert!(!lab.store().exists(), "--store wins over STRATA_STORE");
}

#[test]
fn without_a_place_for_the_store_nothing_is_guessed() {
    let lab = Lab::new();
    let output = lab
        .command(&["images", "--json"])
        .env_clear()
        .output()
        .expect("strata starts");
    let ran = crate::lab::Ran::of(output).ended(2);
    assert!(
        ran.error()["message"]
            .as_str()
            .is_some_and(|text| text.contains("STRATA_STORE")),
        "{}",
        ran.err
    );
}

#[test]
fn help_version_completions_and_manual_are_there() {
    let lab = Lab::new();
    let help = lab.run(&["--help"]).ok().out;
    let verbs = [
        "images",
        "pull",
        "tag",
        "rmi",
        "prune",
        "undo",
        "journal",
        "inspect",
        "history",
        "layers",
        "df",
        "check",
        "version",
        "completions",
        "man",
    ];
    for verb in verbs {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb} in {help}");
        let own = lab.run(&[verb, "--help"]).ok().out;
        assert!(
            own.contains(&format!("Usage: strata {verb}")) && own.contains("--json"),
            "{own}"
        );
    }
    assert_eq!(
        lab.run(&["help", "pull"]).ok().out,
        lab.run(&["pull", "--help"]).ok().out
    );
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        lab.run(&["--version"]).ok().out,
        format!("strata {version}\n")
    );
    assert_eq!(
        lab.run(&["version"]).ok().out,
        format!("strata {version}\n")
    );
    assert_eq!(
        lab.json(&["version"]),
        serde_json::json!({"version": version})
    );
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            lab.run(&["completions", shell])
                .ok()
                .out
                .contains("journal"),
            "{shell}"
        );
    }
    assert!(lab.run(&["man"]).ok().out.contains(".TH strata 1"));
    let folder = lab.path("man");
    lab.run(&["man", folder.to_str().expect("UTF-8")]).ok();
    for verb in verbs {
        assert!(folder.join(format!("strata-{verb}.1")).exists(), "{verb}");
    }
    assert!(!lab.store().exists(), "none of them needs a store");
}

#[test]
fn the_usage_lines_are_a_contract() {
    let lab = Lab::new();
    let usage = |verb: &str| {
        let help = lab.run(&[verb, "-h"]).ok().out;
        help.lines()
            .find(|line| line.starts_with("Usage:"))
            .unwrap_or_default()
            .to_owned()
    };
    let of_run = |verb: &str| {
        let help = lab.run(&[verb, "--help"]).ok().out;
        let usage = help.lines().find(|line| line.starts_with("Usage:"));
        usage.unwrap_or_default().to_owned()
    };
    assert_eq!(
        of_run("run"),
        "Usage: strata run [OPTIONS] <IMAGE> [COMMAND]..."
    );
    assert_eq!(
        of_run("exec"),
        "Usage: strata exec [OPTIONS] <CONTAINER> <COMMAND>..."
    );
    assert_eq!(usage("images"), "Usage: strata images [OPTIONS] [NAME]");
    assert_eq!(usage("pull"), "Usage: strata pull [OPTIONS] <REF>");
    assert_eq!(usage("load"), "Usage: strata load [OPTIONS]");
    assert_eq!(usage("save"), "Usage: strata save [OPTIONS] <REF>...");
    assert_eq!(
        usage("import"),
        "Usage: strata import [OPTIONS] <FILE> [REF]"
    );
    assert_eq!(usage("copy"), "Usage: strata copy [OPTIONS] <FROM> <TO>");
    assert_eq!(usage("tag"), "Usage: strata tag [OPTIONS] <SRC> <DST>");
    assert_eq!(usage("rmi"), "Usage: strata rmi [OPTIONS] <REF>...");
    assert_eq!(usage("prune"), "Usage: strata prune [OPTIONS]");
    assert_eq!(usage("journal"), "Usage: strata journal [OPTIONS] [NAME]");
    assert_eq!(usage("inspect"), "Usage: strata inspect [OPTIONS] <REF>...");
    assert_eq!(usage("history"), "Usage: strata history [OPTIONS] <REF>");
    assert_eq!(usage("layers"), "Usage: strata layers [OPTIONS] <REF>");
}
