//! Runs of the one playbook, with approvals that are really checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use console::view::{Affected, Approve, Approved, Decision, Guard, Ms, Run, RunState, RunStep};
use console::{Refused, Role, User};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use std::collections::BTreeMap;

const MINUTE: Ms = 60_000;

/// Runs, newest last, and what was decided.
#[derive(Default)]
pub(crate) struct Runs {
    pub(crate) all: Vec<Run>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) keys: BTreeMap<String, Vec<u8>>,
}

impl Runs {
    pub(crate) fn start(&mut self, user: &User, now: Ms) -> String {
        if let Some(run) =
            self.all.iter().find(|run| matches!(run.state, RunState::Waiting | RunState::Active))
        {
            return run.id.clone();
        }
        let id = format!("RUN-{}", self.all.len() + 1);
        self.all.push(fresh(&id, user, now));
        self.note(now, &id, &user.name, "asks to contain HIST01 to PLC-ASC-1".into());
        self.note(
            now,
            &id,
            "tieline",
            "finds that 4 of 5 process conduits go on untouched, and waits".into(),
        );
        id
    }

    pub(crate) fn approve(
        &mut self,
        user: &User,
        id: &str,
        approve: &Approve,
        now: Ms,
    ) -> Result<Run, Refused> {
        let key = self.keys.get(&user.name).cloned();
        let run = self.waiting(id)?;
        let role = word(user.role);
        if !run.missing.contains(&role) {
            return Err(Refused::No(format!("the approval for {role} was given already")));
        }
        if !approve.asset.eq_ignore_ascii_case(&run.asset) {
            return Err(Refused::No(format!("type the name of the asset, {}", run.asset)));
        }
        check(key, &run.to_sign, &approve.signature)
            .ok_or_else(|| Refused::No("the signature is not yours".into()))?;
        run.missing.retain(|missing| *missing != role);
        run.approvals.push(Approved {
            who: user.name.clone(),
            role: role.clone(),
            at: now,
            by_script: false,
        });
        if run.missing.is_empty() {
            run.state = RunState::Active;
            run.expires = Some(now + Ms::from(run.ttl) * 1000);
            run.steps.iter_mut().for_each(advance);
        }
        let (run, active) = (run.clone(), run.missing.is_empty());
        self.note(now, id, &user.name, format!("approves for {role}"));
        if active {
            self.note(now, id, "tieline", "puts the rule in force for 4 h".into());
        }
        Ok(run)
    }

    pub(crate) fn refuse(&mut self, user: &User, id: &str, reason: &str, now: Ms) -> Result<Run, Refused> {
        let run = self.waiting(id)?;
        (run.state, run.reason) = (RunState::Refused, Some(format!("{}: {reason}", user.name)));
        let run = run.clone();
        self.note(now, id, &user.name, format!("refuses: {reason}"));
        Ok(run)
    }

    pub(crate) fn lift(&mut self, user: &User, id: &str, reason: &str, now: Ms) -> Result<Run, Refused> {
        let run = self.named(id)?;
        if run.state != RunState::Active {
            return Err(Refused::No(format!("{id} is not in force")));
        }
        (run.state, run.reason) = (RunState::Lifted, Some(format!("{}: {reason}", user.name)));
        let run = run.clone();
        self.note(now, id, &user.name, format!("lifts the block: {reason}"));
        Ok(run)
    }

    pub(crate) fn told(&mut self, user: &User, id: &str, now: Ms) -> Result<Run, Refused> {
        let run = self.named(id)?;
        if run.state != RunState::Active {
            return Err(Refused::No(format!("{id} is not in force")));
        }
        let Some(step) = run.steps.iter_mut().find(|step| step.state == "wait") else {
            return Ok(run.clone());
        };
        (step.state, step.result) = ("done".into(), format!("by {}", user.name));
        let run = run.clone();
        self.note(now, id, &user.name, "did what the playbook leaves to people".into());
        Ok(run)
    }

    fn named(&mut self, id: &str) -> Result<&mut Run, Refused> {
        self.all.iter_mut().find(|run| run.id == id).ok_or_else(|| Refused::Unknown(format!("run {id}")))
    }

    fn waiting(&mut self, id: &str) -> Result<&mut Run, Refused> {
        let run = self.named(id)?;
        if run.state == RunState::Waiting {
            Ok(run)
        } else {
            Err(Refused::No(format!("{id} waits for nothing")))
        }
    }

    fn note(&mut self, time: Ms, run: &str, who: &str, text: String) {
        let number = self.decisions.len() as u64 + 1;
        self.decisions.push(Decision { time, number, run: run.into(), who: who.into(), text });
    }
}

/// Something only when the signature is the key's over what had to be signed.
fn check(key: Option<Vec<u8>>, to_sign: &str, signature: &str) -> Option<()> {
    let key = VerifyingKey::from_sec1_bytes(&key?).ok()?;
    let signature = Signature::from_slice(&STANDARD.decode(signature).ok()?).ok()?;
    key.verify(&STANDARD.decode(to_sign).ok()?, &signature).ok()
}

/// What was waited for is done, and the block; what people do by hand waits next.
fn advance(step: &mut RunStep) {
    let waits = step.state == "todo" && step.name == BY_HAND;
    step.state = if waits { "wait" } else { "done" }.into();
}

/// The step that only people do.
const BY_HAND: &str = "tell the control room";

fn word(role: Role) -> String {
    match role {
        Role::Viewer => "viewer",
        Role::It => "it",
        Role::Ot => "ot",
    }
    .into()
}

const RULE: &str = "\
table inet tieline {
  set contained {
    type ipv4_addr . ipv4_addr . inet_service
    flags timeout
    elements = { 10.3.0.20 . 10.1.10.5 . 502 timeout 4h }
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    ip saddr . ip daddr . tcp dport @contained counter drop
  }
}
";

fn fresh(id: &str, user: &User, now: Ms) -> Run {
    let step = |name: &str, state: &str, result: &str| RunStep {
        name: name.into(),
        state: state.into(),
        result: result.into(),
    };
    Run {
        id: id.into(),
        playbook: "contain the IT origin of an OT command".into(),
        incident: "INC-1".into(),
        asker: user.name.clone(),
        asked: now,
        lapses: now + 10 * MINUTE,
        steps: vec![
            step(
                "look up the assets",
                "done",
                "HIST01: historian, level 3. PLC-ASC-1: anti-surge controller of K-101, level 1",
            ),
            step("check what would stop", "done", "4 of 5 process conduits go on untouched"),
            step("try the rule", "done", "accepted by fw-ot-1, nothing applied"),
            step("wait for approvals", "wait", "one of IT, one of OT"),
            step("put the rule in force", "todo", "for 4 h, then it ends by itself"),
            step(BY_HAND, "todo", ""),
        ],
        rule: RULE.into(),
        firewall: "fw-ot-1 (nftables)".into(),
        flow: "HIST01 (10.3.0.20) to PLC-ASC-1 (10.1.10.5), tcp 502".into(),
        asset: "PLC-ASC-1".into(),
        ttl: 4 * 3600,
        guard: guard(now),
        missing: vec!["it".into(), "ot".into()],
        to_sign: STANDARD.encode(format!("tieline approval\n{id}\nHIST01 PLC-ASC-1 tcp 502 14400\n")),
        manual: vec![
            "Ask the control room to hold K-101 on the panel and to watch the surge margin".into(),
            "Start PLC-ASC-1 again from EWS01, with the work permit".into(),
        ],
        ..Run::default()
    }
}

fn guard(now: Ms) -> Guard {
    Guard {
        verdict: "degrades".into(),
        reason:
            "the historian loses the values of PLC-ASC-1 while the block lasts; control does not pass here"
                .into(),
        conduits: 5,
        untouched: 4,
        stops: vec![Affected {
            conduit: "HIST01 reads PLC-ASC-1 (modbus)".into(),
            effect: "trends of the anti-surge loop have a gap".into(),
            last: now - 3000,
        }],
        goes_on: vec![
            "HMI01 reads and writes PLC-ASC-1 (modbus)".into(),
            "HMI01 reads and writes PLC-UNIT-2 (modbus)".into(),
            "HIST01 reads PLC-UNIT-2 (modbus)".into(),
            "EWS01 reaches both controllers (umas)".into(),
        ],
    }
}
