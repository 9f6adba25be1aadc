//! A desktop that nobody sees.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, process};

use tempfile::TempDir;

use super::notifications::Notifications;
use super::program::Running;
use super::screen::{Drag, Screen};
use super::window::Window;

/// The program under test, built by cargo together with the tests.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_strata-desktop");

/// An X server, a session bus with a notification service, and a home folder, all private.
pub(crate) struct Desktop {
    // The order is the order of ending: the service before its bus, and the lock last.
    pub(crate) notifications: Notifications,
    _bus: Running,
    _manager: Running,
    _server: Running,
    pub(crate) screen: Screen,
    bus_address: String,
    home: TempDir,
    environment: RefCell<Vec<(String, String)>>,
    _turn: File,
}

impl Desktop {
    /// Starts one. Tests take turns: a browser engine each at the same time would make all of them slow.
    pub(crate) fn start() -> Desktop {
        assert_built();
        let turn = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("desktop.lock"));
        let turn = turn.expect("cargo makes this folder");
        turn.lock().expect("a lock");
        let home = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("Xvfb");
        // It looks for a free number itself and prints it.
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1400x900x24",
            "-nolisten",
            "tcp",
        ]);
        let (server, number) = Running::start_and_read(command.stderr(Stdio::null()), "xvfb");
        let screen = Screen::new(format!(":{number}"));
        let mut command = Command::new("openbox");
        command
            .arg("--sm-disable")
            .env("DISPLAY", screen.display())
            .env("HOME", home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let manager = Running::start(&mut command, "openbox");
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--print-address=1"]);
        let (bus, bus_address) = Running::start_and_read(&mut command, "dbus");
        Desktop {
            notifications: Notifications::serve(&bus_address),
            _bus: bus,
            _manager: manager,
            _server: server,
            screen,
            bus_address,
            home,
            environment: RefCell::default(),
            _turn: turn,
        }
    }

    /// Puts a variable into the environment of windows that are opened from now on.
    pub(crate) fn provide(&self, name: &str, value: &str) {
        self.environment
            .borrow_mut()
            .push((name.to_owned(), value.to_owned()));
    }

    /// The folder of the image store that windows work on unless told otherwise.
    pub(crate) fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    /// The home folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Opens the window on the usual store and waits until its page is there.
    pub(crate) fn open(&self) -> Window {
        self.open_store(&self.store())
    }

    /// Opens the window on a store.
    pub(crate) fn open_store(&self, store: &Path) -> Window {
        let command = |port: u16| {
            let mut command = Command::new("WebKitWebDriver");
            command.args([format!("--port={port}"), "--host=127.0.0.1".to_owned()]);
            self.furnish(&mut command);
            command.stdout(Stdio::null()).stderr(Stdio::inherit());
            command
        };
        let (driver, port) = Running::start_on_port(command, "webkit2gtk-driver");
        Window::open(driver, port, store, self.home.path(), self.screen.clone())
    }

    /// Runs the program once more, as a second start from the desktop's menu would, and waits for its end.
    pub(crate) fn start_again(&self, store: &Path) -> process::ExitStatus {
        let mut command = Command::new(PROGRAM);
        self.furnish(&mut command);
        command.env_remove("TAURI_WEBVIEW_AUTOMATION");
        command
            .arg("--store")
            .arg(store)
            .status()
            .expect("the program was built")
    }

    /// Opens another program's window, which takes the focus: the user looks elsewhere until it is dropped.
    pub(crate) fn look_elsewhere(&self) -> Running {
        let mut command = Command::new("xev");
        command
            .args(["-name", "elsewhere", "-geometry", "200x100+1100+700"])
            .env("DISPLAY", self.screen.display())
            .stdout(Stdio::null());
        let other = Running::start(&mut command, "x11-utils");
        self.screen.wait_for_focus("elsewhere");
        other
    }

    /// Takes hold of files in another program's window. They are let go with [`Drag::drop`].
    pub(crate) fn drag(&self, files: &[&Path]) -> Drag<'_> {
        let program = Path::new(PROGRAM).with_file_name("examples");
        let mut command = Command::new(program.join("drag_source"));
        self.furnish(&mut command);
        command.args(["1240", "20"]).args(files);
        let (source, said) =
            Running::start_and_read(&mut command, "that cargo builds with the tests");
        assert_eq!(said, "ready", "the source of the drag did not start");
        self.screen.wait_for_focus("files");
        Drag::begin(&self.screen, source, (1300, 80))
    }

    /// Opens another program's window at the right edge, where files can be dropped. It writes what it is given into a file.
    pub(crate) fn drop_target(&self, into: &Path) -> Running {
        let program = Path::new(PROGRAM).with_file_name("examples");
        let mut command = Command::new(program.join("drop_target"));
        self.furnish(&mut command);
        command.args(["1240", "20"]).arg(into);
        let (target, said) =
            Running::start_and_read(&mut command, "that cargo builds with the tests");
        assert_eq!(said, "ready", "the target of the drag did not start");
        self.screen.wait_for_focus("target");
        target
    }

    /// The environment of everything that runs on this desktop, and nothing of the machine's own.
    fn furnish(&self, command: &mut Command) {
        let home = self.home.path();
        let runtime = home.join("run");
        fs::create_dir_all(&runtime).expect("a folder");
        command.env_clear();
        for kept in [
            "PATH",
            "LANG",
            "LD_LIBRARY_PATH",
            "RUST_BACKTRACE",
            "RUST_LOG",
        ] {
            if let Some(value) = env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
            // What tauri-driver would set.
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("DISPLAY", self.screen.display())
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("GTK_USE_PORTAL", "0")
            // There is no graphics card, and drawing through a software one takes ten times as long.
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus_address)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .envs(self.environment.borrow().iter().cloned());
    }
}

/// Any test of a page that says "not built" would only run into its deadline.
fn assert_built() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/dist/index.html");
    let page = fs::read_to_string(page).unwrap_or_default();
    assert!(
        page.contains("<script"),
        "the window's files are not built: run ./x test, or npm run build in ui and then cargo again"
    );
}
