//! Who listens to what. The invariants are at the top of [`super`].

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read as _},
    mem,
    os::unix::net::UnixStream,
    task::Waker,
    thread,
};

use anyio_core::Signal;
use slab::Slab;

use super::handler::Watch;
use crate::{scope::hush, sys::Mutex};

static REGISTRY: Mutex<Registry> = Mutex::new(Registry::new());

struct Registry {
    /// The end of the socket that handlers write to, once there is a thread at the other.
    bell: Option<&'static UnixStream>,
    watched: BTreeMap<Signal, Watched>,
    receivers: Slab<Receiver>,
}

/// A signal that is, or was, listened to.
struct Watched {
    watch: &'static Watch,
    /// How many receivers listen.
    listeners: usize,
    /// It has been handed to receivers, and none of them has taken it.
    untaken: bool,
}

struct Receiver {
    /// Each once.
    signals: Vec<Signal>,
    /// Those that have come, in that order, each once.
    pending: VecDeque<Signal>,
    waker: Option<Waker>,
}

impl Registry {
    const fn new() -> Self {
        Self { bell: None, watched: BTreeMap::new(), receivers: Slab::new() }
    }

    /// Makes sure that `signal` has a handler.
    fn watch(&mut self, signal: Signal) -> io::Result<()> {
        if !self.watched.contains_key(&signal) {
            let bell = self.bell()?;
            let watch = Watch::install(signal, bell)?;
            self.watched.insert(signal, Watched { watch, listeners: 0, untaken: false });
        }
        Ok(())
    }

    /// The bell, with a thread that hears it.
    fn bell(&mut self) -> io::Result<&'static UnixStream> {
        if let Some(bell) = self.bell {
            return Ok(bell);
        }
        let (bell, hears) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        thread::Builder::new().name("anyio-signals".to_owned()).spawn(|| deliver_all(hears))?;
        Ok(*self.bell.insert(Box::leak(Box::new(bell))))
    }

    /// Hands what has come to those who listen. Gives whom to wake, and which signals nobody listens
    /// to any more.
    fn deliver(&mut self) -> (Vec<Waker>, Vec<&'static Watch>) {
        let watches = self.watched.values().map(|watched| watched.watch);
        let came = watches.filter_map(|watch| Some((watch.collect()?, watch)));
        let mut came: Vec<_> = came.collect();
        came.sort_unstable_by_key(|&(since, _)| since);
        let (mut wakers, mut unheard) = (Vec::new(), Vec::new());
        for (_, watch) in came {
            let signal = watch.signal();
            let Some(watched) = self.watched.get_mut(&signal) else { continue };
            if watched.listeners == 0 {
                unheard.extend(watch.was_default().then_some(watch));
                continue;
            }
            watched.untaken = true;
            for (_, receiver) in &mut self.receivers {
                if receiver.signals.contains(&signal) && !receiver.pending.contains(&signal) {
                    receiver.pending.push_back(signal);
                    wakers.extend(receiver.waker.take());
                }
            }
        }
        (wakers, unheard)
    }

    /// Takes a receiver out. Gives the signals that nobody has taken, and nobody can take any more.
    fn close(&mut self, key: usize) -> (Receiver, Vec<&'static Watch>) {
        let receiver = self.receivers.remove(key);
        let mut unheard = Vec::new();
        for signal in &receiver.signals {
            let Some(watched) = self.watched.get_mut(signal) else { continue };
            watched.listeners -= 1;
            if watched.listeners > 0 {
                continue;
            }
            let watch = watched.watch;
            watch.set_heard(false);
            let late = watch.collect().is_some();
            if (mem::take(&mut watched.untaken) || late) && watch.was_default() {
                unheard.push(watch);
            }
        }
        (receiver, unheard)
    }
}

/// Listens to `signals`, of which none is there twice: to all of them or to none.
pub(super) fn open(signals: Vec<Signal>) -> io::Result<usize> {
    let mut registry = REGISTRY.lock();
    for &signal in &signals {
        registry.watch(signal)?;
    }
    for signal in &signals {
        if let Some(watched) = registry.watched.get_mut(signal) {
            watched.listeners += 1;
            watched.watch.set_heard(true);
        }
    }
    Ok(registry.receivers.insert(Receiver { signals, pending: VecDeque::new(), waker: None }))
}

/// The next signal that has come; if there is none, `waker` is woken when one does.
pub(super) fn take(key: usize, waker: Waker) -> Option<Signal> {
    let mut registry = REGISTRY.lock();
    let receiver = &mut registry.receivers[key];
    if let Some(signal) = receiver.pending.pop_front() {
        if let Some(watched) = registry.watched.get_mut(&signal) {
            watched.untaken = false;
        }
        drop(registry);
        return Some(signal);
    }
    let before = receiver.waker.replace(waker);
    drop(registry);
    drop(before);
    None
}

/// The receiver is gone.
pub(super) fn close(key: usize) {
    let (receiver, unheard) = REGISTRY.lock().close(key);
    drop(receiver);
    unheard.into_iter().for_each(Watch::raise_again);
}

/// The thread: hands out what comes, for as long as the process lives.
fn deliver_all(mut hears: UnixStream) {
    let mut bytes = [0; 256];
    loop {
        match hears.read(&mut bytes) {
            // The other end is never closed.
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        }
        let (wakers, unheard) = REGISTRY.lock().deliver();
        for waker in wakers {
            // Other receivers shall hear of theirs even so.
            hush(|| waker.wake());
        }
        unheard.into_iter().for_each(Watch::raise_again);
    }
}
