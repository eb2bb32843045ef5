//! Settings that are read again while the broker runs (`SIGHUP`).
//!
//! Apart because it is all or nothing: everything is read and checked first, what is wrong leaves all as it was, and only then
//! each part takes what is its own. Which settings these are is said in `config::live`.

use crate::admin_token;
use crate::config::{Effective, Given, Reloaded, Settings};
use crate::credentials;
use crate::logging::{self, Logging};
use crate::notify::Notify;
use crate::outbound::{Client, Trust};
use crate::watch::{Secret, Ways, WebhookOptions};
use anyhow::{Context, bail, ensure};
use millstream_aws::sigv4::{Credential, Credentials};
use millstream_console::metrics::Telemetry;
use millstream_console::{Gate, Token};
use millstream_front::Backend;
use parking_lot::{Mutex, RwLock};
use std::path::Path;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// The parts of a running broker that take settings, and where those come from.
pub(crate) struct Reloader {
    /// What the command line gave.
    pub(crate) given: Given,
    /// What is in effect, for whoever shows it.
    pub(crate) effective: Arc<RwLock<Effective>>,
    pub(crate) logging: Logging,
    pub(crate) notify: Arc<Notify>,
    /// Those of AWS clients, and whether the listener relies on them because strangers can reach it.
    pub(crate) credentials: Credentials,
    pub(crate) needs_credentials: bool,
    pub(crate) client: Client,
    pub(crate) ways: Arc<Ways>,
    pub(crate) telemetry: Arc<Telemetry>,
    /// The console's, if it listens.
    pub(crate) gate: Option<Arc<Gate>>,
    pub(crate) backend: Arc<dyn Backend>,
    /// One at a time.
    pub(crate) turn: Mutex<()>,
}

/// Everything read and checked.
struct Prepared {
    reloaded: Reloaded,
    filter: EnvFilter,
    credentials: Vec<Credential>,
    trust: Option<Trust>,
    webhook: Option<WebhookOptions>,
    admin_token: Option<Token>,
}

impl Reloader {
    /// Reads the settings again, and says in the log what came of it. Waits for files.
    pub(crate) fn run(&self) {
        let _turn = self.turn.lock();
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
        self.notify.reloading(u128::from(seconds) * 1_000_000 + u128::from(nanos) / 1000);
        match self.prepare().and_then(|prepared| self.carry_out(prepared)) {
            Ok(()) => self.notify.reloaded("serving, settings read again"),
            Err(error) => {
                let why = crate::sentence(&error);
                tracing::error!(why, "the settings cannot be read again; all stay as they were");
                self.notify.reloaded("serving, settings refused: see the log");
            }
        }
    }

    fn prepare(&self) -> anyhow::Result<Prepared> {
        let new = Effective::load(&self.given, |name| std::env::var_os(name))?;
        let reloaded = self.effective.read().take(&new);
        let settings = &reloaded.effective.settings;
        ensure!(
            settings.aws_credentials_file.is_some() || !self.needs_credentials,
            "listen_aws can be reached from other machines, so that aws_credentials_file must stay"
        );
        let filter = logging::filter(&settings.log_level)?;
        let credentials = credentials::load(settings.aws_credentials_file.as_deref())?;
        let (trust, webhook) = (Trust::of(settings)?, webhook(settings)?);
        // Last: a token that was removed is made.
        let token = || admin_token::load_or_create(&settings.data_dir, || self.backend.random());
        let admin_token = self.gate.as_ref().map(|_| token()).transpose()?.flatten();
        Ok(Prepared { filter, credentials, trust, webhook, admin_token, reloaded })
    }

    /// Each part takes what is its own. What can fail comes first.
    fn carry_out(&self, prepared: Prepared) -> anyhow::Result<()> {
        let Prepared { reloaded, filter, credentials, trust, webhook, admin_token } = prepared;
        let Reloaded { effective, taken, left } = reloaded;
        let stream = effective.settings.alarm_stream.clone();
        self.ways
            .set(stream, webhook, &self.client, &self.backend)
            .context("there is no thread for the webhook")?;
        self.telemetry.set(effective.settings.thresholds, self.ways.names());
        self.client.replace(trust);
        self.credentials.replace(credentials);
        if let Some((gate, token)) = self.gate.as_ref().zip(admin_token)
            && gate.replace_admin(&token)
        {
            tracing::info!("there is another admin token; the sessions of browsers have ended");
        }
        *self.effective.write() = effective;
        self.logging.set(filter)?;
        tracing::info!(
            changed = taken.join(", "),
            "the settings and the files that they name were read again"
        );
        if !left.is_empty() {
            tracing::warn!(settings = left.join(", "), "settings have changed that only a restart takes");
        }
        Ok(())
    }
}

/// Who is sent notices of alarms.
///
/// # Errors
/// One sentence: what is wrong with the file that has the secret.
pub(crate) fn webhook(settings: &Settings) -> anyhow::Result<Option<WebhookOptions>> {
    let Some(target) = settings.alarm_webhook.clone() else { return Ok(None) };
    let read = |path: &Path| {
        let bytes = std::fs::read(path)
            .with_context(|| format!("alarm_webhook_secret_file {} cannot be read", path.display()))?;
        if bytes.trim_ascii().is_empty() {
            bail!("alarm_webhook_secret_file {} has no secret in it", path.display());
        }
        Ok(Secret::new(bytes.trim_ascii()))
    };
    let secret = settings.alarm_webhook_secret_file.as_deref().map(read).transpose()?;
    Ok(Some(WebhookOptions { target, allowed: settings.alarm_webhook_allow.clone(), secret }))
}
