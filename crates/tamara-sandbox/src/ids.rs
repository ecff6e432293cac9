//! Chance: ids and one-time codes, from the seed that was given or from one of the system's.
//!
//! Not for secrets: the sandbox has none to make. Invariant: the n-th draw is a function of seed
//! and n alone; n is kept in the journal, so that a reopened sandbox never repeats an id.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use aws_lc_rs::digest;
use uuid::Builder;

#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    drawn: u64,
}

impl Ids {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self {
            // The cryptographic library would gather entropy of its own, for a tenth of a second
            // of the first checkout.
            seed: seed.unwrap_or_else(|| RandomState::new().hash_one(())),
            drawn: 0,
        }
    }

    /// How many draws were made.
    pub(crate) fn drawn(&self) -> u64 {
        self.drawn
    }

    pub(crate) fn restore(&mut self, drawn: u64) {
        self.drawn = self.drawn.max(drawn);
    }

    /// Goes on as after so many draws; what was drawn since then is drawn again.
    pub(crate) fn return_to(&mut self, drawn: u64) {
        self.drawn = drawn;
    }

    /// UUID v4, lower case, as in Tamara's samples (emulator-notes 1).
    pub(crate) fn uuid(&mut self) -> String {
        uuid_from(self.draw())
    }

    /// The 4-digit code that the page prints.
    pub(crate) fn one_time_code(&mut self) -> String {
        let bytes = self.draw();
        let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        format!("{:04}", number % 10_000)
    }

    fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let mut input = self.seed.to_be_bytes().to_vec();
        input.extend(self.drawn.to_be_bytes());
        first_half(&input)
    }
}

/// A merchant's id is a function of its name, so that it survives a restart without being stored.
pub(crate) fn merchant_id(name: &str) -> String {
    uuid_from(first_half(format!("merchant {name}").as_bytes()))
}

/// A public key for widgets, which is no secret (environments 1.3).
pub(crate) fn public_key(name: &str) -> String {
    uuid_from(first_half(format!("public key {name}").as_bytes()))
}

fn first_half(input: &[u8]) -> [u8; 16] {
    let digest = digest::digest(&digest::SHA256, input);
    let mut half = [0; 16];
    half.copy_from_slice(&digest.as_ref()[..16]);
    half
}

fn uuid_from(bytes: [u8; 16]) -> String {
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_and_a_restored_count_goes_on() {
        let mut first = Ids::new(Some(7));
        let ids: Vec<_> = (0..4).map(|_| first.uuid()).collect();
        let mut second = Ids::new(Some(7));
        second.restore(2);
        assert_eq!(second.uuid(), ids[2]);
        assert_ne!(ids[0], ids[1]);
        assert_eq!(&ids[0][14..15], "4");
        assert_ne!(Ids::new(None).uuid(), Ids::new(None).uuid());
        assert_eq!(first.one_time_code().len(), 4);
    }
}
