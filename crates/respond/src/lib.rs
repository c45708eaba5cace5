//! Containment that can be read before it happens, ends by itself, and can be taken back.
//!
//! A [`Case`] and what is known of the site become a [`Plan`], or a [`Refusal`]; the [`guard`] says what the
//! plan would do to the traffic that was seen; two people sign exactly the rule that is then put in force;
//! the [`Firewall`] forgets it by itself. The [`Engine`] holds these steps together and writes each into the
//! [`Ledger`] before it has an effect. Time is always a value, and nothing in here can talk to a controller.

mod approval;
mod block;
mod case;
mod engine;
mod enrich;
mod error;
mod event;
mod facts;
mod firewall;
pub mod guard;
mod ledger;
mod nftables;
mod plan;
mod playbook;
mod refusal;
mod run;
mod simulated;
mod state;
mod stored;
mod ttl;

pub use approval::{Approval, Key, Role, Signer};
pub use block::{Block, Effect, EffectId, RunId};
pub use case::{Case, Party};
pub use engine::{Engine, Lifted, Settings, lift_all};
pub use error::Error;
pub use event::{Entry, Event, Of};
pub use facts::{AssetFact, AssetRole, Essential, GuardInput, Seen};
pub use firewall::{Firewall, FirewallError, InForce};
pub use guard::{Report, Touched, Verdict};
pub use ledger::{Head, Ledger};
pub use nftables::Nftables;
pub use plan::{Limits, Plan, Protected, Site, plan};
pub use playbook::{Playbook, PlaybookError, Step, Work};
pub use refusal::Refusal;
pub use run::{Approved, Pending, Progress, Request, Run, RunState, RunStep};
pub use simulated::Simulated;
pub use ttl::Ttl;
