//! Another program's window, from which files are dragged: `drag_source X Y FILE...`. Prints `ready` when it is there.

#[cfg(target_os = "linux")]
#[expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's own program: what cannot be done ends it, and it has one word to say"
)]
fn main() {
    use gtk::gdk::{DragAction, ModifierType};
    use gtk::prelude::*;

    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().unwrap().parse::<i32>().unwrap();
    let (x, y) = (number(), number());
    // A file manager gives addresses, with every odd letter escaped.
    let uris: Vec<String> = arguments
        .map(|path| gtk::glib::filename_to_uri(path, None).unwrap().to_string())
        .collect();
    gtk::init().unwrap();
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_title("files");
    window.set_default_size(120, 120);
    let handle = gtk::EventBox::new();
    handle.add(&gtk::Label::new(Some("files")));
    window.add(&handle);
    handle.drag_source_set(ModifierType::BUTTON1_MASK, &[], DragAction::COPY);
    handle.drag_source_add_uri_targets();
    handle.connect_drag_data_get(move |_, _, data, _, _| {
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        assert!(data.set_uris(&uris), "the files cannot be given");
    });
    window.connect_map_event(|_, _| {
        println!("ready");
        gtk::glib::Propagation::Proceed
    });
    window.move_(x, y);
    window.show_all();
    gtk::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
