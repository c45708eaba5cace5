//! As whom and with which rights a command goes on once everything is open that takes rights: as somebody else where that
//! is said, and with none but those that its firewall takes.

use crate::WrongUse;
use crate::soc::config::{Config, Firewall};
use anyhow::{Context, bail};
use ring::{Account, Right};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// Files that are looked at before a folder is handed over. What lies beyond is found by whoever cannot write it.
const LOOKED_AT_MAX: usize = 10_000;
const ROOT: u32 = 0;

/// What a command goes on with.
#[derive(Debug)]
pub(crate) struct Afterwards {
    account: Option<Account>,
    keep: Vec<Right>,
    /// Folders that must be written to.
    folders: Vec<PathBuf>,
}

impl Afterwards {
    /// Goes on as the user `name`, where one is said, with the rights in `keep`.
    ///
    /// # Errors
    /// When there is no such user, or the program cannot become that.
    pub(crate) fn new(name: Option<&str>, keep: Vec<Right>) -> anyhow::Result<Self> {
        let account = name.map(Account::named).transpose().map_err(|error| WrongUse(error.to_string()))?;
        if let Some(account) = account.as_ref().filter(|account| !account.can_be_assumed()) {
            let name = account.name();
            let who = format!("only {name} can, and root with CAP_SETUID and CAP_SETGID");
            return Err(WrongUse(format!("cannot go on as the user {name}: {who}")).into());
        }
        Ok(Self { account, keep, folders: vec![] })
    }

    /// What a centre goes on with.
    ///
    /// # Errors
    /// As [`Afterwards::new`].
    pub(crate) fn of(config: &Config) -> anyhow::Result<Self> {
        let keep = match (config.response.firewall, &config.response.netns) {
            (Firewall::None, _) => vec![],
            (Firewall::Nftables, None) => vec![Right::NetAdmin],
            (Firewall::Nftables, Some(_)) => vec![Right::NetAdmin, Right::SysAdmin],
        };
        Self::new(config.run_as.as_deref(), keep)
    }

    /// Makes the folders of a centre that must be written to, and hands them over.
    ///
    /// # Errors
    /// As [`Afterwards::hand_over`].
    pub(crate) fn hand_over_all(&mut self, config: &Config) -> anyhow::Result<()> {
        // What others put there is only read.
        let followed: Vec<PathBuf> =
            config.folder.iter().filter_map(|folder| folder.path.canonicalize().ok()).collect();
        self.hand_over(&config.data, &followed)?;
        self.hand_over(&config.packets_folder(), &followed)
    }

    /// Makes `folder`, and gives it to whom the command goes on as. What is in it stays whose it is, and must not be
    /// root's from an earlier start, except for what lies in the folders `except`.
    ///
    /// # Errors
    /// When it cannot be made or given away, or something in it could not be written.
    pub(crate) fn hand_over(&mut self, folder: &Path, except: &[PathBuf]) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        self.folders.push(folder.to_owned());
        let Some(account) = self.account.as_ref().filter(|account| !account.is_own()) else { return Ok(()) };
        let look = || format!("cannot look through {}", folder.display());
        let (whole, name) = (folder.canonicalize().with_context(look)?, account.name());
        if let Some(path) = of_root(&whole, except).with_context(look)? {
            bail!(
                "{} belongs to root, and the user {name} could not write it; give it away with: chown -R {name}: {}",
                path.display(),
                folder.display()
            );
        }
        match whole.metadata().with_context(look)?.uid() {
            owner if owner == account.uid() => Ok(()),
            ROOT => chown(&whole, Some(account.uid()), Some(account.gid()))
                .with_context(|| format!("cannot give {} to the user {name}", folder.display())),
            owner => bail!("{} belongs to neither {name} nor root, but to {owner}", folder.display()),
        }
    }

    /// Gives up everything else, for good. To be called before there is another thread.
    ///
    /// # Errors
    /// When the kernel refuses, or a folder could not be written to from now on.
    pub(crate) fn begin(&self) -> anyhow::Result<()> {
        ring::give_up(&self.keep, self.account.as_ref())?;
        self.folders.iter().try_for_each(|folder| writable(folder))
    }

    /// For people: whom and what it goes on with.
    pub(crate) fn text(&self) -> String {
        let whom = self.account.as_ref().map_or("the same user", Account::name);
        match self.keep.as_slice() {
            [] => format!("{whom}, without rights"),
            keep => {
                let names: Vec<_> = keep.iter().map(|right| right.name()).collect();
                format!("{whom}, with {} alone", names.join(" and "))
            }
        }
    }
}

/// A file or folder of root's in `folder`.
fn of_root(folder: &Path, except: &[PathBuf]) -> std::io::Result<Option<PathBuf>> {
    let (mut folders, mut looked_at) = (vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            looked_at += 1;
            if looked_at > LOOKED_AT_MAX {
                return Ok(None);
            }
            if except.contains(&path) {
                continue;
            }
            let data = path.symlink_metadata()?;
            if data.uid() == ROOT {
                return Ok(Some(path));
            }
            if data.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(None)
}

/// Root without its rights writes what is its own, no more.
fn writable(folder: &Path) -> anyhow::Result<()> {
    let probe = folder.join(".writable");
    let wrote = fs::write(&probe, "").and_then(|()| fs::remove_file(&probe));
    wrote.with_context(|| {
        format!(
            "cannot write to {} once rights are given up; go on as the user that it belongs to (run_as, --user)",
            folder.display()
        )
    })
}
