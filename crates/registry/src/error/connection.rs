//! What goes wrong with a connection.

use std::fmt;

/// What a server was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The connection.
    Connect,
    /// The answer.
    Headers,
    /// The next piece of the body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Headers => "waiting for the answer",
            Self::Body => "in the middle of the data",
        })
    }
}

/// What is wrong with a server's certificate or TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsReason {
    /// The certificate has expired, or this computer's clock is ahead.
    Expired,
    /// The certificate is not valid yet, or this computer's clock is behind.
    NotYetValid,
    /// The certificate is for another name.
    WrongName,
    /// Nobody whom this computer trusts has signed the certificate.
    UnknownIssuer,
    /// The certificate is signed by itself, and is not among those that are trusted.
    SelfSigned,
    /// The server does not speak TLS on this port.
    NotTls,
    /// Something else, in the TLS library's words.
    Other(String),
}

impl fmt::Display for TlsReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("its certificate has expired"),
            Self::NotYetValid => f.write_str("its certificate is not valid yet"),
            Self::WrongName => f.write_str("its certificate is for another name"),
            Self::UnknownIssuer => {
                f.write_str("its certificate is signed by an authority that is not trusted here")
            }
            Self::SelfSigned => {
                f.write_str("its certificate is signed by itself and not trusted here")
            }
            Self::NotTls => f.write_str("it does not speak TLS"),
            Self::Other(words) => f.write_str(words),
        }
    }
}
