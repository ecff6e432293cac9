//! The configuration file, and secrets from files or the environment. The only place that reads the environment.
//!
//! Unknown keys are refused; everything is validated before anything starts. Durations are in seconds.

mod nightly;
mod syntax;

use crate::domain::payment::{CaptureMode, Policy};
use crate::store::Database;
use nightly::Reconciliation;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tamara::money::Country;
use tamara::transport::{Environment, Timeouts};

/// The keys that the demo prints; a service that others can reach must not know them.
pub const DEMO_KEYS: [&str; 4] = [
    "sk_test_demo",
    "pk_test_demo",
    "sk_test_demo_kw",
    "pk_test_demo_kw",
];

/// The longest duration that may be set, seconds: ten years. Sums of a few never overflow.
const SECONDS_MAX: i64 = 10 * 366 * 86_400;

/// More reads of one account in a second than this are no setting but a mistake.
const READS_PER_SECOND_MAX: u32 = 1_000;

/// Calls to Tamara that one worker has under way at once.
const WORKER_BATCH: i64 = 16;

/// All settings, validated.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: String,
    /// Where customers and Tamara reach this service, without a trailing slash.
    pub public_url: String,
    /// Where the data is.
    pub database: Database,
    /// Durations and words of the core.
    pub policy: Policy,
    /// Time-outs of calls to Tamara.
    pub timeouts: Timeouts,
    /// How often workers look by themselves, without a nudge.
    pub worker_poll: Duration,
    /// Rows that a worker takes in one round and works on side by side. The simulator, which drives one thing at a
    /// time, sets 1.
    pub worker_batch: i64,
    /// When the nightly reconciliation begins: milliseconds since midnight, UTC. None: never by itself.
    pub reconcile_at_ms: Option<i64>,
    /// The largest request body, bytes.
    pub body_bytes_max: usize,
    /// Tamara merchant accounts by name.
    pub accounts: BTreeMap<String, AccountConfig>,
}

/// One Tamara merchant account in one environment.
#[derive(Clone, Debug)]
pub struct AccountConfig {
    /// Its name.
    pub name: String,
    /// Its country; the currency follows.
    pub country: Country,
    /// Which Tamara.
    pub environment: Environment,
    /// Tamara's API tokens: the one to use, then older ones that may still be the valid one (R28).
    pub api_tokens: Vec<SecretString>,
    /// Tamara's notification tokens: the one in use, then older ones that still verify (R28).
    pub notification_tokens: Vec<SecretString>,
    /// Prefixes that return URLs must begin with: origin, or app scheme.
    pub return_url_prefixes: Vec<String>,
    /// What payments do when they don't say.
    pub capture_mode: CaptureMode,
    /// Named in captures that name no company; automatic capture needs it (R24).
    pub shipping_company: Option<String>,
    /// How many of its orders this process reads in a second at most (R25).
    pub reads_per_second: u32,
}

impl AccountConfig {
    /// Tamara's production (R28).
    pub fn livemode(&self) -> bool {
        self.environment.is_production()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_listen")]
    listen: String,
    public_url: String,
    #[serde(default = "default_database")]
    database: String,
    #[serde(rename = "database_file")]
    database_secret: Option<PathBuf>,
    #[serde(default)]
    durations: Durations,
    #[serde(default)]
    warnings: Warnings,
    #[serde(default)]
    reconciliation: Reconciliation,
    #[serde(default = "default_body_bytes_max")]
    body_bytes_max: usize,
    #[serde(default)]
    refund_failed_words: Vec<String>,
    #[serde(default)]
    accounts: BTreeMap<String, AccountFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountFile {
    country: String,
    environment: String,
    api_token: Option<String>,
    api_token_file: Option<PathBuf>,
    #[serde(default)]
    old_api_tokens: Vec<String>,
    notification_token: Option<String>,
    notification_token_file: Option<PathBuf>,
    #[serde(default)]
    old_notification_tokens: Vec<String>,
    #[serde(default)]
    return_url_prefixes: Vec<String>,
    #[serde(default)]
    capture_mode: Option<String>,
    shipping_company: Option<String>,
    #[serde(default = "default_reads_per_second")]
    reads_per_second: u32,
}

/// Seconds. The defaults are those of the rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Durations {
    lease: i64,
    connect_timeout: i64,
    total_timeout: i64,
    settle_window: i64,
    assumed_effect_lateness: i64,
    assumed_read_staleness: i64,
    clock_difference: i64,
    retry: i64,
    polling: Vec<i64>,
    captured_polling: i64,
    captured_polling_end: i64,
    ask_after: i64,
    worker_poll: i64,
    session: i64,
    authorise_within: i64,
    auto_capture: i64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            lease: 60,
            connect_timeout: 5,
            total_timeout: 30,
            settle_window: 900,
            assumed_effect_lateness: 300,
            assumed_read_staleness: 300,
            clock_difference: 10,
            retry: 2,
            polling: vec![30, 120, 600, 3_600, 21_600, 86_400],
            captured_polling: 86_400,
            captured_polling_end: 180 * 86_400,
            ask_after: 86_400,
            worker_poll: 1,
            session: 30 * 60,
            authorise_within: 72 * 3_600,
            auto_capture: 21 * 86_400,
        }
    }
}

/// Percents of the time until a deadline, rising.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Warnings {
    authorise_by: Vec<i64>,
    auto_capture: Vec<i64>,
}

impl Default for Warnings {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            authorise_by: policy.warn_authorise_by_percent,
            auto_capture: policy.warn_auto_capture_percent,
        }
    }
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_database() -> String {
    "sqlite:datepalm.db".to_owned()
}

fn default_reads_per_second() -> u32 {
    20
}

fn default_body_bytes_max() -> usize {
    1024 * 1024
}

/// Reads and validates a configuration file. Relative paths in it are relative to its folder.
pub fn load(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        anyhow::anyhow!("cannot read the configuration {}: {error}", path.display())
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    parse(&text, folder).map_err(|error| error.context(format!("configuration {}", path.display())))
}

/// Validates a configuration text; `folder` is what relative paths start from.
pub fn parse(text: &str, folder: &Path) -> anyhow::Result<Config> {
    let file: File =
        toml::from_str(text).map_err(|error| anyhow::anyhow!(syntax::refusal(text, &error)))?;
    let database = match &file.database_secret {
        Some(secret) => read_secret(&folder.join(secret))?,
        None => file.database.clone(),
    };
    let durations = &file.durations;
    check_durations(durations)?;
    check_warnings(&file.warnings)?;
    let config = Config {
        listen: file.listen.clone(),
        public_url: file.public_url.trim_end_matches('/').to_owned(),
        database: database_of(&database, folder)?,
        policy: policy_of(&file),
        timeouts: Timeouts {
            connect: Duration::from_secs(durations.connect_timeout.unsigned_abs()),
            total: Duration::from_secs(durations.total_timeout.unsigned_abs()),
        },
        worker_poll: Duration::from_secs(durations.worker_poll.unsigned_abs()),
        worker_batch: WORKER_BATCH,
        reconcile_at_ms: file.reconciliation.at_ms()?,
        body_bytes_max: file.body_bytes_max,
        accounts: file
            .accounts
            .into_iter()
            .map(|(name, account)| Ok((name.clone(), account_of(name, account, folder)?)))
            .collect::<anyhow::Result<_>>()?,
    };
    url::Url::parse(&config.public_url).map_err(|_| {
        anyhow::anyhow!("public_url must be a full URL such as https://pay.example.com")
    })?;
    Ok(config)
}

fn database_of(text: &str, folder: &Path) -> anyhow::Result<Database> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        return Ok(Database::Sqlite(folder.join(path)));
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Database::Postgres(text.to_owned()));
    }
    anyhow::bail!("database must be sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
}

/// Each by itself, then R18 and R19: the lease outlives the call, and the settle window outlives all that it must wait
/// for.
fn check_durations(durations: &Durations) -> anyhow::Result<()> {
    let at_least = [
        (1, "lease", durations.lease),
        (1, "connect_timeout", durations.connect_timeout),
        (1, "total_timeout", durations.total_timeout),
        (1, "settle_window", durations.settle_window),
        (
            0,
            "assumed_effect_lateness",
            durations.assumed_effect_lateness,
        ),
        (
            0,
            "assumed_read_staleness",
            durations.assumed_read_staleness,
        ),
        (0, "clock_difference", durations.clock_difference),
        (1, "retry", durations.retry),
        (1, "captured_polling", durations.captured_polling),
        (0, "captured_polling_end", durations.captured_polling_end),
        (1, "ask_after", durations.ask_after),
        (1, "worker_poll", durations.worker_poll),
        (1, "session", durations.session),
        (1, "authorise_within", durations.authorise_within),
        (1, "auto_capture", durations.auto_capture),
    ];
    for (least, name, seconds) in at_least {
        anyhow::ensure!(
            (least..=SECONDS_MAX).contains(&seconds),
            "durations.{name} is {seconds} s, expected {least} to {SECONDS_MAX} s"
        );
    }
    let gap = |gap: &i64| (1..=SECONDS_MAX).contains(gap);
    anyhow::ensure!(
        !durations.polling.is_empty() && durations.polling.iter().all(gap),
        "durations.polling must be a list of positive seconds (R25)"
    );
    let (lease, total_timeout) = (durations.lease, durations.total_timeout);
    anyhow::ensure!(
        lease > total_timeout,
        "durations.lease ({lease} s) must be more than durations.total_timeout ({total_timeout} s): a sender must not \
         outlive its lease (R18)"
    );
    let waits = lease
        + total_timeout
        + durations.assumed_effect_lateness
        + durations.assumed_read_staleness
        + durations.clock_difference;
    anyhow::ensure!(
        durations.settle_window >= waits,
        "durations.settle_window ({} s) must be at least lease + total_timeout + assumed_effect_lateness + \
         assumed_read_staleness + clock_difference = {waits} s (R19)",
        durations.settle_window
    );
    Ok(())
}

/// An order that cannot be authorised is told of at least once: that is when a person is asked.
fn check_warnings(warnings: &Warnings) -> anyhow::Result<()> {
    for (name, percents) in [
        ("authorise_by", &warnings.authorise_by),
        ("auto_capture", &warnings.auto_capture),
    ] {
        let within = percents.iter().all(|percent| (1..=99).contains(percent));
        anyhow::ensure!(
            within && percents.is_sorted_by(|one, next| one < next),
            "warnings.{name} is {percents:?}, expected percents from 1 to 99, each larger than the one before: [50, 83]"
        );
    }
    anyhow::ensure!(
        !warnings.authorise_by.is_empty(),
        "warnings.authorise_by is empty, expected at least one percent: at the last one a person is asked"
    );
    Ok(())
}

/// The core's settings, of values that were checked.
fn policy_of(file: &File) -> Policy {
    let (durations, warnings) = (&file.durations, &file.warnings);
    let ms = |seconds: i64| seconds * 1_000;
    Policy {
        lease_ms: ms(durations.lease),
        total_timeout_ms: ms(durations.total_timeout),
        settle_window_ms: ms(durations.settle_window),
        session_ms: ms(durations.session),
        authorise_within_ms: ms(durations.authorise_within),
        auto_capture_after_ms: ms(durations.auto_capture),
        polling_ms: durations.polling.iter().copied().map(ms).collect(),
        captured_polling_ms: ms(durations.captured_polling),
        captured_polling_until_ms: ms(durations.captured_polling_end),
        ask_after_ms: ms(durations.ask_after),
        retry_ms: ms(durations.retry),
        warn_authorise_by_percent: warnings.authorise_by.clone(),
        warn_auto_capture_percent: warnings.auto_capture.clone(),
        refund_failed_words: file.refund_failed_words.clone(),
    }
}

fn account_of(name: String, file: AccountFile, folder: &Path) -> anyhow::Result<AccountConfig> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    anyhow::ensure!(
        !name.is_empty() && name.len() <= 64 && name.chars().all(plain),
        "account {name:?}: a name is 1 to 64 of a-z, 0-9, _ and -"
    );
    let country = Country::from_code(&file.country).ok_or_else(|| {
        anyhow::anyhow!(
            "accounts.{name}.country is {:?}, expected SA, AE, KW, BH or OM",
            file.country
        )
    })?;
    let environment = match file.environment.as_str() {
        "sandbox" => Environment::Sandbox,
        "production" => Environment::Production,
        url if url.starts_with("http://") || url.starts_with("https://") => {
            Environment::Url(url.to_owned())
        }
        other => anyhow::bail!(
            "accounts.{name}.environment is {other:?}, expected sandbox, production or a URL"
        ),
    };
    let capture_mode = match file.capture_mode.as_deref() {
        None => CaptureMode::Manual,
        Some(word) => CaptureMode::from_word(word).ok_or_else(|| {
            anyhow::anyhow!(
                "accounts.{name}.capture_mode is {word:?}, expected manual or automatic"
            )
        })?,
    };
    anyhow::ensure!(
        capture_mode == CaptureMode::Manual || file.shipping_company.is_some(),
        "accounts.{name}: capture_mode automatic needs shipping_company, which each capture must name (R24)"
    );
    anyhow::ensure!(
        (1..=READS_PER_SECOND_MAX).contains(&file.reads_per_second),
        "accounts.{name}.reads_per_second is {}, expected 1 to {READS_PER_SECOND_MAX} (R25)",
        file.reads_per_second
    );
    let api_token = secret(
        &name,
        "api_token",
        file.api_token,
        file.api_token_file,
        folder,
    )?;
    let notification_token = secret(
        &name,
        "notification_token",
        file.notification_token,
        file.notification_token_file,
        folder,
    )?;
    let api_tokens = with_older(&name, "old_api_tokens", api_token, &file.old_api_tokens)?;
    let notification_tokens = with_older(
        &name,
        "old_notification_tokens",
        notification_token,
        &file.old_notification_tokens,
    )?;
    Ok(AccountConfig {
        name,
        country,
        environment,
        api_tokens,
        notification_tokens,
        return_url_prefixes: file.return_url_prefixes,
        capture_mode,
        shipping_company: file.shipping_company,
        reads_per_second: file.reads_per_second,
    })
}

/// A token, then those that it replaces: Tamara and we do not change at the same moment (R28).
fn with_older(
    account: &str,
    what: &str,
    token: String,
    older: &[String],
) -> anyhow::Result<Vec<SecretString>> {
    let older = older.iter().map(|token| token.trim().to_owned());
    let tokens: Vec<String> = std::iter::once(token).chain(older).collect();
    anyhow::ensure!(
        !tokens.iter().any(String::is_empty),
        "accounts.{account}.{what} holds an empty token: remove it"
    );
    Ok(tokens.into_iter().map(SecretString::from).collect())
}

/// A secret from the environment, from its file, or from the configuration, in this order. An empty one is refused:
/// without it nothing could be verified (fail closed).
fn secret(
    account: &str,
    what: &str,
    inline: Option<String>,
    file: Option<PathBuf>,
    folder: &Path,
) -> anyhow::Result<String> {
    let variable = format!(
        "DATEPALM_{}_{}",
        account.to_uppercase().replace('-', "_"),
        what.to_uppercase()
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    let from_environment = std::env::var(&variable).ok();
    let value = match (from_environment, file) {
        (Some(value), _) => value,
        (None, Some(path)) => read_secret(&folder.join(path))?,
        (None, None) => inline.unwrap_or_default(),
    };
    let value = value.trim().to_owned();
    anyhow::ensure!(
        !value.is_empty(),
        "accounts.{account}.{what} is missing: set it, {what}_file, or the environment variable {variable}"
    );
    Ok(value)
}

fn read_secret(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        anyhow::anyhow!("cannot read the secret file {}: {error}", path.display())
    })?;
    Ok(text.trim().to_owned())
}
