//! What every story of the commands starts with: the program without a window, and the page that calls it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

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
use testkit::{Image, ImageBuilder, Registry};

/// The program without a window, a desktop that remembers what it was told, and a registry.
pub(crate) struct Shell {
    pub(crate) page: Page,
    pub(crate) notices: Arc<Mutex<Vec<Notice>>>,
    pub(crate) chosen: Arc<Mutex<Vec<PathBuf>>>,
    pub(crate) dragged: Arc<Mutex<Vec<Dragged>>>,
    pub(crate) zoomed: Arc<Mutex<Vec<u32>>>,
    pub(crate) registry: Registry,
    pub(crate) folder: TempDir,
    _app: App<MockRuntime>,
}

/// The page's side of the commands; can be given to another thread.
#[derive(Clone)]
pub(crate) struct Page(WebviewWindow<MockRuntime>);

impl Shell {
    pub(crate) fn start() -> Shell {
        Shell::start_in(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn start_in(folder: TempDir) -> Shell {
        Shell::start_on(folder, true)
    }

    /// On a desktop where things can be dragged out of the window, or not.
    pub(crate) fn start_on(folder: TempDir, can_drag: bool) -> Shell {
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

    pub(crate) fn call(&self, command: &str, arguments: Value) -> Value {
        self.page.call(command, arguments)
    }

    pub(crate) fn refused(&self, command: &str, arguments: Value) -> String {
        self.page.refused(command, arguments)
    }

    pub(crate) fn pull(&self, reference: &str) -> Value {
        self.call("pull", pull("p1", reference))
    }

    pub(crate) fn list(&self) -> Vec<Value> {
        let page = self.call("images", everything());
        page["rows"].as_array().expect("rows").clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let rows = self.list();
        let names = rows
            .iter()
            .flat_map(|row| row["names"].as_array().expect("names").clone());
        names.map(|name| text(&name["familiar"])).collect()
    }

    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.notices.lock().expect("no panic").clone()
    }

    pub(crate) fn operations(&self) -> usize {
        self.page.0.state::<Operations>().count()
    }
}

impl Page {
    pub(crate) fn ask(&self, command: &str, arguments: Value) -> Result<Value, Value> {
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

    pub(crate) fn call(&self, command: &str, arguments: Value) -> Value {
        let asked = format!("{command} {arguments}");
        let answer = self.ask(command, arguments);
        answer.unwrap_or_else(|failure| panic!("{asked}: {failure}"))
    }

    /// Expects a refusal and returns its code.
    pub(crate) fn refused(&self, command: &str, arguments: Value) -> String {
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

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn everything() -> Value {
    json!({ "query": { "filter": "", "sort": "name", "descending": false, "offset": 0, "limit": 100 } })
}

pub(crate) fn pull(operation: &str, reference: &str) -> Value {
    json!({ "operation": operation, "reference": reference, "platform": null, "onEvent": "__CHANNEL__:7" })
}

pub(crate) fn image(text: &str) -> Image {
    ImageBuilder::new()
        .files([("etc/motd", text)])
        .label("team", "red")
        .build()
}
