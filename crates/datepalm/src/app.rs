//! The running service: settings, store, the three seams, and the nudges between requests and workers.

use crate::actions::recover;
use crate::api_tokens::ApiTokens;
use crate::clock::{Clock, SystemClock, rfc3339};
use crate::config::{AccountConfig, Config};
use crate::domain::payment::Policy;
use crate::ids::{self, Ids, PaymentId, SystemIds};
use crate::reads::{Pace, Reads};
use crate::store::Store;
use crate::store::accounts::{self, AccountRow};
use crate::store::stamp::Stamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tamara::notification::Verifier;
use tamara::transport::{HttpTransport, Timeouts, Transport};
use tokio::sync::{Notify, broadcast};

/// What differs between a running service, a test and the simulator.
pub struct Seams {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// Makes the way to an account's Tamara.
    pub transport: MakeTransport,
}

/// Makes the way to an account's Tamara: the network, or a sandbox in the same process.
pub type MakeTransport =
    Box<dyn Fn(&AccountConfig) -> anyhow::Result<Arc<dyn Transport>> + Send + Sync>;

impl Seams {
    /// The real ones.
    pub fn system(timeouts: Timeouts) -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            ids: Arc::new(SystemIds::default()),
            transport: Box::new(move |account| {
                Ok(Arc::new(HttpTransport::new(
                    &account.environment,
                    timeouts,
                )?))
            }),
        }
    }
}

/// One account, ready for use.
pub struct Account {
    /// Its settings.
    pub config: AccountConfig,
    /// The way to its Tamara.
    pub transport: Arc<dyn Transport>,
    /// Checks its notifications.
    pub verifier: Verifier,
    /// Which token its calls carry.
    pub api_tokens: ApiTokens,
    /// How fast its orders are read.
    pub pace: Pace,
}

/// Wakes those who wait; losing a nudge costs time, never truth.
pub struct Nudges {
    /// There may be work for the workers.
    pub work: Notify,
    /// A payment changed: for long polls.
    pub changed: broadcast::Sender<PaymentId>,
    /// Events may have been numbered: for the demo's log.
    pub events: Notify,
}

/// The running service.
pub struct App {
    /// Settings.
    pub config: Config,
    /// Durations and words of the core, shared with the transactions' closures.
    pub policy: Arc<Policy>,
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// Accounts by name.
    pub accounts: BTreeMap<String, Arc<Account>>,
    /// Keys the hashes of requests, so that they tell nothing about a customer.
    pub secret: String,
    /// Wakes those who wait.
    pub nudges: Nudges,
    /// Reads of orders that are under way.
    pub reads: Reads,
}

impl App {
    /// Opens the database, checks the accounts against their first start (R28), goes on with a recovery that was begun (R30)
    /// and makes everything ready.
    pub async fn open(config: Config, seams: Seams) -> anyhow::Result<Arc<Self>> {
        let store = Store::open(&config.database)?;
        let Seams {
            clock,
            ids,
            transport: make_transport,
        } = seams;
        register_accounts(&store, &config, clock.now_ms()).await?;
        let fresh = ids::token(ids.as_ref());
        let secret = store
            .write("instance secret", move |tx| {
                accounts::instance_secret(tx, "fingerprint_secret", &fresh)
            })
            .await?;
        let mut ready = BTreeMap::new();
        for (name, account) in &config.accounts {
            let verifier = Verifier::new(account.notification_tokens.clone())
                .map_err(|error| anyhow::anyhow!("accounts.{name}.notification_token: {error}"))?;
            let transport = make_transport(account)?;
            ready.insert(
                name.clone(),
                Arc::new(Account {
                    config: account.clone(),
                    transport,
                    verifier,
                    api_tokens: ApiTokens::new(account.api_tokens.clone()),
                    pace: Pace::new(account.reads_per_second, clock.monotonic_ms()),
                }),
            );
        }
        let nudges = Nudges {
            work: Notify::new(),
            changed: broadcast::channel(1024).0,
            events: Notify::new(),
        };
        let policy = Arc::new(config.policy.clone());
        let app = Arc::new(Self {
            config,
            policy,
            store,
            clock,
            ids,
            accounts: ready,
            secret,
            nudges,
            reads: Reads::default(),
        });
        // A recovery that was begun comes before everything else, also after a crash (R30).
        if let Some(told) = recover::carry_on(&app).await? {
            tracing::warn!(
                payments = told.payments,
                orders = told.orders.values().sum::<i64>(),
                restored_at = rfc3339(told.restored_at_ms),
                "recovery: every payment knows of the restore; those whose orders can have changed wait for a read"
            );
        }
        Ok(app)
    }
}

impl App {
    /// The time, and where ids come from, for the writes of one action.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            now_ms: self.clock.now_ms(),
            ids: self.ids.clone(),
        }
    }

    /// An account by its name.
    pub fn account(&self, name: &str) -> crate::error::Result<Arc<Account>> {
        let found = self.accounts.get(name).cloned();
        found.ok_or_else(|| anyhow::anyhow!("account {name} has rows but is not configured").into())
    }

    /// The accounts whose orders may be read now, and how many of them.
    pub fn free_reads(&self) -> Vec<(String, i64)> {
        let now_ms = self.clock.monotonic_ms();
        let free = self.accounts.iter();
        let free = free.map(|(name, account)| (name.clone(), account.pace.free(now_ms)));
        free.filter(|(_, free)| *free > 0).collect()
    }

    /// Tells those who wait that a payment changed and that there may be work.
    pub fn changed(&self, payment: &PaymentId) {
        // Nobody listening is fine.
        let _ = self.nudges.changed.send(payment.clone());
        self.nudges.work.notify_one();
    }

    /// A keyed hash: the same text gives the same hash here, and tells nothing to anyone else.
    pub fn fingerprint(&self, text: &str) -> String {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.secret.as_bytes());
        ids::hex(aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref())
    }
}

/// An account's country and environment are written at its first start; a change, or leaving out an account that has
/// payments, refuses to start (R28).
async fn register_accounts(store: &Store, config: &Config, now_ms: i64) -> anyhow::Result<()> {
    let configured: Vec<AccountRow> = config
        .accounts
        .values()
        .map(|account| AccountRow {
            name: account.name.clone(),
            country: account.country.code().to_owned(),
            environment: account.environment.base_url().to_owned(),
        })
        .collect();
    let problem = store
        .write("register accounts", move |tx| {
            let known = accounts::all(tx)?;
            for old in &known {
                let new = configured.iter().find(|account| account.name == old.name);
                match new {
                    Some(new) if new == old => {}
                    Some(_) => return Ok(Some(format!(
                        "account {} was started as country {} at {}: these never change; configure a new account instead",
                        old.name, old.country, old.environment
                    ))),
                    None if accounts::has_payments(tx, &old.name)? => return Ok(Some(format!(
                        "account {} has payments and is missing from the configuration: put it back",
                        old.name
                    ))),
                    None => {}
                }
            }
            for account in configured.iter().filter(|account| !known.contains(account)) {
                accounts::insert(tx, account, now_ms)?;
            }
            Ok(None)
        })
        .await?;
    problem.map_or(Ok(()), |problem| Err(anyhow::anyhow!(problem)))
}
