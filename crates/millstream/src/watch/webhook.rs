//! Notices as HTTP requests to somebody else's server.
//!
//! Apart because that server may be slow or gone: notices wait for it in a short queue, on a thread of their own. What is sent is
//! signed, so that whoever gets it knows whose it is.
//!
//! ```text
//! POST /path HTTP/1.1
//! x-millstream-delivery: <32 hexadecimal digits, the same each time that it is tried>
//! x-millstream-signature: t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>" by the secret, hexadecimal>
//! ```

use crate::outbound::{Allowed, Client, Target};
use hmac::{Hmac, Mac as _};
use millstream_front::Backend;
use parking_lot::RwLock;
use sha2::Sha256;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Notices that wait. Of more the newest are left out, and the log says so.
const WAITING_MAX: usize = 64;
/// How often one is tried.
const TRIES: u32 = 8;
/// The pause behind the first try; each one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// Where notices are sent.
#[derive(Clone)]
pub(crate) struct WebhookOptions {
    pub(crate) target: Target,
    pub(crate) allowed: Allowed,
    /// What requests are signed with.
    pub(crate) secret: Option<Secret>,
}

/// A secret, which nothing prints.
#[derive(Clone)]
pub(crate) struct Secret(Arc<[u8]>);

impl Secret {
    pub(crate) fn new(bytes: &[u8]) -> Secret {
        Secret(bytes.into())
    }
}

/// Sends notices. Ends when it is dropped; what waits then is given up.
pub(crate) struct Webhook {
    queue: SyncSender<Vec<u8>>,
    options: Arc<RwLock<WebhookOptions>>,
}

/// Why a notice was not taken.
enum Refusal {
    /// It may be taken later.
    Later(String),
    /// It will not be.
    Never(String),
}

impl Webhook {
    /// Begins to send.
    ///
    /// # Errors
    /// When the machine has no thread for it.
    pub(crate) fn begin(
        options: WebhookOptions,
        client: Client,
        backend: Arc<dyn Backend>,
    ) -> io::Result<Webhook> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let options = Arc::new(RwLock::new(options));
        let sender = Sender { options: options.clone(), client, backend };
        std::thread::Builder::new().name("webhook".into()).spawn(move || sender.run(&waiting))?;
        Ok(Webhook { queue, options })
    }

    /// Sends from now on to somebody else, also what waits.
    pub(crate) fn redirect(&self, options: WebhookOptions) {
        *self.options.write() = options;
    }

    /// Has a notice sent.
    pub(crate) fn send(&self, notice: Vec<u8>) {
        match self.queue.try_send(notice) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!("the webhook is slower than alarms come: a notice is left out");
            }
            Err(TrySendError::Disconnected(_)) => {
                tracing::warn!("the webhook's thread is gone: a notice is left out")
            }
        }
    }
}

struct Sender {
    options: Arc<RwLock<WebhookOptions>>,
    client: Client,
    backend: Arc<dyn Backend>,
}

impl Sender {
    fn run(&self, waiting: &Receiver<Vec<u8>>) {
        let mut later = VecDeque::new();
        while let Some(notice) = later.pop_front().or_else(|| waiting.recv().ok()) {
            if self.deliver(&notice, waiting, &mut later).is_break() {
                return;
            }
        }
    }

    /// Tries until it is taken, or given up. Breaks when nobody sends any more.
    fn deliver(
        &self,
        notice: &[u8],
        waiting: &Receiver<Vec<u8>>,
        later: &mut VecDeque<Vec<u8>>,
    ) -> ControlFlow<()> {
        let delivery = format!("{:032x}", self.backend.random());
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            let options = self.options.read().clone();
            let to = options.target.authority();
            match self.post(&options, notice, &delivery) {
                Ok(()) => return ControlFlow::Continue(()),
                Err(Refusal::Never(why)) => {
                    tracing::warn!(to, why, "the webhook does not take a notice");
                    return ControlFlow::Continue(());
                }
                Err(Refusal::Later(why)) if attempt == TRIES => {
                    tracing::warn!(to, why, tries = TRIES, "a notice could not be sent");
                }
                Err(Refusal::Later(why)) => {
                    tracing::debug!(to, why, attempt, "a notice waits for its webhook");
                    // What comes meanwhile stays in the queue, but for one: it is how the end of the broker is heard of.
                    match waiting.recv_timeout(pause) {
                        Ok(next) if later.len() < WAITING_MAX => later.push_back(next),
                        Ok(_) => {
                            tracing::warn!("the webhook is slower than alarms come: a notice is left out")
                        }
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return ControlFlow::Break(()),
                    }
                    pause *= 2;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post(&self, options: &WebhookOptions, notice: &[u8], delivery: &str) -> Result<(), Refusal> {
        let WebhookOptions { target, allowed, secret } = options;
        let addresses = target.addresses(allowed).map_err(Refusal::Later)?;
        let mut headers = format!("x-millstream-delivery: {delivery}\r\n");
        if let Some(secret) = secret {
            let seconds = self.backend.now().0 / 1000;
            let signature = signature(secret, seconds, notice);
            write!(headers, "x-millstream-signature: t={seconds},v1={signature}\r\n")
                .expect("a string takes everything");
        }
        judge(self.client.post(target, &addresses, &headers, notice).map_err(Refusal::Later)?)
    }
}

fn judge(status: u16) -> Result<(), Refusal> {
    match status {
        200..=299 => Ok(()),
        408 | 429 | 500..=599 => Err(Refusal::Later(format!("it answers with status {status}"))),
        _ => Err(Refusal::Never(format!("it answers with status {status}"))),
    }
}

/// The signature of a body at a time.
fn signature(Secret(secret): &Secret, seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length will do");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_it_is_worth_another_try() {
        assert!(judge(204).is_ok());
        assert!(matches!(judge(503), Err(Refusal::Later(_))));
        assert!(matches!(judge(302), Err(Refusal::Never(_))), "nobody is sent elsewhere");
        assert!(matches!(judge(401), Err(Refusal::Never(_))));
    }

    #[test]
    fn a_signature_is_of_time_and_body() {
        // By: printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        let secret = Secret::new(b"secret");
        let signed = signature(&secret, 1_700_000_000, b"{}");
        assert_eq!(signed, "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163");
        assert_ne!(signed, signature(&secret, 1_700_000_001, b"{}"));
        assert_ne!(signed, signature(&Secret::new(b"other"), 1_700_000_000, b"{}"));
    }
}
