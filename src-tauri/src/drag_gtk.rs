//! A drag out of the window as GTK does it: on X11 and on Wayland.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{self, TryRecvError};

use gtk::gdk::{DragAction, DragContext, ModifierType};
use gtk::glib::{self, MainContext, SignalHandlerId};
use gtk::prelude::*;
use gtk::{TargetList, Widget};
use tauri::{AppHandle, Runtime};
use tauri_specta::Event as _;

use crate::Session;
use crate::contract::{FileDropped, ImagesDropped};
use crate::drag_out::{Dragged, DraggedFiles, DraggedWhat};
use crate::window;

/// The mouse button that drags.
const LEFT: i32 = 1;

/// Lets the pointer, whose button is down, hold images or a file. The drag ends without us.
pub(crate) fn begin<R: Runtime>(app: &AppHandle<R>, session: Session, dragged: Dragged) {
    let Some(window) = window::main(app) else {
        return;
    };
    let app = app.clone();
    let begun = window.with_webview(move |platform| {
        start(platform.inner().upcast_ref(), app, session, dragged);
    });
    if let Err(error) = begun {
        tracing::warn!(%error, "no drag out of the window");
    }
}

/// How far a drag is.
struct Drag<R: Runtime> {
    app: AppHandle<R>,
    session: Session,
    dragged: Dragged,
    /// The button was let go over a program that takes the file.
    dropped: Cell<bool>,
    ended: Cell<bool>,
    file: Cell<State>,
}

/// What there is of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Nothing,
    Underway,
    Complete,
}

fn start<R: Runtime>(webview: &Widget, app: AppHandle<R>, session: Session, dragged: Dragged) {
    let Ok(uri) = glib::filename_to_uri(&dragged.file, None) else {
        return;
    };
    // The page's call may come after the button went up; a drag that begins then would hang on the pointer until the next click.
    if !is_pressed(webview) {
        return;
    }
    let targets = TargetList::new(&[]);
    targets.add_uri_targets(0);
    let begun = webview.drag_begin_with_coordinates(&targets, DragAction::COPY, LEFT, None, -1, -1);
    let Some(context) = begun else { return };
    context.drag_set_icon_name("package-x-generic", 0, 0);
    session.drag_underway(true);
    let drag = Rc::new(Drag {
        app,
        session,
        dragged,
        dropped: Cell::new(false),
        ended: Cell::new(false),
        file: Cell::new(State::Nothing),
    });
    let own = drag.clone();
    context.connect_drop_performed(move |_, _| own.dropped.set(true));
    let handlers: Rc<RefCell<Vec<SignalHandlerId>>> = Rc::default();
    let (own, this) = (drag.clone(), context.clone());
    let gives = webview.connect_drag_data_get(move |webview, context, data, _, _| {
        if *context == this && own.can_give(webview, context) {
            // A selection that stays empty is how a source says that it has nothing after all.
            data.set_uris(&[uri.as_str()]);
        }
    });
    let (registered, this) = (handlers.clone(), context);
    let ends = webview.connect_drag_end(move |webview, context| {
        if *context != this {
            return;
        }
        drag.ended.set(true);
        drag.tell_end();
        for handler in registered.take() {
            webview.disconnect(handler);
        }
    });
    handlers.borrow_mut().extend([gives, ends]);
}

/// Tells whether the button that drags is down.
fn is_pressed(webview: &Widget) -> bool {
    let pointer = webview
        .display()
        .default_seat()
        .and_then(|seat| seat.pointer());
    let (Some(window), Some(pointer)) = (webview.window(), pointer) else {
        return false;
    };
    let (_, _, _, buttons) = window.device_position(&pointer);
    buttons.contains(ModifierType::BUTTON1_MASK)
}

impl<R: Runtime> Drag<R> {
    /// Says that it is over, behind what the window has yet to hear of it: a drop on it comes through the event loop.
    fn tell_end(&self) {
        let (app, session) = (self.app.clone(), self.session.clone());
        // From another thread: asked from its own, the event loop does it at once.
        tauri::async_runtime::spawn(async move {
            let told = app.clone();
            let end = move || {
                session.drag_underway(false);
                window::tell_returned(&told, None);
            };
            if let Err(error) = app.run_on_main_thread(end) {
                tracing::warn!(%error, "the window did not hear of a drag's end");
            }
        });
    }

    /// Tells whether the address can be given away, after writing the file where it was dropped.
    ///
    /// Programs that only look what is held over them learn the address, and nothing is written for them.
    fn can_give(&self, webview: &Widget, context: &DragContext) -> bool {
        if !self.dropped.get() || is_own(webview, context) {
            return true;
        }
        if self.file.get() == State::Nothing {
            self.file.set(State::Underway);
            let complete = self.write();
            self.file.set(match complete {
                true => State::Complete,
                false => State::Nothing,
            });
        }
        self.file.get() == State::Complete
    }

    /// Lets the page save what is dragged, and waits. The window lives on meanwhile.
    fn write(&self) -> bool {
        let path: &Path = &self.dragged.file;
        if let Err(error) = DraggedFiles::make_room(path) {
            tracing::warn!(%error, path = %path.display(), "no folder for a dragged file");
            return false;
        }
        let (tell, told) = mpsc::channel();
        let told_here = Box::new(move |complete| {
            if tell.send(complete).is_err() {
                tracing::debug!("the drag ended before its file");
            }
            MainContext::default().wakeup();
        });
        self.session.dragged().wait_for(path, told_here);
        let file = self.session.give(path.to_owned());
        let heard = match self.dragged.what.clone() {
            DraggedWhat::Images(images) => ImagesDropped { file, images }.emit(&self.app),
            DraggedWhat::File(source) => FileDropped { file, source }.emit(&self.app),
        };
        if let Err(error) = heard {
            tracing::warn!(%error, "the window did not hear of a drop");
            return false;
        }
        loop {
            match told.try_recv() {
                Ok(complete) => return complete,
                Err(TryRecvError::Empty) if !self.ended.get() => {}
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return false,
            }
            // GTK wants the answer before its signal returns, and everything else wants the main loop.
            MainContext::default().iteration(true);
        }
    }
}

/// Tells whether what is dragged is over the window that it comes from.
fn is_own(webview: &Widget, context: &DragContext) -> bool {
    let window = webview.toplevel().and_then(|window| window.window());
    window.is_some_and(|window| context.dest_window() == window)
}
