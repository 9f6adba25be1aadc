//! The program itself, as its users and the programs that call it see it: real process, real store, real HTTP to an
//! in-process registry.

mod damage;
mod errors;
mod inside;
mod lab;
mod looking;
mod pulling;
mod removing;
mod typing;
#[cfg(unix)]
mod unpacking;
