//! Streams of objects: three capacities, one or more at each end, one thread or two.

use anyio_engine::{ReceiveStream, SendStream, memory_object_stream};

use super::on::{OnTokio, Threads};
use crate::measure::{Contender, Row};

const ITEMS: u32 = 1_024;

/// How many tasks there are at each end.
#[derive(Clone, Copy)]
struct Ends {
    name: &'static str,
    senders: u32,
    receivers: u32,
}

const ENDS: [Ends; 3] = [
    Ends { name: "spsc", senders: 1, receivers: 1 },
    Ends { name: "mpsc_8x1", senders: 8, receivers: 1 },
    Ends { name: "mpmc_8x8", senders: 8, receivers: 8 },
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for threads in Threads::BOTH {
        for capacity in [0, 1, 128] {
            for ends in ENDS {
                let name = format!("stream/{}/{}/{capacity}", threads.name(), ends.name);
                let row = Row::new(name, ITEMS, move || contenders(threads, capacity, ends));
                rows.push(row.with_threads(threads != Threads::One));
            }
        }
    }
    rows.push(Row::new("stream/reserve", 1, reserve));
    rows
}

/// Room is reserved and used, and what is sent received; nobody waits.
fn reserve() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio memory_object_stream", |calls| async move {
            let (sender, receiver) = memory_object_stream(128);
            for item in 0..calls {
                let permit = sender.reserve().await.expect("somebody receives");
                permit.send(item).expect("somebody receives");
                assert_eq!(receiver.try_receive(), Ok(item));
            }
        }),
        on.peer("tokio mpsc", |calls| async move {
            let (sender, mut receiver) = tokio::sync::mpsc::channel(128);
            for item in 0..calls {
                sender.reserve().await.expect("somebody receives").send(item);
                assert_eq!(receiver.try_recv(), Ok(item));
            }
        }),
    ]
}

fn contenders(threads: Threads, capacity: usize, ends: Ends) -> Vec<Contender> {
    let on = OnTokio::new(threads);
    let mut contenders = vec![
        on.ours("anyio memory_object_stream", move |calls| pump::<Ours>(calls, capacity, ends)),
        on.peer("flume", move |calls| pump::<Flume>(calls, capacity, ends)),
        on.peer("limit: kanal", move |calls| pump::<Kanal>(calls, capacity, ends)),
    ];
    // The others have no rendezvous.
    if capacity > 0 {
        contenders.push(
            on.peer("async-channel", move |calls| pump::<AsyncChannel>(calls, capacity, ends)),
        );
        if ends.receivers == 1 {
            contenders
                .push(on.peer("tokio mpsc", move |calls| pump::<Tokio>(calls, capacity, ends)));
        }
    }
    contenders
}

/// What streams of different makes have in common.
trait Channel {
    type Sender: Clone + Send + Sync + 'static;
    type Receiver: Send + 'static;

    fn open(capacity: usize, receivers: u32) -> (Self::Sender, Vec<Self::Receiver>);
    fn send(sender: &Self::Sender, item: u64) -> impl Future<Output = ()> + Send;
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// Sends all items through a stream, each end a task, `calls` times over.
async fn pump<C: Channel>(calls: u32, capacity: usize, ends: Ends) {
    for _ in 0..calls {
        let (sender, receivers) = C::open(capacity, ends.receivers);
        let receivers: Vec<_> = receivers
            .into_iter()
            .map(|mut receiver| {
                tokio::spawn(async move {
                    let mut items = 0;
                    while C::receive(&mut receiver).await.is_some() {
                        items += 1;
                    }
                    items
                })
            })
            .collect();
        for _ in 0..ends.senders {
            let sender = sender.clone();
            tokio::spawn(async move {
                for item in 0..ITEMS / ends.senders {
                    C::send(&sender, item.into()).await;
                }
            });
        }
        drop(sender);
        let mut items = 0;
        for receiver in receivers {
            items += receiver.await.expect("no panic");
        }
        assert_eq!(items, ITEMS);
    }
}

enum Ours {}

impl Channel for Ours {
    type Sender = SendStream<u64>;
    type Receiver = ReceiveStream<u64>;

    fn open(capacity: usize, receivers: u32) -> (SendStream<u64>, Vec<ReceiveStream<u64>>) {
        let (sender, receiver) = memory_object_stream(capacity);
        (sender, vec![receiver; receivers as usize])
    }

    async fn send(sender: &SendStream<u64>, item: u64) {
        sender.send(item).await.expect("somebody receives");
    }

    async fn receive(receiver: &mut ReceiveStream<u64>) -> Option<u64> {
        receiver.receive().await.ok()
    }
}

enum Flume {}

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn open(capacity: usize, receivers: u32) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, receiver) = flume::bounded(capacity);
        (sender, vec![receiver; receivers as usize])
    }

    async fn send(sender: &Self::Sender, item: u64) {
        sender.send_async(item).await.expect("somebody receives");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_async().await.ok()
    }
}

enum Kanal {}

impl Channel for Kanal {
    type Sender = kanal::AsyncSender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    fn open(capacity: usize, receivers: u32) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, receiver) = kanal::bounded_async(capacity);
        (sender, vec![receiver; receivers as usize])
    }

    async fn send(sender: &Self::Sender, item: u64) {
        sender.send(item).await.expect("somebody receives");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

enum AsyncChannel {}

impl Channel for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn open(capacity: usize, receivers: u32) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, receiver) = async_channel::bounded(capacity);
        (sender, vec![receiver; receivers as usize])
    }

    async fn send(sender: &Self::Sender, item: u64) {
        sender.send(item).await.expect("somebody receives");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

/// With one receiver, and no rendezvous.
enum Tokio {}

impl Channel for Tokio {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn open(capacity: usize, _: u32) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, receiver) = tokio::sync::mpsc::channel(capacity);
        (sender, vec![receiver])
    }

    async fn send(sender: &Self::Sender, item: u64) {
        sender.send(item).await.expect("somebody receives");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await
    }
}
