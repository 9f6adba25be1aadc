//! Signing in to registries and out, and where logins are kept.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use engine::{
    Engine, Kept, Keyring, LoginRequest, MovePolicy, NoProgress, PushRequest, Reference, Secret,
};
use testkit::{Bearer, DockerRegistry, DockerRegistryOptions, Registry, TokenServer};

use crate::lab::{Lab, request, settings};
use crate::registries::app;

const PASSWORD: &str = "s3cret-marker";

/// A keyring in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<HashMap<String, Secret>>);

type Trouble = registry::CredentialError;

impl Keyring for Memory {
    fn get(&self, address: &str) -> Result<Option<Secret>, Trouble> {
        Ok(self.0.lock().expect("not poisoned").get(address).cloned())
    }

    fn set(&self, address: &str, secret: &Secret) -> Result<(), Trouble> {
        let mut entries = self.0.lock().expect("not poisoned");
        entries.insert(address.to_owned(), secret.clone());
        Ok(())
    }

    fn remove(&self, address: &str) -> Result<bool, Trouble> {
        let mut entries = self.0.lock().expect("not poisoned");
        Ok(entries.remove(address).is_some())
    }
}

/// A keyring that is locked.
#[derive(Debug)]
struct Locked;

impl Keyring for Locked {
    fn get(&self, _: &str) -> Result<Option<Secret>, Trouble> {
        Err(locked())
    }

    fn set(&self, _: &str, _: &Secret) -> Result<(), Trouble> {
        Err(locked())
    }

    fn remove(&self, _: &str) -> Result<bool, Trouble> {
        Err(locked())
    }
}

fn locked() -> Trouble {
    Trouble::Keyring {
        reason: "it is locked, or not there".to_owned(),
    }
}

async fn with_file(lab: &Lab, file: &Path, keyring: Option<Arc<dyn Keyring>>) -> Engine {
    let mut settings = settings(&lab.store());
    settings.login_file = Some(file.to_owned());
    settings.registry.credentials.files = vec![file.to_owned()];
    settings.registry.credentials.keyring = keyring;
    settings.registry.credentials.helper_path = vec![file.parent().expect("a folder").to_owned()];
    Engine::open(settings).await.expect("opened")
}

fn login(host: &str, password: &str) -> LoginRequest {
    LoginRequest {
        host: host.to_owned(),
        username: "alice".to_owned(),
        secret: password.into(),
        plain_text: false,
    }
}

fn real(tls: bool) -> DockerRegistry {
    DockerRegistry::start(&DockerRegistryOptions {
        login: Some(("alice".into(), PASSWORD.into())),
        tls,
        ..DockerRegistryOptions::default()
    })
}

#[tokio::test]
async fn a_login_is_tried_and_kept_in_the_keyring() {
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("docker/config.json");
    let keyring = Arc::new(Memory::default());
    let engine = with_file(&lab, &file, Some(keyring.clone())).await;
    let host = server.host();
    let error = engine
        .login(&login(&host, "wrong"))
        .await
        .expect_err("wrong");
    assert_eq!(error.code(), "unauthorized");
    assert!(keyring.0.lock().expect("not poisoned").is_empty());
    let done = engine
        .login(&login(&format!("http://{host}/"), PASSWORD))
        .await;
    let done = done.expect("accepted");
    assert_eq!((done.kept, done.was_asked), (Kept::Keyring, true));
    assert!(!file.exists());

    // It is used from now on.
    let image = app("x", "2024-01-01T00:00:00Z");
    let target = server.push("app:1", &image);
    engine
        .pull(&request(&target), &NoProgress)
        .await
        .expect("pulled");
    let also = [host.clone()];
    let known = engine.logins(&also).await.expect("listed");
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(known[0].host, host);
    assert!(engine.logins(&[]).await.expect("listed").is_empty());
    assert_eq!(
        engine.logout(&host).await.expect("out"),
        ["the system's keyring"]
    );
    assert!(engine.logins(&also).await.expect("listed").is_empty());
    assert!(engine.logout(&host).await.expect("out").is_empty());
    let error = engine.tags(&target).await.expect_err("nobody");
    assert_eq!(error.code(), "unauthorized");
}

#[tokio::test]
async fn nothing_is_written_in_plain_text_without_consent() {
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    std::fs::write(
        &file,
        r#"{"HttpHeaders": {"a": "b"}, "auths": {"other.example": {}}}"#,
    )
    .expect("written");
    for keyring in [None, Some(Arc::new(Locked) as Arc<dyn Keyring>)] {
        let is_locked = keyring.is_some();
        let engine = with_file(&lab, &file, keyring).await;
        let mut request = login(&server.host(), PASSWORD);
        let error = engine.login(&request).await.expect_err("nowhere");
        assert_eq!(error.code(), "no_keyring");
        assert!(error.hint().expect("a hint").contains("--plain-text"));
        assert!(!format!("{error:?}").contains(PASSWORD));
        request.plain_text = true;
        let done = engine.login(&request).await.expect("accepted");
        assert_eq!(done.kept, Kept::File(file.clone()));
        assert_eq!(done.maybe_shadowed, is_locked);
        let text = std::fs::read_to_string(&file).expect("read");
        assert!(
            text.contains("HttpHeaders") && text.contains("other.example"),
            "{text}"
        );
        assert!(!text.contains(PASSWORD), "base64, as docker writes it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file)
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let known = engine.logins(&[]).await.expect("listed");
        assert_eq!(known.len(), 1, "other.example has no secret: {known:?}");
        assert_eq!(known[0].host, server.host());
        let target = server.reference("app:1");
        let error = engine.tags(&target).await.expect_err("no such repository");
        assert_eq!(error.code(), "not_found", "it is let in");
        let places = engine.logout(&server.host()).await;
        match is_locked {
            false => assert_eq!(places.expect("out"), [file.display().to_string()]),
            // It may have the login still; the file has not.
            true => assert_eq!(places.expect_err("kept").code(), "credentials"),
        }
        let text = std::fs::read_to_string(&file).expect("read");
        assert!(text.contains("other.example") && !text.contains(&server.host()));
    }
    // A file that cannot be understood is not written over.
    std::fs::write(&file, "{ no json").expect("written");
    let engine = with_file(&lab, &file, None).await;
    let mut request = login(&server.host(), PASSWORD);
    request.plain_text = true;
    let error = engine.login(&request).await.expect_err("damaged");
    assert_eq!(error.code(), "credentials");
    assert_eq!(std::fs::read_to_string(&file).expect("read"), "{ no json");
}

/// Who says which file is to be asked means it: a job with a login of its own is not signed in as the user of the desktop.
#[tokio::test]
async fn a_file_that_was_named_is_asked_before_the_keyring_and_others_after() {
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    let keyring = Arc::new(Memory::default());
    let host = server.host();
    let engine = with_file(&lab, &file, None).await;
    let mut request = login(&host, PASSWORD);
    request.plain_text = true;
    engine.login(&request).await.expect("accepted");
    let old = r#"{"username": "old", "secret": "wrong"}"#;
    keyring.set(&host, &Secret::new(old)).expect("kept");
    for named in [1, 0] {
        let mut settings = settings(&lab.store());
        settings.registry.credentials.files = vec![file.clone()];
        settings.registry.credentials.named_files = named;
        settings.registry.credentials.keyring = Some(keyring.clone());
        let engine = Engine::open(settings).await.expect("opened");
        let error = engine.tags(&server.reference("app:1")).await;
        let expected = if named == 1 {
            "not_found"
        } else {
            "unauthorized"
        };
        assert_eq!(error.expect_err("no such repository").code(), expected);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_that_docker_names_keeps_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    std::fs::write(&file, r#"{"credsStore": "memo"}"#).expect("written");
    let helper = folder.path().join("docker-credential-memo");
    let script = format!(
        "#!/bin/sh\ncd {}\ncase $1 in\nstore) cat > kept;;\nget) if [ -f kept ]; then cat kept; else echo 'credentials not found in native keychain'; exit 1; fi;;\nerase) rm -f kept;;\nesac\n",
        folder.path().display()
    );
    std::fs::write(&helper, script).expect("written");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("set");
    let engine = with_file(&lab, &file, Some(Arc::new(Memory::default()))).await;
    let done = engine.login(&login(&server.host(), PASSWORD)).await;
    assert_eq!(done.expect("accepted").kept, Kept::Helper("memo".into()));
    let kept = std::fs::read_to_string(folder.path().join("kept")).expect("kept");
    assert!(kept.contains(PASSWORD) && kept.contains(&server.host()));
    let text = std::fs::read_to_string(&file).expect("read");
    assert!(
        text.contains(&server.host()) && text.contains("credsStore"),
        "{text}"
    );
    let error = engine.tags(&server.reference("app:1")).await;
    assert_eq!(error.expect_err("no such repository").code(), "not_found");
    let places = engine.logout(&server.host()).await.expect("out");
    assert_eq!(places[0], "docker-credential-memo");
    assert!(!folder.path().join("kept").exists());
}

#[tokio::test]
async fn tokens_of_a_token_server_that_the_real_registry_takes() {
    let lab = Lab::new().await;
    let tokens = TokenServer::start(&[("alice", PASSWORD)], &["team/closed"]);
    let server = DockerRegistry::start(&DockerRegistryOptions {
        tokens: Some((tokens.realm(), tokens.certificate())),
        ..DockerRegistryOptions::default()
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    let keyring = Arc::new(Memory::default());
    let engine = with_file(&lab, &file, Some(keyring.clone())).await;
    // The token server is another program on this computer: nobody said that it may have the password.
    let error = engine.login(&login(&server.host(), PASSWORD)).await;
    let error = error.expect_err("withheld");
    assert_eq!(error.code(), "unauthorized");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains(&tokens.host()), "{hint}");
    assert!(
        tokens
            .requests()
            .iter()
            .all(|it| it.header("authorization").is_none())
    );

    let mut settings = settings(&lab.store());
    settings.registry.credentials.keyring = Some(keyring.clone());
    settings.registry.trusted_realms.push(engine::TrustedRealm {
        registry: server.host(),
        realm: tokens.host(),
    });
    let engine = Engine::open(settings).await.expect("opened");
    let error = engine.login(&login(&server.host(), "wrong")).await;
    assert_eq!(error.expect_err("wrong").code(), "unauthorized");
    engine
        .login(&login(&server.host(), PASSWORD))
        .await
        .expect("accepted");
    let kept = format!("{:?}", keyring.0.lock().expect("not poisoned"));
    assert!(!kept.contains(PASSWORD));
    let entries: Vec<Secret> = keyring
        .0
        .lock()
        .expect("not poisoned")
        .values()
        .cloned()
        .collect();
    assert!(
        entries[0].expose().contains("refresh-alice"),
        "a token, not the password"
    );

    let image = app("x", "2024-01-01T00:00:00Z");
    let source = lab.registry.push("app:1", &image);
    lab.pull(&source).await.expect("pulled");
    let push = |name: &str| PushRequest {
        source: source.to_string().as_str().into(),
        destination: Some(server.reference(name)),
        platform: None,
        move_policy: MovePolicy::Move,
    };
    engine
        .push(&push("public/app:1"), &NoProgress)
        .await
        .expect("pushed");
    engine
        .push(&push("team/app:1"), &NoProgress)
        .await
        .expect("pushed, by mounting");
    let error = engine.push(&push("team/closed:1"), &NoProgress).await;
    assert_eq!(error.expect_err("closed").code(), "denied");
    // Whoever is nobody reads what is public, and no more.
    let there: Reference = server.reference("public/app:1");
    lab.engine.tags(&there).await.expect("public");
    let error = lab.engine.tags(&server.reference("team/app:1")).await;
    assert_eq!(error.expect_err("private").code(), "unauthorized");
    let error = lab.engine.push(&push("public/app:2"), &NoProgress).await;
    assert_eq!(error.expect_err("nobody").code(), "unauthorized");
}

#[tokio::test]
async fn an_open_registry_says_so_and_a_password_goes_nowhere_else() {
    let lab = Lab::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let keyring = Arc::new(Memory::default());
    let file = folder.path().join("config.json");
    let engine = with_file(&lab, &file, Some(keyring)).await;
    let done = engine.login(&login(&lab.registry.host(), PASSWORD)).await;
    assert!(!done.expect("kept").was_asked);
    assert!(!lab.registry.saw(PASSWORD));

    let evil = Registry::start();
    evil.require_bearer(Bearer::default());
    let other = Registry::start();
    other.require_bearer(Bearer {
        realm: Some(evil.url("/token")),
        ..Bearer::user("alice", PASSWORD)
    });
    let error = engine.login(&login(&other.host(), PASSWORD)).await;
    assert_eq!(error.expect_err("withheld").code(), "unauthorized");
    for request in evil.requests() {
        assert_eq!(request.header("authorization"), None);
    }
    assert!(!evil.saw(PASSWORD));
}
