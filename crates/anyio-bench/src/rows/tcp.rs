//! Bytes there and back over loopback, both ends in one thread.

use std::net::{Ipv4Addr, SocketAddr};

use anyio_core::{ListenOptions, Net, TcpListener as _, TcpStream as _};
use anyio_smol::Smol;
use anyio_tokio::Tokio;
use futures_lite::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::on::{self, OnTokio, Threads};
use crate::measure::{Contender, Row};

/// How much goes there and comes back.
const SMALL: usize = 64;
const LARGE: usize = 64 * 1024;
/// In one call, over each connection.
const TIMES: u32 = 100;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("tcp/64B_ping_pong/1_connection", TIMES, || contenders(1, SMALL)),
        Row::new("tcp/64B_ping_pong/64_connections", TIMES * 64, || contenders(64, SMALL)),
        Row::new("tcp/64KiB_ping_pong/1_connection", TIMES, || contenders(1, LARGE)),
    ]
}

fn contenders(connections: u32, size: usize) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio tokio, typed", move |calls| ours::<Tokio>(calls, connections, size)),
        on.ours("anyio tokio, ambient", move |calls| ours::<anyio::Any>(calls, connections, size)),
        on::smol("anyio smol, typed", move |calls| ours::<Smol>(calls, connections, size)),
        on.peer("tokio", move |calls| tokios(calls, connections, size)),
        Contender::new("smol", move |calls| smol::block_on(smols(calls, connections, size))),
    ]
}

/// One end sends first, the other one sends back.
async fn end<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    first: bool,
    calls: u32,
    size: usize,
) {
    let mut buffer = vec![7; size];
    for _ in 0..calls * TIMES {
        if first {
            stream.write_all(&buffer).await.expect("the other end lives");
        }
        stream.read_exact(&mut buffer).await.expect("the other end lives");
        if !first {
            stream.write_all(&buffer).await.expect("the other end lives");
        }
    }
}

async fn together(ends: impl Iterator<Item = impl Future<Output = ()>>) {
    ends.collect::<FuturesUnordered<_>>().collect::<Vec<_>>().await;
}

async fn ours<N: Net>(calls: u32, connections: u32, size: usize) {
    let listener = N::listen_tcp(ANY_PORT, &ListenOptions::default()).await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    let mut streams = Vec::new();
    for _ in 0..connections {
        let near = N::connect_tcp(address).await.expect("somebody listens");
        let (far, _) = listener.accept().await.expect("somebody connects");
        near.set_nodelay(true).expect("it can be set");
        far.set_nodelay(true).expect("it can be set");
        streams.extend([(near, true), (far, false)]);
    }
    together(streams.into_iter().map(|(stream, first)| end(stream, first, calls, size))).await;
}

async fn smols(calls: u32, connections: u32, size: usize) {
    let listener = smol::net::TcpListener::bind(ANY_PORT).await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    let mut streams = Vec::new();
    for _ in 0..connections {
        let near = smol::net::TcpStream::connect(address).await.expect("somebody listens");
        let (far, _) = listener.accept().await.expect("somebody connects");
        near.set_nodelay(true).expect("it can be set");
        far.set_nodelay(true).expect("it can be set");
        streams.extend([(near, true), (far, false)]);
    }
    together(streams.into_iter().map(|(stream, first)| end(stream, first, calls, size))).await;
}

async fn tokios(calls: u32, connections: u32, size: usize) {
    let listener = tokio::net::TcpListener::bind(ANY_PORT).await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    let mut streams = Vec::new();
    for _ in 0..connections {
        let near = tokio::net::TcpStream::connect(address).await.expect("somebody listens");
        let (far, _) = listener.accept().await.expect("somebody connects");
        near.set_nodelay(true).expect("it can be set");
        far.set_nodelay(true).expect("it can be set");
        streams.extend([(near, true), (far, false)]);
    }
    together(streams.into_iter().map(|(stream, first)| tokios_end(stream, first, calls, size)))
        .await;
}

/// As [`end`], with tokio's own traits.
async fn tokios_end(mut stream: tokio::net::TcpStream, first: bool, calls: u32, size: usize) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut buffer = vec![7; size];
    for _ in 0..calls * TIMES {
        if first {
            stream.write_all(&buffer).await.expect("the other end lives");
        }
        stream.read_exact(&mut buffer).await.expect("the other end lives");
        if !first {
            stream.write_all(&buffer).await.expect("the other end lives");
        }
    }
}
