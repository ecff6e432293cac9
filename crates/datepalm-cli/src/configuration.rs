//! The configuration file as the commands take it: which one, and what to do when it is not there.

use crate::failure::{Failure, Result};
use clap::Args;
use datepalm::config::{self, Config};
use std::path::PathBuf;

/// Which file.
#[derive(Args)]
pub struct ConfigurationFile {
    /// The configuration file; datepalm.example.toml lists every setting
    #[arg(long, value_name = "FILE", default_value = "datepalm.toml")]
    config: PathBuf,
}

impl ConfigurationFile {
    /// Reads it. Without an account there is nothing that a service could do.
    pub fn load(&self) -> Result<Config> {
        let path = self.config.display();
        if !self.config.exists() {
            return Err(
                Failure::new(format!("there is no configuration file {path}")).hint(
                    "copy datepalm.example.toml and fill it in, or name a file with --config",
                ),
            );
        }
        let config = config::load(&self.config)?;
        if config.accounts.is_empty() {
            return Err(Failure::new(format!("{path} configures no account"))
                .hint("add an [accounts.NAME] table; datepalm.example.toml shows one"));
        }
        Ok(config)
    }
}
