//! What a removal will do is what it does.

use docker::{Plan, Reason, Removal};
use oci::Selector;
use testkit::{Dockerd, PodmanService};

use crate::lab::{Peer, busybox, connect, digest, ended};

fn removal(texts: &[&str], force: bool) -> Removal {
    Removal {
        selections: texts.iter().map(|text| Selector::from(*text)).collect(),
        force,
        no_prune: false,
    }
}

fn names(plan: &Plan) -> Vec<String> {
    let mut names: Vec<String> = plan
        .untagged
        .iter()
        .map(|(name, _)| name.familiar())
        .collect();
    names.sort();
    names
}

/// Every tag and ID that the engine has, sorted: docker lists the names of one image in any order.
fn all(peer: &dyn Peer) -> String {
    let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
    let listed = peer.run(&["images", "-a", "--no-trunc", "--format", format]);
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_removes_by_its_rules_and_as_planned() {
    let peer = Dockerd::start();
    let id = busybox(&peer);
    peer.run(&["tag", "team/busybox:1", "team/busybox:2"]);
    peer.run(&["tag", "team/busybox:1", "other/name:1"]);
    let connection = connect(&peer).await;

    // One of several names.
    let plan = connection
        .plan_removal(&removal(&["team/busybox:2"], false))
        .await
        .unwrap();
    assert_eq!(names(&plan), ["team/busybox:2"]);
    assert!(plan.deleted.is_empty());
    assert_eq!(plan.freed_bytes, Some(0));
    connection.execute(&plan).await.unwrap();
    assert!(!all(&peer).contains("team/busybox:2"));

    // An ID with several: not without force, and docker refuses too.
    let plan = connection
        .plan_removal(&removal(&[&id], false))
        .await
        .unwrap();
    assert_eq!(plan.blocked[0].reason, Reason::SeveralNames { count: 2 });
    assert!(
        !peer
            .command(&["rmi", &id])
            .output()
            .unwrap()
            .status
            .success()
    );

    // A container holds the last name; force takes the name and leaves the image.
    peer.run(&["rmi", "other/name:1"]);
    ended(&peer, "worker", "team/busybox:1", "true");
    let plan = connection
        .plan_removal(&removal(&["team/busybox:1"], false))
        .await
        .unwrap();
    assert!(matches!(
        &plan.blocked[0].reason,
        Reason::StoppedContainer { container } if container == "worker"
    ));
    assert!(names(&plan).is_empty());
    let refused = peer.command(&["rmi", "team/busybox:1"]).output().unwrap();
    assert!(!refused.status.success());

    // What changes in between makes the plan stale.
    let plan = connection
        .plan_removal(&removal(&["team/busybox:1", "nobody/none"], true))
        .await
        .unwrap();
    peer.run(&["tag", "team/busybox:1", "late/comer:1"]);
    let before = all(&peer);
    let stale = connection.execute(&plan).await;
    assert!(matches!(stale, Err(docker::Error::Stale)), "{stale:?}");
    assert_eq!(all(&peer), before);
    peer.run(&["rm", "worker"]);

    // Everything.
    let plan = connection
        .plan_removal(&removal(&[&id[..19]], true))
        .await
        .unwrap();
    assert_eq!(names(&plan), ["late/comer:1", "team/busybox:1"]);
    assert_eq!(plan.deleted[0].id, digest(&id));
    assert_eq!(plan.freed_bytes, Some(plan.deleted[0].size));
    let done = connection.execute(&plan).await.unwrap();
    assert_eq!(done.deleted, [digest(&id)]);
    assert_eq!(all(&peer), "");
}

/// For each way to remove, docker itself on one side and our plan, executed, on the other end in the same images.
#[tokio::test(flavor = "multi_thread")]
async fn docker_with_containers_and_children_does_what_was_planned() {
    let peer = Dockerd::start();
    let connection = connect(&peer).await;
    for (selection, force) in [
        ("team/busybox:1", false),
        ("team/busybox:1", true),
        ("ID of base", true),
        ("team/child:1", false),
        ("team/child:1", true),
        ("ID of child", true),
    ] {
        // A base with a child on it, which a stopped container uses.
        let base = busybox(&peer);
        ended(&peer, "maker", "team/busybox:1", "echo child > /child");
        let child = peer.run(&["commit", "maker", "team/child:1"]);
        peer.run(&["rm", "maker"]);
        ended(&peer, "user", "team/child:1", "true");
        let selection = match selection {
            "ID of base" => &base,
            "ID of child" => &child,
            name => name,
        };

        let plan = connection
            .plan_removal(&removal(&[selection], force))
            .await
            .unwrap();
        let before = all(&peer);
        let mut expected: Vec<&str> = before.lines().collect();
        expected.retain(|line| {
            let id = line.rsplit(' ').next().unwrap();
            !plan.deleted.iter().any(|image| image.id.to_string() == id)
        });
        let mut expected: Vec<String> = expected
            .into_iter()
            .map(|line| {
                let (name, id) = line.split_once(' ').unwrap();
                match names(&plan).contains(&name.to_owned()) {
                    true => format!("<none>:<none> {id}"),
                    false => line.to_owned(),
                }
            })
            .collect();
        match plan.blocked.is_empty() {
            true => drop(connection.execute(&plan).await.unwrap()),
            // What we do not even ask for, docker refuses.
            false => {
                let arguments: &[&str] = match force {
                    true => &["rmi", "-f", selection],
                    false => &["rmi", selection],
                };
                let asked = peer.command(arguments).output().unwrap();
                assert!(!asked.status.success(), "{selection} {force}");
            }
        }
        let after = all(&peer);
        let mut after: Vec<&str> = after.lines().collect();
        after.sort_unstable();
        expected.sort();
        assert_eq!(after, expected, "{selection} {force}");
        peer.run(&["rm", "user"]);
        for id in [&child, &base] {
            // Either may be gone.
            drop(peer.command(&["rmi", "-f", id]).output().unwrap());
        }
        assert_eq!(all(&peer), "", "{selection} {force}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_takes_exactly_what_was_planned() {
    let peer = Dockerd::start();
    let base = busybox(&peer);
    ended(&peer, "worker", "team/busybox:1", "echo one > /one");
    let first = peer.run(&["commit", "worker"]);
    ended(&peer, "other", "team/busybox:1", "echo two > /two");
    let second = peer.run(&["commit", "other"]);
    ended(&peer, "user", &second, "true");
    let connection = connect(&peer).await;
    let wanted: Vec<_> = [&base, &first, &second].map(|id| digest(id)).to_vec();
    let plan = connection.plan_prune(&wanted).await.unwrap();
    // The base is used and stood on, the second is used.
    assert_eq!(plan.deleted.len(), 1);
    assert_eq!(plan.deleted[0].id, digest(&first));
    assert_eq!(plan.freed_bytes, Some(4));
    connection.execute(&plan).await.unwrap();
    let left = all(&peer);
    assert!(!left.contains(&first) && left.contains(&second) && left.contains(&base));
}

/// Podman's force takes the containers too, and the plan says so.
#[tokio::test(flavor = "multi_thread")]
async fn podmans_force_removes_containers_and_the_plan_says_which() {
    let peer = PodmanService::start();
    busybox(&peer);
    peer.run(&["tag", "team/busybox:1", "other/name:1"]);
    ended(&peer, "worker", "team/busybox:1", "true");
    let connection = connect(&peer).await;

    let plan = connection
        .plan_removal(&removal(&["other/name:1"], true))
        .await
        .unwrap();
    assert_eq!(names(&plan), ["other/name:1"]);
    assert!(plan.containers.is_empty() && plan.deleted.is_empty());
    connection.execute(&plan).await.unwrap();
    assert!(peer.run(&["ps", "-a"]).contains("worker"));

    let plan = connection
        .plan_removal(&removal(&["team/busybox:1"], false))
        .await
        .unwrap();
    assert!(matches!(
        plan.blocked[0].reason,
        Reason::StoppedContainer { .. }
    ));
    let plan = connection
        .plan_removal(&removal(&["team/busybox:1"], true))
        .await
        .unwrap();
    assert_eq!(plan.containers[0].name, "worker");
    assert_eq!(plan.deleted.len(), 1);
    connection.execute(&plan).await.unwrap();
    assert!(!peer.run(&["ps", "-a"]).contains("worker"));
    assert_eq!(all(&peer), "");
}

/// Unlike docker, it lets go of an image on which another stands: that one has the layers, too.
#[tokio::test(flavor = "multi_thread")]
async fn podman_removes_an_image_under_another_one_and_the_plan_says_so() {
    let peer = PodmanService::start();
    let id = busybox(&peer);
    ended(&peer, "worker", "team/busybox:1", "echo hello > /hello");
    peer.run(&["commit", "worker", "team/child:1"]);
    peer.run(&["rm", "worker"]);
    let connection = connect(&peer).await;
    let plan = connection
        .plan_removal(&removal(&["team/busybox:1"], false))
        .await
        .unwrap();
    assert_eq!(names(&plan), ["team/busybox:1"]);
    let deleted: Vec<_> = plan.deleted.iter().map(|image| &image.id).collect();
    assert_eq!(deleted, [&digest(&id)]);
    assert_eq!(plan.freed_bytes, Some(0));
    let done = connection.execute(&plan).await.unwrap();
    assert_eq!(done.deleted, [digest(&id)]);
    let left = all(&peer);
    assert!(
        !left.contains(&id) && left.contains("team/child:1"),
        "{left}"
    );
}
