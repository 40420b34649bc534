//! C2: depth costs memory, never stack.

#[expect(dead_code, reason = "what is polled by hand needs no runtime")]
mod mini;

use std::{
    cell::RefCell,
    future::pending,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use anyio_core::Cancelled;
use anyio_engine::{CancelScope, Captured, capture};
use mini::Mini;

type Link = Pin<Box<dyn Future<Output = Result<(), Cancelled>>>>;
type Place = Rc<RefCell<Option<Captured>>>;

/// Says where it is, and waits.
async fn inhabitant(place: Place) {
    place.replace(Some(capture()));
    pending().await
}

fn poll(link: &mut Link) -> Poll<Result<(), Cancelled>> {
    link.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A scope, and a context inside it, and a context inside that …, each polled on its own.
fn chain(depth: usize, scope: &CancelScope<Mini>) -> Vec<Link> {
    let place = Place::default();
    let scope = scope.clone();
    let first = inhabitant(Rc::clone(&place));
    let mut links: Vec<Link> = vec![Box::pin(async move { scope.run(first).await })];
    while links.len() < depth {
        assert!(poll(links.last_mut().expect("there is one")).is_pending());
        let context = place.take().expect("it has been polled");
        links.push(Box::pin(context.in_scope(inhabitant(Rc::clone(&place)))));
    }
    assert!(poll(links.last_mut().expect("there is one")).is_pending());
    links
}

/// C2: a cancellation reaches the innermost of a million, without recursion.
#[test]
fn cancel_a_million_deep() {
    let scope = CancelScope::new();
    let mut links = chain(1_000_000, &scope);
    scope.cancel();
    assert!(matches!(poll(links.last_mut().expect("there is one")), Poll::Ready(Err(_))));
    drop(links);
}

/// C2: contexts go one after the other, from either end.
#[test]
fn drop_from_either_end() {
    drop(chain(300_000, &CancelScope::new()));
    let mut links = chain(300_000, &CancelScope::new());
    while links.pop().is_some() {}
}

/// C2: the innermost, kept as the last, lets go of all ancestors without recursion.
#[test]
fn innermost_outlives_all() {
    let mut links = chain(300_000, &CancelScope::new());
    let innermost = links.pop();
    // Nobody unlinks what was leaked.
    links.into_iter().for_each(std::mem::forget);
    drop(innermost);
}
