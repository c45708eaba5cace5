use crate::catalog::{self, entries, name};
use crate::folder::Folders;
use crate::shared::{Shared, is_before};
use crate::{Result, compact};
use model::Time;
use std::fs;
use std::path::Path;

/// Deletes the hours of the lake in `lake` that ended `oldest` or earlier; answers the bytes that they took.
pub(crate) fn retain(lake: &Path, shared: &Shared, oldest: Time) -> Result<u64> {
    let _alone = compact::alone(lake)?;
    let Some(unread) = forget(shared, oldest) else { return Ok(0) };
    let mut folders = Folders::default();
    let mut deleted: u64 = 0;
    for table in catalog::tables(lake)? {
        for hour in catalog::hours(&table)?.into_iter().filter(|hour| is_before(hour, unread)) {
            deleted = deleted.saturating_add(delete(&hour, shared)?);
            folders.changed(&table)?;
        }
    }
    folders.sync()?;
    Ok(deleted)
}

/// Hides hours before `oldest`; answers before which nobody reads any more.
fn forget(shared: &Shared, oldest: Time) -> Option<Time> {
    let hidden = shared.oldest().filter(|_| shared.readers.have_ended());
    shared.forget_before(oldest);
    shared.readers.turn();
    if shared.readers.have_ended() { Some(oldest) } else { hidden.map(|hidden| hidden.min(oldest)) }
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
