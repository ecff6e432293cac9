//! A transport that gives one prepared answer and keeps what it was asked.

use std::sync::{Arc, Mutex};

use tamara::Client;
use tamara::transport::{Request, Response, Transport, TransportError, TransportFuture};

pub struct Scripted {
    answer: Result<Response, TransportError>,
    pub sent: Mutex<Vec<Request>>,
}

impl Transport for Scripted {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        self.sent.lock().unwrap().push(request);
        Box::pin(std::future::ready(self.answer.clone()))
    }
}

pub fn scripted(answer: Result<Response, TransportError>) -> (Client, Arc<Scripted>) {
    let transport = Arc::new(Scripted {
        answer,
        sent: Mutex::default(),
    });
    (
        Client::new(transport.clone(), "api-token".into()),
        transport,
    )
}

pub fn answering(status: u16, body: &str) -> (Client, Arc<Scripted>) {
    scripted(Ok(response(status, body)))
}

pub fn response(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}
