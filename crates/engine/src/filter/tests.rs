use proptest::prelude::*;

use super::*;

fn names(names: &[&str]) -> Vec<ImageName> {
    names
        .iter()
        .map(|name| name.parse().expect("a name"))
        .collect()
}

struct Image {
    names: Vec<ImageName>,
    labels: Vec<(String, String)>,
    id: Digest,
    target: Digest,
    platform: Platform,
}

fn debian() -> Image {
    Image {
        names: names(&["debian:12", "registry.example.com/team/base:stable"]),
        labels: vec![("org.vendor".into(), "acme".into())],
        id: Digest::sha256(b"config"),
        target: Digest::sha256(b"index"),
        platform: Platform::new("linux", "arm", Some("v7")),
    }
}

fn takes(filter: &str, image: &Image) -> bool {
    let filter = Filter::parse(filter).expect("a filter");
    filter.matches(
        &Facts {
            target: &image.target,
            id: &image.id,
            names: &image.names,
            size: 50_000_000,
            created: None,
            platform: Some(&image.platform),
            dangling: false,
            in_use: false,
            labels: &image.labels,
        },
        &Bounds::default(),
    )
}

#[test]
fn terms_narrow_and_references_widen() {
    let image = debian();
    for (filter, taken) in [
        ("", true),
        ("DEBIAN", true),
        ("debian:12", true),
        ("debian nothing", false),
        ("team/base", true),
        ("ref:debian", true),
        ("ref:debian:*", true),
        ("ref:deb", false),
        ("reference=*/team/base", true),
        ("reference=docker.io/library/debian:12", true),
        ("ref:fedora ref:debian", true),
        ("ref:debian dangling:true", false),
        ("label:org.vendor", true),
        ("label:org.vendor=acme label!:other", true),
        ("label:org.vendor=other", false),
        ("label!:org.vendor", false),
        ("size>49MB size<=50MB", true),
        ("size>50MB", false),
        ("size:>49MB", true),
        ("platform:arm", true),
        ("platform:linux/arm", true),
        ("platform:arm64", false),
        ("platform:v7", false),
        ("in-use:0", true),
        ("\"ref:fedora\"", false),
    ] {
        assert_eq!(takes(filter, &image), taken, "{filter}");
    }
    assert!(takes(&image.id.hex()[..8], &image));
    assert!(takes(image.target.as_str(), &image));
    assert!(!takes("zzzz", &image));
}

#[test]
fn the_command_line_wants_a_key_that_exists() {
    let read = |pair: &str| Filter::from_pairs(&[pair]);
    assert!(read("dangling=true").is_ok());
    assert!(read("label=a=b=c").is_ok());
    assert!(read("size>=1GB").is_ok());
    assert_eq!(
        read("dangling"),
        Err(FilterError::NoValue("dangling".into()))
    );
    assert_eq!(
        read("color=red"),
        Err(FilterError::UnknownKey("color".into()))
    );
    assert!(matches!(
        read("dangling=maybe"),
        Err(FilterError::BadValue { .. })
    ));
    assert!(matches!(
        read("reference=[a"),
        Err(FilterError::BadValue { .. })
    ));
    assert!(matches!(
        read("until=never"),
        Err(FilterError::BadValue { .. })
    ));
}

#[test]
fn an_age_is_read_as_go_writes_it() {
    let read =
        |text: &str| Filter::from_pairs(&[format!("until={text}")]).map(|filter| filter.terms);
    assert_eq!(read("1h30m"), Ok(vec![Term::Until(Until::Age(5400))]));
    assert_eq!(
        read("2026-01-31"),
        Ok(vec![Term::Until(Until::Moment(
            "2026-01-31T00:00:00Z".parse().expect("a time")
        ))])
    );
}

#[test]
fn globs_are_gos() {
    for (pattern, text, matched) in [
        ("*", "debian", true),
        ("*", "team/debian", false),
        ("*/*", "team/debian", true),
        ("deb*n", "debian", true),
        ("deb?an", "debian", true),
        ("[a-d]ebian", "debian", true),
        ("[^a-d]ebian", "debian", false),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        ("\\*", "*", true),
        ("", "", true),
        ("*", "", true),
        ("?", "", false),
    ] {
        let glob = Glob::new(pattern).expect("a pattern");
        assert_eq!(glob.matches(text), matched, "{pattern} {text}");
    }
    for malformed in ["[", "[]", "[a", "\\", "[a-]", "[-a]"] {
        assert_eq!(Glob::new(malformed), None, "{malformed}");
    }
}

#[test]
fn a_hostile_pattern_costs_little() {
    let glob = Glob::new(&"*a".repeat(2000)).expect("a pattern");
    assert!(!glob.matches(&"a".repeat(1999)));
}

fn any_term() -> impl Strategy<Value = Term> {
    let word = "[ -~é\"\\\\]{1,12}";
    let key = "[a-z.]{1,8}";
    let comparison = prop_oneof![
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Equal),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Greater),
    ];
    prop_oneof![
        word.prop_map(Term::Text),
        word.prop_filter_map("a pattern", |text| Glob::new(&text).map(Term::Reference)),
        (key, proptest::option::of(word)).prop_map(|(key, value)| Term::Label { key, value }),
        (key, proptest::option::of(word)).prop_map(|(key, value)| Term::NotLabel { key, value }),
        any::<bool>().prop_map(Term::Dangling),
        any::<bool>().prop_map(Term::InUse),
        word.prop_map(Term::Platform),
        word.prop_map(Term::Before),
        word.prop_map(Term::Since),
        (comparison, any::<u64>()).prop_map(|(comparison, bytes)| Term::Size(comparison, bytes)),
        (0..1_000_000_i64).prop_map(|seconds| Term::Until(Until::Age(seconds))),
        (0..4_000_000_000_i64).prop_map(|second| Term::Until(Until::Moment(
            Timestamp::from_second(second).expect("in range")
        ))),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(terms in proptest::collection::vec(any_term(), 0..5)) {
        let filter = Filter { terms };
        prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn anything_typed_gives_a_filter_or_an_error(text in "\\PC{0,60}") {
        let _ = Filter::parse(&text);
        let _ = Filter::from_pairs(&[&text]);
    }

    #[test]
    fn a_pattern_without_signs_matches_itself(text in "[a-z0-9/:._-]{1,40}") {
        prop_assert!(Glob::new(&text).expect("a pattern").matches(&text));
    }
}

#[test]
fn an_image_is_listed_under_the_names_that_are_asked_for() {
    let listed = |pairs: &[&str]| {
        let filter = Filter::from_pairs(pairs).expect("a filter");
        let names = debian().names;
        let taken = names.iter().filter(|name| filter.takes_name(name));
        taken.map(ImageName::familiar).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["dangling=false"]).len(), 2);
    assert_eq!(listed(&["reference=debian"]), ["debian:12"]);
    assert_eq!(listed(&["reference=*:12", "reference=*/team/*"]).len(), 2);
    assert_eq!(listed(&["reference=debian:13"]), Vec::<String>::new());
}
