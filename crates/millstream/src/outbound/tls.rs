//! Whom an `https` target is believed to be.
//!
//! Apart because it is the only place that knows of certificates: those of authorities come from the system, and from a file for
//! authorities of one's own. Nothing can turn the check off.

use crate::config::Settings;
use anyhow::{Context, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Longest file: a hundred times as long as what a company has.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The authorities that certificates may be signed by.
#[derive(Clone)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Reads the authorities, if any target needs some.
    ///
    /// # Errors
    /// One sentence: what is wrong with `trusted_ca_file`.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Option<Trust>> {
        let targets = [&settings.alarm_webhook, &settings.otlp_endpoint];
        let is_needed = targets.into_iter().flatten().any(|target| target.is_tls);
        let file = settings.trusted_ca_file.as_deref();
        (is_needed || file.is_some()).then(|| Trust::load(file)).transpose()
    }

    /// Reads the system's authorities, and a file with more of them.
    fn load(file: Option<&Path>) -> anyhow::Result<Trust> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "some of the system's certificates cannot be read");
        }
        // There are always some on a system that are too odd to be used.
        roots.add_parsable_certificates(system.certs);
        if let Some(file) = file {
            add(&mut roots, file).with_context(|| format!("trusted_ca_file {}", file.display()))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS cannot be used")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust(Arc::new(config)))
    }

    /// Begins to speak with a server of this name or address.
    pub(super) fn session(&self, name: &str) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        ClientConnection::new(self.0.clone(), name).map_err(io::Error::other)
    }
}

fn add(roots: &mut RootCertStore, file: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::metadata(file)?.len();
    ensure!(bytes <= FILE_BYTES_MAX, "it is longer than {FILE_BYTES_MAX} bytes");
    let mut count = 0;
    for certificate in CertificateDer::pem_file_iter(file)? {
        roots.add(certificate?).with_context(|| format!("certificate {} of it cannot be used", count + 1))?;
        count += 1;
    }
    ensure!(count > 0, "it has no certificates in it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Client, Target};
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection};
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::path::PathBuf;

    fn scratch(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("millstream-tls-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A server with a certificate for `localhost` that answers 204 as often as it is asked.
    fn serve(authority: &CertifiedIssuer<'static, KeyPair>) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let (listener, config) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(config));
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let session = ServerConnection::new(config.clone()).unwrap();
                let mut stream = BufReader::new(rustls::StreamOwned::new(session, stream.unwrap()));
                let mut line = String::new();
                // Whoever does not trust this server goes away before it says anything.
                if stream.read_line(&mut line).is_ok() && line.starts_with("POST /hook ") {
                    stream.get_mut().write_all(b"HTTP/1.1 204 x\r\n\r\n").unwrap();
                    stream.get_mut().flush().unwrap();
                }
            }
        });
        address
    }

    #[test]
    fn a_server_is_believed_by_authority_and_name_alone() {
        let (ours, other) = (authority(), authority());
        let address = serve(&ours);
        let (ours, other) = (scratch("ours.pem", &ours.pem()), scratch("other.pem", &other.pem()));
        let post = |file: Option<&Path>, host: &str| {
            let target = Target::parse(&format!("https://{host}:{}/hook", address.port())).unwrap();
            Client::new(Some(Trust::load(file).unwrap())).post(&target, &[address], "", b"{}")
        };
        assert_eq!(post(Some(&ours), "localhost"), Ok(204));
        let stranger = post(Some(&other), "localhost").unwrap_err();
        assert!(stranger.contains("certificate"), "{stranger}");
        assert!(post(None, "localhost").unwrap_err().contains("certificate"));
        let misnamed = post(Some(&ours), "127.0.0.1").unwrap_err();
        assert!(misnamed.contains("certificate"), "{misnamed}");
        [ours, other].iter().for_each(|file| std::fs::remove_file(file).unwrap());
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let file = scratch("wrong.pem", text);
            assert!(Trust::load(Some(&file)).is_err(), "{text}");
            std::fs::remove_file(file).unwrap();
        }
        assert!(Trust::load(Some(Path::new("/nowhere/ca.pem"))).is_err());
    }
}
