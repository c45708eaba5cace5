use crate::catalog::{self, entries, name};
use crate::folder::Folders;
use crate::shared::{Forgotten, Shared};
use crate::{Result, compact};
use std::fs;
use std::path::Path;

/// Deletes `hours` of the lake in `lake`; answers the bytes that they took.
pub(crate) fn retain(lake: &Path, shared: &Shared, hours: Forgotten) -> Result<u64> {
    let _alone = compact::alone(lake)?;
    let Some(unread) = forget(shared, hours) else { return Ok(0) };
    let mut folders = Folders::default();
    let mut deleted: u64 = 0;
    for table in catalog::tables(lake)? {
        for hour in catalog::hours(&table)?.into_iter().filter(|hour| unread.has(hour)) {
            deleted = deleted.saturating_add(delete(&hour, shared)?);
            folders.changed(&table)?;
        }
    }
    folders.sync()?;
    Ok(deleted)
}

/// Hides `hours`; answers those that nobody reads any more.
fn forget(shared: &Shared, hours: Forgotten) -> Option<Forgotten> {
    let hidden = shared.forgotten().filter(|_| shared.readers.have_ended());
    shared.forget(hours);
    shared.readers.turn();
    if shared.readers.have_ended() { Some(hours) } else { hidden.map(|hidden| hidden.and(hours)) }
}

/// Deletes the parts of an hour; its folder stays while a writer has an unfinished part in it.
fn delete(hour: &Path, shared: &Shared) -> Result<u64> {
    let mut deleted: u64 = 0;
    for part in entries(hour)?.iter().filter(|part| name::is_part(part)) {
        deleted = deleted.saturating_add(shared.delete(part)?);
    }
    // Fails when something is left in it, as it should.
    let _ = fs::remove_dir(hour);
    Ok(deleted)
}
