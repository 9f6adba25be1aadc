//! Proxies, played by the registry in the test: it sees the whole URL in the request's first line.

use testkit::{Fault, ImageBuilder, Registry, Rule};

use crate::lab::Lab;

#[tokio::test]
async fn hosts_are_asked_through_the_proxy_with_its_login() {
    let proxy = Registry::start();
    let image = ImageBuilder::new().build();
    let answer = Fault::Answer(200, Vec::new(), image.root.bytes.clone());
    proxy.rule(Rule::path("http://registry.example/v2/app/manifests/").fault(answer));
    let address = format!("http://user:pa55word@{}", proxy.host());
    let lab = Lab::with(|options| {
        options.insecure_hosts.push("registry.example".into());
        options.proxies.http = Some(address.as_str().into());
        options.proxies.https = Some(address.as_str().into());
    });
    let reference =
        oci::Reference::parse_normalized("registry.example/app:1").expect("a reference");
    let resolved = lab.client.resolve(&reference, &()).await.expect("resolved");
    assert_eq!(&resolved.digest, image.digest());
    let first = &proxy.requests()[0];
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("CONNECT", "registry.example:443"),
        "https is tried first"
    );
    for request in proxy.requests() {
        assert_eq!(
            request.header("proxy-authorization"),
            Some("Basic dXNlcjpwYTU1d29yZA=="),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn loopback_and_the_hosts_listed_are_asked_directly() {
    let (proxy, server) = (Registry::start(), Registry::start());
    let lab = Lab::with(|options| {
        let address = format!("http://{}", proxy.host());
        options.proxies.http = Some(address.as_str().into());
        options.proxies.https = Some(address.as_str().into());
        options.proxies.no_proxy = Some(".invalid".into());
    });
    let reference = server.push("app:1", &ImageBuilder::new().build());
    lab.client.resolve(&reference, &()).await.expect("resolved");
    let listed = oci::Reference::parse_normalized("registry.invalid/app:1").expect("a reference");
    lab.client
        .resolve(&listed, &())
        .await
        .expect_err("no such host");
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_about_without_its_password() {
    let proxy = Registry::start();
    proxy.rule(Rule::path("registry.example").fault(Fault::status(407)));
    let lab = Lab::with(|options| {
        options.proxies.https = Some(format!("http://user:pa55word@{}", proxy.host()).into());
    });
    let reference =
        oci::Reference::parse_normalized("registry.example/app:1").expect("a reference");
    let error = lab.refused(&reference).await;
    assert!(
        error.to_string().contains("proxy authorization required"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("pa55word"), "{error:?}");

    let lab = Lab::with(|options| options.proxies.https = Some("http://user:pa55word@".into()));
    let error = lab.refused(&reference).await;
    assert!(
        !format!("{error} {error:?}").contains("pa55word"),
        "{error:?}"
    );
}
