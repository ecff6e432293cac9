//! The sandbox on a socket: a listener that can refuse, and connections that can be reset.
//!
//! Serving the router with anything else works too; a faulty connection is then closed instead of
//! reset and nobody is refused. Invariant: while the sandbox refuses, its port is closed.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::faults::pause;
use crate::{Error, Merchant, Options, Sandbox};

/// How soon a closed listener looks at the clock again, and how long it waits after a failed accept.
const LOOK: Duration = Duration::from_millis(20);

/// A sandbox on a port of this machine. Dropping it stops it.
pub struct Running {
    sandbox: Sandbox,
    base_url: String,
    _stop: oneshot::Sender<()>,
}

impl Running {
    /// Where clients reach it, without a trailing slash.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its books, clock, customers and faults.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Sandbox {
    /// A Saudi and a Kuwaiti merchant ([`Merchant::sample`]) in memory, on a free port of the
    /// loopback interface, its callbacks sent. Needs a Tokio runtime.
    pub async fn start() -> Result<Running, Error> {
        let merchants = ["SA", "KW"].map(Merchant::sample);
        Self::start_with(Options::new("", merchants.into())).await
    }

    /// The same with options; their `base_url` is replaced by the address that was taken.
    pub async fn start_with(options: Options) -> Result<Running, Error> {
        let failed = |error: io::Error| Error::Listen(error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let base_url = format!("http://{}", listener.local_addr().map_err(failed)?);
        let sandbox = Self::open(Options {
            base_url: base_url.clone(),
            ..options
        })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = sandbox.clone();
        tokio::spawn(async move {
            // An error means that the handle was dropped, which is what is waited for.
            let stopped = async { drop(stopped.await) };
            tokio::select! {
                () = served.run_notifier() => {}
                _ = served.serve(listener, stopped) => {}
            }
        });
        Ok(Running {
            sandbox,
            base_url,
            _stop: stop,
        })
    }

    /// Answers requests until `stop`, then finishes the open ones.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let door = Door {
            address: listener.local_addr()?,
            listener: Some(listener),
            sandbox: self.clone(),
        };
        let service = self.router().into_make_service_with_connect_info::<Line>();
        axum::serve(door, service)
            .with_graceful_shutdown(stop)
            .await
    }
}

/// A listener that is closed and opened again as the sandbox refuses and takes connections.
struct Door {
    sandbox: Sandbox,
    address: SocketAddr,
    listener: Option<TcpListener>,
}

impl Listener for Door {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        loop {
            while self.sandbox.refuses() {
                self.listener = None;
                pause(LOOK).await;
            }
            let Some(listener) = &self.listener else {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => self.listener = Some(listener),
                    Err(error) => {
                        tracing::error!(%error, "the port could not be opened again");
                        pause(LOOK).await;
                    }
                }
                continue;
            };
            tokio::select! {
                () = self.sandbox.refusal_began() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => return (Socket::new(stream), address),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be taken");
                        pause(LOOK).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A handle on the connection that a request came in by.
#[derive(Clone, Default)]
pub(crate) struct Line(Arc<AtomicBool>);

impl Line {
    /// The peer will see a reset instead of an orderly end.
    pub(crate) fn reset_when_closed(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}

struct Socket {
    stream: TcpStream,
    line: Line,
}

impl Socket {
    fn new(stream: TcpStream) -> Self {
        // Small answers leave at once; where this is not possible they leave a little later.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            line: Line::default(),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.line.0.load(Ordering::SeqCst) {
            // Where this is not possible the connection is closed instead.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
