//! Getting to an engine, and what is said when there is no way.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker::{Address, Connection, Error, Kind, Options, SshReason, TlsFiles};
use testkit::{ClosedPort, Dockerd, PodmanService, SshServer};

use crate::lab::{busybox, connect, open, programs};

async fn failure(address: &str) -> Error {
    match open(address).await {
        Ok(connection) => panic!("{address} answered: {:?}", connection.about()),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_known_who_answers() {
    let (docker, podman) = (Dockerd::start(), PodmanService::start());
    let (first, second) = (connect(&docker).await, connect(&podman).await);
    assert_eq!(first.about().kind, Kind::Docker);
    assert_eq!(first.about().api, "1.41");
    assert!(first.about().version.starts_with("20.10"));
    assert_eq!(second.about().kind, Kind::Podman);
    assert_eq!(
        second.about().version,
        podman.run(&["version", "--format", "{{.Server.Version}}"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_leads_nowhere_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| format!("unix://{}", folder.path().join(name).display());
    assert!(matches!(
        failure(&place("none")).await,
        Error::NotThere { .. }
    ));
    drop(UnixListener::bind(folder.path().join("dead")).unwrap());
    assert!(matches!(
        failure(&place("dead")).await,
        Error::Refused { .. }
    ));
    let closed = ClosedPort::new();
    let error = failure(&format!("tcp://{}", closed.host())).await;
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

/// Answers every connection with the same text.
fn answering(text: &'static str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            if stream.read(&mut head).is_ok() && !text.is_empty() {
                drop(stream.write_all(text.as_bytes()));
            }
        }
    });
    (folder, format!("unix://{}", path.display()))
}

fn answer(body: &str) -> &'static str {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).leak()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_engine_or_too_old_is_told_apart() {
    let (_folder, address) = answering("SSH-2.0-OpenSSH_9.2\r\n");
    assert!(matches!(failure(&address).await, Error::Vanished { .. }));
    let (_folder, address) = answering("");
    assert!(matches!(failure(&address).await, Error::Vanished { .. }));
    for body in ["<html>", "{}", r#"{"ApiVersion":"new"}"#] {
        let (_folder, address) = answering(answer(body));
        let error = failure(&address).await;
        assert!(matches!(error, Error::NotAnEngine { .. }), "{error}");
    }
    let (_folder, address) = answering(answer(r#"{"ApiVersion":"1.24","Version":"1.12"}"#));
    let error = failure(&address).await;
    assert!(
        matches!(&error, Error::TooOld { api, .. } if api == "1.24"),
        "{error}"
    );
    let (_folder, address) = answering(answer(r#"{"ApiVersion":"1.99","MinAPIVersion":"1.90"}"#));
    assert!(matches!(failure(&address).await, Error::TooNew { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    let options = Options {
        greeting: Duration::from_millis(200),
        ..Options::new(programs())
    };
    let silent = Connection::open(&Address::Unix(path), &options).await;
    assert!(matches!(silent.map(drop), Err(Error::Timeout { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_the_right_certificates_only() {
    let engine = Dockerd::start_with_tls();
    busybox(&engine);
    let (port, certificates) = engine.tls();
    let address = |ca: &str, own: bool| {
        let address: Address = format!("tcp://localhost:{port}").parse().unwrap();
        address.with_tls(TlsFiles {
            ca: Some(certificates.file(ca)),
            certificate: own.then(|| (certificates.file("cert.pem"), certificates.file("key.pem"))),
            any_certificate: false,
        })
    };
    let options = Options::new(programs());
    let connection = Connection::open(&address("ca.pem", true), &options)
        .await
        .unwrap();
    assert_eq!(connection.images().await.unwrap().len(), 1);

    let stranger = Connection::open(&address("other-ca.pem", true), &options).await;
    assert!(matches!(stranger.map(drop), Err(Error::Tls { .. })));
    // Without a certificate of its own the client is refused; in TLS 1.3 that shows at the first read.
    let nobody = Connection::open(&address("ca.pem", false), &options).await;
    assert!(matches!(
        nobody.map(drop),
        Err(Error::Tls { .. } | Error::Vanished { .. })
    ));
    let missing = Connection::open(&address("none.pem", true), &options).await;
    assert!(matches!(missing.map(drop), Err(Error::File { .. })));
    let plain = failure(&format!("tcp://localhost:{port}")).await;
    assert!(matches!(plain, Error::NotAnEngine { .. }), "{plain}");
}

/// A program called `ssh` that carries the bytes to a socket, as `docker system dial-stdio` does, and writes down how it was
/// called.
fn stand_in(folder: &Path, script: &str) -> Vec<PathBuf> {
    let path = folder.join("ssh");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {}/called\n{script}\n",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    vec![folder.to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_carries_the_bytes() {
    let engine = Dockerd::start();
    busybox(&engine);
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "exec docker --host unix://{} system dial-stdio",
        engine.socket().display()
    );
    let options = Options::new(stand_in(folder.path(), &script));
    let address: Address = "ssh://ada@build.example:2222".parse().unwrap();
    let connection = Connection::open(&address, &options).await.unwrap();
    assert_eq!(connection.images().await.unwrap().len(), 1);
    let called = std::fs::read_to_string(folder.path().join("called")).unwrap();
    let called: Vec<&str> = called.lines().collect();
    let end = ["--", "build.example", "docker", "system", "dial-stdio"];
    assert!(called.ends_with(&end), "{called:?}");
    assert!(called.windows(2).any(|pair| pair == ["-l", "ada"]));
    assert!(called.windows(2).any(|pair| pair == ["-p", "2222"]));
}

/// The real `sshd`, and `docker system dial-stdio` behind it.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_behind_the_real_sshd_is_used() {
    let (engine, server) = (Dockerd::start(), SshServer::start());
    busybox(&engine);
    let address: Address = server.address(&engine.socket()).parse().unwrap();
    let through = async |client: PathBuf| {
        let options = Options::new(vec![client]);
        Connection::open(&address, &options).await
    };
    let connection = through(server.client()).await.unwrap();
    assert_eq!(connection.about().kind, Kind::Docker);
    // One after the other and at the same time: each has its own ssh.
    let (images, containers, found) = tokio::join!(
        connection.images(),
        connection.containers(),
        crate::lab::image(&connection, "team/busybox:1"),
    );
    assert_eq!(images.unwrap().len(), 1);
    assert!(containers.unwrap().is_empty());
    assert_eq!(
        found.id.to_string(),
        engine.run(&["inspect", "--format={{.Id}}", "team/busybox:1"])
    );

    let reason = |opened: Result<Connection, Error>| match opened.map(drop) {
        Err(Error::Ssh(failure)) => failure.reason,
        other => panic!("{other:?}"),
    };
    for (client, wanted) in [
        (server.stranger(), SshReason::KeyRefused),
        (server.newcomer(), SshReason::HostKeyUnknown),
        (
            server.outdated(),
            SshReason::HostKeyChanged {
                fingerprint: Some(server.fingerprint()),
            },
        ),
    ] {
        assert_eq!(reason(through(client).await), wanted);
    }
    // Under a name of ssh's settings the key is not looked for: what the hint says has to help there, too.
    let (client, known) = server.alias();
    let alias = async || {
        let address = format!("ssh://build{}", engine.socket().display());
        let options = Options::new(vec![client.clone()]);
        Connection::open(&address.parse().unwrap(), &options).await
    };
    let failure = match alias().await.map(drop) {
        Err(Error::Ssh(failure)) => failure,
        other => panic!("{other:?}"),
    };
    assert!(matches!(failure.reason, SshReason::HostKeyChanged { .. }));
    assert_eq!(failure.known_in.as_ref(), Some(&known));
    let removed = std::process::Command::new("ssh-keygen")
        .arg("-f")
        .arg(&known)
        .args(["-R", &failure.known_as])
        .output()
        .unwrap();
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(reason(alias().await), SshReason::HostKeyUnknown);

    let elsewhere = async |address: String| {
        let options = Options::new(vec![server.client()]);
        Connection::open(&address.parse().unwrap(), &options).await
    };
    let nowhere = server.address(Path::new("/nowhere/docker.sock"));
    assert_eq!(reason(elsewhere(nowhere).await), SshReason::NoEngine);
    let closed = ClosedPort::new();
    let nobody = elsewhere(format!("ssh://{}", closed.host())).await;
    assert_eq!(reason(nobody), SshReason::Unreachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_that_fails_has_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'ada@build: Permission denied (publickey).' >&2; exit 255";
    let options = Options::new(stand_in(folder.path(), script));
    let address: Address = "ssh://ada@build".parse().unwrap();
    let refused = Connection::open(&address, &options).await;
    match refused.map(drop) {
        Err(Error::Ssh(failure)) => {
            assert_eq!(failure.host, "build");
            assert_eq!(failure.said, "ada@build: Permission denied (publickey).");
        }
        other => panic!("{other:?}"),
    }
    let nowhere = Connection::open(&address, &Options::new(Vec::new())).await;
    assert!(matches!(nowhere.map(drop), Err(Error::NoSsh)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ended_says_so() {
    let mut engine = Dockerd::start();
    busybox(&engine);
    let connection = connect(&engine).await;
    assert_eq!(connection.images().await.unwrap().len(), 1);
    engine.kill();
    let gone = connection.images().await.unwrap_err();
    assert!(
        matches!(gone, Error::Refused { .. } | Error::Vanished { .. }),
        "{gone}"
    );
}

/// A kept connection that the engine has closed is no reason to fail: nothing was sent on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_closed_meanwhile_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        // One answer for each connection, and no word that it was the last.
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            let Ok(count) = stream.read(&mut head) else {
                continue;
            };
            let body = match head[..count].windows(8).any(|part| part == b"/version") {
                true => r#"{"ApiVersion":"1.41","Version":"20.10"}"#,
                false => "[]",
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    let connection = open(&format!("unix://{}", path.display())).await.unwrap();
    for _ in 0..50 {
        assert!(connection.containers().await.unwrap().is_empty());
    }
}
