//! Strata's window, as a person uses it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::desktop::PROGRAM;
use super::program::Running;
use super::screen::{Carry, Screen};
use super::wait::until;
use super::webdriver::{Element, Session};

const PAGE: &str = include_str!("page.js");

/// An open window. Closing it ends the program.
pub(crate) struct Window {
    session: Session,
    screen: Screen,
    process: u32,
    closed: bool,
    // After the session, because ending that needs it.
    _driver: Running,
}

impl Window {
    pub(super) fn open(
        driver: Running,
        port: u16,
        store: &Path,
        home: &Path,
        screen: Screen,
    ) -> Window {
        let store = store.to_str().expect("a temporary folder has a plain name");
        let session = Session::start(port, PROGRAM, &["--store", store]);
        let session = session.expect("the program starts");
        let process = process_of(home, store);
        let window = Window {
            session,
            screen,
            process,
            closed: false,
            _driver: driver,
        };
        until("the page", || {
            match window.js("return document.readyState === 'complete' && document.body.innerText.trim().length > 0") {
            Value::Bool(true) => Ok(()),
            other => Err(other.to_string()),
        }
        });
        window
    }

    /// Runs a script in the page.
    pub(crate) fn js(&self, script: &str) -> Value {
        self.js_with(script, &json!([]))
    }

    fn js_with(&self, script: &str, arguments: &Value) -> Value {
        let answer = self.session.run(&format!("{PAGE}\n{script}"), arguments);
        answer.unwrap_or_else(|refusal| panic!("{script}: {}", refusal.0))
    }

    /// Fails where the page changed while it was looked at: then one looks again.
    fn find(&self, role: &str, name: &str) -> Result<Vec<Element>, String> {
        let script = format!("{PAGE}\nreturn find(arguments[0], arguments[1])");
        match self.session.run(&script, &json!([role, name])) {
            Ok(found) => Ok(Element::all(&found)),
            Err(refusal) if refusal.0.contains("stale element") => Err(refusal.0),
            Err(refusal) => panic!("looking for {role} \"{name}\": {}", refusal.0),
        }
    }

    fn one(&self, role: &str, name: &str) -> Result<Element, String> {
        let mut found = self.find(role, name)?;
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(format!(
                "no {role} \"{name}\" on the page:\n{}",
                self.outline()
            )),
            many => Err(format!(
                "{many} times {role} \"{name}\" on the page:\n{}",
                self.outline()
            )),
        }
    }

    /// Everything on the page with a role and a name.
    pub(crate) fn outline(&self) -> String {
        self.js("return outline()")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits for an element.
    pub(crate) fn see(&self, role: &str, name: &str) -> Element {
        until(&format!("{role} \"{name}\""), || self.one(role, name))
    }

    /// Waits until there is no such element.
    pub(crate) fn see_no(&self, role: &str, name: &str) {
        until(&format!("no {role} \"{name}\""), || {
            let found = self.find(role, name)?.len();
            if found == 0 {
                Ok(())
            } else {
                Err(format!("{found} are there"))
            }
        });
    }

    /// Clicks on an element, as soon as it is there and nothing covers it.
    pub(crate) fn click(&self, role: &str, name: &str) {
        until(&format!("a click on {role} \"{name}\""), || {
            let element = self.one(role, name)?;
            let enabled = self.session.run(
                "return !arguments[0].matches(':disabled, [aria-disabled=true]')",
                &json!([element.to_json()]),
            );
            if !matches!(enabled, Ok(Value::Bool(true))) {
                return Err("it is disabled".to_owned());
            }
            self.session
                .click(&element)
                .map(drop)
                .map_err(|refusal| refusal.0)
        });
    }

    /// Clicks on the first of several elements.
    pub(crate) fn click_first(&self, role: &str, name: &str) {
        until(&format!("a click on a {role} \"{name}\""), || {
            let found = self.find(role, name)?;
            let first = found.first().ok_or_else(|| self.outline())?;
            self.session
                .click(first)
                .map(drop)
                .map_err(|refusal| refusal.0)
        });
    }

    /// Presses the mouse's other button on an element.
    pub(crate) fn context_click(&self, role: &str, name: &str) {
        let element = self.see(role, name);
        self.session
            .context_click(&element)
            .expect("the mouse moves");
    }

    /// Carries one element onto another with the mouse.
    pub(crate) fn carry(&self, (role, name): (&str, &str), (onto, called): (&str, &str)) {
        let (from, to) = (self.see(role, name), self.see(onto, called));
        self.session.carry(&from, &to).expect("the mouse moves");
    }

    /// Takes hold of an element with the mouse, near its upper left corner.
    pub(crate) fn take_hold(&self, role: &str, name: &str) -> Carry<'_> {
        Carry::begin(&self.screen, self.point_of(role, name, (60, 20)))
    }

    /// Tells where on the screen an element is: that far from its upper left corner.
    pub(crate) fn point_of(&self, role: &str, name: &str, (right, down): (i32, i32)) -> (i32, i32) {
        let element = self.see(role, name);
        let script = "const box = arguments[0].getBoundingClientRect(); return [box.x, box.y].map(Math.round)";
        let corner = self.js_with(script, &json!([element.to_json()]));
        let at =
            |value: &Value| i32::try_from(value.as_i64().unwrap_or_default()).unwrap_or_default();
        let (x, y) = self.screen.origin();
        (x + at(&corner[0]) + right, y + at(&corner[1]) + down)
    }

    /// Replaces what stands in a field.
    pub(crate) fn fill(&self, role: &str, name: &str, text: &str) {
        self.click(role, name);
        self.press(&["Control", "a"]);
        self.session.type_text(text).expect("the keyboard works");
    }

    /// Types into whatever has the keyboard.
    pub(crate) fn type_text(&self, text: &str) {
        self.session.type_text(text).expect("the keyboard works");
    }

    /// Presses keys together.
    pub(crate) fn press(&self, keys: &[&str]) {
        self.session.chord(keys).expect("the keyboard works");
    }

    /// Everything that can be read.
    pub(crate) fn text(&self) -> String {
        self.js("return document.body.innerText")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until a text can be read.
    pub(crate) fn read(&self, wanted: &str) {
        until(&format!("the text \"{wanted}\""), || {
            let text = self.text();
            if text.contains(wanted) {
                Ok(())
            } else {
                Err(format!("the page says:\n{text}"))
            }
        });
    }

    /// Makes the page so large.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.screen.resize(width, height);
        until("the new size", || {
            let found = self.js("return [innerWidth, innerHeight]");
            if found[0].as_u64() == Some(u64::from(width)) {
                Ok(())
            } else {
                Err(found.to_string())
            }
        });
    }

    /// Judges the page as it is with axe-core, and takes a picture of it, in light and in dark.
    ///
    /// A page with a serious or critical finding fails the test. The pictures are `target/shots/NAME-light.png` and so on.
    pub(crate) fn judge(&self, name: &str) {
        let mut findings = Vec::new();
        for theme in ["light", "dark"] {
            // What the settings' choice does, without its way through the engine and back.
            self.js_with(
                "document.documentElement.dataset.theme = arguments[0]",
                &json!([theme]),
            );
            self.settle();
            self.screen
                .picture(&shots().join(format!("{name}-{theme}.png")));
            findings.extend(
                self.axe()
                    .into_iter()
                    .map(|finding| format!("{theme}: {finding}")),
            );
        }
        self.js("delete document.documentElement.dataset.theme");
        assert!(findings.is_empty(), "{name}:\n{}", findings.join("\n"));
    }

    /// Waits until nothing moves and every letter is there.
    fn settle(&self) {
        until("the end of every movement", || {
            let script = "return document.fonts.status === 'loaded' && document.getAnimations().every((animation) => \
                animation.playState !== 'running' || animation.effect.getTiming().iterations === Infinity)";
            match self.js(script) {
                Value::Bool(true) => Ok(()),
                _ => Err("something moves".to_owned()),
            }
        });
        let two_frames = "const done = arguments[arguments.length - 1]; \
            requestAnimationFrame(() => requestAnimationFrame(() => done(true)));";
        let drawn = self.session.run_async(two_frames, &json!([]));
        drawn.unwrap_or_else(|refusal| panic!("no frame was drawn: {}", refusal.0));
    }

    fn axe(&self) -> Vec<String> {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(path).expect("axe-core is there after npm ci in ui");
        let script = format!(
            "{axe}\nconst done = arguments[arguments.length - 1];\n\
             axe.run(document, {{ resultTypes: ['violations'] }}).then((result) => done(result.violations.filter((finding) => \
             finding.impact === 'serious' || finding.impact === 'critical').map((finding) => finding.id + ' (' + finding.help + '): ' + \
             finding.nodes.map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? '')).join(' | '))), (error) => done(['axe: ' + error]));"
        );
        let found = self
            .session
            .run_async(&script, &json!([]))
            .unwrap_or_else(|refusal| panic!("axe: {}", refusal.0));
        let found = found.as_array().cloned().unwrap_or_default();
        found
            .iter()
            .map(|finding| finding.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Ends the program without warning, as a power cut would.
    pub(crate) fn kill(mut self) {
        signal(self.process, "KILL");
        self.closed = true;
        wait_for_end(self.process);
    }

    /// Closes the window and waits for the program's end.
    pub(crate) fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        drop(self.session.end());
        wait_for_end(self.process);
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What the page looked like is worth more than any message; a second panic here would hide the first.
            if !self.closed {
                self.screen.picture(&shots().join("failed.png"));
                signal(self.process, "KILL");
            }
        } else {
            self.end();
        }
    }
}

/// Where pictures go.
fn shots() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("tmp is in target");
    let folder = target.join("shots");
    fs::create_dir_all(&folder).expect("target can be written");
    folder
}

/// Finds the program that was started for this home and store.
fn process_of(home: &Path, store: &str) -> u32 {
    let home = format!("HOME={}", home.display());
    until("the program", || {
        let processes = fs::read_dir("/proc").map_err(|error| error.to_string())?;
        let mut ids = processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let is_ours = |id: &u32| {
            let read = |file: &str| fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
            let has = |bytes: &[u8], wanted: &str| {
                bytes
                    .split(|byte| *byte == 0)
                    .any(|part| part == wanted.as_bytes())
            };
            let program = fs::read_link(format!("/proc/{id}/exe"));
            program.is_ok_and(|program| program == Path::new(PROGRAM))
                && has(&read("environ"), &home)
                && has(&read("cmdline"), store)
        };
        ids.find(is_ours)
            .ok_or_else(|| "it is not among the processes".to_owned())
    })
}

fn signal(process: u32, name: &str) {
    let told = std::process::Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process.to_string())
        .status();
    told.expect("kill is a part of every system");
}

fn wait_for_end(process: u32) {
    until("the program's end", || {
        let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // One that its parent has not asked after yet is at its end too.
        let ended = state.is_empty()
            || state
                .rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim_start().starts_with('Z'));
        if ended { Ok(()) } else { Err(state) }
    });
}
