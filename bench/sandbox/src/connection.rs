//! One HTTP/1.1 connection that is kept open; as little work per request as possible, so that the figures are
//! the server's.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::Result;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8192),
        })
    }

    pub fn get(&mut self, path: &str) -> Result<&str> {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: s\r\nauthorization: Bearer sandbox-sa\r\n\r\n"
        ))
    }

    pub fn post(&mut self, path: &str, body: &str) -> Result<&str> {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: s\r\nauthorization: Bearer sandbox-sa\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// The body of a 200; anything else is an error.
    fn send(&mut self, request: &str) -> Result<&str> {
        self.stream.write_all(request.as_bytes())?;
        self.buffer.clear();
        let mut part = [0; 8192];
        loop {
            let length = self.stream.read(&mut part)?;
            if length == 0 {
                return Err("the connection was closed".into());
            }
            self.buffer.extend_from_slice(&part[..length]);
            if let Some(start) = self.complete()? {
                let text = std::str::from_utf8(&self.buffer)?;
                if !text.starts_with("HTTP/1.1 200") {
                    return Err(text.to_owned().into());
                }
                return Ok(&text[start..]);
            }
        }
    }

    /// Where the body starts, once all of it is there.
    fn complete(&self) -> Result<Option<usize>> {
        let Some(end) = self
            .buffer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
        else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&self.buffer[..end])?.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.ok_or("an answer without a length")?.trim().parse()?;
        Ok((self.buffer.len() >= end + 4 + length).then_some(end + 4))
    }
}
