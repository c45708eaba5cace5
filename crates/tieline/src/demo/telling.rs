use crate::soc::Desk;
use crate::soc::config::{Config, User};
use crate::talk::{self, Talk};
use console::Soc;
use console::view::RunState;
use lab::live::Live;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Says what happens, each thing once.
pub(crate) struct Telling<'a> {
    pub(crate) json: bool,
    talk: &'a Talk,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    incidents: BTreeMap<String, u32>,
    runs: BTreeMap<String, (RunState, usize)>,
    surge_cycles: u32,
    tripped: bool,
}

impl<'a> Telling<'a> {
    pub(crate) fn new(json: bool, talk: &'a Talk) -> Self {
        Self { json, talk, said: Mutex::default() }
    }

    fn say(&self, text: &str, object: serde_json::Value) -> anyhow::Result<()> {
        if self.json {
            talk::result(&object.to_string())?;
        } else {
            self.talk.say(text);
        }
        Ok(())
    }

    /// Where stock clients reach the controllers.
    pub(crate) fn addresses(&self, site: &Live) -> anyhow::Result<()> {
        for (name, plant, socket) in site.addresses() {
            let text = format!("{name} ({plant}) answers Modbus/TCP on {socket}");
            self.say(&text, json!({ "type": "controller", "name": name, "plant": plant, "socket": socket }))?;
        }
        Ok(())
    }

    pub(crate) fn links(&self, config: &Config, links: &[(&User, String)]) -> anyhow::Result<()> {
        let url = format!("http://{}", config.console.listen);
        let logins: BTreeMap<&str, &str> =
            links.iter().map(|(user, link)| (user.name.as_str(), link.as_str())).collect();
        let mut text = format!(
            "console {url}; it takes two people, each in a browser (or private window) of their own:"
        );
        for (user, link) in links {
            let role = format!("{:?}", user.role).to_uppercase();
            text += &format!("\n  {role:3} {:8} {link}", user.name);
        }
        self.say(&text, json!({ "type": "console", "url": url, "logins": logins }))
    }

    /// Tells what is new.
    pub(crate) fn look(&self, desk: &Desk, site: &Live) -> anyhow::Result<()> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        for head in desk.overview().incidents {
            let known = said.incidents.entry(head.id.clone()).or_default();
            if *known != head.steps {
                *known = head.steps;
                let text = format!("{}: {} ({} steps)", head.id, head.title, head.steps);
                self.say(
                    &text,
                    json!({ "type": "incident", "id": head.id, "title": head.title, "steps": head.steps }),
                )?;
            }
        }
        for run in desk.runs() {
            let state = (run.state, run.approvals.len());
            if said.runs.insert(run.id.clone(), state) != Some(state) {
                let by: Vec<String> = run.approvals.iter().map(approval).collect();
                let text = format!(
                    "{}: {} is {:?}; guard says {}; approved by {}",
                    run.id,
                    run.flow,
                    run.state,
                    run.guard.verdict,
                    if by.is_empty() { "nobody yet".to_owned() } else { by.join(", ") }
                );
                self.say(&text, json!({ "type": "run", "run": run }))?;
            }
        }
        let process = site.measured();
        if process.surge_cycles > said.surge_cycles {
            if said.surge_cycles == 0 {
                self.say(
                    "K-101 surges: the flow turns round",
                    json!({ "type": "surge", "at": site.now().iso() }),
                )?;
            }
            said.surge_cycles = process.surge_cycles;
        }
        if let (Some(trip), false) = (&process.tripped, said.tripped) {
            said.tripped = true;
            let text = format!("K-101 trips: {trip}");
            self.say(&text, json!({ "type": "trip", "at": site.now().iso(), "why": trip.to_string() }))?;
        }
        Ok(())
    }

    /// How it came out.
    pub(crate) fn end(&self, desk: &Desk, site: &Live) -> anyhow::Result<()> {
        let process = site.measured();
        let outcome = match (process.tripped.is_some(), process.surge_cycles) {
            (true, cycles) => format!("the compressor surged {cycles} times and tripped"),
            (false, 0) => "the compressor ran through without a surge".to_owned(),
            (false, cycles) => format!("the compressor surged {cycles} times"),
        };
        let incidents: Vec<_> =
            desk.overview().incidents.iter().filter_map(|head| desk.incident(&head.id)).collect();
        let text = format!("the story is over: {outcome}");
        self.say(
            &text,
            json!({
                "type": "end", "outcome": outcome, "surge_cycles": process.surge_cycles,
                "tripped": process.tripped.map(|trip| trip.to_string()), "incidents": incidents,
            }),
        )
    }
}

fn approval(approved: &console::view::Approved) -> String {
    let script = if approved.by_script { ", by the script" } else { "" };
    format!("{} ({}{script})", approved.who, approved.role)
}
