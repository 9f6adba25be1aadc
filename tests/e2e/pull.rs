//! Pulling: from the first window to an image that is there for good.

use testkit::{DockerRegistry, Fault, ImageBuilder, Layer, Packing, Registry, Rule};

use crate::support::desktop::Desktop;
use crate::support::wait::until;

/// Bytes that no compression makes fewer.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()[7]
    })
    .take(length)
    .collect()
}

fn layer(path: &str, length: usize, seed: u64) -> Layer {
    Layer::new()
        .file(path, noise(length, seed))
        .packed(Packing::Plain)
}

#[test]
fn an_image_comes_from_a_real_registry_and_is_there_after_a_restart() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let image = ImageBuilder::new()
        .layer(layer("usr/lib/base", 12_000_000, 1))
        .layer(layer("opt/web/data", 8_000_000, 2))
        .build();
    let reference = registry.push("team/web:1", &image).to_string();

    let window = desktop.open();
    window.see("heading", "No images yet");
    window.judge("first-run");
    // Remembers whether there was ever a bar at the bottom, however short.
    window.js(
        "window.__bar = ''; new MutationObserver(() => { const bar = document.querySelector('[aria-label=\"Running operations\"]'); \
         if (bar) window.__bar = bar.textContent; }).observe(document.body, { subtree: true, childList: true, characterData: true })",
    );
    window.click_first("button", "Pull");
    window.see("dialog", "Pull image");
    window.fill("combobox", "Reference", &reference);
    window.read("20 MB");
    window.read(&format!("strata pull {reference}"));
    window.judge("pull-dialog");
    let elsewhere = desktop.look_elsewhere();
    window.click("button", "Pull");
    window.see_no("dialog", "Pull image");

    let notification = desktop.notifications.next();
    assert_eq!(notification.title, format!("{reference} is here"));
    assert!(notification.body.contains("20"), "{}", notification.body);
    let bar = window.js("return window.__bar");
    assert!(
        bar.as_str().is_some_and(|bar| bar.contains(&reference)),
        "the bar said: {bar}"
    );

    assert_eq!(notification.actions, ["default", "Show"]);
    desktop.notifications.click(&notification);
    drop(elsewhere);
    window.see("tab", "Overview");
    window.read(image.digest().short());
    window.close();

    let window = desktop.open();
    window.see("gridcell", "web");
    window.close();
    assert!(desktop.notifications.pending().is_empty());
}

#[test]
fn a_pull_that_a_crash_cut_off_goes_on_from_where_it_was() {
    let desktop = Desktop::start();
    let registry = Registry::start();
    let first = layer("usr/lib/base", 4_000_000, 3);
    let last = layer("opt/web/data", 30_000_000, 4);
    let image = ImageBuilder::new().layer(first).layer(last).build();
    let reference = registry.push("team/web:1", &image).to_string();
    let slow = image.layers[1].descriptor.digest.to_string();
    registry.rule(Rule::path(&slow).fault(Fault::Stall(Some(20_000_000))));

    let window = desktop.open();
    window.click_first("button", "Pull");
    window.fill("combobox", "Reference", &reference);
    window.read("34 MB");
    window.click("button", "Pull");
    window.see("region", "Running operations");
    // Everything that the registry gives is here: the small layer, and 20 MB of the large one.
    window.read("24 of 34 MB");
    window.judge("pulling");
    window.kill();

    registry.behave();
    registry.clear_log();
    let window = desktop.open();
    window.read("was cut off when Strata ended");
    window.read("of 34 MB are here");
    window.click("button", "Activity");
    window.see("article", &format!("Cut off: {reference}"));
    window.judge("interrupted");
    window.click("button", &format!("Resume {reference}"));
    window.click("button", "This computer");
    window.see("gridcell", "web");
    window.close();

    let asked = until("the rest of the large layer", || {
        let requests = registry.requests_for(&slow);
        let get = requests.into_iter().find(|request| request.method == "GET");
        get.ok_or_else(|| "it was not asked for".to_owned())
    });
    let range = asked.header("range").expect("only the rest is asked for");
    let from: u64 = range
        .trim_start_matches("bytes=")
        .trim_end_matches('-')
        .parse()
        .expect(range);
    assert!(from > 10_000_000, "most of it was here: {range}");
    let small = image.layers[0].descriptor.digest.to_string();
    assert!(
        !registry.saw(&small),
        "the whole layer was not fetched again"
    );
}

#[test]
fn a_pull_can_be_cancelled_and_a_refusal_says_what_to_do() {
    let desktop = Desktop::start();
    let registry = Registry::start();
    let image = ImageBuilder::new()
        .layer(layer("data", 5_000_000, 5))
        .build();
    let reference = registry.push("team/slow:1", &image).to_string();
    registry.rule(Rule::path("/blobs/").fault(Fault::Stall(Some(1_000_000))));

    let window = desktop.open();
    window.click_first("button", "Pull");
    window.fill("combobox", "Reference", "Not A Reference");
    window.read("upper-case");
    window.judge("pull-bad-reference");
    window.fill(
        "combobox",
        "Reference",
        &registry.reference("team/none:1").to_string(),
    );
    window.read("team/none:1 cannot be pulled");
    window.judge("pull-refused");
    window.fill("combobox", "Reference", &reference);
    window.read("5 MB");
    window.click("button", "Pull");
    window.click("button", &format!("Cancel pulling {reference}"));
    window.see_no("region", "Running operations");
    window.see("heading", "No images yet");
    window.close();
}
