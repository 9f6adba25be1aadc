//! What an image was made of, among the images that are here.

use engine::{CommitRequest, Lineage, NoProgress, Reference, Relative, Selector};

use crate::containers::{create, edit, image, write};
use crate::lab::Lab;

async fn lineage(lab: &Lab, image: &str) -> Lineage {
    lab.engine.lineage(&Selector::from(image)).await.unwrap()
}

fn told(relatives: &[Relative]) -> Vec<String> {
    let told = relatives.iter().map(|relative| {
        let name = relative.names.first().map(engine::ImageName::familiar);
        let message = relative.message.clone().unwrap_or_default();
        format!("{} {} {message}", name.unwrap_or_default(), relative.steps)
    });
    told.collect()
}

async fn commit(lab: &Lab, from: &str, change: Option<&str>, name: &str, message: &str) {
    let container = create(
        &lab.engine,
        from,
        &format!("c-{}", name.replace([':', '/'], "-")),
    )
    .await;
    if let Some(path) = change {
        edit(&lab.engine, &container, vec![write(path, path)]).await;
    }
    let request = CommitRequest {
        name: Some(name.parse::<Reference>().unwrap()),
        message: Some(message.to_owned()),
        ..CommitRequest::new(container.id)
    };
    lab.engine.commit(request, &NoProgress).await.unwrap();
}

#[tokio::test]
async fn a_commit_knows_what_it_was_made_of_and_what_was_made_of_it() {
    let lab = Lab::new().await;
    let base = lab.registry.push("team/base:1", &image());
    lab.pull(&base).await.unwrap();
    let base = base.to_string();
    commit(&lab, &base, Some("etc/a"), "app:1", "first").await;
    // No file was changed: the step is in the history alone.
    commit(&lab, "app:1", None, "app:2", "a setting").await;
    commit(&lab, "app:2", Some("etc/b"), "app:3", "third").await;
    commit(&lab, &base, Some("etc/c"), "other:1", "a sibling").await;

    let found = lineage(&lab, "app:2").await;
    assert_eq!(
        told(&found.parents),
        [format!("{base} 2 a setting"), "app:1 1 a setting".into()]
    );
    assert_eq!(told(&found.children), ["app:3 1 third"]);
    let below = lineage(&lab, &base).await;
    assert_eq!(told(&below.parents), [""; 0]);
    let mut children = told(&below.children);
    children.sort();
    assert_eq!(
        children,
        [
            "app:1 1 first",
            "app:2 2 a setting",
            "app:3 3 third",
            "other:1 1 a sibling"
        ]
    );
    let sibling = lineage(&lab, "other:1").await;
    assert_eq!(told(&sibling.parents), [format!("{base} 1 a sibling")]);
    assert_eq!(told(&sibling.children), [""; 0]);
}
