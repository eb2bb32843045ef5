//! A broker's life: open, listen, say so, wait, drain, stop.
//!
//! Apart because the order matters. Ports are taken before the directory is opened, so that a mistake there costs
//! nothing; they are listened on after recovery, so that nobody connects to a broker that cannot answer; the log is
//! closed after the last connection, so that every reply that was due has left.

use crate::admin_token;
use crate::config::{Durability, Effective, Given, Settings};
use crate::credentials;
use crate::descriptors::Descriptors;
use crate::logging::Logging;
use crate::memory;
use crate::notify::Notify;
use crate::outbound::{Client, Trust};
use crate::ready::Ready;
use crate::reload::{self, Reloader};
use crate::signals::{Signals, Told};
use crate::watch::{Facts, Listening, Watch, Ways};
use crate::wiring::{Broker, BrokerOptions, Process, SOCKET, errand};
use anyhow::{Context, anyhow, bail};
use millstream_amqp::{AmqpOptions, Management, ManagementOptions};
use millstream_aws::AwsOptions;
use millstream_aws::scope::Scope;
use millstream_aws::sigv4::Credentials;
use millstream_console::metrics::{Telemetry, TelemetryParts};
use millstream_console::{ConsoleOptions, Gate, Token};
use millstream_core::ShardOptions;
use millstream_core::catalog::DEFAULT_NAME;
use millstream_front::{Authorizer, Backend, Budget};
use millstream_kafka::KafkaOptions;
use millstream_net::{Bound, Directory, Document, Front, Options, Server, Service};
use parking_lot::{Mutex, RwLock};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// The id of this broker in Kafka clients' metadata; there is one node until there is a cluster.
const NODE_ID: i32 = 1;
/// How long the process waits at its end for threads that do not matter any more.
const RUNTIME_END: Duration = Duration::from_secs(1);

/// The addresses that were taken.
struct Listeners {
    kafka: Option<Bound>,
    amqp: Option<Bound>,
    amqp_management: Option<Bound>,
    aws: Option<Bound>,
    http: Option<Bound>,
}

impl Listeners {
    /// How many there are.
    fn count(&self) -> usize {
        self.addrs().len() + usize::from(self.http.is_some())
    }

    /// Those of messaging protocols, by name.
    fn addrs(&self) -> Vec<(&'static str, SocketAddr)> {
        let all = [
            ("kafka", &self.kafka),
            ("amqp", &self.amqp),
            ("amqp_management", &self.amqp_management),
            ("aws", &self.aws),
        ];
        all.into_iter().filter_map(|(name, bound)| Some((name, bound.as_ref()?.addr()))).collect()
    }
}

/// What a broker is started with.
pub(crate) struct Start {
    /// What the command line gave, so that settings can be read again.
    pub(crate) given: Given,
    pub(crate) effective: Effective,
    pub(crate) logging: Logging,
}

/// Runs a broker until it is told to stop or its storage fails. `say` is called once, when it is ready.
///
/// # Errors
/// One sentence: what kept it from starting, or what ended it.
pub(crate) fn run(start: Start, say: impl FnOnce(&Ready) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(live(start, say));
    runtime.shutdown_timeout(RUNTIME_END);
    outcome
}

async fn live(start: Start, say: impl FnOnce(&Ready) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let settings = &start.effective.settings;
    let mut signals = Signals::new()?;
    let notify = Arc::new(Notify::find(|name| std::env::var_os(name))?);
    let descriptors = Descriptors::claim(settings.wal_pool_files_max);
    let known = credentials::load(settings.aws_credentials_file.as_deref())?;
    let files = Files {
        credentials: Credentials::new(known, Scope::default()),
        client: Client::new(Trust::of(settings)?),
        notify,
    };
    let bound = Listeners {
        kafka: settings
            .listen_kafka
            .as_ref()
            .map(|addr| bind("kafka", addr, settings.insecure))
            .transpose()?,
        amqp: settings.listen_amqp.as_ref().map(|addr| bind("amqp", addr, settings.insecure)).transpose()?,
        amqp_management: settings
            .amqp_management()
            .map(|addr| bind("amqp_management", &addr, settings.insecure))
            .transpose()?,
        aws: settings
            .listen_aws
            .as_ref()
            .map(|addr| bind("aws", addr, settings.insecure || settings.aws_credentials_file.is_some()))
            .transpose()?,
        http: settings.listen_http.as_ref().map(|addr| bind("http", addr, settings.insecure)).transpose()?,
    };
    let opening = {
        let (data_dir, options) =
            (settings.data_dir.clone(), broker_options(settings, descriptors, &files.client));
        tokio::task::spawn_blocking(move || Broker::open(&data_dir, &options))
    };
    let broker = tokio::select! {
        opened = opening => opened.context("opening the data directory panicked")??,
        // A start that is interrupted is a crash to the directory, and every start can follow a crash.
        () = signals.stop() => return Ok(()),
    };
    let outcome = serve(start, &broker, descriptors, (bound, files), &mut signals, say).await;
    let stopped = tokio::task::spawn_blocking(move || broker.stop()).await;
    outcome.and(stopped.context("stopping panicked")?)
}

/// What was made of files that settings name, and of the environment.
struct Files {
    credentials: Credentials,
    client: Client,
    notify: Arc<Notify>,
}

async fn serve(
    Start { given, effective, logging }: Start,
    broker: &Broker,
    descriptors: Descriptors,
    (bound, Files { credentials, client, notify }): (Listeners, Files),
    signals: &mut Signals,
    say: impl FnOnce(&Ready) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let settings = &effective.settings.clone();
    let effective = Arc::new(RwLock::new(effective));
    carry_policies_out(broker).await?;
    let directory = Arc::<Directory>::default();
    let budget = Budget::new(settings.memory_budget_bytes / 2);
    let output_budget = Budget::new(settings.memory_budget_bytes / 8);
    let authorizer = Arc::new(Authorizer::local_only());
    let fronts = Arc::<Listening>::default();
    let ways = Arc::<Ways>::default();
    ways.set(settings.alarm_stream.clone(), reload::webhook(settings)?, &client, &broker.backend)
        .context("there is no thread for the webhook")?;
    let telemetry = {
        let facts = Facts {
            started_ms: broker.backend.now().0,
            is_insecure: settings.insecure,
            backend: broker.backend.clone(),
            storage: Box::new(broker.storage_facts()),
            budgets: vec![("requests", budget.clone()), ("output", output_budget.clone())],
            ephemeral: Box::new(broker.ephemeral_facts()),
            listening: fronts.clone(),
        };
        Telemetry::new(TelemetryParts {
            version: env!("CARGO_PKG_VERSION"),
            thresholds: settings.thresholds,
            ways: ways.names(),
            process: Box::new(move || facts.gather()),
        })
    };
    // Before anybody can silence anything.
    if let Some(namespace) = broker.backend.namespace_entry(DEFAULT_NAME) {
        telemetry.restore(&namespace.annotations);
    }
    let mut servers: Vec<(&'static str, Server)> = Vec::new();
    let listening = bound.addrs();
    // A share of the descriptors for each, so that the clients of one cannot take those of another.
    let listeners = bound.count();
    let mut listen = |bound: Bound, front: Front, limits: Options| {
        let connections_max = limits.connections_max.min(descriptors.connections_max / listeners);
        let (name, addr) = (front.name(), bound.addr());
        front.meters().into_iter().for_each(|meters| telemetry.add_meters(meters));
        let service = Service {
            front,
            backend: broker.backend_of(name),
            budget: budget.clone(),
            output_budget: output_budget.clone(),
            options: Options { connections_max, ..limits },
        };
        let server = bound.serve(service).with_context(|| in_use(name, addr))?;
        directory.add(name, &server);
        fronts.add(name, server.watch_connections());
        servers.push((name, server));
        anyhow::Ok(())
    };
    if let Some(bound) = bound.kafka {
        let options = kafka_options(settings, bound.addr());
        let front = millstream_kafka::Listener::new(options, authorizer.clone());
        listen(bound, Front::Sessions(Arc::new(front)), Options::default())?;
    }
    let amqp_addr = bound.amqp.as_ref().map(Bound::addr);
    let options = AmqpOptions { version: env!("CARGO_PKG_VERSION") };
    let front = millstream_amqp::Listener::new(options, authorizer.clone()).with_memory(budget.clone());
    let front = Arc::new(front);
    if let Some(bound) = bound.amqp_management {
        let options = ManagementOptions {
            version: env!("CARGO_PKG_VERSION"),
            is_loopback: bound.addr().ip().is_loopback(),
            listeners: amqp_addr
                .map(|addr| ("amqp", addr))
                .into_iter()
                .chain([("http", bound.addr())])
                .collect(),
        };
        let management = Management::new(options, &front, authorizer.clone());
        listen(bound, Front::Http(Arc::new(management)), Options::default())?;
    }
    if let Some(bound) = bound.amqp {
        // Who is still there is found out by heartbeats; a consumer of a quiet queue may say nothing for days.
        let limits = Options { idle_ms: u64::from(u32::MAX), ..Options::default() };
        listen(bound, Front::Sessions(front), limits)?;
    }
    let aws_is_open = bound.aws.as_ref().is_some_and(|bound| !bound.addr().ip().is_loopback());
    if let Some(bound) = bound.aws {
        let options = AwsOptions { host: bound.addr().to_string(), credentials: credentials.clone() };
        let front = millstream_aws::Listener::new(options, authorizer.clone());
        listen(bound, Front::Http(Arc::new(front)), Options::default())?;
    }
    let verifier = broker.verifier(settings.upkeep_bytes_per_second)?;
    let mut console_url = None;
    let mut gate = None;
    let mut sampling = None;
    if let Some(bound) = bound.http {
        let addr = bound.addr();
        let admin_token = admin_token::load_or_create(&settings.data_dir, || broker.backend.random())?;
        let one_time = Token::random([broker.backend.random(), broker.backend.random()]);
        console_url = Some(format!("http://{}/login?token={}", reached(addr), one_time.expose()));
        let the_gate = Arc::new(Gate::new(admin_token.as_ref(), Some(&one_time), addr.port()));
        gate = Some(the_gate.clone());
        let system =
            Process::new(effective.clone(), directory.clone(), broker.storage_status(), verifier.verifying());
        let options = ConsoleOptions {
            version: env!("CARGO_PKG_VERSION"),
            is_loopback: addr.ip().is_loopback(),
            gate: the_gate,
            system: Arc::new(system),
            listeners: listening.iter().copied().chain([("http", addr)]).collect(),
        };
        let front = millstream_console::Listener::new(options, authorizer.clone());
        let front = Arc::new(front.with_telemetry(telemetry.clone()));
        sampling = Some(Sampling::start(front.clone(), broker.backend.clone()));
        listen(bound, Front::Http(front), Options::default())?;
    }
    let watch = Watch::begin(telemetry.clone(), broker.backend.clone(), authorizer, ways.clone())
        .context("the broker cannot be watched")?;
    let look = broker.storage_status();
    let document = Document::serve(&settings.data_dir, SOCKET, move || {
        serde_json::to_vec(&look()).expect("numbers are JSON")
    });
    let _document = match document {
        Ok(document) => Some(document),
        Err(error) => {
            tracing::warn!(%error, "`millstream storage` will not find this broker: its socket cannot be made");
            None
        }
    };
    let _sampling = sampling;
    let ready = Ready {
        data_dir: std::path::absolute(&settings.data_dir)?,
        durability: settings.durability,
        interval_ms: settings.interval_ms,
        listen: servers.iter().map(|(name, server)| (*name, server.addr())).collect(),
        console_url,
    };
    if let Err(error) = say(&ready) {
        tracing::warn!(%error, "cannot say on standard output that the broker is ready");
    }
    let reloader = Arc::new(Reloader {
        given,
        effective,
        logging,
        notify: notify.clone(),
        credentials,
        needs_credentials: aws_is_open && !settings.insecure,
        client,
        ways,
        telemetry,
        gate,
        backend: broker.backend.clone(),
        turn: Mutex::new(()),
    });
    notify.ready();
    let outcome = loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Stop => break Ok(()),
                Told::Reload => {
                    // On a thread of its own: a file that cannot be reached must not keep the broker from stopping.
                    let reloader = reloader.clone();
                    tokio::task::spawn_blocking(move || reloader.run());
                }
            },
            why = broker.failed() => break Err(anyhow!("storage has failed, the broker stops: {why}")),
        }
    };
    notify.stopping();
    fronts.drain(outcome.is_err());
    tracing::info!(
        connections = servers.iter().map(|(_, server)| server.connections()).sum::<usize>(),
        "stopping"
    );
    let drain = async {
        for (_, server) in servers {
            server.drain().await;
        }
    };
    tokio::select! {
        () = drain => {}
        () = signals.stop() => tracing::warn!("told to stop again; connections are cut"),
    }
    let end = move || {
        watch.end();
        verifier.stop();
    };
    tokio::task::spawn_blocking(end).await.context("the end of the watch panicked")?;
    outcome
}

/// Fills the console's charts until it is dropped.
struct Sampling(tokio::task::JoinHandle<()>);

/// How often. The console itself looks less often when there is much to look at.
const SAMPLED_EVERY: Duration = Duration::from_secs(1);

impl Sampling {
    fn start(console: Arc<millstream_console::Listener>, backend: Arc<dyn Backend>) -> Sampling {
        Sampling(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(SAMPLED_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let (console, backend) = (console.clone(), backend.clone());
                // To look at many streams takes a while: not on a thread that connections need.
                if let Err(error) = tokio::task::spawn_blocking(move || console.sample(&*backend)).await {
                    tracing::error!(%error, "charts are not filled any more");
                    return;
                }
            }
        }))
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The address by which this machine reaches a listener.
fn reached(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// Has every queue as the policies say, if an end in the middle of a change has left some behind.
async fn carry_policies_out(broker: &Broker) -> anyhow::Result<()> {
    let backend = broker.backend.clone();
    let settling = tokio::task::spawn_blocking(move || {
        let authorizer = Arc::new(Authorizer::local_only());
        errand::run(&backend, |commands| millstream_amqp::settle_policies(&backend, &authorizer, commands))
    });
    let response = settling.await.context("carrying policies out panicked")?;
    if response.status != 200 {
        let why = String::from_utf8_lossy(&response.body);
        tracing::warn!(%why, "policies could not be carried out on every queue; the next change of one tries again");
    }
    Ok(())
}

/// Takes an address, and refuses one that strangers can reach.
fn bind(name: &'static str, (host, port): &(String, u16), insecure: bool) -> anyhow::Result<Bound> {
    let addr = (host.as_str(), *port)
        .to_socket_addrs()
        .ok()
        .and_then(|mut addrs| addrs.next())
        .with_context(|| format!("listen_{name}: {host} is not an address of any machine"))?;
    if !addr.ip().is_loopback() {
        if !insecure {
            bail!(
                "listen_{name} = {addr} can be reached from other machines, and without users anybody there may do \
                 everything; listen on 127.0.0.1, or say --insecure if that is what you want"
            );
        }
        banner(name, addr);
    }
    Bound::bind(addr).with_context(|| in_use(name, addr))
}

fn in_use(name: &str, addr: SocketAddr) -> String {
    format!(
        "cannot listen on {addr} for {name} (another address: --listen-{} HOST:PORT)",
        name.replace('_', "-")
    )
}

/// Says what `--insecure` means, where nobody overlooks it.
fn banner(name: &str, addr: SocketAddr) {
    let line = "*".repeat(78);
    eprintln!(
        "{line}\n  INSECURE: {name} listens on {addr} and there are no users.\n  \
         Everybody who reaches this address may read, write and delete everything.\n{line}"
    );
}

fn kafka_options(settings: &Settings, bound: SocketAddr) -> KafkaOptions {
    let advertised = settings.advertise_kafka.clone().unwrap_or_else(|| {
        if bound.ip().is_unspecified() {
            tracing::warn!(
                "clients are told to connect to localhost; set advertise_kafka for other machines"
            );
            return ("localhost".to_owned(), bound.port());
        }
        (bound.ip().to_string(), bound.port())
    });
    KafkaOptions {
        advertised,
        auto_create: settings.kafka_auto_create,
        default_logs: settings.kafka_default_partitions,
        node_id: NODE_ID,
    }
}

fn broker_options(settings: &Settings, descriptors: Descriptors, client: &Client) -> BrokerOptions {
    let mut shard = ShardOptions::default();
    shard.groups.initial_delay_ms = settings.group_initial_delay_ms;
    shard.ephemeral_bytes_max = settings.memory_budget_bytes / 2;
    BrokerOptions {
        durability: match settings.durability {
            Durability::Fsync => millstream_storage::Durability::Fsync,
            Durability::Interval => millstream_storage::Durability::Interval(settings.interval_ms),
        },
        // Requests have half, output an eighth; an eighth is left for what the allocator and half-filled buffers cost.
        tail_bytes: settings.memory_budget_bytes / 4,
        cached_bytes_max: settings.page_cache_bytes.unwrap_or_else(memory::page_cache_bytes),
        wal_pool_files_max: settings.wal_pool_files_max,
        open_files_max: descriptors.storage_files_max,
        upkeep_bytes_per_second: settings.upkeep_bytes_per_second,
        compaction_memory_bytes: settings.compaction_memory_bytes,
        traces: settings.otlp_endpoint.clone().map(|endpoint| (client.clone(), endpoint)),
        shard,
    }
}
