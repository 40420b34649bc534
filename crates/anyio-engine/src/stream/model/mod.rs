//! Models of streams. The numbers are those of `State`'s invariants.

mod buffered;
mod ends;
mod permit;
mod rendezvous;

use super::{ReceiveStream, SendStream};
use crate::model::Job;

fn send(stream: SendStream<u32>) -> Job<bool> {
    Box::pin(async move { stream.send(7).await.is_ok() })
}

fn receive(stream: ReceiveStream<u32>) -> Job<Option<u32>> {
    Box::pin(async move { stream.receive().await.ok() })
}
