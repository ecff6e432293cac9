//! `datepalm demo`: an offline Tamara, the payment service and a shop in one process, with fixed keys.
//!
//! All three share one clock, so that moving the sandbox's clock moves deadlines everywhere. Nothing else is shared:
//! the shop calls the service, and the service calls Tamara, over HTTP on this machine.

mod banner;
mod feed;
mod setup;

use crate::failure::Result;
use crate::lock::{self, Lock};
use crate::serving::{self, Stop};
use crate::shop::{self, ShopOptions};
use crate::terminal::{Paint, Terminal, line};
use axum::Router;
use axum::response::{Html, IntoResponse as _, Response};
use clap::Args;
use datepalm::app::App;
use feed::Feed;
use setup::{KUWAIT, SAUDI};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tamara_sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Pages that follow a payment never end by themselves; a person who pressed Ctrl-C does not want to wait for them.
const GRACE: Duration = Duration::from_secs(2);

/// Try everything on this machine: shop, payment service and an offline Tamara
#[derive(Args)]
pub struct Options {
    /// Where shop and payment service listen; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Where the offline Tamara listens; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    sandbox_listen: String,
    /// The folder to keep everything in
    #[arg(long, value_name = "FOLDER", default_value = "datepalm-demo")]
    data: PathBuf,
    /// Open the shop in a browser
    #[arg(long)]
    open: bool,
}

/// Where everything is.
struct Place {
    shop_url: String,
    sandbox_url: String,
    data: PathBuf,
}

/// Everything that runs.
struct Demo {
    place: Place,
    listener: TcpListener,
    sandbox_listener: TcpListener,
    sandbox: Sandbox,
    app: Arc<App>,
    _locks: [Lock; 2],
}

/// Runs until a signal.
pub async fn run(options: Options, terminal: Terminal) -> Result<()> {
    let demo = Demo::prepare(&options, terminal).await?;
    let stop = serving::stop_at_signal()?;
    banner::print(terminal, &demo.place);
    if options.open {
        open_browser(&demo.place.shop_url, terminal);
    }
    let data = demo.place.data.clone();
    demo.run(terminal, stop).await?;
    let message = format!(
        "stopped; start it again and it goes on with the data in {}",
        data.display()
    );
    terminal.note(Paint::Dim, "demo", &message);
    Ok(())
}

impl Demo {
    async fn prepare(options: &Options, terminal: Terminal) -> Result<Self> {
        let data = options.data.clone();
        let locks = [
            lock::database(&data.join(setup::DATABASE))?,
            lock::folder(&data.join(setup::SANDBOX))?,
        ];
        let (listener, address) = serving::bind(&options.listen, "--listen").await?;
        let (sandbox_listener, sandbox_address) =
            serving::bind(&options.sandbox_listen, "--sandbox-listen").await?;
        if !address.ip().is_loopback() || !sandbox_address.ip().is_loopback() {
            let advice = "others on your network can reach this demo, and everybody knows its keys";
            terminal.note(Paint::Doubtful, "warning", advice);
        }
        let place = Place {
            shop_url: serving::local_url(address),
            sandbox_url: serving::local_url(sandbox_address),
            data,
        };
        // The sandbox first: it restores how far the clock had been moved.
        let sandbox = setup::sandbox(&place)?;
        let app = setup::service(&place, &sandbox).await?;
        Ok(Self {
            place,
            listener,
            sandbox_listener,
            sandbox,
            app,
            _locks: locks,
        })
    }

    /// The service ends first, so that Tamara still answers its last calls.
    async fn run(self, terminal: Terminal, stop: Stop) -> Result<()> {
        let feed = Arc::new(Feed::start(self.app.clone(), terminal).await?);
        let router = router(&self.place, &self.app, &feed);
        let (stop_tamara, tamara_stops) = watch::channel(false);
        let tamara = serving::serve(
            self.sandbox_listener,
            self.sandbox.router(),
            tamara_stops,
            GRACE,
        );
        let tamara = tokio::spawn(tamara);
        // Both sockets take connections since they were bound.
        line("ready");
        let side = tokio::spawn(async move {
            tokio::join!(self.sandbox.run_notifier(), feed.follow());
        });
        let served = serving::run_service(self.app, self.listener, router, stop, GRACE).await;
        side.abort();
        stop_tamara.send_replace(true);
        tamara.await??;
        Ok(served?)
    }
}

fn router(place: &Place, app: &Arc<App>, feed: &Arc<Feed>) -> Router {
    let shop = shop::router(ShopOptions {
        api_url: place.shop_url.clone(),
        public_url: place.shop_url.clone(),
        sandbox_url: format!("{}/_sandbox", place.sandbox_url),
        key_sar: SAUDI.secret_key.to_owned(),
        key_kwd: KUWAIT.secret_key.to_owned(),
    });
    let service = datepalm::http::router(app.clone()).layer(axum::middleware::from_fn_with_state(
        feed.clone(),
        feed::tell_notifications,
    ));
    shop.merge(service).fallback(nothing_here)
}

/// A person gets a page, a program the problem document.
async fn nothing_here(headers: axum::http::HeaderMap) -> Response {
    let accepted = headers.get("accept").and_then(|value| value.to_str().ok());
    if !accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        return datepalm::http::no_such_route().await;
    }
    let page = "<!doctype html><html lang=en><meta charset=utf-8><title>Nothing here</title>\
                <meta name=viewport content='width=device-width'>\
                <body style='font-family:system-ui;margin:3rem'><h1>There is nothing here</h1>\
                <p><a href='/'>Go to the shop</a>";
    (axum::http::StatusCode::NOT_FOUND, Html(page)).into_response()
}

/// Not being able to is no failure: the address is printed.
fn open_browser(url: &str, terminal: Terminal) {
    let opened = |program: &str| {
        let mut command = Command::new(program);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        quiet.stderr(Stdio::null()).arg(url).spawn().is_ok()
    };
    if !["xdg-open", "open"].into_iter().any(opened) {
        let advice = format!("no browser could be opened; go to {url}");
        terminal.note(Paint::Link, "hint", &advice);
    }
}
