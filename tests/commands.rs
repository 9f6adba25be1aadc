//! Every command through Tauri's own machinery, without a window: what the page sends and what it gets.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use strata_desktop::desktop::{Desktop, DragOut, Notice};
use strata_desktop::drag_out::Dragged;
use strata_desktop::launch::Launch;
use strata_desktop::{Operations, Session, contract};
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{
    INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets,
};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager as _, WebviewWindow, WebviewWindowBuilder};
use tempfile::TempDir;
use testkit::{Fault, ImageBuilder, IndexBuilder, Registry, Rule};

#[path = "commands/archives.rs"]
mod archives;
#[path = "commands/comparing.rs"]
mod comparing;
#[path = "commands/containers.rs"]
mod containers;
#[path = "commands/dragging.rs"]
mod dragging;
#[path = "commands/elsewhere.rs"]
mod elsewhere;
#[path = "commands/inside.rs"]
mod inside;
#[path = "commands/remote.rs"]
mod remote;
#[path = "commands/store.rs"]
mod store;
#[path = "support/wait.rs"]
mod wait;

/// The program without a window, a desktop that remembers what it was told, and a registry.
struct Shell {
    page: Page,
    notices: Arc<Mutex<Vec<Notice>>>,
    chosen: Arc<Mutex<Vec<PathBuf>>>,
    dragged: Arc<Mutex<Vec<Dragged>>>,
    zoomed: Arc<Mutex<Vec<u32>>>,
    registry: Registry,
    folder: TempDir,
    _app: App<MockRuntime>,
}

/// The page's side of the commands; can be given to another thread.
#[derive(Clone)]
struct Page(WebviewWindow<MockRuntime>);

impl Shell {
    fn start() -> Shell {
        Shell::start_in(tempfile::tempdir().expect("a folder"))
    }

    fn start_in(folder: TempDir) -> Shell {
        Shell::start_on(folder, true)
    }

    /// On a desktop where things can be dragged out of the window, or not.
    fn start_on(folder: TempDir, can_drag: bool) -> Shell {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let chosen = Arc::new(Mutex::new(Vec::new()));
        let dragged = Arc::new(Mutex::new(Vec::new()));
        let zoomed = Arc::new(Mutex::new(Vec::new()));
        let (told, choices, held) = (notices.clone(), chosen.clone(), dragged.clone());
        let drawn = zoomed.clone();
        let desktop = Desktop {
            announce: Box::new(move |notice| told.lock().expect("no panic").push(notice)),
            choose: Box::new(move |_| {
                let paths = std::mem::take(&mut *choices.lock().expect("no panic"));
                Box::pin(async { paths })
            }),
            drag: can_drag.then(|| -> DragOut {
                Box::new(move |_, what| held.lock().expect("no panic").push(what))
            }),
            zoom: Box::new(move |percent| drawn.lock().expect("no panic").push(percent)),
        };
        let home = OsString::from(folder.path());
        let launch = Launch {
            store: None,
            environment: Arc::new(move |name| (name == "HOME").then(|| home.clone())),
            clock: Arc::new(jiff::Timestamp::now),
            settings_file: folder.path().join("settings.json"),
            dragged_files: folder.path().join("dragged"),
        };
        let session = Session::new(launch, desktop);
        session.open();
        let contract = contract::<MockRuntime>();
        let app = mock_builder()
            .invoke_handler(contract.invoke_handler())
            .manage(session)
            .manage(Operations::default())
            .build(mock_context(noop_assets()))
            .expect("an app without a window");
        let window = WebviewWindowBuilder::new(&app, "main", Default::default()).build();
        Shell {
            page: Page(window.expect("a page")),
            notices,
            chosen,
            dragged,
            zoomed,
            registry: Registry::start(),
            folder,
            _app: app,
        }
    }

    fn call(&self, command: &str, arguments: Value) -> Value {
        self.page.call(command, arguments)
    }

    fn refused(&self, command: &str, arguments: Value) -> String {
        self.page.refused(command, arguments)
    }

    fn pull(&self, reference: &str) -> Value {
        self.call("pull", pull("p1", reference))
    }

    fn list(&self) -> Vec<Value> {
        let page = self.call("images", everything());
        page["rows"].as_array().expect("rows").clone()
    }

    fn names(&self) -> Vec<String> {
        let rows = self.list();
        let names = rows
            .iter()
            .flat_map(|row| row["names"].as_array().expect("names").clone());
        names.map(|name| text(&name["familiar"])).collect()
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.lock().expect("no panic").clone()
    }

    fn operations(&self) -> usize {
        self.page.0.state::<Operations>().count()
    }
}

impl Page {
    fn ask(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.into(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: "tauri://localhost".parse().expect("a URL"),
            body: InvokeBody::Json(arguments),
            headers: Default::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        let answer = get_ipc_response(&self.0, request)?;
        Ok(answer.deserialize().expect("JSON"))
    }

    fn call(&self, command: &str, arguments: Value) -> Value {
        let asked = format!("{command} {arguments}");
        let answer = self.ask(command, arguments);
        answer.unwrap_or_else(|failure| panic!("{asked}: {failure}"))
    }

    /// Expects a refusal and returns its code.
    fn refused(&self, command: &str, arguments: Value) -> String {
        match self.ask(command, arguments) {
            Ok(answer) => panic!("{command} was not refused: {answer}"),
            Err(failure) => {
                assert!(
                    !text(&failure["message"]).is_empty(),
                    "{failure} says nothing"
                );
                text(&failure["code"])
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn everything() -> Value {
    json!({ "query": { "filter": "", "sort": "name", "descending": false, "offset": 0, "limit": 100 } })
}

fn pull(operation: &str, reference: &str) -> Value {
    json!({ "operation": operation, "reference": reference, "platform": null, "onEvent": "__CHANNEL__:7" })
}

fn image(text: &str) -> testkit::Image {
    ImageBuilder::new()
        .files([("etc/motd", text)])
        .label("team", "red")
        .build()
}

#[test]
fn a_pull_brings_an_image_that_can_be_looked_into() {
    let shell = Shell::start();
    let reference = shell
        .registry
        .push("team/app:1", &image("hello"))
        .to_string();

    let plan = shell.call(
        "plan_pull",
        json!({ "reference": reference, "platform": null }),
    );
    assert_eq!(plan["upToDate"], false);
    assert!(plan["downloadBytes"].as_u64() > Some(0), "{plan}");
    assert_eq!(
        text(&plan["commandLine"]),
        format!("strata pull {reference}")
    );

    let outcome = shell.pull(&reference);
    assert_eq!(outcome["fetchedBytes"], plan["downloadBytes"]);
    assert_eq!(
        outcome["moved"].as_array().map(Vec::len),
        Some(1),
        "{outcome}"
    );
    assert_eq!(shell.operations(), 0);

    let rows = shell.list();
    assert_eq!(rows.len(), 1);
    let name = &rows[0]["names"][0];
    assert_eq!(text(&name["repository"]), "app");
    assert_eq!(
        text(&name["namespace"]),
        format!("{}/team", shell.registry.host())
    );
    assert_eq!(text(&name["tag"]), "1");

    let detail = shell.call("image", json!({ "target": outcome["target"] }));
    assert_eq!(detail["row"], rows[0]);
    assert_eq!(
        detail["config"]["labels"],
        json!([{ "key": "team", "value": "red" }])
    );
    assert_eq!(
        detail["layers"][0]["diffId"],
        rows[0]["layers"][0]["diffId"]
    );
    let documents = shell.call("image_documents", json!({ "target": outcome["target"] }));
    let kinds: Vec<String> = documents
        .as_array()
        .expect("documents")
        .iter()
        .map(|document| text(&document["kind"]))
        .collect();
    assert_eq!(kinds, ["manifest", "config"]);

    let again = shell.pull(&reference);
    assert_eq!(again["upToDate"], true);
    assert_eq!(again["fetchedBytes"], 0);
}

#[test]
fn what_cannot_be_read_is_refused_with_our_own_words() {
    let shell = Shell::start();
    let planned = |reference: &str, platform: Value| {
        shell.refused(
            "plan_pull",
            json!({ "reference": reference, "platform": platform }),
        )
    };
    assert_eq!(planned("UPPER", Value::Null), "bad_reference");
    assert_eq!(planned("", Value::Null), "bad_reference");
    assert_eq!(planned("debian", json!("not a platform")), "usage");
    assert_eq!(
        shell.refused("image", json!({ "target": "no/such:image" })),
        "not_found"
    );
    let filter = json!({ "query": { "filter": "dangling:maybe", "sort": "name", "descending": false, "offset": 0, "limit": 1 } });
    assert_eq!(shell.refused("images", filter), "usage");
    let missing = shell.registry.reference("team/nothing:1").to_string();
    assert_eq!(planned(&missing, Value::Null), "tag_not_found");
    assert_eq!(shell.refused("undo", json!({})), "nothing_to_undo");
}

#[test]
fn a_platform_can_be_chosen_and_one_that_is_not_offered_is_refused_by_name() {
    let shell = Shell::start();
    let build = |platform: &str| {
        ImageBuilder::new()
            .files([("etc/platform", platform)])
            .platform(platform)
            .build()
    };
    let index = IndexBuilder::new()
        .image(build("linux/s390x"))
        .image(build("linux/arm64"))
        .build();
    let reference = shell.registry.push("team/multi:1", &index).to_string();
    let plan = shell.call(
        "plan_pull",
        json!({ "reference": reference, "platform": "linux/s390x" }),
    );
    assert_eq!(plan["platforms"], json!(["linux/s390x", "linux/arm64"]));
    assert_eq!(text(&plan["platform"]), "linux/s390x");
    assert_eq!(plan["foreign"], true);
    let refused = shell.page.ask(
        "plan_pull",
        json!({ "reference": reference, "platform": "linux/mips64le" }),
    );
    let failure = refused.expect_err("not offered");
    assert_eq!(text(&failure["code"]), "platform_not_found");
    let words = format!("{}{}", text(&failure["message"]), text(&failure["hint"]));
    assert!(
        words.contains("linux/s390x"),
        "it says what is offered: {failure}"
    );
}

#[test]
fn a_cancelled_pull_answers_cancelled_and_moves_no_name() {
    let shell = Shell::start();
    let made = image("slow");
    let reference = shell.registry.push("team/slow:1", &made).to_string();
    shell
        .registry
        .rule(Rule::path("/blobs/").fault(Fault::Stall(Some(10))));
    let page = shell.page.clone();
    let arguments = pull("slow", &reference);
    let pulling = thread::spawn(move || page.refused("pull", arguments));
    wait::until("the download", || {
        if shell.registry.saw("/blobs/") {
            Ok(())
        } else {
            Err("no blob was asked for".to_owned())
        }
    });
    assert_eq!(shell.refused("pull", pull("slow", &reference)), "busy");
    shell.call("cancel", json!({ "operation": "slow" }));
    assert_eq!(pulling.join().expect("no panic"), "cancelled");
    assert_eq!(shell.operations(), 0);
    assert!(shell.list().is_empty());
    assert!(
        shell.notices().is_empty(),
        "the user knows: {:?}",
        shell.notices()
    );
    // The same can be pulled afterwards.
    shell.registry.behave();
    shell.pull(&reference);
    assert_eq!(shell.names(), [reference]);
}

#[test]
fn the_end_of_a_pull_is_told_well_or_badly_unless_nobody_wants_to_know() {
    let shell = Shell::start();
    let reference = shell
        .registry
        .push("team/app:1", &image("hello"))
        .to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let missing = shell.registry.reference("team/app:2").to_string();
    shell.refused("pull", pull("p2", &missing));
    let notices = shell.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert_eq!(notices[0].title, format!("{reference} is here"));
    assert_eq!(notices[0].target, Some(target));
    assert_eq!(notices[1].title, format!("{missing} could not be pulled"));
    assert_eq!(notices[1].target, None);
    let mut settings = shell.call("settings", json!({}));
    settings["notifications"] = json!(false);
    shell.call("save_settings", json!({ "settings": settings }));
    shell.pull(&reference);
    assert_eq!(shell.notices().len(), 2);
}

#[test]
fn a_name_is_given_moved_and_taken_back() {
    let shell = Shell::start();
    let first =
        text(&shell.pull(&shell.registry.push("team/app:1", &image("one")).to_string())["target"]);
    let second =
        text(&shell.pull(&shell.registry.push("team/app:2", &image("two")).to_string())["target"]);
    let given = shell.call("tag", json!({ "source": first, "name": "best" }));
    assert_eq!(
        given,
        json!({ "name": "best:latest", "from": null, "to": first })
    );
    let plan = shell.call("plan_tag", json!({ "source": second, "name": "best" }));
    assert_eq!(plan["from"]["target"], json!(first));
    assert_eq!(plan["same"], false);
    let moved = shell.call("tag", json!({ "source": second, "name": " best:latest " }));
    assert_eq!(
        moved,
        json!({ "name": "best:latest", "from": first, "to": second })
    );
    let last = shell.call("undoable", json!({}));
    assert_eq!(last["operation"], "tag");
    shell.call("tag", json!({ "source": first, "name": "best" }));
    assert_eq!(
        shell.refused("undo", json!({ "only": last["change"] })),
        "plan_stale"
    );
    let undone = shell.call("undo", json!({ "only": null }));
    assert_ne!(undone["change"], last["change"]);
    let undone = shell.call("undo", json!({ "only": last["change"] }));
    assert_eq!(
        undone["moves"],
        json!([{ "name": "best:latest", "from": second, "to": first }])
    );
    let journal = shell.call("journal", json!({ "name": "best:latest" }));
    let operations: Vec<String> = journal
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| text(&entry["operation"]))
        .collect();
    assert_eq!(operations, ["undo", "undo", "tag", "tag", "tag"]);
    let digest = format!("best@{first}");
    assert_eq!(
        shell.refused("tag", json!({ "source": first, "name": digest })),
        "bad_reference"
    );
}

#[test]
fn a_removal_does_what_its_plan_says_once_and_can_be_undone() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    shell.call("tag", json!({ "source": target, "name": "kept" }));

    let one_name =
        json!({ "selections": [{ "kind": "name", "value": reference }], "force": false });
    let plan = shell.call("plan_removal", one_name.clone());
    assert_eq!(
        plan["untaggedOnly"].as_array().map(Vec::len),
        Some(2),
        "{plan}"
    );
    assert_eq!(plan["deleted"], json!([]));
    assert_eq!(shell.names().len(), 2, "a plan changes nothing");
    let removed = shell.call("execute_plan", json!({ "planId": plan["planId"] }));
    // As docker: with the last tag of a repository goes what is known of its registry.
    let digest = format!("{}@{target}", reference.trim_end_matches(":1"));
    assert_eq!(removed["untagged"], json!([reference, digest]));
    assert_eq!(shell.names(), ["kept:latest"]);
    assert_eq!(
        shell.refused("execute_plan", json!({ "planId": plan["planId"] })),
        "plan_stale"
    );

    let whole = json!({ "selections": [{ "kind": "image", "value": target }], "force": true });
    let plan = shell.call("plan_removal", whole);
    assert_eq!(plan["deleted"][0]["target"], json!(target));
    assert_eq!(
        plan["deleted"][0]["layers"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(plan["freedBytes"].as_u64() > Some(0), "{plan}");
    let removed = shell.call("execute_plan", json!({ "planId": plan["planId"] }));
    assert_eq!(removed["undoable"], true);
    assert!(shell.list().is_empty());
    shell.call("undo", json!({ "only": null }));
    assert_eq!(shell.names(), ["kept:latest"]);
}

#[test]
fn a_plan_that_the_store_has_left_behind_is_stale() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let plan = shell.call(
        "plan_removal",
        json!({ "selections": [{ "kind": "image", "value": target }], "force": true }),
    );
    shell.call("tag", json!({ "source": target, "name": "newer" }));
    assert_eq!(
        shell.refused("execute_plan", json!({ "planId": plan["planId"] })),
        "plan_stale"
    );
    assert_eq!(shell.names().len(), 2);
}

#[test]
fn what_cannot_be_removed_is_in_the_plan_with_a_way_out() {
    let shell = Shell::start();
    let plan = shell.call(
        "plan_removal",
        json!({ "selections": [{ "kind": "name", "value": "docker.io/library/nothing:1" }], "force": false }),
    );
    assert_eq!(plan["blocked"][0]["code"], "not_found", "{plan}");
    assert_eq!(
        plan["blocked"][0]["name"], "nothing:1",
        "as people write it"
    );
    let reason = text(&plan["blocked"][0]["reason"]);
    assert_eq!(reason, "No such image.");
}

#[test]
fn an_interrupted_pull_that_does_not_exist_cannot_be_forgotten() {
    let shell = Shell::start();
    assert_eq!(shell.call("interrupted", json!({})), json!([]));
    assert_eq!(
        shell.refused("dismiss_interrupted", json!({ "id": "made up" })),
        "not_found"
    );
}

#[test]
fn a_reference_is_completed_from_here_and_from_the_registry() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    shell.registry.push("team/app:2", &image("two"));
    shell.pull(&reference);
    let typed = reference.trim_end_matches('1');
    let found = shell.call("complete_reference", json!({ "text": typed }));
    let found: Vec<(String, String)> = found
        .as_array()
        .expect("completions")
        .iter()
        .map(|one| (text(&one["reference"]), text(&one["kind"])))
        .collect();
    assert!(
        found.contains(&(reference.clone(), "local".into())),
        "{found:?}"
    );
    assert!(
        found.contains(&(format!("{typed}2"), "tag".into())),
        "{found:?}"
    );
}

/// A page that was taken over sends whatever it likes. Nothing may fall over, and nothing may change.
#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    shell.pull(&reference);
    let before = shell.list();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("/etc/shadow"),
        json!("../../x"),
        json!("\\\\server\\share"),
        json!("a\u{0}b"),
        json!("\u{202e}abc"),
        json!("sha256:"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "kind": "name", "value": "../x" }),
        json!([{ "kind": "image", "value": "" }]),
        json!("__CHANNEL__:x"),
    ];
    let keys = [
        "query",
        "target",
        "reference",
        "platform",
        "operation",
        "onEvent",
        "id",
        "text",
        "source",
        "name",
        "selections",
        "force",
        "all",
        "planId",
        "readData",
        "settings",
    ];
    let commands = [
        "images",
        "image",
        "image_documents",
        "plan_pull",
        "pull",
        "cancel",
        "dismiss_interrupted",
        "complete_reference",
        "plan_tag",
        "tag",
        "journal",
        "plan_removal",
        "plan_prune",
        "execute_plan",
        "check_store",
        "save_settings",
        "no_such_command",
    ];
    for command in commands {
        for value in &values {
            let arguments: Value = keys
                .iter()
                .map(|key| ((*key).to_owned(), value.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into();
            if let Err(failure) = shell.page.ask(command, arguments) {
                assert_ne!(failure["code"], "internal", "{command} {value}: {failure}");
            }
        }
    }
    assert_eq!(shell.list(), before);
    assert_eq!(shell.operations(), 0);
}
