//! Finding engines: docker's files, good, broken and hostile, and sockets.

use std::fs;
use std::path::Path;
use std::process::Command;

use docker::{Address, Error, Socket, Sources, choose, discover};
use oci::Digest;

fn meta(folder: &Path, id: &str, text: &str) {
    let folder = folder.join("contexts/meta").join(id);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("meta.json"), text).unwrap();
}

fn id(name: &str) -> String {
    Digest::sha256(name.as_bytes()).hex().to_owned()
}

fn sources(folder: &Path) -> Sources {
    Sources {
        docker_folder: Some(folder.to_owned()),
        ..Sources::default()
    }
}

/// The files that `docker context create` writes are the ones that are read.
#[test]
fn contexts_that_docker_made_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let tls = testkit::Certificates::make();
    let docker = |arguments: &[&str]| {
        let ran = Command::new("docker")
            .args(arguments)
            .env("DOCKER_CONFIG", folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    };
    docker(&[
        "context",
        "create",
        "build",
        "--description",
        "The big one",
        "--docker",
        "host=ssh://ada@build.example:2222",
    ]);
    let file = |name: &str| tls.file(name).display().to_string();
    let endpoint = format!(
        "host=tcp://engine.example:2376,ca={},cert={},key={}",
        file("ca.pem"),
        file("cert.pem"),
        file("key.pem")
    );
    docker(&["context", "create", "secure", "--docker", &endpoint]);
    docker(&["context", "use", "build"]);

    let found = discover(&sources(folder.path()));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].id, "build");
    assert_eq!(found[0].description.as_deref(), Some("The big one"));
    assert!(found[0].current && !found[1].current);
    let address = found[0].address.as_ref().unwrap();
    assert_eq!(address.to_string(), "ssh://ada@build.example:2222");
    let Ok(Address::Tcp {
        tls: Some(files), ..
    }) = &found[1].address
    else {
        panic!("{:?}", found[1].address);
    };
    let ca = fs::read(files.ca.as_ref().unwrap()).unwrap();
    assert_eq!(ca, fs::read(tls.file("ca.pem")).unwrap());
    assert!(files.certificate.is_some() && !files.any_certificate);

    // Without a wish it is docker's current one.
    let chosen = choose(&sources(folder.path()), None).unwrap();
    assert_eq!(chosen.id, "build");
    let other = Sources {
        docker_context: Some("secure".into()),
        ..sources(folder.path())
    };
    assert_eq!(choose(&other, None).unwrap().id, "secure");

    // DOCKER_HOST comes before both: docker itself is asked.
    let shown = Command::new("docker")
        .args(["context", "show"])
        .env("DOCKER_CONFIG", folder.path())
        .env("DOCKER_CONTEXT", "secure")
        .env("DOCKER_HOST", "unix:///some.sock")
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let both = Sources {
        docker_host: Some("unix:///some.sock".into()),
        ..other
    };
    assert_eq!(choose(&both, None).unwrap().id, shown.trim());
    let gone = Sources {
        docker_context: Some("gone".into()),
        ..sources(folder.path())
    };
    let error = choose(&gone, None).unwrap_err();
    assert!(error.to_string().contains("\"gone\""), "{error}");
}

#[test]
fn a_host_elsewhere_is_not_taken_for_the_engine_that_is_missing_here() {
    let folder = tempfile::tempdir().unwrap();
    let far = r#"{"Name":"far","Endpoints":{"docker":{"Host":"ssh://ada@far.example"}}}"#;
    meta(folder.path(), &id("far"), far);
    let found = discover(&sources(folder.path()));
    assert_eq!((found.len(), found[0].current), (1, false));
    assert!(matches!(
        choose(&sources(folder.path()), None),
        Err(Error::NotFound { .. })
    ));
    let named = choose(&sources(folder.path()), Some("far"));
    assert_eq!(named.unwrap().id, "far");
}

#[test]
fn broken_and_hostile_contexts_say_what_is_wrong_and_harm_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let good = r#"{"Name":"good","Endpoints":{"docker":{"Host":"unix:///good.sock"}}}"#;
    meta(folder.path(), &id("good"), good);
    meta(folder.path(), &id("cut"), &good[..20]);
    // The name of another, a path as a name, a host that is a flag of ssh, no endpoint at all.
    meta(folder.path(), &id("thief"), good);
    meta(
        folder.path(),
        &id("../../etc"),
        r#"{"Name":"../../etc","Endpoints":{"docker":{"Host":"unix:///x"}}}"#,
    );
    meta(
        folder.path(),
        &id("flag"),
        r#"{"Name":"flag","Endpoints":{"docker":{"Host":"ssh://-oProxyCommand=touch"}}}"#,
    );
    meta(
        folder.path(),
        &id("bare"),
        r#"{"Name":"bare","Endpoints":{}}"#,
    );
    meta(folder.path(), &id("large"), &" ".repeat(2 << 20));
    fs::create_dir_all(
        folder
            .path()
            .join("contexts/meta")
            .join(id("pipe"))
            .join("meta.json"),
    )
    .unwrap();
    fs::create_dir_all(folder.path().join("contexts/meta/empty")).unwrap();

    let found = discover(&sources(folder.path()));
    let (right, wrong): (Vec<_>, Vec<_>) = found.iter().partition(|place| place.address.is_ok());
    assert_eq!(right.len(), 1, "{right:?}");
    assert_eq!(right[0].id, "good");
    assert_eq!(wrong.len(), 7, "{wrong:?}");
    for place in wrong {
        assert!(
            matches!(place.address, Err(Error::File { .. } | Error::Address(_))),
            "{place:?}"
        );
        assert!(!place.id.contains('/'), "{place:?}");
    }
}

#[test]
fn sockets_are_found_where_they_are_and_docker_host_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let socket = |name: &str| Socket {
        id: format!("podman:{name}"),
        title: name.into(),
        address: Address::Unix(folder.path().join(name)),
    };
    fs::write(folder.path().join("user"), "").unwrap();
    let mut sources = Sources {
        podman_sockets: vec![socket("user"), socket("system")],
        ..Sources::default()
    };
    let found = discover(&sources);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].id.as_str(), found[0].current),
        ("podman:user", true)
    );
    assert_eq!(choose(&sources, Some("podman")).unwrap().id, "podman:user");
    assert!(matches!(
        choose(&sources, Some("nobody")),
        Err(Error::NotFound { .. })
    ));

    sources.docker_host = Some("tcp://10.0.0.1:2375".into());
    let found = discover(&sources);
    assert_eq!((found[0].id.as_str(), found[0].current), ("default", true));
    assert_eq!(found[1].id, "podman:user");
    assert!(!found[1].current);

    sources.docker_host = Some("nonsense".into());
    let found = discover(&sources);
    assert!(matches!(found[0].address, Err(Error::Address(_))));
    assert!(choose(&Sources::default(), None).is_err());
}
