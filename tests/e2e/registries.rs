//! A registry that asks for a login: signing in, pushing, looking through its tags.

use oci::Digest;
use testkit::{
    DockerRegistry, DockerRegistryOptions, ImageBuilder, Layer, Registry, Tool, Workshop,
};

use crate::filled::fill;
use crate::support::desktop::Desktop;

const NAME: &str = "kate";
const PASSWORD: &str = "not in any log";

fn web(page: &str) -> testkit::Image {
    ImageBuilder::new()
        .layer(Layer::files([("etc/os-release", "ID=debian\n")]))
        .layer(Layer::files([("srv/index.html", page)]))
        .build()
}

fn guarded() -> DockerRegistry {
    DockerRegistry::start(&DockerRegistryOptions {
        login: Some((NAME.into(), PASSWORD.into())),
        ..DockerRegistryOptions::default()
    })
}

/// Pulls an image out of a registry with skopeo, which compares every blob, and returns the digest of its manifest.
fn pulled_back(reference: &str) -> String {
    let workshop = Workshop::new();
    let (login, source) = (
        format!("{NAME}:{PASSWORD}"),
        format!("docker://{reference}"),
    );
    let copy = [
        "copy",
        "-q",
        "--src-tls-verify=false",
        "--src-creds",
        &login,
    ];
    workshop.run(Tool::Skopeo, &[&copy[..], &[&source, "dir:back"]].concat());
    let manifest = std::fs::read(workshop.path().join("back/manifest.json"));
    Digest::sha256(&manifest.expect("skopeo wrote it")).to_string()
}

#[test]
fn an_image_is_pushed_to_a_registry_that_asks_for_a_login_and_found_there() {
    let desktop = Desktop::start();
    let (open, closed) = (DockerRegistry::plain(), guarded());
    let image = web("one");
    let source = open.push("team/web:1", &image).to_string();
    fill(&desktop.store(), &[&source]);
    let host = closed.host();
    let destination = format!("{host}/shop/web:2");

    // Nobody is let in before they sign in; the dialog says so and leads there.
    let window = desktop.open();
    window.context_click("gridcell", "web 1");
    window.click("menuitem", "Push…");
    window.see("dialog", "Push");
    window.fill("combobox", "Destination", &destination);
    window.see("button", "Sign in…");
    window.judge("push-unauthorized");
    window.click("button", "Sign in…");
    window.see("dialog", "Sign in to a registry");
    window.fill("textbox", "User name", NAME);
    window.fill("textbox", "Password or token", "wrong");
    window.press(&["Enter"]);
    window.read("did not accept the user name and the password");
    window.judge("sign-in-refused");

    // This desktop has no keyring: plain text needs a word of the user's.
    window.fill("textbox", "Password or token", PASSWORD);
    window.press(&["Enter"]);
    window.read("plain text: whoever reads your files has it");
    window.judge("sign-in-plain-text");
    window.click("checkbox", "Keep it in plain text");
    window.click("button", "Sign in");

    // Back where it began, with what was typed.
    window.see("dialog", "Push");
    window.read("to send");
    window.read(&format!("strata push {source} {destination}"));
    window.judge("push-dialog");
    let elsewhere = desktop.look_elsewhere();
    window.click("button", "Push");
    let notification = desktop.notifications.next();
    assert_eq!(notification.title, format!("{destination} was pushed"));
    drop(elsewhere);
    assert_eq!(pulled_back(&destination), image.digest().to_string());

    // What was pushed is in the registry's list, with the mark that it is here.
    window.click("button", "Activity");
    window.read("sent");
    window.click("button", "Search");
    window.fill("textbox", "Registry", &host);
    window.press(&["Enter"]);
    window.read("1 repository at");
    window.judge("search");
    window.click("button", &format!("{host}/shop/web"));
    window.see("gridcell", "2");
    window.read("you have this");
    window.judge("tags");
    // As narrow as it gets with the sidebar beside it, the button that pulls is in sight.
    window.resize(760, 700);
    let right = "return Math.round(document.querySelector('[aria-label=\"Pull 2\"]').getBoundingClientRect().right)";
    let right = window.js(right).as_u64();
    assert!(right.is_some_and(|right| right <= 760), "{right:?}");
    window.resize(1280, 800);
    window.click("button", "Pull 2");
    window.see("dialog", "Pull image");
    window.read("Nothing to download");
    window.press(&["Escape"]);
    window.see_no("dialog", "Pull image");

    // Signing out is for good.
    window.click("button", "Settings");
    window.see("button", &format!("Sign out of {host}"));
    window.judge("settings-registries");
    window.click("button", &format!("Sign out of {host}"));
    window.see_no("button", &format!("Sign out of {host}"));
    window.close();
}

#[test]
fn a_newer_image_of_a_registry_is_told_on_the_card() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/web:1", &web("one")).to_string();
    fill(&desktop.store(), &[&reference]);
    registry.push("team/web:1", &web("two"));
    let window = desktop.open();
    window.context_click("gridcell", "web 1");
    window.click("menuitem", "Check for updates");
    window.read("update available");
    window.read(&format!("There is a newer {reference}"));
    window.judge("update-available");

    // What it would bring is told before it is pulled.
    window.click("gridcell", "web 1");
    window.click("button", &format!("What changes in {reference}"));
    window.read("Files");
    window.judge("what-changes");
    // No button of the header lies on another one, with the whole width too.
    let own = window.js(
        "return [...document.querySelectorAll('section[aria-label=Image] > header .line button')].every((button) => {
           const { left, top, width, height } = button.getBoundingClientRect();
           return button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
         });",
    );
    assert_eq!(own, serde_json::Value::Bool(true));
    window.close();
}

#[test]
fn an_image_of_a_registry_is_looked_into_before_any_pull() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/web:1", &web("one")).to_string();
    let repository = reference.trim_end_matches(":1");
    let host = repository.trim_end_matches("/team/web").to_owned();
    let window = desktop.open();

    // The registry gets its place in the sidebar, with what it lists.
    window.click("button", "Add registry…");
    window.see("dialog", "Add a registry");
    window.fill("textbox", "Registry", &host);
    window.judge("registry-add");
    window.press(&["Enter"]);
    window.see("button", "team/web");
    window.judge("registry");
    window.click("button", "team/web");
    window.click("button", "1");
    window.read("in the registry");
    window.judge("remote-overview");
    window.click("tab", "Layers");
    window.judge("remote-layers");
    window.click("tab", "Referrers");
    window.judge("remote-referrers");
    window.click("tab", "History");
    window.judge("remote-history");
    window.close();
    assert!(
        !desktop.store().join("blobs/sha256").is_dir()
            || std::fs::read_dir(desktop.store().join("blobs/sha256"))
                .expect("the folder of blobs")
                .next()
                .is_none(),
        "nothing is stored by looking"
    );
}

#[test]
fn ten_thousand_tags_are_listed_filtered_and_put_together() {
    let desktop = Desktop::start();
    let registry = Registry::start();
    let (one, two) = (web("one"), web("two"));
    for number in 0..9_998 {
        registry.push(&format!("team/web:1.{number}"), &one);
    }
    for tag in ["latest", "2.0"] {
        registry.push(&format!("team/web:{tag}"), &two);
    }
    registry.page_size(1000);

    let window = desktop.open();
    window.click("button", "Search");
    window.fill("textbox", "Words", &registry.reference("team/web").name());
    window.click("button", "Tags of");
    window.read("10\u{202f}000 tags");
    window.see("gridcell", "latest");
    window.read("= 2.0");
    window.judge("tags-many");
    let rows = window.js("return document.querySelectorAll('[data-tag]').length");
    assert!(
        rows.as_u64() < Some(60),
        "only what is seen is drawn: {rows}"
    );
    window.fill("textbox", "Filter tags", "1.9876");
    window.see("gridcell", "1.9876");
    window.see_no("gridcell", "latest");
    window.click("button", "Pull 1.9876");
    window.see("dialog", "Pull image");
    window.read("to download");
    window.close();
}
