//! `graceful_server` under load, and under signals: on every backend, with real ones.
//!
//! Clients and server wait for each other's words, not for time to pass.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// It has to do the same on all of them.
const BACKENDS: [&str; 3] = ["tokio", "smol", "async-std"];

/// A grace period that is never over.
const LONG: &str = "3600s";

/// Each test has thousands of connections; this lets one of them run.
static TURN: Mutex<()> = Mutex::new(());

/// Two thousand clients are in the middle of something when the server is told to stop: each of them gets
/// its answer, and then there is nobody left, and the server ends.
#[test]
fn two_thousand_connections_are_drained() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let count = room_for(2_000);
    for backend in BACKENDS {
        let mut server = Server::start(backend, LONG);
        let mut clients: Vec<_> = (0..count).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send("hello\n");
        }
        for client in &mut clients {
            client.hears("1");
        }
        server.kill(Signal::TERM);
        for client in &mut clients {
            client.send("world\n\n");
        }
        for client in &mut clients {
            client.hears("2");
            client.hears("2 lines, 10 bytes");
            client.is_hung_up_on();
        }
        assert_eq!(server.end(), (format!("served {count} connections, cut off 0\n"), Some(0)));
    }
}

/// Who is between two blocks is hung up on at once, and nobody is let in.
#[test]
fn idle_connections_are_closed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for backend in BACKENDS {
        let mut server = Server::start(backend, LONG);
        let (mut idle, mut busy) = (server.connect(), server.connect());
        idle.send("a\n\n");
        idle.hears("1");
        idle.hears("1 lines, 1 bytes");
        busy.send("a\n");
        busy.hears("1");
        server.kill(Signal::INT);
        idle.is_hung_up_on();
        while TcpStream::connect(server.address).is_ok() {
            std::thread::yield_now();
        }
        busy.send("\n");
        busy.hears("1 lines, 1 bytes");
        busy.is_hung_up_on();
        // Who came while the door was closing may have been let in, and counts as served then.
        let (words, code) = server.end();
        assert!(words.ends_with(" connections, cut off 0\n"), "{words}");
        assert_eq!(code, Some(0));
    }
}

/// When the grace period is over, and not before, those that are left are cut off.
#[test]
fn grace_has_an_end() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for backend in BACKENDS {
        let mut server = Server::start(backend, "0.05s");
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send("hello\n");
            client.hears("1");
        }
        let start = Instant::now();
        server.kill(Signal::TERM);
        for client in &mut clients {
            client.is_hung_up_on();
        }
        assert!(start.elapsed() >= Duration::from_millis(50));
        let cut = "served 0 connections, cut off 20\n".to_owned();
        assert_eq!(server.end(), (cut, Some(1)));
    }
}

/// A second signal ends the grace period.
#[test]
fn second_signal_cuts_off() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for backend in BACKENDS {
        let mut server = Server::start(backend, LONG);
        let (mut idle, mut busy) = (server.connect(), server.connect());
        idle.send("a\n\n");
        idle.hears("1");
        idle.hears("1 lines, 1 bytes");
        busy.send("hello\n");
        busy.hears("1");
        server.kill(Signal::TERM);
        idle.is_hung_up_on(); // so the first one has been heard
        server.kill(Signal::TERM);
        busy.is_hung_up_on();
        assert_eq!(server.end(), ("served 1 connections, cut off 1\n".to_owned(), Some(1)));
    }
}

/// As many connections as can be had at each end, if not `wanted`.
fn room_for(wanted: usize) -> usize {
    const OTHERS: usize = 100;
    let limit = getrlimit(Resource::Nofile);
    // The server inherits it.
    _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(OTHERS);
    if room < wanted {
        eprintln!(
            "only {room} connections instead of {wanted}: this system allows {limit} open files"
        );
    }
    wanted.min(room)
}

/// The program, as it runs.
struct Server {
    child: Child,
    words: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start(backend: &str, grace: &str) -> Self {
        let mut path = env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push("examples/graceful_server");
        let mut command = Command::new(path);
        command.args(["127.0.0.1:0", grace]).env("ANYIO_BACKEND", backend);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        words.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { child, words, address }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        Client { lines: BufReader::new(stream) }
    }

    fn kill(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its last words, and how it ended.
    fn end(&mut self) -> (String, Option<i32>) {
        let mut words = String::new();
        self.words.read_to_string(&mut words).unwrap();
        (words, self.child.wait().unwrap().code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

struct Client {
    lines: BufReader<TcpStream>,
}

impl Client {
    fn send(&mut self, text: &str) {
        self.lines.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected);
    }

    fn is_hung_up_on(&mut self) {
        let mut rest = String::new();
        self.lines.read_line(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}
