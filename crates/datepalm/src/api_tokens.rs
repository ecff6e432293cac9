//! Which of an account's API tokens is used: while Tamara changes the token, the new and the old one stand side by side
//! (R28), and nobody knows at which moment the one stops and the other begins to work.

use secrecy::SecretString;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An account's tokens, at least one, the preferred one first, and which of them Tamara accepted last in this process.
pub struct ApiTokens {
    tokens: Vec<SecretString>,
    used: AtomicUsize,
}

impl ApiTokens {
    /// The first is used until Tamara refuses it.
    pub fn new(tokens: Vec<SecretString>) -> Self {
        Self {
            tokens,
            used: AtomicUsize::new(0),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.tokens.len()
    }

    /// The one to call with, and its place in the list.
    pub fn used(&self) -> (usize, SecretString) {
        let place = self.used.load(Ordering::SeqCst);
        let token = self.tokens.get(place).cloned();
        (place, token.unwrap_or_else(|| SecretString::from("")))
    }

    /// Tamara does not know the token at that place: the next one is used from now on, unless somebody else saw to that
    /// already. Answers whether there is another one at all.
    pub fn refused(&self, place: usize) -> bool {
        let next = (place + 1) % self.tokens.len().max(1);
        let order = Ordering::SeqCst;
        let changed = self.used.compare_exchange(place, next, order, order);
        next != place && changed.map_or_else(|used| used != place, |_| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn tokens(names: &[&str]) -> ApiTokens {
        ApiTokens::new(names.iter().map(|name| SecretString::from(*name)).collect())
    }

    fn used(tokens: &ApiTokens) -> String {
        tokens.used().1.expose_secret().to_owned()
    }

    #[test]
    fn r28_the_other_token_takes_the_place_of_one_that_is_refused() {
        let two = tokens(&["new", "old"]);
        assert_eq!(used(&two), "new");
        assert!(two.refused(0));
        assert_eq!(used(&two), "old");
        assert!(two.refused(0), "two calls were refused at the same moment");
        assert_eq!(used(&two), "old", "and the token changed once");
        assert!(two.refused(1));
        assert_eq!(used(&two), "new");
    }

    #[test]
    fn r28_a_single_token_stays() {
        let one = tokens(&["only"]);
        assert!(!one.refused(0));
        assert_eq!(used(&one), "only");
    }
}
