//! The contract with the window: every command, every event, and the TypeScript that is generated from them.

use crate::commands::inside::FileOf;
use crate::files::GivenFile;
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::Runtime;
use tauri_specta::{Builder, Event, collect_commands, collect_events};

use crate::commands::containers::{commit, config, edit, list, run, terminal};
use crate::commands::inside::{content, listing, saving, treemap, waste};
use crate::commands::{
    archives, compare, copy, image, images, lineage, load, place_containers, place_removal, places,
    pull, push, registries, remote, removal, settings, software, store, tags, window,
};

/// Something in the store has changed, by whichever window or program.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct StoreChanged {
    /// A number that differs after every change.
    pub generation: u64,
}

/// The user wants to see an image: a notification about it was clicked.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct FocusImage {
    /// The image's target.
    pub target: String,
}

/// What was dragged out of the window is held over it again, or is no more.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct DragReturned {
    /// Where, in the page; `null` when it is not over it.
    pub at: Option<PagePoint>,
    /// Whether it was let go.
    pub released: bool,
}

/// A point of the page, in its pixels.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PagePoint {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
}

/// Files are held over the window, or are no more.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct FilesHover {
    /// How many; 0 when they have left.
    pub count: u32,
}

/// Files were dropped on the window.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct FilesDropped {
    /// The files and folders.
    pub files: Vec<GivenFile>,
}

/// Images that were dragged out of the window were dropped on another program, which waits for the file.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct ImagesDropped {
    /// Where `save` is to write them.
    pub file: GivenFile,
    /// The images.
    pub images: Vec<String>,
}

/// A file or folder that was dragged out of the window was dropped on another program, which waits for it.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct FileDropped {
    /// Where `saveFile` is to write it.
    pub file: GivenFile,
    /// What it is in its image.
    pub source: FileOf,
}

/// Lists everything that the window can ask for and hear.
///
/// `src-tauri/capabilities/main.json` allows exactly these commands; a test compares the two.
#[must_use]
pub fn contract<R: Runtime>() -> Builder<R> {
    Builder::<R>::new()
        .commands(collect_commands![
            images::images,
            image::image,
            image::image_documents,
            lineage::image_lineage,
            software::image_software,
            compare::compare,
            compare::compared_files,
            compare::compare_text,
            pull::plan_pull,
            pull::pull,
            pull::cancel,
            pull::interrupted,
            pull::dismiss_interrupted,
            pull::complete_reference,
            tags::plan_tag,
            tags::name_holder,
            tags::tag,
            tags::undo,
            tags::undoable,
            tags::journal,
            removal::plan_removal,
            removal::plan_prune,
            removal::execute_plan,
            store::disk_usage,
            store::disk_sharing,
            store::check_store,
            store::store_status,
            settings::settings,
            settings::save_settings,
            settings::choose_store_place,
            settings::choose_ca_files,
            archives::choose_archives,
            archives::choose_archive_place,
            load::plan_load,
            load::load,
            load::import,
            archives::save,
            listing::file_outline,
            listing::find_in_outline,
            listing::search_files,
            content::file_facts,
            content::file_content,
            treemap::file_treemap,
            waste::waste,
            saving::choose_file_place,
            saving::save_file,
            saving::drag_file,
            list::containers,
            list::container,
            list::create_container,
            list::remove_container,
            config::container_settings,
            config::set_container_settings,
            edit::container_changes,
            edit::edit_container,
            edit::container_text,
            edit::choose_files_to_add,
            edit::add_files,
            commit::commit,
            run::probe_running,
            run::run_form,
            run::usual_run_form,
            run::check_run_form,
            run::set_run_form,
            terminal::start_in_terminal,
            terminal::start_in_background,
            terminal::exec_in_container,
            terminal::terminals,
            terminal::view_terminal,
            terminal::view_log,
            terminal::view_drawn,
            terminal::close_view,
            terminal::terminal_input,
            terminal::terminal_resize,
            terminal::close_terminal,
            terminal::stop_container,
            terminal::signal_container,
            push::plan_push,
            push::push_elsewhere,
            push::push,
            registries::search,
            registries::list_tags,
            registries::tag_details,
            registries::sign_in,
            registries::sign_out,
            registries::logins,
            registries::check_updates,
            registries::registries,
            registries::registry_login,
            registries::add_registry,
            registries::forget_registry,
            registries::list_repositories,
            remote::look_at_remote,
            remote::remote_documents,
            remote::remote_referrers,
            remote::read_remote_layer,
            places::places,
            places::place_state,
            places::place_images,
            places::place_image,
            places::plan_place_tag,
            places::place_tag,
            place_removal::plan_place_removal,
            place_removal::plan_place_prune,
            place_removal::execute_place_plan,
            place_containers::place_containers,
            place_containers::place_container_changes,
            place_containers::commit_place_container,
            copy::copy,
            archives::drag_images,
            window::ready,
            window::zoom,
        ])
        .events(collect_events![
            StoreChanged,
            DragReturned,
            FocusImage,
            FilesHover,
            FilesDropped,
            ImagesDropped,
            FileDropped
        ])
        // JSON numbers are exact up to 2^53; no size on any disk is larger.
        .dangerously_cast_bigints_to_number()
        // Defaults and `flatten` are not used, so both directions have one shape.
        .disable_serde_phases()
}

/// Writes the TypeScript side of the contract.
///
/// # Errors
/// When a type cannot be said in TypeScript, or the file cannot be written.
pub fn export_bindings(path: &std::path::Path) -> Result<(), specta_typescript::Error> {
    let language = specta_typescript::Typescript::default().header("// @ts-nocheck\n");
    contract::<tauri::Wry>().export(language, path)
}
