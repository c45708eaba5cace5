//! A site of four network namespaces: an operator station and an intruder, a firewall, and a controller that
//! answers Modbus reads. Real packets, a real kernel, and the process that put the block in force is killed.

use crate::namespaces::Namespace;
use crate::scene::{Folder, agree, case, noon, site, welcome};
use model::Span;
use respond::{Case, Engine, Nftables, Playbook, RunState, Settings};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const CONTROLLER: &str = "10.1.10.5:502";

/// How long one cycle of a poll takes.
const CYCLE: Duration = Duration::from_millis(50);

/// How long an answer may take before the cycle counts as missed.
const ANSWER: Duration = Duration::from_millis(400);

/// Cycles after which a poll gives up whatever happens: a minute.
const CYCLES_MAX: usize = 1200;

struct Site {
    operator: Namespace,
    intruder: Namespace,
    firewall: Namespace,
    controller: Namespace,
}

impl Site {
    fn new() -> Option<Self> {
        let site = Self {
            operator: Namespace::new("hmi")?,
            intruder: Namespace::new("hist")?,
            firewall: Namespace::new("fw")?,
            controller: Namespace::new("plc")?,
        };
        site.firewall.run("sysctl -q -w net.ipv4.ip_forward=1");
        site.wire(&site.operator, "f0", "10.2.0.11/24", "10.2.0.1");
        site.wire(&site.intruder, "f1", "10.3.0.20/24", "10.3.0.1");
        site.wire(&site.controller, "f2", "10.1.10.5/24", "10.1.10.1");
        Some(site)
    }

    /// A cable from a host to the firewall.
    fn wire(&self, host: &Namespace, port: &str, address: &str, gateway: &str) {
        let firewall = self.firewall.name();
        host.run(&format!("ip link add eth0 type veth peer name {port} netns {firewall}"));
        host.run(&format!("ip address add {address} dev eth0"));
        host.run("ip link set eth0 up");
        self.firewall.run(&format!("ip address add {gateway}/24 dev {port}"));
        self.firewall.run(&format!("ip link set {port} up"));
        host.run(&format!("ip route add default via {gateway}"));
    }
}

/// A process of this binary that plays `part` in a namespace; ended with the test.
struct Player(Child);

impl Player {
    fn new(namespace: &Namespace, part: &str) -> Self {
        let binary = std::env::current_exe().unwrap();
        let mut command = namespace.command(binary.to_str().unwrap());
        command.args(["--exact", &format!("netns::{part}"), "--nocapture", "--quiet"]);
        command.env("NETNS_PART", part).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Tells it to stop and returns what it saw: a point for a cycle with an answer, a cross for one without.
    fn stop(mut self) -> String {
        drop(self.0.stdin.take());
        self.seen()
    }

    /// Waits until it stops by itself.
    fn seen(&mut self) -> String {
        let mut said = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        said.chars()
            .skip_while(|c| *c != '[')
            .take_while(|c| *c != ']')
            .filter(|c| ".x".contains(*c))
            .collect()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn plays(part: &str) -> bool {
    std::env::var("NETNS_PART").is_ok_and(|playing| playing == part)
}

/// Whether the test that started this process has told it to stop.
fn told_to_stop() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        told.store(true, Ordering::Relaxed);
    });
    stop
}

/// Answers reads of holding registers until it is killed. Does nothing when it is run as a test.
#[test]
fn controller() {
    if !plays("controller") {
        return;
    }
    let listener = TcpListener::bind("0.0.0.0:502").unwrap();
    let stop = told_to_stop();
    thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| drop(thread::spawn(|| serve(stream))))
    });
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(CYCLE);
    }
}

/// Modbus: transaction, protocol 0, length 5, unit; function 3, two bytes, one register.
fn serve(mut stream: TcpStream) {
    let mut request = [0; 12];
    while stream.read_exact(&mut request).is_ok() {
        let [t0, t1, ..] = request;
        if stream.write_all(&[t0, t1, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34]).is_err() {
            return;
        }
    }
}

/// One read of one holding register.
fn read(stream: &mut TcpStream, transaction: u16) -> io::Result<()> {
    let [t0, t1] = transaction.to_be_bytes();
    stream.write_all(&[t0, t1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1])?;
    let mut answer = [0; 11];
    stream.read_exact(&mut answer)?;
    if answer[..2] == [t0, t1] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn connect() -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&CONTROLLER.parse().unwrap(), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Polls until `enough` of what was seen, and writes it down. Connects anew after a cycle that was missed.
#[expect(clippy::print_stdout, reason = "this is how the process tells what it saw")]
fn poll(enough: impl Fn(&str) -> bool) {
    let first = (0..CYCLES_MAX).find_map(|_| connect().inspect_err(|_| thread::sleep(CYCLE)).ok());
    let mut stream = Some(first.expect("the controller comes up"));
    let mut seen = String::new();
    while seen.len() < CYCLES_MAX && !enough(&seen) {
        stream = stream.or_else(|| connect().ok());
        let answered = stream.as_mut().is_some_and(|stream| read(stream, 7).is_ok());
        seen.push(if answered { '.' } else { 'x' });
        stream = stream.filter(|_| answered);
        thread::sleep(CYCLE);
    }
    println!("[{seen}]");
}

/// The operator station polls until it is told to stop.
#[test]
fn operator() {
    if plays("operator") {
        let stop = told_to_stop();
        poll(|_| stop.load(Ordering::Relaxed));
    }
}

/// The intruder polls until it was stopped and got through again.
#[test]
fn intruder() {
    if plays("intruder") {
        poll(|seen| seen.contains("x.."));
    }
}

/// Puts a block of three seconds in force and is killed. Does nothing when it is run as a test.
#[test]
fn engine() {
    let (Ok(folder), Ok(netns)) = (std::env::var("NETNS_FOLDER"), std::env::var("NETNS_FIREWALL")) else {
        return;
    };
    let mut engine = open(Path::new(&folder), &netns, Span::s(0));
    welcome(&mut engine);
    let three_seconds = Case { wanted: Span::s(3), ..case() };
    let run = engine.request(noon(), "tieline", &three_seconds, &site(noon())).unwrap();
    agree(&mut engine, noon(), run);
    assert_eq!(engine.run(run).unwrap().state, RunState::Active);
    Command::new("sh").args(["-c", "kill -9 $PPID"]).status().unwrap();
    thread::sleep(Duration::from_secs(60));
}

fn open(folder: &Path, netns: &str, later: Span) -> Engine {
    let firewall = Nftables { netns: Some(netns.to_owned()), ..Nftables::default() };
    let (ledger, playbook) = (folder.join("ledger"), Playbook::contain_ot_command().unwrap());
    Engine::open(&ledger, Box::new(firewall), playbook, Settings::default(), noon() + later).unwrap()
}

#[test]
fn a_block_stops_the_intruder_alone_and_ends_without_tieline() {
    let Some(network) = Site::new() else { return };
    let folder = Folder::new();
    let _controller = Player::new(&network.controller, "controller");
    let operator = Player::new(&network.operator, "operator");
    let mut intruder = Player::new(&network.intruder, "intruder");
    // Both have been polling for a while.
    thread::sleep(Duration::from_secs(1));
    let firewall = network.firewall.name();
    let engine = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "netns::engine", "--nocapture"])
        .env("NETNS_FOLDER", folder.path())
        .env("NETNS_FIREWALL", firewall)
        .output()
        .unwrap();
    assert_eq!(engine.status.signal(), Some(9), "{}", String::from_utf8_lossy(&engine.stderr));
    let kept_away = intruder.seen();
    let operated = operator.stop();
    let shape: String = kept_away.chars().fold(String::new(), |mut shape, c| {
        if !shape.ends_with(c) {
            shape.push(c);
        }
        shape
    });
    assert_eq!(shape, ".x.", "in force, then over, with nobody there to end it: {kept_away}");
    assert!(!operated.contains('x'), "the operator station misses no cycle: {operated}");
    assert!(operated.len() > kept_away.len() / 2, "it was polling all the time: {operated}");
    let mut engine = open(folder.path(), firewall, Span::s(60));
    engine.tick(noon() + Span::s(60), &site(noon())).unwrap();
    let states: Vec<_> = engine.runs().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Expired]);
}
