//! The window: how it is made, and what it may never do.

use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, DragDropEvent, Manager, Runtime, Url, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};
use tauri_specta::Event as _;

use crate::Session;
use crate::contract::{DragReturned, FilesDropped, FilesHover, FocusImage, PagePoint};

/// The one window's label, as in `tauri.conf.json` and in the capability.
const LABEL: &str = "main";

/// Opens the window that `tauri.conf.json` describes.
///
/// It is made here and not by the configuration, because only so it can be told where it may go: nowhere.
///
/// # Errors
/// When the configuration has no window, or the system gives none.
pub(crate) fn open<R: Runtime>(
    app: &AppHandle<R>,
    session: &Session,
) -> tauri::Result<WebviewWindow<R>> {
    let windows = &app.config().app.windows;
    let config = windows.iter().find(|window| window.label == LABEL);
    let config = config.ok_or(tauri::Error::WindowNotFound)?;
    let development = if tauri::is_dev() {
        app.config().build.dev_url.clone()
    } else {
        None
    };
    let window = WebviewWindowBuilder::from_config(app, config)?
        .on_navigation(move |url| is_own(url, development.as_ref()))
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    let (app, session) = (app.clone(), session.clone());
    window.on_window_event(move |event| {
        if let WindowEvent::DragDrop(drag) = event {
            tell_drag(&app, &session, drag);
        }
    });
    Ok(window)
}

/// Tells the page of files that are dragged over it. It learns their names only when they are dropped.
fn tell_drag<R: Runtime>(app: &AppHandle<R>, session: &Session, drag: &DragDropEvent) {
    // What is its own is no file that could be loaded.
    if session.is_dragging() {
        tell_returned(app, Some(drag));
        return;
    }
    let hover = |count| FilesHover { count }.emit(app);
    let told = match drag {
        DragDropEvent::Enter { paths, .. } => hover(u32::try_from(paths.len()).unwrap_or(u32::MAX)),
        DragDropEvent::Drop { paths, .. } => {
            let files = paths.iter().map(|path| session.give(path.clone()));
            let files = files.collect();
            hover(0).and_then(|()| FilesDropped { files }.emit(app))
        }
        DragDropEvent::Leave => hover(0),
        // The pointer moves over the page: nothing that it would draw differently.
        _ => Ok(()),
    };
    if let Err(error) = told {
        tracing::warn!(%error, "the window did not hear of dropped files");
    }
}

/// Tells the page of what was dragged out of it and is over it again; `None`: the drag ended. The page itself hears
/// nothing of the pointer meanwhile.
pub(crate) fn tell_returned<R: Runtime>(app: &AppHandle<R>, drag: Option<&DragDropEvent>) {
    let (at, released) = match drag {
        Some(DragDropEvent::Enter { position, .. } | DragDropEvent::Over { position, .. }) => {
            (Some(position), false)
        }
        Some(DragDropEvent::Drop { position, .. }) => (Some(position), true),
        Some(_) => (None, false),
        None => (None, true),
    };
    let at = at.map(|position| {
        let position = position.cast::<i32>();
        PagePoint {
            x: position.x,
            y: position.y,
        }
    });
    if let Err(error) = (DragReturned { at, released }).emit(app) {
        tracing::warn!(%error, "the window did not hear where its own images are");
    }
}

/// Tells whether a page is the program's own. Links in images and registries' texts lead nowhere.
fn is_own(url: &Url, development: Option<&Url>) -> bool {
    let own = if cfg!(any(windows, target_os = "android")) {
        url.scheme() == "http" && url.host_str() == Some("tauri.localhost") && url.port().is_none()
    } else {
        url.scheme() == "tauri" && url.host_str() == Some("localhost")
    };
    own || development.is_some_and(|development| development.origin() == url.origin())
}

/// Draws everything in the window at a part of its usual size, in percent.
pub(crate) fn zoom<R: Runtime>(app: &AppHandle<R>, percent: u32) {
    if let Some(window) = main(app)
        && let Err(error) = window.set_zoom(f64::from(percent) / 100.0)
    {
        tracing::warn!(%error, percent, "the window keeps its size of text");
    }
}

/// The window, while there is one.
pub(crate) fn main<R: Runtime>(app: &AppHandle<R>) -> Option<WebviewWindow<R>> {
    app.get_webview_window(LABEL)
}

/// Tells whether the user looks at the window.
pub(crate) fn is_focused<R: Runtime>(app: &AppHandle<R>) -> bool {
    // A window that cannot say is not looked at: a notification too many is better than none.
    main(app).is_some_and(|window| window.is_focused().unwrap_or(false))
}

/// Brings the window to the front.
pub(crate) fn come_forward<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = main(app) else { return };
    let done = window
        .show()
        .and_then(|()| window.unminimize())
        .and_then(|()| window.set_focus());
    if let Err(error) = done {
        tracing::warn!(%error, "the window does not come to the front");
    }
}

/// Brings the window to the front and shows an image in it, if there is one to show.
pub(crate) fn show_image<R: Runtime>(app: &AppHandle<R>, target: Option<&str>) {
    come_forward(app);
    let Some(target) = target else { return };
    let event = FocusImage {
        target: target.to_owned(),
    };
    if let Err(error) = event.emit(app) {
        tracing::warn!(%error, "the window did not hear which image to show");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(windows))]
    #[test]
    fn only_the_programs_own_pages_are_shown() {
        let own = |url: &str| is_own(&url.parse().expect(url), None);
        assert!(own("tauri://localhost/"));
        assert!(own("tauri://localhost/index.html#images"));
        for foreign in [
            "http://tauri.localhost/",
            "https://tauri.localhost.evil.test/",
            "tauri://evil.test/",
            "http://localhost:5173/",
            "https://example.com/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "javascript:alert(1)",
        ] {
            assert!(!own(foreign), "{foreign}");
        }
    }

    #[test]
    fn while_developing_vites_pages_are_own_too() {
        let vite: Url = "http://localhost:5173".parse().expect("a URL");
        let own = |url: &str| is_own(&url.parse().expect(url), Some(&vite));
        assert!(own("http://localhost:5173/src/main.ts"));
        assert!(!own("http://localhost:5174/"));
    }
}
