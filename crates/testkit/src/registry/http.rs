//! Just enough HTTP/1.1 to be wrong in exactly the way that is asked for.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::rule::{Cut, Fault};

/// A request as it arrived, and what was answered.
#[derive(Clone, Debug)]
pub struct Logged {
    /// `GET`, `HEAD` and so on.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The status that was answered; 0 if the connection was cut before.
    pub status: u16,
}

impl Logged {
    /// Returns a header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query, or of a form in the body, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        let all = url::form_urlencoded::parse(query.as_bytes())
            .chain(url::form_urlencoded::parse(&self.body));
        all.into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// An answer before anything goes wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": code.to_lowercase().replace('_', " ")}]});
        Self::new(status, "application/json", body.to_string())
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }
}

/// Reads a request without its body. `None` if the client has closed, or speaks something else, such as TLS.
pub(crate) fn read_head(reader: &mut BufReader<&TcpStream>) -> Option<Logged> {
    // A TLS handshake starts with 0x16. Closing at once is what tells the client quickly.
    if reader
        .fill_buf()
        .ok()?
        .first()
        .is_none_or(|byte| !byte.is_ascii_uppercase())
    {
        return None;
    }
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(Logged {
        method,
        path,
        headers,
        body: Vec::new(),
        status: 0,
    })
}

/// Reads the body of a request, or only so many bytes of it. Tells whether it is whole; `None` if the client has gone.
pub(crate) fn read_body(
    reader: &mut BufReader<&TcpStream>,
    request: &mut Logged,
    most: Option<usize>,
) -> Option<bool> {
    let length = request
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let wanted = most.map_or(length, |most| most.min(length));
    request.body.resize(wanted, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(wanted == length && most.is_none_or(|most| most > length))
}

/// Whether the connection can be used for another request.
#[derive(PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    Close,
}

/// Answers that will never come to their end.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    over: AtomicBool,
    fallen: AtomicUsize,
}

impl Silence {
    /// Ends it, for all.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Tells whether it was ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Tells how many clients wait in vain.
    pub(crate) fn clients(&self) -> usize {
        self.fallen.load(Ordering::SeqCst)
    }

    /// Keeps the connection open without a word, until the client closes it or it is over.
    fn fall(&self, mut stream: &TcpStream) -> After {
        self.fallen.fetch_add(1, Ordering::SeqCst);
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let mut byte = [0];
        while !self.is_over() {
            match stream.read(&mut byte) {
                Ok(1..) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                _ => break,
            }
        }
        self.fallen.fetch_sub(1, Ordering::SeqCst);
        After::Close
    }
}

/// How the body is delimited.
enum Framing {
    Length(String),
    Closing,
    Chunks,
}

/// Writes an answer with its faults.
pub(crate) fn write_reply(
    stream: &TcpStream,
    head: bool,
    reply: &Reply,
    faults: &[Fault],
    silence: &Silence,
) -> After {
    for fault in faults {
        match fault {
            Fault::Cut(None, cut) => return cut_off(stream, *cut),
            Fault::Stall(None) => return silence.fall(stream),
            _ => {}
        }
    }
    let mut framing = Framing::Length(reply.body.len().to_string());
    let mut last = None;
    let mut endless = false;
    for fault in faults {
        match fault {
            Fault::Length(text) => framing = Framing::Length(text.clone()),
            Fault::NoLength => framing = Framing::Closing,
            Fault::Chunked => framing = Framing::Chunks,
            Fault::Endless => {
                framing = Framing::Chunks;
                endless = true;
            }
            Fault::Cut(Some(at), _) | Fault::Stall(Some(at)) => last = Some((*at, fault)),
            _ => {}
        }
    }
    let keep = !faults
        .iter()
        .any(|fault| matches!(fault, Fault::Length(_) | Fault::NoLength | Fault::Endless));
    let mut text = format!("HTTP/1.1 {} Answer\r\n", reply.status);
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    match &framing {
        Framing::Length(length) => text.push_str(&format!("Content-Length: {length}\r\n")),
        Framing::Closing => {}
        Framing::Chunks => text.push_str("Transfer-Encoding: chunked\r\n"),
    }
    if !keep {
        text.push_str("Connection: close\r\n");
    }
    text.push_str("\r\n");
    let body = if head { &[] } else { reply.body.as_slice() };
    let sent = last.map_or(body.len(), |(at, _)| at.min(body.len()));
    let chunked = matches!(framing, Framing::Chunks) && !head;
    // The client may have gone away; then there is nobody to tell.
    if write(stream, text.as_bytes(), &body[..sent], chunked).is_err() {
        return After::Close;
    }
    match last {
        Some((_, Fault::Cut(_, cut))) => return cut_off(stream, *cut),
        Some(_) => return silence.fall(stream),
        None => {}
    }
    if endless {
        let filler = [b'x'; 64 * 1024];
        for _ in 0..1024 {
            if write_chunk(stream, &filler).is_err() {
                return After::Close;
            }
        }
    }
    if chunked && write_all(stream, b"0\r\n\r\n").is_err() {
        return After::Close;
    }
    if keep { After::Keep } else { After::Close }
}

fn write(stream: &TcpStream, head: &[u8], body: &[u8], chunked: bool) -> std::io::Result<()> {
    write_all(stream, head)?;
    if chunked {
        return body
            .chunks(16 * 1024)
            .try_for_each(|chunk| write_chunk(stream, chunk));
    }
    write_all(stream, body)
}

fn write_chunk(stream: &TcpStream, chunk: &[u8]) -> std::io::Result<()> {
    write_all(stream, format!("{:x}\r\n", chunk.len()).as_bytes())?;
    write_all(stream, chunk)?;
    write_all(stream, b"\r\n")
}

fn write_all(mut stream: &TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes)
}

pub(crate) fn cut_off(stream: &TcpStream, cut: Cut) -> After {
    if cut == Cut::Reset {
        // With a linger time of zero closing sends RST.
        socket2::SockRef::from(stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
    After::Close
}
