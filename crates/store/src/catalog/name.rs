//! What the name of a part says.
//!
//! | name | rows |
//! | --- | --- |
//! | `part-22b6ce261e61562c-000000.parquet` | of a source that is read as a whole, by a digest of its name |
//! | `part-s000000000000042-000000.parquet` | of segment 42 |
//! | `merged-000000000000042-000000000000401.parquet` | of the segments 42 to 401, all that this hour has |
//!
//! A merged part stands for every part of its segments: while both are there, only the merged one counts. So one
//! rename puts it in their place, for whoever lists the folder before, after or meanwhile.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// What the names of the parts of segment `number` carry.
pub(crate) fn segment_key(number: u64) -> String {
    format!("s{number:015}")
}

/// The name, without ending, of the part that stands for `segments`.
pub(crate) fn merged(segments: &RangeInclusive<u64>) -> String {
    format!("merged-{:015}-{:015}", segments.start(), segments.end())
}

/// Whether `path` is named as a part that is whole.
pub(crate) fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet")
}

/// The segments whose rows the part `path`, whole or not, holds; `None` for those of another source.
pub(crate) fn segments(path: &Path) -> Option<RangeInclusive<u64>> {
    let name = path.file_name()?.to_str()?.trim_start_matches('.');
    let (words, _) = name.rsplit_once('.')?;
    if let Some(words) = words.strip_prefix("merged-") {
        let (first, last) = words.split_once('-')?;
        return Some(first.parse().ok()?..=last.parse().ok()?);
    }
    let (number, _) = words.strip_prefix("part-s")?.split_once('-')?;
    let number = number.parse().ok()?;
    Some(number..=number)
}

/// Whether `path` is named as a merged part.
pub(crate) fn is_merged(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"merged-"))
}

/// Tells apart the `parts` of an hour that count, and those for which a merged one stands.
pub(crate) fn sort_out(parts: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let merged: Vec<_> =
        parts.iter().filter(|part| is_merged(part)).filter_map(|part| segments(part)).collect();
    parts.into_iter().partition(|part| {
        let Some(own) = segments(part) else { return true };
        let stands_for = |other: &RangeInclusive<u64>| {
            let holds = other.start() <= own.start() && own.end() <= other.end();
            holds && !(is_merged(part) && *other == own)
        };
        !merged.iter().any(stands_for)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(names: &[&str]) -> Vec<String> {
        let (counting, _) = sort_out(names.iter().map(PathBuf::from).collect());
        counting.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_name_tells_its_segments() {
        let of = |name: &str| segments(Path::new(name));
        assert_eq!(of(&format!("hour=1/part-{}-000001.parquet", segment_key(42))), Some(42..=42));
        assert_eq!(of(&format!(".part-{}-000001.unfinished", segment_key(7))), Some(7..=7));
        assert_eq!(of(&format!("{}.parquet", merged(&(3..=9)))), Some(3..=9));
        assert_eq!(of("part-22b6ce261e61562c-000000.parquet"), None);
        assert_eq!(of("merged-x-9.parquet"), None);
    }

    #[test]
    fn a_merged_part_stands_for_its_segments_and_for_smaller_merged_ones() {
        let all = ["merged-1-9.parquet", "merged-1-3.parquet", "part-s2-0.parquet", "part-s10-0.parquet"];
        assert_eq!(counts(&all), ["merged-1-9.parquet", "part-s10-0.parquet"]);
        assert_eq!(counts(&all[1..]), ["merged-1-3.parquet", "part-s10-0.parquet"]);
    }

    #[test]
    fn a_part_of_another_source_always_counts() {
        let names = ["merged-0-99.parquet", "part-0000000000000042-000000.parquet"];
        assert_eq!(counts(&names), names);
    }
}
