//! TLS: whom to trust. rustls with ring, named explicitly, so that no process-wide provider is needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use crate::OptionsError;
use crate::certificate::{Seen, Witness};

/// Builds the configuration that trusts the platform's authorities and those in `ca_files`. Reads files: blocking.
pub(crate) fn verified(ca_files: &[PathBuf], seen: &Seen) -> Result<ClientConfig, OptionsError> {
    let mut extra = Vec::new();
    for path in ca_files {
        extra.extend(read_certificates(path)?);
    }
    let provider = Arc::new(ring::default_provider());
    let builder = config_builder(&provider)?;
    let config = match Verifier::new_with_extra_roots(extra.clone(), provider) {
        Ok(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Witness {
                judge: Arc::new(verifier),
                trusted: Trusted(extra),
                seen: seen.clone(),
            }))
            .with_no_client_auth(),
        // A computer without any authorities (a bare container) can still use plain http. Every https host is then
        // refused as signed by somebody unknown, which is the truth.
        Err(error) if ca_files.is_empty() => {
            tracing::warn!(%error, "the platform has no certificate authorities");
            builder
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        }
        Err(error) => {
            return Err(OptionsError::Client {
                reason: format!("the trusted certificates cannot be used: {error}"),
            });
        }
    };
    Ok(with_protocols(config))
}

/// Builds the configuration that accepts any certificate, for hosts that the user listed as insecure.
pub(crate) fn unverified() -> Result<ClientConfig, OptionsError> {
    let provider = Arc::new(ring::default_provider());
    let config = config_builder(&provider)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(with_protocols(config))
}

fn config_builder(
    provider: &Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, OptionsError> {
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| OptionsError::Client {
            reason: error.to_string(),
        })
}

/// A configuration that is handed to reqwest ready-made must name the HTTP versions itself.
fn with_protocols(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    let text = std::fs::read(path).map_err(|source| OptionsError::CaFile {
        path: path.to_owned(),
        source,
    })?;
    let damaged = |reason: String| OptionsError::Certificate {
        path: path.to_owned(),
        reason,
    };
    let mut certificates = Vec::new();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| damaged(error.to_string()))?;
        // Checked here, where the file's name is known: the verifier would only say that some certificate is bad.
        roots
            .add(certificate.clone())
            .map_err(|error| damaged(error.to_string()))?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        return Err(damaged("it has no PEM certificate".to_owned()));
    }
    Ok(certificates)
}

/// Tells whether a certificate was refused only because it is an authority's, and a server shows it as its own.
pub(crate) fn is_authority_as_server(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error
    else {
        return false;
    };
    let inner = inner.downcast_ref::<webpki::Error>();
    matches!(inner, Some(webpki::Error::CaUsedAsEndEntity))
}

/// The certificates that the user trusts, also as those of a server itself.
///
/// What `openssl req -x509` makes is an authority's certificate, and whoever signs for themselves has their server show just that.
/// The verifier takes no authority for a server, whomever it trusts; the other clients do.
#[derive(Debug)]
pub(crate) struct Trusted(Vec<CertificateDer<'static>>);

impl Trusted {
    /// Accepts a certificate that was refused with `error` only for being an authority's, where it is one of these and the name is
    /// its own. Else the error stands.
    pub(crate) fn accept(
        &self,
        end_entity: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        error: rustls::Error,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The verifier looks at the time before it looks at that.
        if !is_authority_as_server(&error) || !self.0.iter().any(|it| it == end_entity) {
            return Err(error);
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }
}

/// Accepts every certificate, but still checks that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
