//! What a person sees and does outside the page: the X server's pictures, the focus, the size of the window.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::program::Running;
use super::wait::{DEADLINE, until, until_for};

/// How long dropped files may take before they count as flown back.
const PATIENCE: Duration = Duration::from_secs(20);

/// A private X server, by its name.
#[derive(Clone)]
pub(crate) struct Screen {
    display: String,
}

impl Screen {
    pub(crate) fn new(display: String) -> Screen {
        Screen { display }
    }

    /// Its name for the environment.
    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// Waits until a window of this name has the keyboard.
    pub(crate) fn wait_for_focus(&self, name: &str) {
        until("the focus", || {
            let found = self.xdotool(&["getactivewindow", "getwindowname"]);
            if found.trim() == name {
                Ok(())
            } else {
                Err(found)
            }
        });
    }

    /// Makes the window so large.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let (width, height) = (width.to_string(), height.to_string());
        self.xdotool(&["windowsize", &self.window(), &width, &height]);
    }

    /// Writes a picture of the window as the X server shows it.
    ///
    /// Not WebDriver's own: WebKit's waits for a frame that a page at rest never draws.
    pub(crate) fn picture(&self, path: &Path) {
        let window = self.window();
        let status = Command::new("import")
            .args(["-window", &window])
            .arg(path)
            .env("DISPLAY", &self.display)
            .status()
            .unwrap_or_else(|error| {
                panic!("import: {error}. It is in Debian's package imagemagick.")
            });
        assert!(status.success(), "no picture of window {window}: {status}");
    }

    /// Tells where the window's page begins.
    ///
    /// Not xdotool, which counts a window's frame twice.
    pub(super) fn origin(&self) -> (i32, i32) {
        let said = self.ask("xwininfo", "x11-utils", &["-id", &self.window()]);
        let number = |key: &str| {
            let mut lines = said.lines().map(str::trim);
            let found = lines.find_map(|line| line.strip_prefix(key));
            let number = found.and_then(|text| text.trim().parse().ok());
            number.unwrap_or_else(|| panic!("{key} is not in what xwininfo says: {said}"))
        };
        (
            number("Absolute upper-left X:"),
            number("Absolute upper-left Y:"),
        )
    }

    fn window(&self) -> String {
        until("Strata's window on the screen", || {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", "^Strata$"]);
            let last = found.lines().last().map(str::to_owned);
            last.ok_or_else(|| "there is none".to_owned())
        })
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        self.ask("xdotool", "xdotool", arguments)
    }

    fn ask(&self, program: &str, package: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .env("DISPLAY", &self.display)
            .output();
        let output = output.unwrap_or_else(|error| {
            panic!("{program}: {error}. It is in Debian's package {package}.")
        });
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Images that the mouse holds, taken from the window at a point of the page.
pub(crate) struct Carry<'a> {
    screen: &'a Screen,
    from: (i32, i32),
}

impl<'a> Carry<'a> {
    pub(super) fn begin(screen: &'a Screen, from: (i32, i32)) -> Carry<'a> {
        Carry { screen, from }
    }

    fn go(&self, x: i32, y: i32) {
        self.screen
            .xdotool(&["mousemove", &x.to_string(), &y.to_string()]);
    }

    /// Carries them to a point of the screen and lets them go there, until they have arrived.
    ///
    /// What is let go before the two programs have agreed flies back, as it does for a person, who then takes it again.
    pub(crate) fn drop_at(&self, to: (i32, i32), arrived: impl Fn() -> bool) {
        self.drop_after(&[to], arrived);
    }

    /// As [`Carry::drop_at`], by way of other points: the last is where they are let go.
    pub(crate) fn drop_after(&self, way: &[(i32, i32)], arrived: impl Fn() -> bool) {
        let mut step: usize = 0;
        let mut released: Option<Instant> = None;
        until_for(2 * DEADLINE, "the images to arrive", || {
            match (step, released) {
                (0, _) => {
                    self.go(self.from.0, self.from.1);
                    self.screen.xdotool(&["mousedown", "1"]);
                    step = 1;
                }
                // A few short movements, which the page takes for a drag, and then the way.
                (1..=8, _) => {
                    let short = i32::try_from(step).unwrap_or(0);
                    self.go(self.from.0 + 3 * short, self.from.1 + 2 * short);
                    step += 1;
                }
                (_, None) if step < 9 + 16 * way.len() => {
                    let (x, y) = way[(step - 9) / 16];
                    let shaken = i32::try_from(step % 6).unwrap_or(0);
                    self.go(x + shaken % 2, y + shaken % 3);
                    step += 1;
                }
                (_, None) => {
                    self.screen.xdotool(&["mouseup", "1"]);
                    released = Some(Instant::now());
                }
                (_, Some(at)) if at.elapsed() > PATIENCE => (step, released) = (0, None),
                (_, Some(_)) => {}
            }
            match arrived() {
                true => Ok(()),
                false => Err("they flew back".to_owned()),
            }
        });
    }
}

/// Files that the mouse holds.
pub(crate) struct Drag<'a> {
    screen: &'a Screen,
    from: (i32, i32),
    _source: Running,
}

impl<'a> Drag<'a> {
    pub(super) fn begin(screen: &'a Screen, source: Running, from: (i32, i32)) -> Drag<'a> {
        let drag = Drag {
            screen,
            from,
            _source: source,
        };
        drag.take();
        drag
    }

    fn take(&self) {
        let (x, y) = (self.from.0.to_string(), self.from.1.to_string());
        self.screen
            .xdotool(&["mousemove", &x, &y, "mousedown", "1"]);
    }

    /// Moves over the middle of the page until it has noticed. A drag begins only with a movement, and goes on with more.
    pub(crate) fn over(&self, noticed: impl Fn() -> bool) {
        let mut step = 0;
        until("the page to notice the files over it", || {
            step += 1;
            self.step(step);
            if noticed() {
                Ok(())
            } else {
                Err(format!("after {step} movements"))
            }
        });
    }

    fn step(&self, step: i32) {
        let x = (1200 - 60 * step).max(600) + step % 2;
        self.screen.xdotool(&["mousemove", &x.to_string(), "400"]);
    }

    /// Lets the files go, and waits until they have arrived.
    ///
    /// The two programs agree on every movement with a message or two. Files that are let go before they have agreed fly back,
    /// as they do for a person, who then takes them again.
    pub(crate) fn drop(self, arrived: impl Fn() -> bool) {
        let mut step = 0;
        let mut released = None;
        until_for(2 * DEADLINE, "the files to arrive", || {
            match released {
                None if step < 15 => {
                    step += 1;
                    self.step(step);
                }
                None => {
                    self.screen.xdotool(&["mouseup", "1"]);
                    released = Some(Instant::now());
                }
                Some(at) if at.elapsed() > PATIENCE => {
                    self.take();
                    (step, released) = (0, None);
                }
                Some(_) => {}
            }
            if arrived() {
                Ok(())
            } else {
                Err("they flew back".to_owned())
            }
        });
    }
}
