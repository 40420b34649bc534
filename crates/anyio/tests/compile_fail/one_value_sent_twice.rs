//! A `oneshot` carries one value: `send` takes the sender along.

use anyio::oneshot;

fn main() {
    let (sender, receiver) = oneshot();
    _ = sender.send(1);
    _ = sender.send(2);
    _ = anyio::run(async { receiver.await });
}
