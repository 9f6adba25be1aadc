//! Desktop notifications: the end of an operation, told to a user who looks elsewhere.

use tauri::{AppHandle, Runtime};

use crate::desktop::Notice;
use crate::window;

/// Tells a notice, unless the window has the focus: then the window itself tells it.
///
/// A click on it shows the image, where the desktop tells us of clicks. Returns at once.
pub(crate) fn announce<R: Runtime>(app: &AppHandle<R>, notice: Notice) {
    if window::is_focused(app) {
        return;
    }
    let app = app.clone();
    // The desktop may take its time, and a click comes whenever the user likes.
    let thread = std::thread::Builder::new().name("notification".into());
    let started = thread.spawn(move || {
        if let Err(error) = show(&app, &notice) {
            tracing::warn!(%error, "the desktop does not show notifications");
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "a notification could not be told");
    }
}

#[cfg(target_os = "linux")]
fn show<R: Runtime>(app: &AppHandle<R>, notice: &Notice) -> Result<(), notify_rust::error::Error> {
    // <https://specifications.freedesktop.org/notification/latest/protocol.html>. A desktop that does not answer is asked
    // for no more than a plain notification.
    let capabilities = notify_rust::get_capabilities().unwrap_or_default();
    let can = |capability: &str| capabilities.iter().any(|can| can == capability);
    let body = if can("body-markup") {
        escaped(&notice.body)
    } else {
        notice.body.clone()
    };
    let mut notification = notify_rust::Notification::new();
    notification
        .appname("Strata")
        .summary(&notice.title)
        .body(&body);
    // By this name the desktop finds the icon, and counts the notification as this program's.
    notification.hint(notify_rust::Hint::DesktopEntry("Strata".into()));
    let clicks = can("actions");
    if clicks {
        notification.action("default", "Show");
    }
    let shown = notification.show()?;
    if clicks {
        // Blocks this thread until the notification is clicked or gone.
        shown.wait_for_action(|action| {
            if action == "default" {
                window::show_image(app, notice.target.as_deref());
            }
        });
    }
    Ok(())
}

/// Elsewhere a click brings the program to the front by itself; which image it was about is not told.
#[cfg(not(target_os = "linux"))]
fn show<R: Runtime>(
    app: &AppHandle<R>,
    notice: &Notice,
) -> Result<(), tauri_plugin_notification::Error> {
    use tauri_plugin_notification::NotificationExt as _;
    let notification = app.notification().builder();
    notification.title(&notice.title).body(&notice.body).show()
}

/// A registry's words are shown as they are: no markup of theirs counts.
#[cfg(target_os = "linux")]
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn markup_from_a_registry_is_text() {
        let text = "<b>denied</b> & <a href=\"http://evil.test\">sign in</a>";
        let escaped = super::escaped(text);
        assert!(
            !escaped.contains('<') && !escaped.contains('>'),
            "{escaped}"
        );
    }
}
