//! Bytes there and back over loopback, both ends in one thread.

use std::net::{Ipv4Addr, SocketAddr};

use anyio_async_std::AsyncStd;
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
/// How often, in one call, over each connection.
const OFTEN: u32 = 100;
/// As often as that costs about what the connection itself does.
const SELDOM: u32 = 10;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("tcp/64B_ping_pong/1_connection", OFTEN, || contenders(1, OFTEN, SMALL)),
        Row::new("tcp/64B_ping_pong/64_connections", OFTEN * 64, || contenders(64, OFTEN, SMALL)),
        Row::new("tcp/64KiB_ping_pong/1_connection", OFTEN, || contenders(1, OFTEN, LARGE)),
    ]
}

/// As many connections at once: opened, used for a little, and closed.
pub(super) fn scaling(connections: u32) -> Vec<Contender> {
    contenders(connections, SELDOM, SMALL)
}

fn contenders(connections: u32, times: u32, size: usize) -> Vec<Contender> {
    let talk = Talk { connections, times, size };
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio tokio, typed", move |calls| ours::<Tokio, Tokio>(calls, talk)),
        on.ours("anyio tokio, ambient", move |calls| ours::<anyio::Any, Tokio>(calls, talk)),
        on::smol("anyio smol, typed", move |calls| ours::<Smol, Smol>(calls, talk)),
        on::smol("anyio smol, ambient", move |calls| ours::<anyio::Any, Smol>(calls, talk)),
        on::in_one_thread::<AsyncStd, _, _>("anyio async-std, typed", move |calls| {
            ours::<AsyncStd, AsyncStd>(calls, talk)
        }),
        on::in_one_thread::<AsyncStd, _, _>("anyio async-std, ambient", move |calls| {
            ours::<anyio::Any, AsyncStd>(calls, talk)
        }),
        on.peer("tokio", move |calls| tokios(calls, talk)),
        Contender::new("smol", move |calls| smol::block_on(smols(calls, talk))),
        Contender::new("async-std", move |calls| {
            async_std::task::block_on(async_stds(calls, talk));
        }),
    ]
}

/// What goes there and comes back in one call.
#[derive(Clone, Copy)]
struct Talk {
    connections: u32,
    /// Over each.
    times: u32,
    size: usize,
}

/// One end sends first, the other one sends back.
#[expect(
    clippy::extra_unused_type_parameters,
    reason = "what runs on another `Runtime` is of another type, and as much in line as where there is one alone"
)]
async fn end<S: AsyncRead + AsyncWrite + Unpin, Runtime>(
    mut stream: S,
    first: bool,
    times: u32,
    size: usize,
) {
    let mut buffer = vec![7; size];
    for _ in 0..times {
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

async fn ours<N: Net, Runtime>(calls: u32, talk: Talk) {
    let listener = N::listen_tcp(ANY_PORT, &ListenOptions::default()).await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    let mut streams = Vec::new();
    for _ in 0..talk.connections {
        let near = N::connect_tcp(address).await.expect("somebody listens");
        let (far, _) = listener.accept().await.expect("somebody connects");
        near.set_nodelay(true).expect("it can be set");
        far.set_nodelay(true).expect("it can be set");
        streams.extend([(near, true), (far, false)]);
    }
    together(
        streams
            .into_iter()
            .map(|(stream, first)| end::<_, Runtime>(stream, first, calls * talk.times, talk.size)),
    )
    .await;
}

/// The same with sockets of others, of which `$end` is one end. What those have in common is their names.
macro_rules! theirs {
    ($name:ident, $runtime:ident, $end:expr) => {
        async fn $name(calls: u32, talk: Talk) {
            let listener = $runtime::net::TcpListener::bind(ANY_PORT).await.expect("a port");
            let address = listener.local_addr().expect("it has one");
            let mut streams = Vec::new();
            for _ in 0..talk.connections {
                let near = $runtime::net::TcpStream::connect(address).await.expect("it listens");
                let (far, _) = listener.accept().await.expect("somebody connects");
                near.set_nodelay(true).expect("it can be set");
                far.set_nodelay(true).expect("it can be set");
                streams.extend([(near, true), (far, false)]);
            }
            together(
                streams
                    .into_iter()
                    .map(|(stream, first)| ($end)(stream, first, calls * talk.times, talk.size)),
            )
            .await;
        }
    };
}

theirs!(smols, smol, end::<_, Smol>);
theirs!(async_stds, async_std, end::<_, AsyncStd>);
theirs!(tokios, tokio, tokios_end);

/// As [`end`], with tokio's own traits.
async fn tokios_end(mut stream: tokio::net::TcpStream, first: bool, times: u32, size: usize) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut buffer = vec![7; size];
    for _ in 0..times {
        if first {
            stream.write_all(&buffer).await.expect("the other end lives");
        }
        stream.read_exact(&mut buffer).await.expect("the other end lives");
        if !first {
            stream.write_all(&buffer).await.expect("the other end lives");
        }
    }
}
