//! Whose certificate it is that was not accepted, for people who have to decide whether to trust it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use oci::{Algorithm, Hasher};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::status::plain;
use crate::tls::Trusted;

/// The most hosts whose certificates are remembered.
const MAX_SEEN: usize = 100;

/// What a certificate says of itself. Nobody has verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// For whom it is: the common name, else the organisation.
    pub subject: Option<String>,
    /// Who signed it.
    pub issuer: Option<String>,
    /// Whether nobody but itself has signed it.
    pub self_signed: bool,
    /// SHA-256 over the certificate, as browsers and openssl show it.
    pub fingerprint: String,
}

impl PeerCertificate {
    fn read(certificate: &[u8]) -> Self {
        let names = names(certificate);
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(certificate);
        let digest = hasher.finish();
        let pairs: Vec<String> = digest
            .hex()
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect();
        Self {
            self_signed: names.is_some_and(|names| names.0 == names.1),
            issuer: names.as_ref().and_then(|names| name(names.0)),
            subject: names.and_then(|names| name(names.1)),
            fingerprint: pairs.join(":"),
        }
    }
}

impl fmt::Display for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject.as_deref().unwrap_or("somebody without a name");
        match &self.issuer {
            _ if self.self_signed => write!(f, "the certificate is {subject}'s own")?,
            Some(issuer) => write!(f, "the certificate is for {subject}, signed by {issuer}")?,
            None => write!(f, "the certificate is for {subject}")?,
        }
        write!(f, ", SHA-256 {}", self.fingerprint)
    }
}

/// The certificates that were not accepted, by the name of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<HashMap<String, PeerCertificate>>>);

impl Seen {
    /// Returns the last certificate of a host, which may have a port, that was not accepted.
    pub(crate) fn of(&self, host: &str) -> Option<PeerCertificate> {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.trim_matches(['[', ']']);
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(name).cloned()
    }
}

/// Asks another verifier, then those that the user trusts, and remembers what neither accepts.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) judge: Arc<dyn ServerCertVerifier>,
    pub(crate) trusted: Trusted,
    pub(crate) seen: Seen,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .judge
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .or_else(|error| self.trusted.accept(end_entity, server_name, error));
        if verdict.is_err() {
            let name = server_name.to_str().into_owned();
            let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() < MAX_SEEN || seen.contains_key(&name) {
                seen.insert(name, PeerCertificate::read(end_entity));
            }
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// DER's tags, of those that stand on the way to a name.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;
const VERSION: u8 = 0xa0;

/// `2.5.4.3` and `2.5.4.10`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

/// Cuts one element off the front of DER: its tag, what is in it, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            let length = digits.iter().fold(0_usize, |sum, digit| {
                sum.saturating_mul(256).saturating_add(usize::from(*digit))
            });
            (length, rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// Cuts an element of a certain tag off.
fn tagged(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, after) = element(bytes)?;
    (tag == wanted).then_some((content, after))
}

/// Finds the names of issuer and subject: <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>.
fn names(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (certificate, _) = tagged(certificate, SEQUENCE)?;
    let (signed, _) = tagged(certificate, SEQUENCE)?;
    let rest = tagged(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_, rest) = tagged(rest, INTEGER)?;
    let (_, rest) = tagged(rest, SEQUENCE)?;
    let (issuer, rest) = tagged(rest, SEQUENCE)?;
    let (_, rest) = tagged(rest, SEQUENCE)?;
    let (subject, _) = tagged(rest, SEQUENCE)?;
    Some((issuer, subject))
}

/// Reads the common name of a name, else the organisation.
fn name(mut bytes: &[u8]) -> Option<String> {
    let mut organisation = None;
    while let Some((set, rest)) = tagged(bytes, SET) {
        bytes = rest;
        let Some((pair, _)) = tagged(set, SEQUENCE) else {
            continue;
        };
        let Some((kind, value)) = tagged(pair, OBJECT) else {
            continue;
        };
        let Some((_, text, _)) = element(value) else {
            continue;
        };
        let text = plain(&String::from_utf8_lossy(text));
        match kind {
            COMMON_NAME if !text.is_empty() => return Some(text),
            ORGANISATION if !text.is_empty() => organisation = Some(text),
            _ => {}
        }
    }
    organisation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_certificate_have_no_names() {
        for bytes in [
            &b""[..],
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x80\x00\x00",
            b"\x30\x03\x30\x01\xa0",
        ] {
            let read = PeerCertificate::read(bytes);
            assert_eq!((read.subject, read.issuer), (None, None), "{bytes:?}");
            assert_eq!(read.fingerprint.len(), 95);
        }
    }

    #[test]
    fn a_host_has_a_port_or_none() {
        let seen = Seen::default();
        let certificate = PeerCertificate::read(b"x");
        for name in ["a.example", "::1"] {
            let mut all = seen.0.lock().expect("not poisoned");
            all.insert(name.to_owned(), certificate.clone());
        }
        for host in ["a.example", "a.example:5000", "[::1]:5000"] {
            assert!(seen.of(host).is_some(), "{host}");
        }
        assert!(seen.of("b.example").is_none());
    }
}
