//! Every command through Tauri's own machinery, without a window: what the page sends and what it gets.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use strata_desktop::desktop::{Desktop, Notice};
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

#[path = "commands/containers.rs"]
mod containers;
#[path = "commands/elsewhere.rs"]
mod elsewhere;
#[path = "commands/inside.rs"]
mod inside;
#[path = "commands/remote.rs"]
mod remote;
#[path = "support/wait.rs"]
mod wait;

/// The program without a window, a desktop that remembers what it was told, and a registry.
struct Shell {
    page: Page,
    notices: Arc<Mutex<Vec<Notice>>>,
    chosen: Arc<Mutex<Vec<PathBuf>>>,
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
        let notices = Arc::new(Mutex::new(Vec::new()));
        let chosen = Arc::new(Mutex::new(Vec::new()));
        let (told, choices) = (notices.clone(), chosen.clone());
        let desktop = Desktop {
            announce: Box::new(move |notice| told.lock().expect("no panic").push(notice)),
            choose: Box::new(move |_| {
                let paths = std::mem::take(&mut *choices.lock().expect("no panic"));
                Box::pin(async { paths })
            }),
            drag: None,
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
    assert_eq!(text(&shell.call("undoable", json!({}))["operation"]), "tag");
    let undone = shell.call("undo", json!({}));
    assert_eq!(
        undone,
        json!([{ "name": "best:latest", "from": second, "to": first }])
    );
    let journal = shell.call("journal", json!({ "name": "best:latest" }));
    let operations: Vec<String> = journal
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| text(&entry["operation"]))
        .collect();
    assert_eq!(operations, ["undo", "tag", "tag"]);
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
    shell.call("undo", json!({}));
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
fn another_store_is_open_as_soon_as_the_settings_say_so() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    shell.pull(&reference);
    let elsewhere = shell.folder.path().join("elsewhere");
    let mut settings = shell.call("settings", json!({}));
    settings["storePlace"] = json!(elsewhere);
    assert_eq!(
        shell.refused("save_settings", json!({ "settings": settings })),
        "usage",
        "no dialog gave it"
    );
    shell
        .chosen
        .lock()
        .expect("no panic")
        .push(elsewhere.clone());
    assert_eq!(
        shell.call("choose_store_place", json!({})),
        json!(elsewhere)
    );
    shell.call("save_settings", json!({ "settings": settings }));
    let status = shell.call("store_status", json!({}));
    assert_eq!(status["root"], json!(elsewhere));
    assert_eq!(status["rootFrom"], "settings");
    assert!(shell.list().is_empty());
    settings["storePlace"] = json!("");
    shell.call("save_settings", json!({ "settings": settings }));
    assert_eq!(shell.names(), [reference]);
    assert_eq!(
        shell.call("choose_ca_files", json!({})),
        json!([]),
        "a closed dialog is no answer"
    );
}

#[test]
fn a_store_that_cannot_be_opened_is_told_by_every_command_until_it_can() {
    let folder = tempfile::tempdir().expect("a folder");
    // Where the store's folder should be made there is a file.
    let in_the_way = folder.path().join(if cfg!(target_os = "macos") {
        "Library"
    } else {
        ".local"
    });
    fs::write(&in_the_way, "a file").expect("written");
    let shell = Shell::start_in(folder);
    let code = shell.refused("images", everything());
    assert_eq!(shell.refused("disk_usage", json!({})), code);
    assert_ne!(code, "internal");
    fs::remove_file(in_the_way).expect("removed");
    // Asking for the status is trying again.
    assert_eq!(shell.call("store_status", json!({}))["readOnly"], false);
    assert!(shell.list().is_empty());
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
fn the_store_can_be_added_up_and_checked() {
    let shell = Shell::start();
    shell.pull(&shell.registry.push("team/app:1", &image("one")).to_string());
    let usage = shell.call("disk_usage", json!({}));
    assert_eq!(usage["images"], 1);
    assert_eq!(usage["layers"], 1);
    assert!(
        usage["totalSize"].as_u64() >= usage["imagesSize"].as_u64(),
        "{usage}"
    );
    // What the screen says of a prune is what its plan says: here the image that the name was taken from.
    shell.pull(&shell.registry.push("team/app:1", &image("two")).to_string());
    let usage = shell.call("disk_usage", json!({}));
    let plan = shell.call("plan_prune", json!({ "all": false }));
    assert!(usage["prunable"].as_u64() > Some(0), "{usage}");
    assert_eq!(usage["prunable"], plan["freedBytes"]);
    let report = shell.call(
        "check_store",
        json!({ "operation": "check", "readData": true }),
    );
    assert_eq!(report["problems"], json!([]));
    assert!(report["readBytes"].as_u64() > Some(0), "{report}");
}

#[test]
fn what_shares_what_is_told_with_the_largest_first() {
    let shell = Shell::start();
    let base = testkit::Layer::files([("base", "b".repeat(50_000))]);
    for name in ["one", "two"] {
        let built = ImageBuilder::new()
            .layer(base.clone())
            .files([("own", name)]);
        let reference = shell
            .registry
            .push(&format!("team/{name}:1"), &built.build());
        shell.pull(&reference.to_string());
    }
    let sharing = shell.call("disk_sharing", json!({}));
    assert_eq!(sharing["images"].as_array().map(Vec::len), Some(2));
    assert_eq!(sharing["layers"].as_array().map(Vec::len), Some(3));
    let largest = &sharing["layers"][0];
    assert_eq!(largest["images"], 2);
    assert_eq!(largest["some"].as_array().map(Vec::len), Some(2));
    assert_eq!(sharing["saved"], largest["size"]);
    assert_eq!(sharing["images"][0]["layers"][0]["images"], 2);
    assert_eq!(sharing["images"][0]["layers"][1]["images"], 1);
}

fn debian(version: &str, more: &str) -> testkit::Image {
    let status = format!(
        "Package: bash\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n{more}"
    );
    ImageBuilder::new()
        .files([("etc/base", "same")])
        .layer(
            testkit::Layer::new()
                .file("etc/motd", format!("one\n{version}\nthree\n"))
                .file("var/lib/dpkg/status", status),
        )
        .label("version", version)
        .build()
}

#[test]
fn two_images_are_compared_down_to_the_lines_of_a_file() {
    let shell = Shell::start();
    let zlib = "Package: zlib1g\nStatus: install ok installed\nVersion: 1.3\n\n";
    let first = shell.registry.push("team/app:1", &debian("5.1", ""));
    let second = shell.registry.push("team/app:2", &debian("5.2", zlib));
    shell.pull(&first.to_string());
    // The second stays where it is.
    let here = json!({ "kind": "here", "value": first.to_string(), "label": null });
    let there = json!({ "kind": "registry", "value": second.to_string(), "label": null });
    let arguments =
        |b: &Value| json!({ "operation": "c1", "a": here, "b": b, "onEvent": "__CHANNEL__:5" });
    let found = shell.call("compare", arguments(&there));
    assert_eq!(shell.list().len(), 1, "nothing was stored");
    assert_eq!(found["a"]["layers"][0]["shared"], true);
    assert_eq!(found["b"]["layers"][1]["shared"], false);
    assert_eq!(
        found["config"],
        json!([{ "key": "Labels.version", "a": "5.1", "b": "5.2" }])
    );
    assert_eq!(
        found["packages"],
        json!([
            { "name": "bash", "change": "changed", "versionA": "5.1", "versionB": "5.2" },
            { "name": "zlib1g", "change": "added", "versionA": null, "versionB": "1.3" },
        ])
    );
    assert_eq!(found["files"], 2);
    let query =
        json!({ "words": "motd", "change": null, "largestFirst": false, "offset": 0, "limit": 10 });
    let page = shell.call(
        "compared_files",
        json!({ "comparison": found["id"], "query": query }),
    );
    assert_eq!((&page["total"], &page["changed"]), (&json!(1), &json!(1)));
    let file = &page["rows"][0];
    assert_eq!(file["path"], "/etc/motd");
    let text = shell.call(
        "compare_text",
        json!({ "comparison": found["id"], "file": file["file"] }),
    );
    let lines: Vec<_> = text["hunks"][0]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| {
            (
                line["change"].clone(),
                line["numberB"].clone(),
                line["text"].clone(),
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            (Value::Null, json!(1), json!("one")),
            (json!("removed"), Value::Null, json!("5.1")),
            (json!("added"), json!(2), json!("5.2")),
            (Value::Null, json!(3), json!("three")),
        ]
    );
    let missing = json!({ "kind": "here", "value": "team/app:9", "label": null });
    assert_eq!(shell.refused("compare", arguments(&missing)), "not_found");
    let unknown = json!({ "kind": "file", "value": "no-token", "label": null });
    assert_eq!(shell.refused("compare", arguments(&unknown)), "not_found");
    let old = json!({ "comparison": "made up", "file": 0 });
    assert_eq!(shell.refused("compare_text", old), "not_found");
    let beyond = json!({ "comparison": found["id"], "file": 99 });
    assert_eq!(shell.refused("compare_text", beyond), "not_found");
    assert_eq!(shell.operations(), 0);
}

#[test]
fn the_software_of_an_image_is_listed() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &debian("5.2", ""));
    shell.pull(&reference.to_string());
    let target = &shell.list()[0]["target"];
    let software = shell.call("image_software", json!({ "target": target }));
    assert_eq!(
        software["packages"],
        json!([{ "name": "bash", "version": "5.2", "architecture": "amd64", "manager": "dpkg" }])
    );
    assert_eq!(
        software["databases"],
        json!([{ "path": "/var/lib/dpkg/status", "manager": "dpkg" }])
    );
    let looked_for = software["lookedFor"].as_array().expect("a list");
    assert!(looked_for.contains(&json!("/var/lib/rpm/rpmdb.sqlite")));
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
