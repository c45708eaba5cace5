//! The ledger: every decision and effect, each entry chained to the one before, never changed.
//!
//! A table in SQLite in write-ahead mode with full synchronisation: when [`Ledger::append`] returns, the
//! entry is on disk. The chain shows a change to anything that was written; that the *end* was cut off shows
//! only against a [`Head`] that was kept elsewhere.

mod chain;

use crate::{Entry, Error, Event};
use chain::{Link, ORIGIN};
use model::Time;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a writer waits for another program that holds the file.
const BUSY: Duration = Duration::from_millis(500);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS ledger (
        number  INTEGER PRIMARY KEY,
        at      INTEGER NOT NULL,
        who     TEXT NOT NULL,
        kind    TEXT NOT NULL,
        payload TEXT NOT NULL,
        prev    BLOB NOT NULL,
        hash    BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER IF NOT EXISTS ledger_is_not_changed BEFORE UPDATE ON ledger
        BEGIN SELECT RAISE(ABORT, 'entries of the ledger are not changed'); END;
    CREATE TRIGGER IF NOT EXISTS ledger_is_not_cut BEFORE DELETE ON ledger
        BEGIN SELECT RAISE(ABORT, 'entries of the ledger are not deleted'); END;";

/// The end of the chain. Kept elsewhere (on paper, in a ticket), it shows later that nothing before it was
/// cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the last entry; 0 for none.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// An open ledger.
pub struct Ledger {
    path: PathBuf,
    database: Connection,
    head: Head,
}

impl Ledger {
    /// Opens the ledger at `path`, makes it if there is none, and verifies it.
    ///
    /// # Errors
    /// When the file cannot be opened or an entry is not as it was written.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Ledger { what: "open", path: path.to_owned(), source };
        let database = connect(path).map_err(failed)?;
        let head = Head { number: 0, hash: ORIGIN };
        let mut ledger = Self { path: path.to_owned(), database, head };
        ledger.head = ledger.verify()?;
        Ok(ledger)
    }

    /// Writes an entry; it is on disk when this returns.
    ///
    /// # Errors
    /// When it could not be written, or another program has written since; nothing is written then.
    pub fn append(&mut self, at: Time, who: &str, event: Event) -> Result<Entry, Error> {
        let entry = Entry { number: self.head.number + 1, at, who: who.to_owned(), event };
        let payload = serde_json::to_string(&entry.event).map_err(|source| Error::Unreadable {
            path: self.path.clone(),
            number: entry.number,
            source,
        })?;
        let link = Link { number: entry.number, at: at.0, who, kind: entry.event.kind(), payload: &payload };
        let hash = link.hash(&self.head.hash);
        let written = write(&mut self.database, &link, self.head, &hash);
        if !written.map_err(|source| self.failed("write")(source))? {
            return Err(Error::OtherWriter { path: self.path.clone() });
        }
        self.head = Head { number: entry.number, hash };
        Ok(entry)
    }

    /// The end of the chain.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    /// [`Error::Tampered`] names the first entry that is not as it was written.
    pub fn verify(&self) -> Result<Head, Error> {
        let mut head = Head { number: 0, hash: ORIGIN };
        self.walk(0, |stored| {
            head = self.check(head, &stored)?;
            Ok(())
        })?;
        Ok(head)
    }

    /// The entries after `number`, 0 for all, in order.
    ///
    /// # Errors
    /// When the file cannot be read or an entry be understood.
    pub fn after(&self, number: u64) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.walk(number, |stored| {
            entries.push(stored.entry().map_err(|source| Error::Unreadable {
                path: self.path.clone(),
                number: stored.number,
                source,
            })?);
            Ok(())
        })?;
        Ok(entries)
    }

    fn walk(&self, after: u64, mut take: impl FnMut(Stored) -> Result<(), Error>) -> Result<(), Error> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut statement = self
            .database
            .prepare(
                "SELECT number, at, who, kind, payload, prev, hash FROM ledger \
                 WHERE number > ?1 ORDER BY number",
            )
            .map_err(self.failed("read"))?;
        let mut rows = statement.query(params![after]).map_err(self.failed("read"))?;
        let mut last = u64::try_from(after).unwrap_or_default();
        while let Some(row) = rows.next().map_err(self.failed("read"))? {
            // What cannot be read as text or hash any more was not written so.
            let stored = Stored::read(row).map_err(|_| self.tampered(last + 1, "it cannot be read"))?;
            last = stored.number;
            take(stored)?;
        }
        Ok(())
    }

    fn check(&self, head: Head, stored: &Stored) -> Result<Head, Error> {
        let number = head.number + 1;
        if stored.number != number {
            return Err(self.tampered(number, "it is missing"));
        }
        if stored.prev != head.hash {
            return Err(self.tampered(number, "it does not follow the one before"));
        }
        let hash = stored.link().hash(&head.hash);
        if stored.hash != hash {
            return Err(self.tampered(number, "it is not what was written"));
        }
        Ok(Head { number, hash })
    }

    fn tampered(&self, number: u64, what: &'static str) -> Error {
        Error::Tampered { path: self.path.clone(), number, what }
    }

    fn failed(&self, what: &'static str) -> impl Fn(rusqlite::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Ledger { what, path: path.clone(), source }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("path", &self.path).field("head", &self.head).finish()
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open(path)?;
    database.busy_timeout(BUSY)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "trusted_schema", false)?;
    database.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;"))?;
    Ok(database)
}

/// Writes the entry behind `head`; no when that is not the end of the file any more.
fn write(database: &mut Connection, link: &Link<'_>, head: Head, hash: &[u8; 32]) -> rusqlite::Result<bool> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last: (i64, Option<Vec<u8>>) = transaction.query_row(
        "SELECT coalesce(max(number), 0), (SELECT hash FROM ledger ORDER BY number DESC LIMIT 1) FROM ledger",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let ours = last.1.is_none_or(|hash| hash == head.hash);
    if u64::try_from(last.0) != Ok(head.number) || !ours {
        return Ok(false);
    }
    transaction.execute(
        "INSERT INTO ledger (number, at, who, kind, payload, prev, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![number(link.number), link.at, link.who, link.kind, link.payload, head.hash, hash],
    )?;
    transaction.commit()?;
    Ok(true)
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A row as it stands in the file.
struct Stored {
    number: u64,
    at: i64,
    who: String,
    kind: String,
    payload: String,
    prev: [u8; 32],
    hash: [u8; 32],
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
            at: row.get(1)?,
            who: row.get(2)?,
            kind: row.get(3)?,
            payload: row.get(4)?,
            prev: row.get(5)?,
            hash: row.get(6)?,
        })
    }

    fn link(&self) -> Link<'_> {
        let Stored { number, at, who, kind, payload, .. } = self;
        Link { number: *number, at: *at, who, kind, payload }
    }

    fn entry(&self) -> serde_json::Result<Entry> {
        let event = serde_json::from_str(&self.payload)?;
        Ok(Entry { number: self.number, at: Time(self.at), who: self.who.clone(), event })
    }
}
