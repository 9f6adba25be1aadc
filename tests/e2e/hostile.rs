//! Images are made by anybody. What they say is shown, and does nothing.

use serde_json::json;
use testkit::{ImageBuilder, Layer, Registry};

use crate::filled::fill;
use crate::support::desktop::Desktop;

const SCRIPT: &str = "<img src=x onerror=\"window.__pwned=1\"><script>window.__pwned=1</script>";

#[test]
fn text_from_an_image_is_shown_and_never_run() {
    let desktop = Desktop::start();
    let registry = Registry::start();
    let image = ImageBuilder::new()
        .layer(Layer::files([("a", "b")]))
        .author(SCRIPT)
        .comment("\u{1b}[31mred\u{1b}[0m")
        .label("html", SCRIPT)
        .label("ansi", "\u{1b}]0;title\u{7}")
        .label("bidi", "safe\u{202e}gpj.exe")
        .label("link", "javascript:window.__pwned=1")
        .label("long", &"x".repeat(100_000))
        .config("Cmd", json!([SCRIPT]))
        .config("Env", json!([format!("HTML={SCRIPT}")]))
        .config("User", json!("\u{202e}toor"))
        .history(vec![json!({
            "created": "2024-01-01T00:00:00Z",
            "created_by": format!("RUN {SCRIPT} \u{1b}[2J"),
            "comment": SCRIPT,
            "author": SCRIPT,
        })])
        .build();
    let reference = registry.push("team/hostile:1", &image).to_string();
    fill(&desktop.store(), &[&reference]);

    let window = desktop.open();
    window.click("gridcell", "hostile 1");
    window.see("tab", "Overview");
    window.read("<img src=x onerror=");
    window.read("\\x1b");
    window.read("\\u{202e}");
    window.judge("hostile-overview");
    window.click("tab", "History");
    window.read("<script>");
    window.judge("hostile-history");
    window.click("tab", "Layers");
    window.click("tab", "JSON");
    window.click("button", "config");
    window.read("onerror");
    window.judge("hostile-json");

    assert!(window.js("return window.__pwned ?? null").is_null());
    let raw = window.js("return /[\\u001b\\u202e\\u0007]/.test(document.body.innerText)");
    assert_eq!(
        raw,
        json!(false),
        "a control character is on the page as it is"
    );
    let elements =
        window.js("return document.querySelectorAll('img[src=x], body script:not([src])').length");
    assert_eq!(elements, json!(0), "markup became elements");
    window.close();
}

#[test]
fn the_page_cannot_leave_load_or_run_what_is_not_its_own() {
    let desktop = Desktop::start();
    let registry = Registry::start();
    let window = desktop.open();
    window.see("heading", "No images yet");
    let own = window.js("return location.href");
    let elsewhere = registry.url("/v2/");
    window.js(&format!(
        "window.open('{elsewhere}'); \
         const frame = document.createElement('iframe'); frame.src = '{elsewhere}'; document.body.append(frame); \
         const script = document.createElement('script'); script.textContent = 'window.__pwned = 1'; document.body.append(script); \
         const image = new Image(); image.src = '{elsewhere}'; document.body.append(image); \
         fetch('{elsewhere}').catch(() => {{}}); \
         try {{ setTimeout('window.__pwned = 1', 0); }} catch (refused) {{}} \
         window.__left = true; location.href = '{elsewhere}';"
    ));
    // A command's answer comes after all of that had its turn.
    window.see("heading", "No images yet");
    assert_eq!(window.js("return location.href"), own);
    assert_eq!(
        window.js("return [window.__left, window.__pwned ?? null]"),
        json!([true, null])
    );
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    window.close();
}
