//! Containers that really run, with crun and runc, as root and as a user.
#![cfg(target_os = "linux")]

mod lab;

mod changes;
mod life;
mod network;
mod run;
