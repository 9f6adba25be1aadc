//! Containers: what they changed, commit, run.

use std::time::Duration;

use docker::{Change, Commit, Exec, NewContainer, Output, Session};
use futures_util::StreamExt;
use testkit::{Dockerd, PodmanService};
use tokio::io::AsyncWriteExt;

use crate::lab::{Peer, busybox, connect, digest, ended};

/// Reads until the program ends; its output and its errors.
async fn read(session: &mut Session) -> (String, String) {
    let (mut out, mut error) = (Vec::new(), Vec::new());
    while let Some(piece) = session.output.next().await {
        match piece.unwrap() {
            Output::Out(bytes) => out.extend_from_slice(&bytes),
            Output::Error(bytes) => error.extend_from_slice(&bytes),
        }
    }
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out), text(error))
}

/// Reads until a text comes by.
async fn until(session: &mut Session, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let piece = tokio::time::timeout(Duration::from_secs(60), session.output.next()).await;
        let Output::Out(bytes) = piece.unwrap().unwrap().unwrap() else {
            panic!("a terminal has one stream");
        };
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    text
}

async fn a_commit_says_who_and_why(peer: &dyn Peer) {
    busybox(peer);
    ended(
        peer,
        "worker",
        "team/busybox:1",
        "echo one > /one; touch /bin/two",
    );
    let connection = connect(peer).await;
    let mut changes = connection.container_changes("worker").await.unwrap();
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(
        changes.contains(&("/one".into(), Change::Added)),
        "{changes:?}"
    );
    assert!(changes.contains(&("/bin".into(), Change::Changed)));
    let id = connection
        .commit_container(
            "worker",
            &Commit {
                name: Some("team/made:1".parse().unwrap()),
                message: Some("why & how".into()),
                author: Some("Ada <ada@example.org>".into()),
                changes: vec!["CMD [\"echo\",\"hello\"]".into(), "ENV A=b".into()],
                without_pause: false,
            },
        )
        .await
        .unwrap();
    let inspect = |format| peer.run(&["inspect", "--format", format, "team/made:1"]);
    assert_eq!(digest(&inspect("{{.Id}}")), id);
    assert_eq!(inspect("{{.Author}}"), "Ada <ada@example.org>");
    assert_eq!(inspect("{{json .Config.Cmd}}"), r#"["echo","hello"]"#);
    assert!(inspect("{{.Config.Env}}").contains("A=b"));
    assert_eq!(inspect("{{.Comment}}"), "why & how");
}

#[tokio::test(flavor = "multi_thread")]
async fn dockers_commit_says_who_and_why() {
    let peer = Dockerd::start();
    a_commit_says_who_and_why(&peer).await;
    // Podman tells the message of the image only, and of the step where it came from.
    let history = peer.run(&["history", "--format", "{{.Comment}}", "team/made:1"]);
    assert_eq!(history.lines().next(), Some("why & how"));
}

#[tokio::test(flavor = "multi_thread")]
async fn podmans_commit_says_who_and_why() {
    a_commit_says_who_and_why(&PodmanService::start()).await;
}

async fn a_program_runs(peer: &dyn Peer) {
    busybox(peer);
    let connection = connect(peer).await;
    let new = NewContainer {
        name: Some("plain".into()),
        image: "team/busybox:1".into(),
        command: ["sh", "-c", "cat; echo wrong >&2; exit 3"]
            .map(str::to_owned)
            .to_vec(),
        network: Some("none".into()),
        interactive: true,
        ..NewContainer::default()
    };
    let id = connection.create_container(&new).await.unwrap();
    let mut session = connection.attach(&id, false).await.unwrap();
    connection.start_container(&id).await.unwrap();
    session.input.write_all(b"typed\n").await.unwrap();
    session.input.shutdown().await.unwrap();
    let said = read(&mut session).await;
    assert_eq!(said, ("typed\n".to_owned(), "wrong\n".to_owned()));
    assert_eq!(connection.wait_container(&id).await.unwrap(), 3);
    let mut logs = connection.logs("plain", false, false).await.unwrap();
    let mut lines = Vec::new();
    while let Some(line) = logs.next().await {
        lines.push(line.unwrap());
    }
    assert!(
        lines.contains(&Output::Error("wrong\n".into())),
        "{lines:?}"
    );
    connection.remove_container("plain", false).await.unwrap();
    assert!(connection.containers().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_runs_a_program() {
    a_program_runs(&Dockerd::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_runs_a_program() {
    a_program_runs(&PodmanService::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_has_its_size_and_its_end() {
    let peer = Dockerd::start();
    busybox(&peer);
    let connection = connect(&peer).await;
    let new = NewContainer {
        image: "team/busybox:1".into(),
        network: Some("none".into()),
        terminal: true,
        interactive: true,
        ..NewContainer::default()
    };
    let id = connection.create_container(&new).await.unwrap();
    let mut session = connection.attach(&id, true).await.unwrap();
    connection.start_container(&id).await.unwrap();
    connection.resize_container(&id, 101, 33).await.unwrap();
    session.input.write_all(b"stty size\n").await.unwrap();
    until(&mut session, "33 101").await;

    // A second program in it, with its own exit code.
    let exec = Exec {
        command: ["sh", "-c", "echo $A; exit 4"].map(str::to_owned).to_vec(),
        environment: vec!["A=inside".into()],
        ..Exec::default()
    };
    let (exec, mut second) = connection.exec(&id, &exec).await.unwrap();
    assert_eq!(read(&mut second).await.0, "inside\n");
    assert_eq!(connection.exec_code(&exec).await.unwrap(), Some(4));

    session.input.write_all(b"exit 5\n").await.unwrap();
    assert_eq!(connection.wait_container(&id).await.unwrap(), 5);
    while session.output.next().await.is_some() {}
    connection.remove_container(&id, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told() {
    let peer = Dockerd::start();
    let id = busybox(&peer);
    let connection = connect(&peer).await;
    let mut events = connection.events().await.unwrap();
    let name = "team/again:1".parse().unwrap();
    // It answers a moment before it listens to itself: what happens in between is told to nobody, and happens again here.
    let told = async {
        loop {
            connection.tag_image(&digest(&id), &name).await.unwrap();
            let told = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
            if let Ok(event) = told {
                break event.unwrap().unwrap();
            }
        }
    };
    let event = tokio::time::timeout(Duration::from_secs(60), told)
        .await
        .expect("an image was given a name for a minute, and nobody was told");
    assert_eq!(
        (event.what.as_str(), event.action.as_str()),
        ("image", "tag")
    );
    assert_eq!(event.id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_a_path_asks_nothing() {
    let peer = Dockerd::start();
    let connection = connect(&peer).await;
    for name in ["", "../images/json?x=", "a/b", "-x", "a?force=1", "a b"] {
        let refused = connection.remove_container(name, false).await;
        assert!(
            matches!(refused, Err(docker::Error::ContainerName { .. })),
            "{name}: {refused:?}"
        );
    }
}
