//! Login links that work once. There is no password: who may open the data folder may make a link for anybody in the
//! configuration.

use super::config::{self, Config};
use console::{Role, User};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a link works.
pub(crate) const VALID: Duration = Duration::from_secs(30 * 60);
/// Links that wait at the same time; the oldest is withdrawn for a new one.
const LINKS_MAX: usize = 64;

/// The folder where links wait: a file for each, named by the digest of its token, with the person's name in it.
#[derive(Clone)]
pub(crate) struct Logins {
    dir: PathBuf,
}

impl Logins {
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn new(data: &Path) -> io::Result<Self> {
        let dir = data.join("logins");
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Self { dir })
    }

    /// Makes a token for a person; only its digest is kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn make(&self, name: &str) -> io::Result<String> {
        self.withdraw_oldest()?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
        let token = hex(&secret);
        fs::write(self.dir.join(digest(&token)), name)?;
        Ok(token)
    }

    /// The person of a token that is still good; it works no second time.
    pub(crate) fn redeem(&self, token: &str, users: &[config::User]) -> Option<User> {
        let path = self.dir.join(digest(token));
        let made = path.metadata().ok()?.modified().ok()?;
        // Taken away under a name of its own: of two who come at once one finds nothing.
        let taken = path.with_extension("taken");
        fs::rename(&path, &taken).ok()?;
        let name = fs::read_to_string(&taken).ok()?;
        fs::remove_file(&taken).ok()?;
        let fresh = SystemTime::now().duration_since(made).is_ok_and(|age| age <= VALID);
        users.iter().find(|user| fresh && user.name == name).map(user)
    }

    fn withdraw_oldest(&self) -> io::Result<()> {
        let mut links: Vec<_> = fs::read_dir(&self.dir)?.filter_map(Result::ok).collect();
        if links.len() >= LINKS_MAX {
            links.sort_by_key(|link| link.metadata().and_then(|data| data.modified()).ok());
            links.first().map_or(Ok(()), |oldest| fs::remove_file(oldest.path()))?;
        }
        Ok(())
    }
}

/// A person of the configuration as the console knows one.
pub(crate) fn user(user: &config::User) -> User {
    let role = match user.role {
        config::Role::Viewer => Role::Viewer,
        config::Role::It => Role::It,
        config::Role::Ot => Role::Ot,
    };
    User { name: user.name.clone(), role }
}

/// The address that a person opens; the token stands behind `#`, so that no server and no log sees it.
pub(crate) fn link(config: &Config, token: &str) -> String {
    format!("http://{}/login#{token}", config.console.listen)
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_works_once_and_only_for_people_of_the_configuration() {
        let dir = std::env::temp_dir().join(format!("tieline-logins-{}", std::process::id()));
        let logins = Logins::new(&dir).unwrap();
        let users = [config::User { name: "k.sato".to_owned(), role: config::Role::Ot }];
        let token = logins.make("k.sato").unwrap();
        assert_eq!(logins.redeem("0", &users), None);
        let expected = User { name: "k.sato".to_owned(), role: Role::Ot };
        assert_eq!(logins.redeem(&token, &users), Some(expected));
        assert_eq!(logins.redeem(&token, &users), None);
        let stranger = logins.make("nobody").unwrap();
        assert_eq!(logins.redeem(&stranger, &users), None);
        fs::remove_dir_all(&dir).unwrap();
    }
}
