//! Values that belong to a part of the tree, or to a run.

use std::{
    any::Any,
    cell::OnceCell,
    collections::BTreeMap,
    error::Error,
    fmt,
    pin::Pin,
    ptr,
    sync::{Arc as StdArc, OnceLock},
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::slot::{self, Entry, Kind, Source, View};
use crate::{
    sys::{Arc, AtomicBool, Mutex, Ordering},
    thread::Shared,
};

type Value = StdArc<dyn Any + Send + Sync>;

/// One value, and those that were set around it. It is never changed, so tasks share it.
pub(crate) struct Locals {
    /// The address of the variable, which is a `static`.
    key: usize,
    value: Value,
    outer: Option<Arc<Self>>,
}

impl Locals {
    /// All that is set where the running code is.
    #[inline]
    pub(crate) fn current() -> Option<Arc<Self>> {
        slot::current(|view| view.and_then(View::locals))
    }

    fn find(mut self: &Arc<Self>, key: usize) -> Option<&Value> {
        loop {
            if self.key == key {
                return Some(&self.value);
            }
            self = self.outer.as_ref()?;
        }
    }
}

impl Drop for Locals {
    /// Long chains are let go one by one, not by recursion.
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(locals) = next {
            next = Arc::into_inner(locals).and_then(|mut locals| locals.outer.take());
        }
    }
}

impl fmt::Debug for Locals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Locals(..)")
    }
}

/// The value of `key` where the running code is, without its type.
fn find(key: usize) -> Option<Value> {
    slot::current(|view| view.and_then(View::locals)?.find(key).cloned())
}

/// Declares variables that have a value in a part of the tree of scopes and tasks.
///
/// ```text
/// REQUEST.scope(7, async {           ───────┐ 7
///     task_group(async |tg| {               │
///         tg.spawn(serve());            ──┐ │   7 in the task, too, whoever spawns it
///     })                                ──┘ │
///     REQUEST.scope(8, detour()).await; ──┐ │   8 in here alone
///                                       ──┘ │   7 again
/// })                                 ───────┘ none, or the default
/// ```
///
/// ```
/// use anyio_engine::tree_local;
///
/// tree_local! {
///     /// Which request the running code serves.
///     pub static REQUEST: u32;
///     static LANGUAGE: &'static str = "en";
/// }
/// # futures_lite::future::block_on(async {
/// REQUEST
///     .scope(7, async {
///         assert_eq!(REQUEST.get(), 7);
///     })
///     .await;
/// assert!(REQUEST.try_get().is_err());
/// assert_eq!(LANGUAGE.get(), "en");
/// # });
/// ```
#[macro_export]
macro_rules! tree_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty $(= $default:expr)?;)+) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::TreeLocal<$type> =
                $crate::TreeLocal::new(stringify!($name))$(.or_else(|| $default))?;
        )+
    };
}

/// Declares variables that have one value in each run.
///
/// ```
/// use anyio_engine::run_local;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// run_local! {
///     /// How many requests this run has served.
///     static SERVED: AtomicUsize = AtomicUsize::new(0);
/// }
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::run;
/// for _ in 0..2 {
///     run(async {
///         SERVED.get().fetch_add(1, Ordering::Relaxed);
///         assert_eq!(SERVED.get().load(Ordering::Relaxed), 1);
///     });
/// }
/// ```
#[macro_export]
macro_rules! run_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $value:expr;)+) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::RunLocal<$type> =
                $crate::RunLocal::new(stringify!($name), || $value);
        )+
    };
}

/// A variable that has a value in a part of the tree: in a future it is [set for](Self::scope), in
/// all that is awaited there, and in all tasks of the groups that are opened there.
///
/// Tasks inherit from their *group*, not from who spawns them. Declared with
/// [`tree_local!`](crate::tree_local); with a default, it has that value elsewhere, made anew each
/// time.
pub struct TreeLocal<T: 'static> {
    name: &'static str,
    default: Option<fn() -> T>,
}

impl<T: Send + Sync + 'static> TreeLocal<T> {
    /// A variable without a default. It has to be a `static`; see [`tree_local!`](crate::tree_local).
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, default: None }
    }

    /// The same with a default.
    #[must_use]
    pub const fn or_else(mut self, default: fn() -> T) -> Self {
        self.default = Some(default);
        self
    }

    fn key(&'static self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Runs `future` with the variable set to `value`.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`; it is no scope, and changes nothing about cancellation.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> WithLocal<F> {
        let link = Link::New(self.key(), StdArc::new(value));
        WithLocal { link, future }
    }

    /// Gives the value to `f`.
    ///
    /// # Panics
    ///
    /// If there is none: see [`try_with`](Self::try_with).
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Gives the value to `f`.
    ///
    /// # Errors
    ///
    /// [`UnsetLocal`] if the variable is not set here and has no default.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, UnsetLocal> {
        match (find(self.key()), self.default) {
            (Some(value), _) => match value.downcast_ref() {
                Some(value) => Ok(f(value)),
                None => unreachable!("a variable has one type"),
            },
            (None, Some(default)) => Ok(f(&default())),
            (None, None) => Err(UnsetLocal { name: self.name, run: false }),
        }
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    #[must_use]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A copy of the value.
    ///
    /// # Errors
    ///
    /// [`UnsetLocal`] if the variable is not set here and has no default.
    pub fn try_get(&'static self) -> Result<T, UnsetLocal>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }
}

impl<T> fmt::Debug for TreeLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeLocal").field("name", &self.name).finish_non_exhaustive()
    }
}

pin_project! {
    /// Given by [`TreeLocal::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct WithLocal<F> {
        link: Link,
        #[pin]
        future: F,
    }
}

/// The value on its way into the chain: what is around it is found in the first poll.
#[derive(Debug)]
enum Link {
    New(usize, Value),
    Made(Arc<Locals>),
}

impl<F: Future> Future for WithLocal<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Link::New(key, value) = this.link {
            let (key, value) = (*key, StdArc::clone(value));
            *this.link = Link::Made(Arc::new(Locals { key, value, outer: Locals::current() }));
        }
        let Link::Made(locals) = this.link else { unreachable!("it has just been made") };
        let cell = OnceCell::new();
        let entry = Entry::new(&cell, &Kind::Transparent).with_locals(Source::Own(Some(locals)));
        slot::enter(entry, || this.future.poll(cx))
    }
}

/// A variable that has one value in each run: made when it is first asked for, shared by all tasks
/// of the run, and let go of at its end.
///
/// A run is what `run` and its like start. Inside somebody else's runtime there is none, unless
/// [`root`](crate::root) is around the code.
///
/// Declared with [`run_local!`](crate::run_local).
#[doc(alias = "RunVar")]
pub struct RunLocal<T: 'static> {
    name: &'static str,
    value: fn() -> T,
}

/// What a run keeps.
struct Store {
    /// By the addresses of the variables. Nothing when the run is over.
    values: Mutex<Option<BTreeMap<usize, Value>>>,
    /// Not one of them, since every call to a thread asks for it.
    jobs: OnceLock<Arc<Shared>>,
    /// The run is over.
    over: AtomicBool,
}

/// Gives `f` what the calls to threads of a run share. None if these locals are no run's, or that is over.
#[inline]
pub(crate) fn with_jobs<R>(
    locals: Option<&Arc<Locals>>,
    f: impl FnOnce(&Arc<Shared>) -> R,
) -> Option<R> {
    let store = store_of(locals?.find(store_key())?);
    (!store.over.load(Ordering::Acquire))
        .then(|| f(store.jobs.get_or_init(|| Arc::new(Shared::new()))))
}

/// Under which a run's store is found.
static STORE: u8 = 0;

/// The locals of a run. They are dropped at its end, whoever else still has them: a value may hold what
/// holds the locals, as the handle on a group does.
#[derive(Debug)]
pub(super) struct OfRun(Arc<Locals>);

impl OfRun {
    pub(super) fn new() -> Self {
        let values = Mutex::from(Some(BTreeMap::new()));
        let store = Store { values, jobs: OnceLock::new(), over: AtomicBool::default() };
        Self(Arc::new(Locals { key: store_key(), value: StdArc::new(store), outer: None }))
    }

    pub(super) const fn locals(&self) -> &Arc<Locals> {
        &self.0
    }
}

impl Drop for OfRun {
    fn drop(&mut self) {
        let store = store_of(&self.0.value);
        store.over.store(true, Ordering::Release);
        let values = store.values.lock().take();
        drop(values);
    }
}

/// Which run something belongs to: nothing more than what can be compared. All that is in no run of
/// ours is in one and the same.
#[derive(Clone)]
pub(crate) struct RunId(Option<Value>);

impl RunId {
    /// That of the run which `locals` belong to.
    pub(crate) fn of(locals: Option<&Arc<Locals>>) -> Self {
        Self(locals.and_then(|locals| locals.find(store_key()).cloned()))
    }

    /// Whether the running code is polled by that run, so that its thread must not wait for the run.
    pub(crate) fn is_polled_here(&self) -> bool {
        slot::current(|view| {
            view.is_some_and(|view| {
                !matches!(view.kind(), Kind::Job(_)) && Self::of(view.locals().as_ref()) == *self
            })
        })
    }
}

impl PartialEq for RunId {
    fn eq(&self, other: &Self) -> bool {
        let address = |id: &Self| id.0.as_ref().map(|store| StdArc::as_ptr(store).addr());
        address(self) == address(other)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunId")
    }
}

fn store_of(value: &Value) -> &Store {
    match value.downcast_ref() {
        Some(store) => store,
        None => unreachable!("nobody else uses this address"),
    }
}

fn store_key() -> usize {
    ptr::from_ref(&STORE).addr()
}

impl<T: Send + Sync + 'static> RunLocal<T> {
    /// A variable whose value `value` makes. It has to be a `static`; see
    /// [`run_local!`](crate::run_local).
    #[must_use]
    pub const fn new(name: &'static str, value: fn() -> T) -> Self {
        Self { name, value }
    }

    /// The value in this run, made now if nobody has asked for it before.
    ///
    /// # Panics
    ///
    /// Outside of a run.
    #[track_caller]
    #[must_use]
    pub fn get(&'static self) -> StdArc<T> {
        match self.try_get() {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    /// The value in this run, made now if nobody has asked for it before. Of two that are made at
    /// once, one is dropped again.
    ///
    /// # Errors
    ///
    /// [`UnsetLocal`] outside of a run.
    pub fn try_get(&'static self) -> Result<StdArc<T>, UnsetLocal> {
        let locals = Locals::current();
        let unset = || UnsetLocal { name: self.name, run: true };
        let store = locals.as_ref().and_then(|locals| locals.find(store_key()));
        let store = store_of(store.ok_or_else(unset)?);
        let key = ptr::from_ref(self).addr();
        let known = store.values.lock().as_ref().ok_or_else(unset)?.get(&key).cloned();
        let value = match known {
            Some(known) => known,
            None => {
                // Made outside of the lock: it may ask for others.
                let made: Value = StdArc::new((self.value)());
                let mut map = store.values.lock();
                let entry = map.as_mut().ok_or_else(unset)?.entry(key);
                let value = StdArc::clone(entry.or_insert_with(|| StdArc::clone(&made)));
                drop(map);
                value
            }
        };
        match value.downcast() {
            Ok(value) => Ok(value),
            Err(_) => unreachable!("a variable has one type"),
        }
    }
}

impl<T> fmt::Debug for RunLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLocal").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A [`TreeLocal`] or a [`RunLocal`] has no value where the running code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsetLocal {
    name: &'static str,
    run: bool,
}

impl fmt::Display for UnsetLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        if self.run {
            write!(f, "`{name}` has a value only inside of a run, as `anyio::run` starts one")
        } else {
            write!(f, "`{name}` is not set here, and has no default: set it with `{name}.scope(…)`")
        }
    }
}

impl Error for UnsetLocal {}
