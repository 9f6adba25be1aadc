//! The program itself, as its users and the programs that call it see it: real process, real store, real HTTP to an
//! in-process registry.

mod archives;
mod committing;
mod copying;
mod damage;
#[cfg(target_os = "linux")]
mod debian;
#[cfg(target_os = "linux")]
mod ending;
mod engines;
mod errors;
#[cfg(target_os = "linux")]
mod exported;
mod foreign;
mod full;
mod importing;
mod input;
mod inside;
mod lab;
#[cfg(target_os = "linux")]
mod launching;
mod looking;
#[cfg(unix)]
mod odd;
#[cfg(unix)]
mod on_disk;
#[cfg(target_os = "linux")]
mod peers;
#[cfg(target_os = "linux")]
mod place;
mod places;
mod pulling;
mod pushing;
mod registries;
mod removing;
#[cfg(target_os = "linux")]
mod running;
mod typing;
#[cfg(unix)]
mod unpacking;
