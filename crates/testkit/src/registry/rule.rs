//! What a registry does wrong, and when.

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// By RST, as a crashed server or a firewall does.
    Reset,
    /// By FIN, as if everything were over.
    Close,
}

/// One thing that goes wrong with an answer. Several can be combined in a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Cuts the connection after this many bytes of the body; `None` cuts before the answer.
    Cut(Option<usize>, Cut),
    /// Cuts the connection after this many bytes of the request's body, without an answer.
    CutRequest(usize, Cut),
    /// Falls silent after this many bytes of the body, with the connection open; `None` does not answer at all.
    Stall(Option<usize>),
    /// Inverts the lowest bit of a byte of the body.
    Flip(usize),
    /// Says another `Content-Length`, and closes after the body.
    Length(String),
    /// Leaves `Content-Length` out and ends the body by closing.
    NoLength,
    /// Sends the body in chunks.
    Chunked,
    /// Goes on sending chunks after the body, up to 64 MiB or until the client has enough.
    Endless,
    /// Answers with this status, headers and body.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// Redirects there; `{path}` stands for the path and query of the request.
    Redirect(u16, String),
    /// Answers a request for a range with everything.
    IgnoreRange,
    /// Says another `Content-Range`.
    ContentRange(String),
    /// Sets a header.
    Header(String, String),
    /// Leaves a header out.
    WithoutHeader(String),
    /// Sends another body.
    Body(Vec<u8>),
}

impl Fault {
    /// Answers with a status and no body.
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }

    /// Answers with a status and `Retry-After`.
    pub fn retry_after(status: u16, value: &str) -> Self {
        Self::Answer(
            status,
            vec![("Retry-After".to_owned(), value.to_owned())],
            Vec::new(),
        )
    }

    /// Answers with a status and a registry's error.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self::Answer(
            status,
            vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body.to_string().into_bytes(),
        )
    }

    /// Answers 401 with a challenge.
    pub fn challenge(challenge: &str) -> Self {
        Self::Answer(
            401,
            vec![("WWW-Authenticate".to_owned(), challenge.to_owned())],
            Vec::new(),
        )
    }
}

/// Which requests go wrong, how often, and how.
#[derive(Clone, Debug)]
pub struct Rule {
    method: Option<String>,
    path: String,
    skip: u32,
    times: u32,
    pub(super) faults: Vec<Fault>,
}

impl Rule {
    /// Means every request whose path (with query) contains this text.
    pub fn path(text: impl Into<String>) -> Self {
        Self {
            method: None,
            path: text.into(),
            skip: 0,
            times: u32::MAX,
            faults: Vec::new(),
        }
    }

    /// Means only requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Lets the first requests of those meant pass.
    #[must_use]
    pub fn after(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Goes wrong this many times and is then over; without it, always.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = count;
        self
    }

    /// Goes wrong once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Adds what goes wrong.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Tells whether a request is hit, and counts it.
    pub(super) fn hits(&mut self, method: &str, target: &str) -> bool {
        let meant = self.method.as_ref().is_none_or(|wanted| wanted == method)
            && target.contains(&self.path);
        if !meant || self.times == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}
