//! Another program's window, on which files are dropped: `drop_target X Y INTO`. Prints `ready` when it is there.
//!
//! It behaves as a file manager does: while something is held over it, it asks already what that is; when it is dropped, it asks
//! again, and copies the file or folder that it is told into `INTO`.

#[cfg(target_os = "linux")]
#[expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's own program: what cannot be done ends it, and it has one word to say"
)]
fn main() {
    use std::cell::Cell;
    use std::path::PathBuf;
    use std::rc::Rc;

    use gtk::gdk::{Atom, DragAction};
    use gtk::prelude::*;
    use gtk::{DestDefaults, TargetList};

    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().unwrap().parse::<i32>().unwrap();
    let (x, y) = (number(), number());
    let into = PathBuf::from(arguments.next().unwrap());
    gtk::init().unwrap();
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_title("target");
    // The press that takes hold of a card brings the card's window to the front.
    window.set_keep_above(true);
    window.set_default_size(120, 120);
    window.drag_dest_set(DestDefaults::empty(), &[], DragAction::COPY);
    let targets = TargetList::new(&[]);
    targets.add_uri_targets(0);
    window.drag_dest_set_target_list(Some(&targets));
    let dropped = Rc::new(Cell::new(false));
    window.connect_drag_motion(|window, context, _, _, time| {
        window.drag_get_data(context, &Atom::intern("text/uri-list"), time);
        context.drag_status(DragAction::COPY, time);
        true
    });
    let let_go = dropped.clone();
    window.connect_drag_drop(move |window, context, _, _, time| {
        let_go.set(true);
        window.drag_get_data(context, &Atom::intern("text/uri-list"), time);
        true
    });
    window.connect_drag_data_received(move |_, context, _, _, data, _, time| {
        let uris = data.uris();
        let paths = uris
            .iter()
            .map(|uri| gtk::glib::filename_from_uri(uri).unwrap().0);
        let paths: Vec<PathBuf> = paths.collect();
        // The next drag is looked at first, too.
        if !dropped.replace(false) {
            assert!(
                paths.iter().all(|path| !path.exists()),
                "written before the drop"
            );
            return;
        }
        for path in &paths {
            copy(path, &into.join(path.file_name().unwrap())).unwrap();
        }
        context.drag_finish(!paths.is_empty(), false, time);
    });
    window.connect_map_event(|_, _| {
        println!("ready");
        gtk::glib::Propagation::Proceed
    });
    window.move_(x, y);
    window.show_all();
    gtk::main();
}

#[cfg(target_os = "linux")]
fn copy(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return std::fs::copy(from, to).map(drop);
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
