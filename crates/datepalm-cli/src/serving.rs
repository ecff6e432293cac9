//! Listening, answering, and ending well: what the commands that serve have in common.
//!
//! Invariant: after a signal no new request is taken, open ones get a grace, and the process ends by itself.

use crate::failure::{Failure, Result};
use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use datepalm::app::App;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Turns true once, when everything shall end.
pub type Stop = watch::Receiver<bool>;

/// Takes an address; port 0 takes any free port.
pub async fn bind(address: &str, option: &str) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let taken = error.kind() == std::io::ErrorKind::AddrInUse;
        let failure =
            Failure::from(anyhow::Error::new(error).context(format!("cannot listen on {address}")));
        if taken {
            failure.hint(format!(
                "something listens there already; choose another address with {option}"
            ))
        } else {
            failure
        }
    })?;
    let address = listener.local_addr().context("listener has no address")?;
    Ok((listener, address))
}

/// Where a browser on this machine reaches a listener, without a trailing slash.
pub fn local_url(mut address: SocketAddr) -> String {
    // "Every interface" is no address that a browser could open.
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    format!("http://{address}")
}

/// Turns true at Ctrl-C or SIGTERM. A second signal ends the process at once.
pub fn stop_at_signal() -> Result<Stop> {
    let (sender, stop) = watch::channel(false);
    let mut signals = Signals::new().context("cannot listen for signals")?;
    tokio::spawn(async move {
        signals.next().await;
        sender.send_replace(true);
        signals.next().await;
        std::process::exit(1);
    });
    Ok(stop)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a way to hear Ctrl-C the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for the end.
async fn stopped(mut stop: Stop) {
    // The sender is gone only when the process ends anyway.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Answers requests until `stop`, then finishes the open ones for at most `grace`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: Stop,
    grace: Duration,
) -> anyhow::Result<()> {
    let listener = listener.tap_io(|connection| {
        // Small answers leave at once; where this is not possible they leave a little later.
        let _ = connection.set_nodelay(true);
    });
    let server = |stopped| async {
        let server = axum::serve(listener, router);
        server.with_graceful_shutdown(stopped).await
    };
    serve_by(server, stop, grace).await
}

/// The same for a server that listens by itself and ends well when what it is given resolves.
pub async fn serve_by<S: Future<Output = std::io::Result<()>>>(
    server: impl FnOnce(Pin<Box<dyn Future<Output = ()> + Send>>) -> S,
    stop: Stop,
    grace: Duration,
) -> anyhow::Result<()> {
    let server = server(Box::pin(stopped(stop.clone())));
    let answering = async { server.await.context("the server ended") };
    finish(answering, stop, grace).await
}

/// Runs a payment service: its router and its workers, until `stop`. Whatever a late request or worker leaves open
/// is taken up at the next start.
pub async fn run_service(
    app: Arc<App>,
    listener: TcpListener,
    router: Router,
    stop: Stop,
    grace: Duration,
) -> anyhow::Result<()> {
    let workers = tokio::spawn(datepalm::workers::run(app, stop.clone()));
    let working = async { workers.await.context("the workers failed") };
    // A service whose workers are gone would take payments and forget them: either's failure ends both.
    tokio::try_join!(
        serve(listener, router, stop.clone(), grace),
        finish(working, stop, grace),
    )?;
    Ok(())
}

/// Waits for `work`; after `stop`, for at most `grace`.
async fn finish(
    work: impl Future<Output = anyhow::Result<()>>,
    stop: Stop,
    grace: Duration,
) -> anyhow::Result<()> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        ended = &mut work => return ended,
        () = stopped(stop) => {}
    }
    tokio::time::timeout(grace, work).await.unwrap_or_else(|_| {
        tracing::info!("work was still open when the grace ended");
        Ok(())
    })
}
