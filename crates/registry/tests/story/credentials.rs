//! Credential files and helpers, seen from the registry that gets the login.

use oci::Reference;
use registry::{CredentialError, Error};
use serde_json::json;
use testkit::{ImageBuilder, Registry};

use crate::lab::Lab;

/// `alice:s3cret`
const AUTH: &str = "YWxpY2U6czNjcmV0";

fn setup() -> (Registry, Reference) {
    let server = Registry::start();
    server.require_basic("alice", "s3cret");
    let reference = server.push("team/app:1", &ImageBuilder::new().build());
    (server, reference)
}

async fn problems(lab: &Lab, reference: &Reference) -> Vec<CredentialError> {
    match lab.client.resolve(reference, &()).await {
        Err(Error::Unauthorized { problems, .. }) => problems,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_spelling_of_a_key_and_an_entry_is_read() {
    let (server, reference) = setup();
    let host = server.host();
    for file in [
        json!({"auths": {&host: {"auth": AUTH}}}),
        json!({"auths": {format!("{host}/team"): {"auth": AUTH}}}),
        json!({"auths": {format!("{host}/team/app"): {"auth": AUTH}}}),
        json!({"auths": {format!("http://{host}/v2/"): {"auth": AUTH}}}),
        json!({"auths": {&host: {"username": "alice", "password": "s3cret"}}}),
        // `alice:s3cret` and two zero bytes, as old versions of docker wrote.
        json!({"auths": {&host: {"auth": "YWxpY2U6czNjcmV0AAA="}}}),
        // The longest path counts.
        json!({"auths": {&host: {"auth": "Ym9iOng="}, format!("{host}/team"): {"auth": AUTH}, format!("{host}/te"): {"auth": "Ym9iOng="}}}),
        // An empty entry is no entry.
        json!({"auths": {format!("{host}/team"): {}, &host: {"auth": AUTH}}}),
        json!({"auths": {format!("{host}/team"): null, &host: {"auth": AUTH}}, "credHelpers": null, "HttpHeaders": {"X": "y"}}),
    ] {
        let lab = Lab::with_login(&file.to_string());
        lab.client
            .resolve(&reference, &())
            .await
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

#[tokio::test]
async fn a_login_for_another_host_or_path_is_not_sent() {
    let (server, reference) = setup();
    let (host, port) = (
        server.host(),
        server.host().rsplit_once(':').expect("a port").1.to_owned(),
    );
    for key in [
        "127.0.0.1".to_owned(),
        format!("{host}0"),
        format!("{host}/other"),
        format!("{host}/team/ap"),
        format!("https://{host}"),
        format!("a.{host}"),
        format!("localhost:{port}"),
    ] {
        let lab = Lab::with_login(&json!({"auths": {&key: {"auth": AUTH}}}).to_string());
        lab.client.resolve(&reference, &()).await.expect_err(&key);
        assert!(!server.saw("authorization"), "{key}");
    }
}

#[tokio::test]
async fn the_first_file_with_a_login_counts_and_a_damaged_one_is_told_about() {
    let (server, reference) = setup();
    let right = json!({"auths": {server.host(): {"auth": AUTH}}}).to_string();
    let lab = Lab::new();
    let files = vec![
        lab.folder().join("missing.json"),
        lab.write("empty.json", ""),
        lab.write(
            "broken.json",
            "{\"auths\": {\"x\": {\"auth\": \"s3cret-in-file\" oops",
        ),
        lab.write("right.json", &right),
    ];
    let without_the_last = files[..3].to_vec();
    let lab = lab.rebuild(|options| options.credentials.files = files);
    lab.client.resolve(&reference, &()).await.expect("resolved");

    let lab = lab.rebuild(|options| options.credentials.files = without_the_last);
    let problems = problems(&lab, &reference).await;
    assert!(
        matches!(&problems[..], [CredentialError::Malformed { .. }]),
        "{problems:?}"
    );
    assert!(!format!("{problems:?} {}", problems[0]).contains("s3cret"));
}

#[tokio::test]
async fn entries_that_cannot_be_decoded_are_told_about_without_their_content() {
    let (server, reference) = setup();
    for auth in ["czNjcmV0LXdvcmQ=", "s3cret!!", "//79"] {
        let lab = Lab::with_login(&json!({"auths": {server.host(): {"auth": auth}}}).to_string());
        let problems = problems(&lab, &reference).await;
        assert!(
            matches!(&problems[..], [CredentialError::Malformed { .. }]),
            "{problems:?}"
        );
        assert!(!format!("{problems:?}").contains("s3cret"), "{problems:?}");
    }
    let typed_wrong = json!({"auths": {server.host(): {"auth": ["s3cret"]}}}).to_string();
    let problems = problems(&Lab::with_login(&typed_wrong), &reference).await;
    assert!(!format!("{problems:?}").contains("s3cret"), "{problems:?}");
}

#[cfg(unix)]
mod helpers {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Makes a lab whose credential file is `file`, with these scripts as helpers.
    fn lab(file: &serde_json::Value, helpers: &[(&str, &str)]) -> Lab {
        let lab = Lab::with_login(&file.to_string());
        for (name, script) in helpers {
            let path = lab.write(
                &format!("docker-credential-{name}"),
                &format!("#!/bin/sh\n{script}\n"),
            );
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
                .expect("made executable");
        }
        let (file, folder) = (lab.folder().join("config.json"), lab.folder());
        lab.rebuild(|options| {
            options.credentials.files = vec![file];
            options.credentials.helper_path = vec!["relative".into(), folder];
        })
    }

    /// Prints the login if it is asked for exactly this host.
    fn right(host: &str) -> String {
        format!(
            "test \"$1\" = get && test \"$(cat)\" = '{host}' && echo '{{\"ServerURL\":\"{host}\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}}'"
        )
    }

    #[tokio::test]
    async fn the_hosts_own_helper_comes_before_the_one_for_all() {
        let (server, reference) = setup();
        let host = server.host();
        let wrong = "echo '{\"Username\":\"bob\",\"Secret\":\"x\"}'";
        for file in [
            json!({"credHelpers": {&host: "right-1"}, "credsStore": "wrong"}),
            json!({"credsStore": "right-1", "credHelpers": {format!("a.{host}"): "wrong"}}),
            json!({"credsStore": "right-1", "auths": {&host: {}}}),
        ] {
            let lab = lab(&file, &[("right-1", &right(&host)), ("wrong", wrong)]);
            lab.client
                .resolve(&reference, &())
                .await
                .unwrap_or_else(|error| panic!("{file}: {error:?}"));
        }
    }

    #[tokio::test]
    async fn a_helper_that_knows_nothing_or_fails_leaves_the_file_to_ask() {
        let (server, reference) = setup();
        let nothing = "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1";
        for script in [nothing, "exit 3", "echo nonsense"] {
            let file = json!({"credsStore": "store", "auths": {server.host(): {"auth": AUTH}}});
            lab(&file, &[("store", script)])
                .client
                .resolve(&reference, &())
                .await
                .expect("from the file");
        }
        // Docker Desktop was removed and its name still stands in the file.
        let file = json!({"credsStore": "desktop", "auths": {server.host(): {"auth": AUTH}}});
        lab(&file, &[])
            .client
            .resolve(&reference, &())
            .await
            .expect("from the file");
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_helper_is_told_without_its_output() {
        let (_server, reference) = setup();
        let endless = "while :; do echo s3cret-s3cret-s3cret-s3cret; done";
        let other_host = "echo '{\"ServerURL\":\"https://evil.org\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}'";
        for (script, words) in [
            ("echo s3cret; exit 1", "ended with an error"),
            ("echo '{\"Secret\": s3cret}'", "not valid"),
            (endless, "more than 65536 bytes"),
            (other_host, "another host"),
        ] {
            let lab = lab(&json!({"credsStore": "bad"}), &[("bad", script)]);
            let problems = problems(&lab, &reference).await;
            let [problem @ CredentialError::Helper { .. }] = &problems[..] else {
                panic!("{problems:?}")
            };
            assert!(problem.to_string().contains(words), "{problem}");
            assert!(
                !format!("{problem} {problem:?}").contains("s3cret"),
                "{problem:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_helper_that_hangs_is_killed() {
        let (_server, reference) = setup();
        let lab = lab(
            &json!({"credsStore": "slow"}),
            &[("slow", "exec sleep 1000")],
        );
        let (file, folder) = (lab.folder().join("config.json"), lab.folder());
        let lab = lab.rebuild(|options| {
            options.credentials.files = vec![file];
            options.credentials.helper_path = vec![folder];
            options.timeouts.helper = std::time::Duration::from_secs(1);
        });
        let problems = problems(&lab, &reference).await;
        let [problem] = &problems[..] else {
            panic!("{problems:?}")
        };
        assert!(problem.to_string().contains("did not answer"), "{problem}");
    }

    #[tokio::test]
    async fn only_plain_names_are_run() {
        let (_server, reference) = setup();
        for name in ["../evil", "a b", "x;id", "UPPER", "a/b", &"a".repeat(100)] {
            let lab = lab(&json!({"credsStore": name}), &[]);
            let problems = problems(&lab, &reference).await;
            assert!(
                matches!(&problems[..], [CredentialError::HelperName { .. }]),
                "{name}: {problems:?}"
            );
        }
        let lab = lab(&json!({"credsStore": "absent"}), &[]);
        let problems = problems(&lab, &reference).await;
        assert!(
            matches!(&problems[..], [CredentialError::HelperMissing { .. }]),
            "{problems:?}"
        );
    }
}
