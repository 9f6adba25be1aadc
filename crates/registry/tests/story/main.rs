//! Stories about the registry client: real HTTP, to a registry that misbehaves on command and to the real one.

mod auth;
mod credentials;
mod docker_registry;
mod lab;
mod mirrors;
mod passing;
mod proxies;
mod push;
mod redirects;
mod resolve;
mod resume;
mod retries;
mod tags;
