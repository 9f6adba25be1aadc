//! A W3C WebDriver client of the size that these tests need: <https://www.w3.org/TR/webdriver2/>.
//!
//! An own one, because any other brings a second HTTP stack and an async runtime for a dozen requests to this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::wait::DEADLINE;

/// The key under which WebDriver hands elements out.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session: one run of the program.
pub(crate) struct Session {
    port: u16,
    path: String,
}

/// An element of the page.
#[derive(Debug, Clone)]
pub(crate) struct Element(String);

/// Why WebDriver refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(pub String);

type Answer = Result<Value, Refusal>;

impl Session {
    /// Starts the program and connects to its page.
    pub(crate) fn start(port: u16, program: &str, arguments: &[&str]) -> Result<Session, Refusal> {
        let options = json!({ "binary": program, "args": arguments });
        // A script may take as long as anything else here.
        let timeouts = json!({ "script": DEADLINE.as_secs() * 1000 });
        let always = json!({ "webkitgtk:browserOptions": options, "timeouts": timeouts });
        let body = json!({ "capabilities": { "alwaysMatch": always } });
        let answer = call(port, "POST", "/session", &body)?;
        let id = answer["sessionId"].as_str().expect("a session has an id");
        Ok(Session {
            port,
            path: format!("/session/{id}"),
        })
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        call(self.port, "POST", &format!("{}{path}", self.path), body)
    }

    /// Runs a script in the page; `arguments` are there under that name.
    pub(crate) fn run(&self, script: &str, arguments: &Value) -> Answer {
        self.post(
            "/execute/sync",
            &json!({ "script": script, "args": arguments }),
        )
    }

    /// Runs a script that calls its last argument with the answer.
    pub(crate) fn run_async(&self, script: &str, arguments: &Value) -> Answer {
        self.post(
            "/execute/async",
            &json!({ "script": script, "args": arguments }),
        )
    }

    /// Clicks in the middle of an element, after scrolling to it; refused when something covers it.
    pub(crate) fn click(&self, element: &Element) -> Answer {
        self.post(&format!("/element/{}/click", element.0), &json!({}))
    }

    /// Types into whatever has the keyboard, key by key, as a person does on a US keyboard.
    ///
    /// Shift is pressed where a person presses it: left to itself, WebKit's driver now and then forgets to.
    pub(crate) fn type_text(&self, text: &str) -> Answer {
        let mut keys = Vec::new();
        let mut press = |kind: &str, key: &str| keys.push(json!({ "type": kind, "value": key }));
        for letter in text.chars() {
            let shifted = letter.is_ascii_uppercase() || "~!@#$%^&*()_+{}|:\"<>?".contains(letter);
            let key = letter.to_string();
            if shifted {
                press("keyDown", key_value("Shift"));
            }
            press("keyDown", &key);
            press("keyUp", &key);
            if shifted {
                press("keyUp", key_value("Shift"));
            }
        }
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": keys }] }),
        )
    }

    /// Presses keys one after the other, and holds the first ones down if there are several: `["Control", "k"]`.
    pub(crate) fn chord(&self, keys: &[&str]) -> Answer {
        let down = keys
            .iter()
            .map(|key| json!({ "type": "keyDown", "value": key_value(key) }));
        let up = keys
            .iter()
            .rev()
            .map(|key| json!({ "type": "keyUp", "value": key_value(key) }));
        let actions: Vec<Value> = down.chain(up).collect();
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        )
    }

    /// Presses the mouse's other button on an element.
    pub(crate) fn context_click(&self, element: &Element) -> Answer {
        let origin = json!({ ELEMENT: element.0 });
        let actions = json!([
            { "type": "pointerMove", "origin": origin, "x": 0, "y": 0 },
            { "type": "pointerDown", "button": 2 },
            { "type": "pointerUp", "button": 2 },
        ]);
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": actions }] }),
        )
    }

    /// Takes hold of an element with the mouse, moves onto another one, and lets go.
    pub(crate) fn carry(&self, from: &Element, to: &Element) -> Answer {
        let (from, to) = (json!({ ELEMENT: from.0 }), json!({ ELEMENT: to.0 }));
        let actions = json!([
            { "type": "pointerMove", "origin": from, "x": 0, "y": 0 },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerMove", "origin": "pointer", "x": 12, "y": 12, "duration": 50 },
            { "type": "pointerMove", "origin": to, "x": 0, "y": 0, "duration": 200 },
            { "type": "pointerUp", "button": 0 },
        ]);
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": actions }] }),
        )
    }

    /// Ends the session, and the program with it.
    pub(crate) fn end(&self) -> Answer {
        call(self.port, "DELETE", &self.path, &Value::Null)
    }
}

impl Element {
    /// The element as an argument for a script.
    pub(crate) fn to_json(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }

    /// Reads the elements out of a script's answer.
    pub(crate) fn all(answer: &Value) -> Vec<Element> {
        let list = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter_map(|value| value[ELEMENT].as_str())
            .map(|id| Element(id.to_owned()))
            .collect()
    }
}

/// <https://www.w3.org/TR/webdriver2/#keyboard-actions>
fn key_value(key: &str) -> &str {
    match key {
        "Enter" => "\u{e007}",
        "Tab" => "\u{e004}",
        "Escape" => "\u{e00c}",
        "Control" => "\u{e009}",
        "Shift" => "\u{e008}",
        "Delete" => "\u{e017}",
        "F2" => "\u{e032}",
        "Home" => "\u{e011}",
        "End" => "\u{e010}",
        "ArrowDown" => "\u{e015}",
        "ArrowUp" => "\u{e013}",
        "ArrowRight" => "\u{e014}",
        "ArrowLeft" => "\u{e012}",
        "Space" => " ",
        plain => plain,
    }
}

fn call(port: u16, method: &str, path: &str, body: &Value) -> Answer {
    let answer = exchange(port, method, path, body).map_err(|error| Refusal(error.to_string()))?;
    let value = answer["value"].clone();
    match value.get("error") {
        Some(error) if value.get("message").is_some() => {
            Err(Refusal(format!("{error}: {}", value["message"])))
        }
        _ => Ok(value),
    }
}

fn exchange(port: u16, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    // The driver has deadlines of its own, and says more about them.
    stream.set_read_timeout(Some(2 * DEADLINE))?;
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}
