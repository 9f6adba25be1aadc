//! An empty window with the same webview and settings: what the app's start and memory are compared with.

use std::borrow::Cow;

use tauri::utils::assets::{AssetKey, CspHash};

/// One page for every path, with one word on it, because only something drawn counts as a first paint.
struct BlankPage;

impl<R: tauri::Runtime> tauri::Assets<R> for BlankPage {
    fn get(&self, _key: &AssetKey) -> Option<Cow<'_, [u8]>> {
        Some(Cow::Borrowed(
            b"<!doctype html><html lang=en><title>blank</title><p>blank</p></html>",
        ))
    }

    fn iter(&self) -> Box<tauri::utils::assets::AssetsIter<'_>> {
        Box::new(std::iter::empty())
    }

    fn csp_hashes(&self, _html_path: &AssetKey) -> Box<dyn Iterator<Item = CspHash<'_>> + '_> {
        Box::new(std::iter::empty())
    }
}

#[expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in the context that tauri-build generates from tauri.conf.json"
)]
fn main() {
    let mut context = tauri::tauri_build_context!();
    context.set_assets(Box::new(BlankPage));
    let config = context.config().app.windows[0].clone();
    tauri::Builder::default()
        .setup(move |app| {
            tauri::WebviewWindowBuilder::from_config(app.handle(), &config)?.build()?;
            Ok(())
        })
        .run(context)
        .expect("a window can be opened");
}
