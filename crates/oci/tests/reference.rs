//! References are read exactly as Docker reads them. The inputs are those that Docker's own tests name.

use oci::{ImageName, Reference, ReferenceError, Tag};
use proptest::prelude::*;

const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn full(text: &str) -> String {
    Reference::parse_normalized(text)
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
        .to_string()
}

#[test]
fn defaults_are_dockers() {
    let table = [
        ("debian", "docker.io/library/debian"),
        ("debian:12", "docker.io/library/debian:12"),
        ("dmcgowan/notary", "docker.io/dmcgowan/notary"),
        ("a/b/c:x", "docker.io/a/b/c:x"),
        ("docker.io/debian", "docker.io/library/debian"),
        ("index.docker.io/debian", "docker.io/library/debian"),
        ("index.docker.io/library/debian", "docker.io/library/debian"),
        ("docker.io/library/a/b", "docker.io/library/a/b"),
        ("localhost/x", "localhost/x"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        ("Registry/x", "Registry/x"),
        ("HOST/x", "HOST/x"),
        ("example.com/x", "example.com/x"),
        ("example.com:443/a/b", "example.com:443/a/b"),
        (
            "127.0.0.1:5000/docker/docker",
            "127.0.0.1:5000/docker/docker",
        ),
        ("[::1]:5000/x", "[::1]:5000/x"),
        ("[2001:db8::1]/repo", "[2001:db8::1]/repo"),
        ("xn--n3h.com/myimage", "xn--n3h.com/myimage"),
        ("foo_bar.com:8080", "docker.io/library/foo_bar.com:8080"),
        ("foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080"),
    ];
    for (text, normal) in table {
        assert_eq!(full(text), normal, "{text}");
    }
}

#[test]
fn without_a_slash_there_is_no_host() {
    assert_eq!(full("localhost"), "docker.io/library/localhost");
    assert_eq!(full("example.com"), "docker.io/library/example.com");
    assert_eq!(full("test:5000"), "docker.io/library/test:5000");
    assert_eq!(
        Reference::parse_normalized("test:5000")
            .expect("parses")
            .tag()
            .map(Tag::as_str),
        Some("5000")
    );
}

#[test]
fn separators_of_repository_names() {
    for right in [
        "a.b",
        "a_b",
        "a__b",
        "a-b",
        "a---b",
        "a/b--c",
        "foo_foo/bar-bar",
        "0",
        "example.com/a__b/c.d",
    ] {
        assert!(Reference::parse_normalized(right).is_ok(), "{right}");
    }
    for wrong in [
        "a..b",
        "a___b",
        "a._b",
        "a-_b",
        "-a",
        "a-",
        "_a",
        "a_",
        ".a",
        "a.",
        "a//b",
        "/a",
        "a/",
        "docker///docker",
        "https://github.com/docker/docker",
        "example.com/-foo/bar",
        "[fe80::1%eth0]:5000/repo",
        "[fd00:1:2::3]",
        "[::1]",
        "[fe80::1%@invalidzone]:5000/repo",
        "a b",
        "a\n",
        "é",
        "docker/Docker",
        "Uppercase",
        "test:5000/Uppercase/lowercase",
        "-docker/x.y.-/z",
        "a:",
        "a:b:c",
        "a@",
        ":",
        "@",
        ":latest",
        "a/-.x",
    ] {
        assert!(
            Reference::parse_normalized(wrong).is_err(),
            "{wrong:?} parsed as {}",
            full(wrong)
        );
    }
}

#[test]
fn each_part_has_its_own_error() {
    let error = |text: &str| Reference::parse_normalized(text).expect_err(text);
    assert_eq!(error(""), ReferenceError::Empty);
    assert!(matches!(error(HEX), ReferenceError::LooksLikeId { .. }));
    assert!(matches!(error("Debian"), ReferenceError::UpperCase { .. }));
    assert!(matches!(error("debian:-x"), ReferenceError::Tag { tag } if tag == "-x"));
    assert!(matches!(
        error("debian@sha256:abc"),
        ReferenceError::Digest(_)
    ));
    assert!(matches!(
        error("exa mple.com/x"),
        ReferenceError::Host { .. }
    ));
    assert!(matches!(
        error(&format!("a/{}", "b".repeat(256))),
        ReferenceError::TooLong { length: 258 }
    ));
}

#[test]
fn a_repository_may_have_255_characters_whatever_its_host() {
    let repository = format!("a/{}", "b".repeat(253));
    assert!(Reference::parse_normalized(&repository).is_ok());
    assert!(Reference::parse_normalized(&format!("registry.example.com/{repository}")).is_ok());
}

#[test]
fn familiar_names_shorten_only_what_reads_back() {
    let familiar = |text: &str| {
        Reference::parse_normalized(text)
            .expect("parses")
            .familiar()
    };
    assert_eq!(familiar("docker.io/library/debian:12"), "debian:12");
    assert_eq!(familiar("docker.io/user/x"), "user/x");
    assert_eq!(familiar("docker.io/library/a/b"), "library/a/b");
    assert_eq!(
        familiar("localhost:5000/library/x:1"),
        "localhost:5000/library/x:1"
    );
}

#[test]
fn a_digest_decides_over_a_tag() {
    let both = Reference::parse_normalized(&format!("debian:12@sha256:{HEX}")).expect("parses");
    assert_eq!(both.tag().map(Tag::as_str), Some("12"));
    assert_eq!(
        ImageName::of(&both).to_string(),
        format!("docker.io/library/debian@sha256:{HEX}")
    );
}

#[test]
fn a_name_says_its_tag() {
    assert_eq!(
        ImageName::of(&"debian".parse().expect("parses")).to_string(),
        "docker.io/library/debian:latest"
    );
    assert!(matches!(
        "debian".parse::<ImageName>(),
        Err(ReferenceError::Unspecific { .. })
    ));
}

#[test]
fn tags_have_128_characters_at_most() {
    assert!("a".repeat(128).parse::<Tag>().is_ok());
    assert!("a".repeat(129).parse::<Tag>().is_err());
    for wrong in ["", ".a", "-a", "a b", "ä", "a/b", "a:b"] {
        assert!(wrong.parse::<Tag>().is_err(), "{wrong:?}");
    }
    for right in ["_", "A", "1.2.3-rc.1", "_.-"] {
        assert!(right.parse::<Tag>().is_ok(), "{right:?}");
    }
}

proptest! {
    /// Whatever parses reads back as the same from its full and from its familiar form.
    #[test]
    fn what_parses_reads_back(text in r"([a-zA-Z0-9.:-]{1,12}/)?[a-z0-9]{1,4}([._/-]{1,2}[a-z0-9]{1,4}){0,3}(:[a-zA-Z0-9_.-]{1,8})?(@sha256:[0-9a-f]{64})?") {
        if let Ok(reference) = Reference::parse_normalized(&text) {
            prop_assert_eq!(Reference::parse_normalized(&reference.to_string()), Ok(reference.clone()));
            prop_assert_eq!(Reference::parse_normalized(&reference.familiar()), Ok(reference.clone()));
            let name = ImageName::of(&reference);
            prop_assert_eq!(name.to_string().parse::<ImageName>(), Ok(name));
        }
    }

    /// No input makes the parser panic, and nothing that it accepts could leave a folder or a URL path.
    #[test]
    fn nothing_accepted_is_dangerous(text in "\\PC{0,40}") {
        if let Ok(reference) = Reference::parse_normalized(&text) {
            let full = reference.to_string();
            prop_assert!(!full.contains(".."), "{}", full);
            prop_assert!(full.is_ascii() && !full.contains([' ', '?', '#', '%', '\\']), "{}", full);
        }
    }
}

#[test]
fn a_text_that_is_no_reference_yet_has_a_host_and_a_rest() {
    for (text, host, rest) in [
        ("", "docker.io", ""),
        ("debian:12", "docker.io", "debian:12"),
        ("team/app", "docker.io", "team/app"),
        ("localhost/app", "localhost", "app"),
        ("a.example:5000/", "a.example:5000", ""),
        ("index.docker.io/x", "docker.io", "x"),
    ] {
        assert_eq!(Reference::split_host(text), (host, rest), "{text:?}");
    }
}
