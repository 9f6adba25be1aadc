use oci::Tag;
use registry::{Error, Repository};
use testkit::{Bearer, Fault, ImageBuilder, Registry, Rule};

use crate::lab::Lab;

fn setup(tags: usize) -> (Registry, Lab, Repository) {
    let (server, lab) = (Registry::start(), Lab::new());
    let image = ImageBuilder::new().build();
    for number in 0..tags {
        server.push(&format!("app:{number:03}"), &image);
    }
    let repository = Repository::of(&server.reference("app"));
    (server, lab, repository)
}

fn names(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(Tag::as_str).collect()
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let (server, lab, repository) = setup(25);
    server.require_bearer(Bearer::default());
    server.page_size(10);
    let tags = lab.client.tags(&repository, &()).await.expect("listed");
    assert_eq!(tags.len(), 25);
    assert_eq!(names(&tags[..2]), ["000", "001"]);
    assert_eq!(
        server
            .requests_for("/tags/")
            .iter()
            .filter(|request| request.status == 200)
            .count(),
        3
    );
}

#[tokio::test]
async fn a_repository_without_tags_may_say_null() {
    let (server, lab, repository) = setup(1);
    server.rule(Rule::path("/tags/").fault(Fault::Body(br#"{"name":"app","tags":null}"#.to_vec())));
    assert!(
        lab.client
            .tags(&repository, &())
            .await
            .expect("listed")
            .is_empty()
    );
}

#[tokio::test]
async fn tags_that_are_none_and_tags_said_twice_are_left_out() {
    let (server, lab, repository) = setup(1);
    server.rule(Rule::path("/tags/").fault(Fault::Body(
        br#"{"tags":["a","../b","a","c d","",".x","b"]}"#.to_vec(),
    )));
    assert_eq!(
        names(&lab.client.tags(&repository, &()).await.expect("listed")),
        ["a", "b"]
    );
}

#[tokio::test]
async fn a_next_page_on_another_host_is_not_asked() {
    let (server, lab, repository) = setup(3);
    let evil = Registry::start();
    server.require_bearer(Bearer::default());
    let link = format!("<{}>; rel=\"next\"", evil.url("/v2/app/tags/list"));
    server.rule(
        Rule::path("/tags/")
            .after(1)
            .fault(Fault::Header("Link".into(), link)),
    );
    let error = lab
        .client
        .tags(&repository, &())
        .await
        .expect_err("another host");
    assert!(matches!(error, Error::BadResponse { .. }), "{error:?}");
    assert!(evil.requests().is_empty());
}

#[tokio::test]
async fn a_page_on_a_host_that_was_redirected_to_gets_no_token() {
    let (server, lab, repository) = setup(3);
    let evil = Registry::start();
    server.require_bearer(Bearer::default());
    lab.client
        .tags(&repository, &())
        .await
        .expect("listed, and a token is held");
    server.rule(Rule::path("/tags/").fault(Fault::Redirect(307, evil.url("{path}"))));
    let link = (
        "Link".to_owned(),
        "</v2/app/tags/list?last=1>; rel=\"next\"".to_owned(),
    );
    evil.rule(Rule::path("/tags/").fault(Fault::Answer(
        200,
        vec![link],
        br#"{"tags":["z"]}"#.to_vec(),
    )));
    lab.client
        .tags(&repository, &())
        .await
        .expect_err("the next page is on another host");
    assert!(!evil.saw("authorization"));
}

#[tokio::test]
async fn a_list_that_goes_in_circles_ends() {
    let (server, lab, repository) = setup(3);
    server.rule(Rule::path("/tags/").fault(Fault::Header(
        "Link".into(),
        "</v2/app/tags/list>; rel=\"next\"".into(),
    )));
    assert_eq!(
        lab.client
            .tags(&repository, &())
            .await
            .expect("listed")
            .len(),
        3
    );
    assert_eq!(server.requests().len(), 2);
}
