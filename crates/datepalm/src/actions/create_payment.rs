//! `POST /v1/payments`: find the payment that this wish already is, or make it; then open its session (R6, R7, R22,
//! R26).

use super::advance::{Env, save_and_plan};
use super::check_content;
use super::content::{Content, PaymentRequest, People};
use super::open_session::open_session;
use super::recover::{recovering, unknown_effect};
use super::send::{Grant, send};
use crate::app::{Account, App};
use crate::domain::guard::{Guard, stands};
use crate::domain::operation::{Lease, OperationKind, OperationState};
use crate::domain::payment::{CancelState, CaptureMode, Payment};
use crate::domain::resume::{Resumed, resume as resumed};
use crate::domain::status::Status;
use crate::error::{Code, Refusal, Result, refused};
use crate::ids::{OperationId, PaymentId};
use crate::store::payments::{self, Wish};
use crate::store::tx::Tx;
use crate::store::{operations, recovery};
use std::sync::Arc;
use tamara::money::{Country, Money};

/// What came of it.
pub struct Created {
    /// The payment.
    pub payment: PaymentId,
    /// It existed before this request.
    pub existing: bool,
    /// The key had been used before.
    pub replayed: bool,
}

/// The wish, checked, in the forms that rows hold.
#[derive(Clone)]
struct Draft {
    key: String,
    fingerprint: String,
    total: Money,
    country: Country,
    capture_mode: CaptureMode,
    merchant_reference: String,
    wish: Wish,
    people: String,
    metadata: Vec<(String, String)>,
}

/// What the transaction decided.
enum Found {
    /// Send this create, then answer with the payment.
    Open {
        payment: PaymentId,
        operation: OperationId,
        existing: bool,
        replayed: bool,
    },
    /// Answer with the payment as it is.
    AsItIs { payment: PaymentId, replayed: bool },
}

/// Creates a payment, or finds it.
pub async fn create_payment(
    app: &Arc<App>,
    account: &Arc<Account>,
    key: String,
    request: PaymentRequest,
) -> Result<Created> {
    let draft = draft(app, account, key, request)?;
    let env = Env::now(app, account);
    let grant = Grant::new(app);
    let lease = grant.lease.clone();
    let found = app
        .store
        .write("create payment", move |tx| {
            find_or_make(tx, &env, &draft, &lease)
        })
        .await?;
    match found {
        Found::AsItIs { payment, replayed } => Ok(Created {
            payment,
            existing: true,
            replayed,
        }),
        Found::Open {
            payment,
            operation,
            existing,
            replayed,
        } => {
            let upstream = send(app, &payment, &operation, grant).await?;
            refuse_if_it_failed(app, &payment, &operation, upstream).await?;
            Ok(Created {
                payment,
                existing,
                replayed,
            })
        }
    }
}

fn draft(app: &App, account: &Account, key: String, request: PaymentRequest) -> Result<Draft> {
    let country = account.config.country;
    if let Some(given) = request.country.as_deref()
        && given != country.code()
    {
        let (name, code) = (&account.config.name, country.code());
        let detail = format!(
            "account {name} sells in {code}, and country is another; leave it out or use another account's key"
        );
        return Err(Refusal::new(Code::CountryMismatch, detail)
            .param("country")
            .into());
    }
    let total = check_content::check(&request, country)?;
    let locale = request.locale.clone().unwrap_or_else(|| "en_US".to_owned());
    if locale != "en_US" && locale != "ar_SA" {
        let refusal = Refusal::new(Code::InvalidRequest, "locale: expected en_US or ar_SA");
        return Err(refusal.param("locale").into());
    }
    check_return_urls(account, &request)?;
    let capture_mode = capture_mode(account, request.capture_mode.as_deref())?;
    let description = request
        .description
        .clone()
        .unwrap_or_else(|| format!("Order {}", request.merchant_reference));
    let items = Content {
        items: request.items,
        shipping_amount: request.shipping_amount,
        tax_amount: request.tax_amount,
        discount: request.discount,
    };
    let people = People {
        customer: request.customer,
        shipping_address: request.shipping_address,
        billing_address: request.billing_address,
    };
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| anyhow::anyhow!("serialising: {error}"))
    };
    let stored_content = json(serde_json::to_string(&items))?;
    let stored_people = json(serde_json::to_string(&people))?;
    let return_urls = json(serde_json::to_string(&request.return_urls))?;
    // What makes two wishes the same: money and when it is taken, goods and people, not the wording around them (R7).
    let same = format!(
        "{total}\n{}\n{stored_content}\n{stored_people}",
        capture_mode.as_str()
    );
    let metadata: Vec<(String, String)> = request.metadata.into_iter().collect();
    let all = format!("{same}\n{return_urls}\n{description}\n{locale}\n{metadata:?}");
    let all = format!("{}\n{all}", request.merchant_reference);
    Ok(Draft {
        key,
        fingerprint: app.fingerprint(&all),
        total,
        country,
        capture_mode,
        merchant_reference: request.merchant_reference,
        wish: Wish {
            locale,
            description,
            content: stored_content,
            return_urls,
            content_hash: app.fingerprint(&same),
        },
        people: stored_people,
        metadata,
    })
}

fn capture_mode(account: &Account, word: Option<&str>) -> Result<CaptureMode> {
    let mode = match word {
        None => account.config.capture_mode,
        Some(word) => CaptureMode::from_word(word).ok_or_else(|| {
            Refusal::new(
                Code::InvalidRequest,
                "capture_mode: expected manual or automatic",
            )
            .param("capture_mode")
        })?,
    };
    if mode == CaptureMode::Automatic && account.config.shipping_company.is_none() {
        let detail = "capture_mode automatic needs shipping_company in the account's configuration, because every \
                      capture names one";
        return Err(Refusal::new(Code::ShippingCompanyMissing, detail)
            .param("capture_mode")
            .into());
    }
    Ok(mode)
}

/// Return URLs must begin with one of the account's prefixes, so that nobody turns the return page into an open
/// redirect.
fn check_return_urls(account: &Account, request: &PaymentRequest) -> Result<()> {
    let urls = &request.return_urls;
    for (name, given) in [
        ("success", &urls.success),
        ("failure", &urls.failure),
        ("cancel", &urls.cancel),
    ] {
        let parsed = url::Url::parse(given);
        let allowed = parsed.as_ref().is_ok_and(|given| {
            account
                .config
                .return_url_prefixes
                .iter()
                .any(|prefix| within(given, prefix))
        });
        if !allowed {
            let detail = format!(
                "return_urls.{name} must be a full URL within one of the account's return_url_prefixes: {}",
                account.config.return_url_prefixes.join(", ")
            );
            let refusal = Refusal::new(Code::ReturnUrlNotAllowed, detail);
            return Err(refusal.param(format!("return_urls.{name}")).into());
        }
    }
    Ok(())
}

/// Same scheme, host and port, no user, and a path below the prefix's: never a bare text prefix.
fn within(given: &url::Url, prefix: &str) -> bool {
    let Ok(prefix) = url::Url::parse(prefix) else {
        return false;
    };
    given.scheme() == prefix.scheme()
        && given.host_str() == prefix.host_str()
        && given.port_or_known_default() == prefix.port_or_known_default()
        && given.username().is_empty()
        && given.password().is_none()
        && below(given.path(), prefix.path())
        && !matches!(given.scheme(), "javascript" | "data" | "file")
}

/// Whether a path is the prefix or goes on behind a slash: `/shopping` is not within `/shop`.
fn below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn find_or_make(tx: &mut Tx<'_>, env: &Env, draft: &Draft, lease: &Lease) -> Result<Found> {
    let account = &env.account.config.name;
    let kind = OperationKind::CreateSession;
    if let Some((payment, _, fingerprint)) = operations::by_key(tx, account, kind, &draft.key)? {
        if fingerprint != draft.fingerprint && stands(Guard::FingerprintIsChecked) {
            return refused(
                Code::IdempotencyKeyReused,
                "this Idempotency-Key was used with another body; use a new key for a new payment",
            );
        }
        return resume(tx, env, &payment, lease, true);
    }
    let reference = &draft.merchant_reference;
    if let Some((holder, hash)) = payments::holder(tx, account, reference)?
        && stands(Guard::OneHolder)
    {
        if hash != draft.wish.content_hash {
            return refused(
                Code::ReferenceInUse,
                format!(
                    "merchant_reference {reference:?} belongs to payment {holder}, which is open or paid and has \
                         other content; cancel it or use another reference"
                ),
            );
        }
        return resume(tx, env, &holder, lease, false);
    }
    if let Some(ended) = payments::reopenable(tx, account, reference, &draft.wish.content_hash)? {
        let before = payments::load_known(tx, &ended)?;
        // Another request may have opened or canceled it, before its row was locked for this one.
        if !can_reopen(&before) {
            return resume(tx, env, &ended, lease, false);
        }
        let key = Some((draft.key.clone(), draft.fingerprint.clone()));
        return another_session(tx, env, before, key, lease, false);
    }
    // What was approved of it since the copy was made would lose its reference to the new one (R7).
    if let Some(waiting) = recovery::waiting_of_reference(tx, account, reference)? {
        let waiting = payments::load_known(tx, &waiting)?;
        return Err(recovering(&waiting, &env.policy));
    }
    make(tx, env, draft, lease)
}

/// R7, as the query of what can be opened again says it.
fn can_reopen(payment: &Payment) -> bool {
    let mark = payment.cancel.as_ref().map(|mark| mark.state);
    matches!(payment.status(), Status::Declined | Status::Expired)
        && matches!(mark, None | Some(CancelState::Refused))
}

fn make(tx: &mut Tx<'_>, env: &Env, draft: &Draft, lease: &Lease) -> Result<Found> {
    let stamp = &env.stamp;
    let mut payment = Payment {
        id: PaymentId::new(stamp.now_ms, stamp.ids.as_ref()),
        account: env.account.config.name.clone(),
        merchant_reference: draft.merchant_reference.clone(),
        total: draft.total,
        country: draft.country,
        capture_mode: draft.capture_mode,
        created_at_ms: stamp.now_ms,
        version: 0,
        held: false,
        ever_paid: false,
        winner: None,
        cancel: None,
        check_step: 0,
        next_check_at_ms: None,
        sessions: Vec::new(),
        operations: Vec::new(),
        points: Vec::new(),
    };
    payments::insert(tx, &payment, &draft.wish, &draft.people, &draft.metadata)?;
    let key = Some((draft.key.clone(), draft.fingerprint.clone()));
    let operation = open_session(tx, &mut payment, key, lease.clone(), env)?;
    let id = payment.id.clone();
    save_and_plan(tx, None, &mut payment, env)?;
    Ok(Found::Open {
        payment: id,
        operation,
        existing: false,
        replayed: false,
    })
}

/// A replay, or the same wish under another key. A create that nobody is sending is sent now; a lost or abandoned one
/// gets a fresh session (R22); anything else is answered as it is.
fn resume(
    tx: &mut Tx<'_>,
    env: &Env,
    id: &PaymentId,
    lease: &Lease,
    replayed: bool,
) -> Result<Found> {
    let before = payments::load_known(tx, id)?;
    match resumed(&before, replayed, env.stamp.now_ms) {
        Resumed::Recovering => Err(recovering(&before, &env.policy)),
        Resumed::BeingCanceled => refused(
            Code::CancelRequested,
            format!(
                "payment {id} of this merchant_reference is being canceled; try again when that has ended"
            ),
        ),
        Resumed::BeingCarriedOut(create) => {
            let detail = "a request with this key or reference is being carried out; try again in a few seconds";
            Err(Refusal::new(Code::OperationInProgress, detail)
                .operation(create.as_str())
                .into())
        }
        Resumed::Send(operation) => Ok(Found::Open {
            payment: id.clone(),
            operation,
            existing: true,
            replayed,
        }),
        Resumed::FreshSession => another_session(tx, env, before, None, lease, replayed),
        Resumed::AsItIs => Ok(Found::AsItIs {
            payment: id.clone(),
            replayed,
        }),
    }
}

fn another_session(
    tx: &mut Tx<'_>,
    env: &Env,
    before: Payment,
    key: Option<(String, String)>,
    lease: &Lease,
    replayed: bool,
) -> Result<Found> {
    if before.recovering() {
        return Err(recovering(&before, &env.policy));
    }
    if before.stopped_after_restore() {
        return Err(unknown_effect().into());
    }
    if !env.context(tx, &before)?.can_hold {
        return refused(
            Code::ReferenceInUse,
            format!(
                "merchant_reference {:?} has been taken by another payment meanwhile; payment {} stays as it is",
                before.merchant_reference, before.id
            ),
        );
    }
    let mut payment = before.clone();
    let operation = open_session(tx, &mut payment, key, lease.clone(), env)?;
    save_and_plan(tx, Some(&before), &mut payment, env)?;
    Ok(Found::Open {
        payment: before.id,
        operation,
        existing: true,
        replayed,
    })
}

/// A create that Tamara refused, or that never left, is the caller's to know; one in doubt is answered as it is (202).
async fn refuse_if_it_failed(
    app: &Arc<App>,
    payment: &PaymentId,
    operation: &OperationId,
    upstream: Option<crate::error::Upstream>,
) -> Result<()> {
    let id = payment.clone();
    let known = app
        .store
        .read("look after create", move |tx| payments::look(tx, &id))
        .await?;
    let Some(create) = known
        .as_ref()
        .and_then(|payment| payment.operation(operation.as_str()))
    else {
        return Ok(());
    };
    let reason = create.reason.clone().unwrap_or_default();
    let mut refusal = match (create.state, upstream.is_some()) {
        (OperationState::Rejected, _) if reason == "abandoned" => Refusal::new(
            Code::TamaraUnreachable,
            "no answer of Tamara came in time, and nobody can pay what it may have opened; send the same request \
             again with the same Idempotency-Key",
        ),
        (OperationState::Rejected, _) => Refusal::new(
            Code::RejectedByTamara,
            format!("Tamara refused to open a session for this payment: {reason}"),
        ),
        (OperationState::Intent, true) => Refusal::new(
            Code::TamaraRefusesAccess,
            format!(
                "Tamara turned the call away ({reason}); nothing was created. Check the account's api_token with \
                     Tamara, then send the same request with the same Idempotency-Key"
            ),
        ),
        (OperationState::Intent, false) => Refusal::new(
            Code::TamaraUnreachable,
            "Tamara could not be reached and nothing was created there; send the same request again with the same \
             Idempotency-Key",
        ),
        _ => return Ok(()),
    };
    refusal.upstream = upstream;
    Err(refusal.operation(operation.as_str()).into())
}

#[cfg(test)]
mod tests {
    use super::within;
    use url::Url;

    #[test]
    fn return_urls_stay_within_their_prefix() {
        let check = |given: &str, prefix: &str, expected: bool| {
            let url = Url::parse(given).unwrap();
            assert_eq!(within(&url, prefix), expected, "{given} within {prefix}");
        };
        let shop = "https://shop.test/app";
        check("https://shop.test/app", shop, true);
        check("https://shop.test/app/done?order=1#paid", shop, true);
        check("https://shop.test:443/app/", "https://shop.test/app/", true);
        check("https://SHOP.test/app", shop, true);
        check("https://shop.test/apple", shop, false);
        check("https://shop.test/app/../admin", shop, false);
        check("https://shop.test/app/%2e%2e/admin", shop, false);
        check("https://shop.test/", shop, false);
        check("https://shop.test.evil.example/app", shop, false);
        check("https://shop.test@evil.example/app", shop, false);
        check("https://shop.test:x@evil.example/app", shop, false);
        check("https://:x@shop.test/app", shop, false);
        check("http://shop.test/app", shop, false);
        check("myshop://done/1", "myshop://done", true);
        check("myshop://donerwetter", "myshop://done", false);
        check("javascript:alert(1)", "javascript:", false);
    }
}
