//! What the window may ask for. Each command parses its plain arguments, calls one verb of the engine, and converts the
//! answer; a refusal is a [`Failure`](crate::Failure).

pub mod archives;
pub mod compare;
pub mod containers;
pub mod copy;
pub mod image;
pub mod images;
pub mod inside;
pub mod lineage;
pub mod load;
pub mod place_containers;
pub mod place_removal;
pub mod places;
pub mod pull;
pub mod push;
pub mod registries;
pub mod remote;
pub mod removal;
pub mod settings;
pub mod software;
pub mod store;
pub mod tags;
pub mod window;
