//! From a connection to an answer: what the registry would say, and what the rules make of it.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::json;

use super::auth::{self, Guard};
use super::http::{After, Logged, Reply, cut_off, read_body, read_head, write_reply};
use super::repository;
use super::rule::Fault;
use super::{Shared, State};

pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.silence.is_over() {
            return;
        }
        let Ok(stream) = stream else { continue };
        stream.set_nodelay(true).unwrap();
        let stream = Arc::new(stream);
        {
            let mut state = shared.state();
            state
                .connections
                .retain(|connection| connection.strong_count() > 0);
            state.connections.push(Arc::downgrade(&stream));
        }
        let shared = shared.clone();
        std::thread::spawn(move || converse(&stream, &shared));
    }
}

fn converse(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(mut request) = read_head(&mut reader) {
        let faults = shared.state().faults(&request);
        let cut = faults.iter().find_map(|fault| match fault {
            Fault::CutRequest(at, cut) => Some((*at, *cut)),
            _ => None,
        });
        let Some(whole) = read_body(&mut reader, &mut request, cut.map(|(at, _)| at)) else {
            return;
        };
        let reply = answer(shared, request.clone(), whole, &faults);
        if let Some((_, cut)) = cut.filter(|_| !whole) {
            cut_off(stream, cut);
            return;
        }
        let head = request.method == "HEAD";
        if write_reply(stream, head, &reply, &faults, &shared.silence) == After::Close {
            return;
        }
    }
}

/// Finds the answer to a request. Some of the faults are still to happen while it is sent.
fn answer(shared: &Shared, mut request: Logged, whole: bool, faults: &[Fault]) -> Reply {
    let mut state = shared.state();
    // A request that the rule answers does not reach the registry.
    let is_answered = faults
        .iter()
        .any(|fault| matches!(fault, Fault::Answer(..) | Fault::Redirect(..)));
    let mut reply = match is_answered {
        true => Reply::default(),
        false => state.route(&request, &shared.base, whole, faults),
    };
    for fault in faults {
        match fault {
            Fault::Answer(status, headers, body) => {
                reply = Reply {
                    status: *status,
                    headers: headers.clone(),
                    body: body.clone(),
                };
            }
            Fault::Redirect(status, to) => {
                reply = Reply {
                    status: *status,
                    ..Reply::default()
                };
                reply.set("Location", to.replace("{path}", &request.path));
            }
            Fault::Flip(at) => {
                if let Some(byte) = reply.body.get_mut(*at) {
                    *byte ^= 1;
                }
            }
            Fault::ContentRange(value) => reply.set("Content-Range", value),
            Fault::Header(name, value) => reply.set(name, value),
            Fault::WithoutHeader(name) => reply.remove(name),
            Fault::Body(body) => reply.body.clone_from(body),
            _ => {}
        }
    }
    let unanswered = faults
        .iter()
        .any(|fault| matches!(fault, Fault::Cut(None, _) | Fault::Stall(None)));
    request.status = if unanswered || !whole {
        0
    } else {
        reply.status
    };
    state.log.push(request);
    reply
}

impl State {
    /// Returns what goes wrong with a request, and counts it.
    fn faults(&mut self, request: &Logged) -> Vec<Fault> {
        let hit = self.rules.iter_mut().find_map(|rule| {
            rule.hits(&request.method, &request.path)
                .then(|| rule.faults.clone())
        });
        hit.unwrap_or_default()
    }

    fn route(&mut self, request: &Logged, base: &str, whole: bool, faults: &[Fault]) -> Reply {
        let all = faults.contains(&Fault::IgnoreRange);
        let path = request.path.split('?').next().unwrap_or_default();
        if path == "/token" {
            return match &self.guard {
                Guard::Bearer(bearer) => auth::token(bearer, &mut self.tokens, request),
                _ => Reply::error(404, "UNSUPPORTED"),
            };
        }
        if let Some(refusal) = auth::refuse(&self.guard, &mut self.tokens, request, base) {
            return refusal;
        }
        if path == "/v2/" {
            return Reply::new(200, "application/json", "{}");
        }
        if let Some(reply) = self.upload(request, whole) {
            return reply;
        }
        if path == "/v2/_catalog" {
            let names: BTreeSet<_> = self.repositories.keys().collect();
            let names = names.into_iter();
            return repository::list(
                names,
                request,
                self.page_size,
                |names| json!({ "repositories": names }),
            );
        }
        let rest = path.strip_prefix("/v2/").unwrap_or_default();
        for part in ["/manifests/", "/blobs/", "/tags/"] {
            if let Some((repository, name)) = rest.rsplit_once(part) {
                let Some(found) = self.repositories.get(repository) else {
                    return Reply::error(404, "NAME_UNKNOWN");
                };
                return match part {
                    "/manifests/" => found.manifest(name, self.uploads.conditional),
                    "/blobs/" => found.blob(name, request.header("range").filter(|_| !all)),
                    _ => found.tag_list(repository, request, self.page_size),
                };
            }
        }
        Reply::error(404, "UNSUPPORTED")
    }
}
