use super::Approvals;
use crate::soc::Desk;
use crate::soc::config::Config;
use crate::soc::login;
use console::User;
use model::Span;
use respond::Signer;

/// The script in the stead of people: it answers, after a moment to think, whatever run waits.
pub(crate) struct People {
    signers: Vec<(User, Signer)>,
}

/// How long each takes to read before saying yes.
const READING: Span = Span::s(6);

impl People {
    pub(crate) fn new(approvals: Approvals, config: &Config) -> Self {
        let users = config.user.iter().filter(|_| approvals == Approvals::Script).map(login::user);
        let signer = |user: User| (user.clone(), Signer::new(format!("script for {}", user.name).as_bytes()));
        Self { signers: users.map(signer).collect() }
    }

    /// Approves what waits and has waited long enough.
    pub(crate) fn act(&self, desk: &Desk) {
        let now = desk.now();
        for run in desk.waiting_runs() {
            let given = i64::try_from(run.approvals.len()).unwrap_or(0);
            if now - run.asked < Span(READING.0 * (given + 1)) {
                continue;
            }
            let gave = |user: &User| run.approvals.iter().any(|approved| approved.who == user.name);
            let Some((user, signer)) = self.signers.iter().find(|(user, _)| !gave(user)) else { continue };
            // A refusal is in the ledger and on the run; the script has nothing else to say.
            let _ = desk.approve_by_script(user, &run, signer);
        }
    }
}
