//! Searching, listing tags and repositories, signing in and out.

use std::io::Write as _;
use std::process::Stdio;

use testkit::{DockerRegistry, DockerRegistryOptions, Fault, ImageBuilder, Rule};

use crate::lab::{Lab, Ran, app};

const PASSWORD: &str = "s3cret-marker";

/// What Docker Hub's search answers, with hostile text.
const ANSWER: &str = r#"{"num_pages":1,"num_results":2,"page_size":25,"page":1,"query":"app","results":[
    {"name":"app","description":"The \u001b[31mapp\u202e\nof all apps that there ever were, and then some more","star_count":900,"is_official":true,"is_automated":false,"is_trusted":false},
    {"name":"team/app","description":"<b>bold</b>","star_count":12,"is_official":false,"is_automated":false,"is_trusted":false}]}"#;

fn hub(lab: &Lab) -> String {
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let answer = Fault::Answer(200, vec![json], ANSWER.as_bytes().to_vec());
    lab.registry.rule(Rule::path("/v1/search").fault(answer));
    lab.registry.url("/v1/search")
}

#[test]
fn a_search_looks_like_dockers_and_obeys_nobody() {
    let lab = Lab::new();
    let address = hub(&lab);
    let search = |more: &[&str]| {
        let mut all = vec!["search", "app", "--search-address", &address];
        all.extend(more);
        lab.run(&all)
    };
    let table = search(&[]).ok().out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines,
        [
            "NAME       DESCRIPTION                                     STARS     OFFICIAL",
            "app        The \\x1b[31mapp\\u{202e} of all apps that the…   900       [OK]",
            "team/app   <b>bold</b>                                     12        ",
        ]
    );
    assert!(search(&["--no-trunc"]).ok().out.contains("some more"));
    assert_eq!(search(&["-q", "-f", "stars=100"]).ok().out, "app\n");
    assert_eq!(
        search(&["-q", "-f", "is-official=false"]).ok().out,
        "team/app\n"
    );
    let automated = search(&["-f", "is-automated=true"]).ok();
    assert!(automated.err.contains("deprecated"));
    for wrong in [["-f", "stars=many"], ["-f", "color=red"], ["--limit", "0"]] {
        search(&wrong).ended(2);
    }
    let json = search(&["--json"]).ok();
    assert!(!json.out.contains('\u{1b}') && !json.out.contains('\u{202e}'));
    let found = json.json();
    assert_eq!(found[0]["stars"], 900);
    assert_eq!(found[0]["official"], true);
    assert!(
        found[0]["description"]
            .as_str()
            .is_some_and(|it| it.contains('\u{1b}'))
    );
}

#[test]
fn tags_and_repositories_are_listed() {
    let (lab, image) = Lab::with_app();
    let other = app("two").build();
    lab.registry.push("app:2", &other);
    lab.registry.push("app:latest", &other);
    lab.registry.push("team/tool:1", &image);
    lab.pull("app:1");
    let tags = lab.json(&["tags", &lab.at("app")]);
    let names: Vec<_> = tags
        .as_array()
        .expect("a list")
        .iter()
        .map(|tag| &tag["tag"])
        .collect();
    assert_eq!(names, ["latest", "2", "1"]);
    assert_eq!(tags[2]["digest"], image.digest().as_str());
    assert_eq!(tags[2]["local"], "same");
    assert_eq!(tags[2]["platforms"][0], "linux/amd64");
    assert!(tags[2]["size"].as_u64() > Some(0) && tags[2]["created"].is_string());
    let table = lab.run(&["tags", "--limit", "1", &lab.at("app")]).ok();
    assert!(table.out.starts_with("TAG       DIGEST"), "{}", table.out);
    assert_eq!(table.out.lines().count(), 2);
    assert!(table.err.contains("1 of 3 tags"), "{}", table.err);
    assert_eq!(
        lab.run(&["tags", "-q", &lab.at("app")]).ok().out,
        "1\n2\nlatest\n"
    );
    let missing = lab.run(&["tags", "--json", &lab.at("none")]).ended(1);
    assert_eq!(missing.error()["code"], "not_found");

    let host = lab.registry.host();
    assert_eq!(lab.run(&["catalog", &host]).ok().out, "app\nteam/tool\n");
    assert_eq!(
        lab.json(&["catalog", &host, "--limit", "1"]).to_string(),
        r#"["app"]"#
    );
    lab.registry
        .rule(Rule::path("_catalog").fault(Fault::status(405)));
    let none = lab.run(&["catalog", "--json", &host]).ended(1);
    assert_eq!(none.error()["code"], "not_offered");
}

/// Types a password into standard input.
fn login(lab: &Lab, arguments: &[&str], password: &str) -> Ran {
    let mut child = lab
        .command(&[&["login", "-u", "alice", "--password-stdin"], arguments].concat())
        .stdin(Stdio::piped())
        .spawn()
        .expect("strata starts");
    let mut input = child.stdin.take().expect("it listens");
    // One that needs no password does not listen to its end.
    drop(writeln!(input, "{password}"));
    drop(input);
    Ran::of(child.wait_with_output().expect("it ends"))
}

#[test]
fn a_login_is_tried_kept_used_and_forgotten() {
    let server = DockerRegistry::start(&DockerRegistryOptions {
        login: Some(("alice".into(), PASSWORD.into())),
        ..DockerRegistryOptions::default()
    });
    let image = ImageBuilder::new().files([("/a", "b")]).build();
    let target = server.push("app:1", &image).to_string();
    let (lab, host) = (Lab::new(), server.host());
    assert_eq!(
        lab.run(&["pull", "--json", &target]).ended(1).error()["code"],
        "unauthorized"
    );
    let wrong = login(&lab, &[&host, "--json"], "wrong").ended(1);
    assert_eq!(wrong.error()["code"], "unauthorized");
    let nowhere = login(&lab, &[&host, "--json"], PASSWORD).ended(1);
    assert_eq!(nowhere.error()["code"], "no_keyring");
    let done = login(&lab, &[&host, "--plain-text"], PASSWORD).ok();
    assert_eq!(done.out, "Login Succeeded\n");
    assert!(done.err.contains("in plain text"), "{}", done.err);
    lab.run(&["pull", "-q", &target]).ok();
    // docker's own file, so docker's own words work with it.
    assert!(lab.path("home/.docker/config.json").exists());
    let out = lab.run(&["logout", &host]).ok();
    assert_eq!(out.out, format!("Removing login credentials for {host}\n"));
    let again = lab.run(&["logout", &host]).ok();
    assert_eq!(again.out, format!("Not logged in to {host}\n"));
    for ran in [wrong, nowhere, done] {
        assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD));
    }
    lab.run(&["login", &host]).ended(2);
    lab.run(&["login", "--password-stdin", &host]).ended(2);
    login(&lab, &["nothing"], PASSWORD).ended(2);
}
