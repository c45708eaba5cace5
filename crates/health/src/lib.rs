//! Whether a tap tells the truth, judged by its own traffic; and what may be said of conduits that go one
//! way.
//!
//! A mirror port that duplicates, loses, shows one side or strips tags makes every log downstream wrong, and
//! nobody is told. [`Tap`] takes every frame and keeps counters and small tables; a [`Trace`] of 64 bytes
//! stands in each conversation; [`Judge`] decides once per period, with limits that stand in one table
//! ([`LIMITS`]). A [`Claim`] follows a conduit over all taps that listen to it.
//!
//! ```ignore
//! let mut tap = Tap::new(Setup::default());
//! // for every frame
//! if !tap.is_copy(&look) {
//!     let mut trace = tap.open(&look, source, destination);
//!     tap.segment(&mut trace, false, &look, &header, len);
//! }
//! // once per period; workers that share a tap merge their parts first
//! let report = judge.judge(now, tap.period(), rows);
//! ```

mod claim;
mod clock;
mod condition;
mod conduit;
mod copies;
mod found;
mod judge;
mod look;
mod pairs;
mod period;
mod prefix;
mod pulse;
mod rows;
mod sums;
mod tags;
mod tap;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trace;

pub use claim::{Claim, Known, Missing, Reason, Verdict, Witness};
pub use condition::{Condition, LIMITS, Limit};
pub use conduit::{Amount, Canaries, Canary, Conduit, Place, Proof, Side, Sight, Token};
pub use judge::{Judge, Report};
pub use look::{Look, Mark};
pub use period::Period;
pub use prefix::{Prefix, PrefixError};
pub use rows::{CaptureLoss, ConduitRow, TapHealth};
pub use tap::{Group, Setup, Tap};
pub use trace::Trace;
