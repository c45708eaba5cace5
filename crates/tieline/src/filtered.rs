//! Capture filters as people give them.

use crate::WrongUse;
use filter::{Filter, Text};

/// Reads a filter for captures.
///
/// # Errors
/// When it is none.
pub(crate) fn read(text: &str) -> Result<Text, WrongUse> {
    Text::parse(text).map_err(|error| WrongUse(format!("the filter {text:?}: {error}")))
}

/// Reads a filter for interfaces.
///
/// # Errors
/// When it is none, or one that lets nothing through, with which a sensor would be blind without knowing.
pub(crate) fn live(text: &str) -> Result<Filter, WrongUse> {
    let wrong = |error: &dyn std::fmt::Display| WrongUse(format!("the filter {text:?}: {error}"));
    let filter = Filter::compile_live(text).map_err(|error| wrong(&error))?;
    if filter.is_blind() { Err(wrong(&"it lets nothing through")) } else { Ok(filter) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_or_makes_blind_is_refused_by_name() {
        let refused = |text| live(text).unwrap_err().to_string();
        assert_eq!(
            refused("host plc-1"),
            "the filter \"host plc-1\": column 6: plc-1 is a name; give the address, since a sensor looks no names up"
        );
        assert_eq!(refused("ip and not ip"), "the filter \"ip and not ip\": it lets nothing through");
        assert!(live("").is_ok());
    }
}
