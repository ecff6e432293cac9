//! A world as one number of 64 bits. Ten million worlds share one by chance with a probability of three in a million.

use crate::world::World;
use std::hash::{Hash as _, Hasher};

/// Multiplies each eight bytes into the state and folds the product.
#[derive(Default)]
struct Fold(u64);

const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

impl Fold {
    fn add(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(23) ^ word ^ ODD) * u128::from(ODD | 1 << 63);
        let (low, high) = (product & u128::from(u64::MAX), product >> 64);
        self.0 = u64::try_from(low ^ high).expect("both are halves");
    }
}

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        let mut last = Self(self.0);
        last.add(ODD);
        last.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(word) ^ (bytes.len() as u64).rotate_left(56));
    }
}

/// The number of a world, with all there is in it.
pub fn number(world: &World) -> u64 {
    let mut hasher = Fold::default();
    world.hash(&mut hasher);
    hasher.finish()
}
