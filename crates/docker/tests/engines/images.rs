//! Listing, looking, naming.

use oci::{Digest, ImageName, Selector};
use testkit::{Dockerd, PodmanService};

use crate::lab::{Peer, busybox, connect, digest, ended, image};

/// Everything that docker's list says of an image, a line each, sorted.
fn listed(peer: &dyn Peer) -> Vec<String> {
    let format = "{{.ID}} {{.Repository}}:{{.Tag}}";
    let out = peer.run(&["images", "--no-trunc", "--format", format]);
    let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

async fn an_engine_lists_what_docker_lists(peer: &dyn Peer) {
    let id = busybox(peer);
    peer.run(&[
        "tag",
        "team/busybox:1",
        "registry.example:5000/other/name:2",
    ]);
    ended(peer, "worker", "team/busybox:1", "echo one > /one");
    let made = peer.run(&["commit", "worker"]);
    let connection = connect(peer).await;
    let images = connection.images().await.unwrap();

    let mut ours: Vec<String> = Vec::new();
    for image in &images {
        match image.names.is_empty() {
            true => ours.push(format!("{} <none>:<none>", image.id)),
            false => ours.extend(
                image
                    .names
                    .iter()
                    .map(|name| format!("{} {}", image.id, name.familiar())),
            ),
        }
    }
    ours.sort();
    assert_eq!(ours, listed(peer));

    let base = image(&connection, "team/busybox:1").await;
    assert_eq!(base.id.to_string(), id);
    assert_eq!(base.containers, ["worker"]);
    assert_eq!(base.labels, [("team".to_owned(), "red".to_owned())]);
    assert_eq!(base.platform.unwrap().to_string(), "linux/amd64");
    let size = peer.run(&["inspect", "--format", "{{.Size}}", &id]);
    assert_eq!(base.size.to_string(), size);
    let layers = peer.run(&["inspect", "--format", "{{json .RootFS.Layers}}", &id]);
    let ours: Vec<&Digest> = base.layers.iter().map(|layer| &layer.diff_id).collect();
    assert_eq!(serde_json::to_string(&ours).unwrap(), layers);
    assert!(base.layers[0].size > Some(1_000_000), "{:?}", base.layers);

    let top = images.iter().find(|image| made.ends_with(image.id.hex()));
    let top = top.unwrap();
    assert!(top.is_dangling());
    assert_eq!(top.layers.len(), base.layers.len() + 1);

    // By the beginning of an ID, by name, and not at all.
    let found = image(&connection, &base.id.hex()[..12]).await;
    assert_eq!(found.id, base.id);
    let missing = connection.image(&Selector::from("team/busybox:9")).await;
    assert!(matches!(missing, Err(docker::Error::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_lists_what_docker_lists() {
    an_engine_lists_what_docker_lists(&Dockerd::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_lists_what_docker_lists() {
    an_engine_lists_what_docker_lists(&PodmanService::start()).await;
}

async fn a_name_is_given_and_moves(peer: &dyn Peer) {
    let id = busybox(peer);
    let connection = connect(peer).await;
    let name: ImageName = "library/app:1".parse().unwrap();
    connection.tag_image(&digest(&id), &name).await.unwrap();
    assert_eq!(
        peer.run(&["inspect", "--format", "{{.Id}}", "docker.io/library/app:1"]),
        id
    );
    ended(peer, "worker", "team/busybox:1", "echo one > /one");
    let made = peer.run(&["commit", "worker"]);
    let made = match made.contains(':') {
        true => made,
        false => format!("sha256:{made}"),
    };
    connection.tag_image(&digest(&made), &name).await.unwrap();
    assert_eq!(image(&connection, "app:1").await.id.to_string(), made);
    let base = image(&connection, "team/busybox:1").await;
    assert!(!base.names.contains(&name), "{:?}", base.names);
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_gives_a_name_and_moves_it() {
    a_name_is_given_and_moves(&Dockerd::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_gives_a_name_and_moves_it() {
    a_name_is_given_and_moves(&PodmanService::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_dockers() {
    let peer = Dockerd::start();
    let id = busybox(&peer);
    ended(&peer, "worker", "team/busybox:1", "echo one > /one");
    peer.run(&["commit", "-m", "one more", "worker", "team/busybox:2"]);
    let connection = connect(&peer).await;
    let top = image(&connection, "team/busybox:2").await;
    let steps = connection
        .image_history(&top.id, top.layers.len())
        .await
        .unwrap();
    let format = "{{.CreatedBy}}|{{.Comment}}|{{.Size}}";
    let out = peer.run(&[
        "history",
        "--no-trunc",
        "--human=false",
        "--format",
        format,
        "team/busybox:2",
    ]);
    let ours: Vec<String> = steps
        .iter()
        .map(|step| format!("{}|{}|{}", step.created_by, step.comment, step.size))
        .collect();
    assert_eq!(ours, out.lines().collect::<Vec<_>>());
    assert_eq!(steps[0].comment, "one more");
    assert_eq!(top.layers[1].size, Some(4));
    assert_eq!(top.parent.unwrap().to_string(), id);

    let usage = connection.usage().await.unwrap();
    assert_eq!((usage.images, usage.containers), (2, 1));
    assert!(usage.layers_size > 0);
}
