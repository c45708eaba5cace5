//! What the running program is and may do: read from the kernel, thread by thread.

use crate::http::until;
use crate::net::{can, sh};
use crate::run::{folder, public_folder, tieline};
use crate::sense::{sample, sense_with, start, wire};
use crate::serve::{Centre, Pair, logs};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Child;

pub(crate) const CAP_NET_ADMIN: u64 = 1 << 12;
pub(crate) const CAP_SYS_ADMIN: u64 = 1 << 21;
/// A user that every machine has.
const NOBODY: u64 = 65_534;

/// What the kernel tells of a thread (*proc_pid_status(5)*).
#[derive(Debug)]
pub(crate) struct Thread {
    name: String,
    status: String,
}

impl Thread {
    fn words(&self, field: &str) -> Vec<&str> {
        let line = self.status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim_start_matches(':').split_whitespace().collect()
    }

    /// Capabilities: those that it has, may have, may pass on in two ways, and those of which programs that it starts
    /// could get any.
    pub(crate) fn all_rights(&self) -> [u64; 5] {
        let sets = ["CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"];
        sets.map(|set| u64::from_str_radix(self.words(set)[0], 16).unwrap())
    }

    /// Real, effective, saved and file system user.
    fn users(&self) -> Vec<u64> {
        self.words("Uid").iter().map(|word| word.parse().unwrap()).collect()
    }
}

/// All threads of a running program.
pub(crate) fn threads(child: &Child) -> Vec<Thread> {
    let thread = |path: &Path| {
        let status = fs::read_to_string(path.join("status")).ok()?;
        Some(Thread { name: fs::read_to_string(path.join("comm")).ok()?.trim().to_owned(), status })
    };
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let all: Vec<_> = tasks.filter_map(|task| thread(&task.unwrap().path())).collect();
    assert!(!all.is_empty());
    all
}

fn has_nothing_and_is(child: &Child, user: u64) {
    for thread in threads(child) {
        assert_eq!(thread.all_rights(), [0; 5], "{thread:?}");
        assert_eq!(thread.users(), [user; 4], "{thread:?}");
        assert_eq!(thread.words("NoNewPrivs"), ["1"], "{thread:?}");
    }
}

#[test]
fn a_sensor_that_listens_has_no_rights_in_any_thread_and_is_whom_it_is_told_to_be() {
    if !can(&["ip", "tcpreplay"]) {
        return;
    }
    let dir = public_folder("rights-sense");
    let capture = sample(&dir.join("sample"));
    let namespace = wire();
    for (name, more, user) in [("root", "", 0), ("nobody", "--user nobody", NOBODY)] {
        let logs = dir.join(name);
        let mut sensor = sense_with(&namespace, &logs, &format!("--workers 2 {more}"));
        until("two workers", || (threads(&sensor).len() == 3).then_some(()));
        has_nothing_and_is(&sensor, user);
        namespace.run(&format!("tcpreplay -q -x 300 -i near {}", capture.display()));
        std::thread::sleep(std::time::Duration::from_secs(1));
        sh(&format!("kill -TERM {}", sensor.id()));
        assert!(sensor.wait().unwrap().success());
        let log = logs.join("modbus.log");
        assert!(fs::read_to_string(&log).unwrap().lines().count() > 8_000);
        assert_eq!([log, logs].map(|path| u64::from(path.metadata().unwrap().uid())), [user; 2]);
    }
    // Logs of root's from an earlier start could not be written anew.
    let logs = dir.join("root").display().to_string();
    let refused =
        tieline(&["sense", "-i", "lo", "--user", "nobody", "--zeek-dir", &logs].map(ToString::to_string));
    assert_eq!(refused.code, 3);
    let hint = format!(
        ".log belongs to root, and the user nobody could not write it; give it away with: chown -R nobody: {logs}"
    );
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
    assert_eq!(Path::new(&logs).metadata().unwrap().uid(), 0);
}

#[test]
fn a_centre_has_no_rights_in_any_thread_is_whom_it_is_told_to_be_and_comes_back_as_that() {
    if !can(&["ip", "tcpreplay"]) {
        return;
    }
    let dir = public_folder("rights-serve");
    let capture = sample(&dir.join("sample"));
    let pair = Pair::new();
    // What others put into a followed folder stays theirs, also within the folder of the data.
    let inbox = dir.join("data").join("inbox");
    fs::create_dir_all(&inbox).unwrap();
    fs::write(inbox.join("note.txt"), "by root").unwrap();
    let more = format!(
        "run_as = \"nobody\"\n[[interface]]\nname = \"{}b\"\n[[folder]]\npath = \"{}\"\n",
        pair.0,
        inbox.display()
    );
    let mut centre = Centre::start(&dir, &more);
    for packets_again in [false, true] {
        let running = centre.child.as_ref().unwrap();
        has_nothing_and_is(running, NOBODY);
        let names: Vec<_> = threads(running).into_iter().map(|thread| thread.name).collect();
        for expected in ["intake", "folders", "keeper", "desk", "interface", "tokio-rt-worker"] {
            assert!(names.iter().any(|name| name == expected), "{expected}: {names:?}");
        }
        // A link that root makes is the centre's to take away.
        let person = centre.login("m.ito");
        if !packets_again {
            sh(&format!("tcpreplay -q -x 400 -i {}a {} 2>&1", pair.0, capture.display()));
        }
        until("the packets", || (logs(&person).get("modbus") > Some(&8_000)).then_some(()));
        assert_eq!(centre.stop(), Some(0), "{}", centre.log());
        if !packets_again {
            centre.again();
        }
    }
    let data = dir.join("data");
    let owner = |path: &Path| u64::from(path.metadata().unwrap().uid());
    assert_eq!([owner(&data), owner(&data.join("lake")), owner(&inbox)], [NOBODY, NOBODY, 0]);
    // The doctor looks as the centre would.
    let doctor =
        tieline(&["doctor", "--json", "--config", centre.config.to_str().unwrap()].map(ToString::to_string));
    let rights = doctor.json().into_iter().find(|look| look["look"] == "rights").unwrap();
    assert_eq!(
        (&rights["good"], &rights["text"]),
        (&true.into(), &"goes on as nobody, without rights".into())
    );
    // A file of root's that the centre could not write is told before anything is begun.
    let lake = data.join("lake");
    fs::write(lake.join("left"), "by root").unwrap();
    let refused = tieline(&["serve", "--config", centre.config.to_str().unwrap()].map(ToString::to_string));
    assert_eq!(refused.code, 3);
    let hint = format!("{} belongs to root", lake.canonicalize().unwrap().join("left").display());
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
}

#[test]
fn a_right_that_a_service_manager_lends_is_given_up_as_well() {
    if !can(&["ip", "setpriv"]) {
        return;
    }
    let namespace = wire();
    let dir = public_folder("rights-lent");
    let (logs, binary) = (dir.join("logs"), dir.join("tieline"));
    fs::create_dir(&logs).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_tieline"), &binary).unwrap();
    std::os::unix::fs::chown(&logs, Some(65_534), None).unwrap();
    // As a unit with User= and AmbientCapabilities= does.
    let lend =
        "--reuid 65534 --regid 65534 --clear-groups --inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw";
    let (program, logs) = (binary.display(), logs.display());
    let mut sensor = start(&namespace, &format!("setpriv {lend} {program} sense -i far --zeek-dir {logs}"));
    until("a worker", || (threads(&sensor).len() == 2).then_some(()));
    for thread in threads(&sensor) {
        // What it cannot bound, no program that it starts could get for all that.
        assert_eq!(thread.all_rights()[..4], [0; 4], "{thread:?}");
        assert_eq!(thread.words("NoNewPrivs"), ["1"], "{thread:?}");
    }
    sh(&format!("kill -TERM {}", sensor.id()));
    assert!(sensor.wait().unwrap().success());
    fs::remove_file(binary).unwrap();
}

#[test]
fn a_user_that_is_not_there_is_told_before_anything_is_opened() {
    let dir = folder("rights-nobody");
    let (config, data) = (dir.join("tieline.toml"), dir.join("data"));
    fs::write(&config, format!("run_as = \"no-such-user\"\ndata = \"{}\"\n", data.display())).unwrap();
    let logs = data.to_str().unwrap();
    let serve = ["serve", "--config", config.to_str().unwrap()];
    let sense = ["sense", "-i", "lo", "--user", "no-such-user", "--zeek-dir", logs];
    for command in [&serve[..], &sense[..]] {
        let run = tieline(&command.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("there is no user no-such-user"), "{}", run.stderr);
        assert!(!data.exists());
    }
}
