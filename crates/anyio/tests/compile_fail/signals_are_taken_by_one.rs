//! Two who receive from one receiver would steal from each other; each opens its own.

use anyio::{Cancelled, Signal, gather, open_signal_receiver};

fn main() {
    anyio::run(async {
        let mut signals = open_signal_receiver(&[Signal::INTERRUPT]).unwrap();
        let first = async { Ok::<_, Cancelled>(signals.receive().await) };
        let second = async { Ok::<_, Cancelled>(signals.receive().await) };
        _ = gather((first, second)).await;
    });
}
