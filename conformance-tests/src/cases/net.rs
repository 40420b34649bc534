//! TCP on the loopback. Ports are the system's choice.

use std::{
    io::{ErrorKind, IoSlice},
    net::{Ipv4Addr, Shutdown, SocketAddr},
    pin::Pin,
    task::Poll,
};

use anyio_core::{
    CancelScope as _, Cancelled, ListenOptions, Net, Runtime, TaskGroup as _, TcpListener as _,
    TcpStream as _,
};
use anyio_engine::{RuntimeExt as _, checkpoint};
use futures_io::AsyncWrite as _;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use futures_util::join;

use crate::{
    cut::everywhere,
    suite::Case,
    support::{Counter, Log, poll_once, turns, until},
};

pub(super) fn list<B: Runtime + Net>() -> Vec<Case> {
    list![B, net:
        addresses_are_told,
        bytes_go_both_ways,
        both_directions_go_at_once,
        half_close_leaves_the_other_half_open,
        data_before_the_end_is_not_lost,
        shutdown_needs_no_waiting,
        dropped_stream_is_the_end_for_its_peer,
        vectored_write_sends_all_parts,
        writer_waits_for_a_slow_reader,
        connections_are_accepted_in_order,
        several_tasks_accept,
        refused_connection_is_an_error,
        listener_that_is_gone_refuses,
        port_in_use_is_an_error,
        port_can_be_bound_again,
        connection_reset_is_an_error,
        write_to_a_peer_that_is_gone_is_an_error,
        no_connection_is_lost_by_a_cancelled_accept,
        no_byte_is_lost_by_a_cancelled_read,
        no_socket_is_left_by_a_cancelled_connect,
        nothing_starts_in_a_cancelled_scope,
        read_is_cancelled_while_it_waits,
        write_is_cancelled_while_it_waits,
        read_loop_lets_its_neighbour_run,
        halves_work_in_two_tasks,
        options_can_be_set,
    ]
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn listen<B: Net>() -> (B::TcpListener, SocketAddr) {
    let listener = B::listen_tcp(loopback(), &ListenOptions::default()).await;
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// Two ends of a connection.
async fn connection<B: Net>() -> (B::TcpStream, B::TcpStream) {
    let (listener, address) = listen::<B>().await;
    let (client, server) = join!(B::connect_tcp(address), listener.accept());
    (client.expect("somebody listens"), server.expect("somebody connects").0)
}

/// Listener and both ends of a connection tell their addresses, and agree.
/// Covers: anyio/TestTCPStream::test_extra_attributes
/// Covers: anyio/TestTCPListener::test_accept
async fn addresses_are_told<B: Runtime + Net>() {
    let (listener, address) = listen::<B>().await;
    assert_ne!(address.port(), 0);
    assert!(address.ip().is_loopback());
    let (client, accepted) = join!(B::connect_tcp(address), listener.accept());
    let client = client.expect("somebody listens");
    let (server, peer) = accepted.expect("somebody connects");
    let of = |stream: &B::TcpStream| {
        (stream.local_addr().expect("it is open"), stream.peer_addr().expect("it is open"))
    };
    assert_eq!(of(&client), (peer, address));
    assert_eq!(of(&server), (address, peer));
}

/// What one end writes the other one reads, and back.
/// Covers: anyio/TestTCPStream::test_send_receive
async fn bytes_go_both_ways<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    for round in 0..50_u8 {
        client.write_all(&[round; 33]).await.expect("it is open");
        let mut bytes = [0; 33];
        server.read_exact(&mut bytes).await.expect("they are sent");
        server.write_all(&bytes).await.expect("it is open");
        let mut back = [0; 33];
        client.read_exact(&mut back).await.expect("they are sent back");
        assert_eq!(back, [round; 33]);
    }
}

/// Both ends write more than the system buffers, and read, at the same time.
async fn both_directions_go_at_once<B: Runtime + Net>() {
    const SIZE: usize = 1 << 20;
    let (client, server) = connection::<B>().await;
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for (end, byte) in [(client, 1_u8), (server, 2)] {
            tg.spawn(async move {
                let (mut reader, mut writer) = futures_lite::io::split(end);
                let write = async {
                    writer.write_all(&vec![byte; SIZE]).await.expect("it is open");
                    writer.close().await.expect("it is open");
                };
                let mut bytes = Vec::new();
                let ((), read) = join!(write, reader.read_to_end(&mut bytes));
                assert_eq!(read.expect("it is open"), SIZE);
                assert!(bytes.iter().all(|other| *other == 3 - byte));
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// An end that was closed for writing still reads; the other one sees the end and still writes.
/// Covers: anyio/TestTCPStream::test_send_eof
/// Covers: anyio/TestTCPListener::test_send_after_eof
async fn half_close_leaves_the_other_half_open<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    client.write_all(b"question").await.expect("it is open");
    client.close().await.expect("it is open");
    let mut text = String::new();
    server.read_to_string(&mut text).await.expect("it ends");
    assert_eq!(text, "question");
    server.write_all(b"answer").await.expect("this half is open");
    server.close().await.expect("it is open");
    text.clear();
    client.read_to_string(&mut text).await.expect("it ends");
    assert_eq!(text, "answer");
    assert_eq!(client.read(&mut [0; 1]).await.expect("the end stays"), 0);
    let error = client.write_all(b"more").await.expect_err("this half was closed");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

/// What was written before an end is dropped arrives before the end.
/// Covers: anyio/test_eof_after_send
/// Covers: anyio/TestTCPStream::test_iterate
async fn data_before_the_end_is_not_lost<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    client.write_all(b"last words").await.expect("it is open");
    drop(client);
    turns::<B>().await;
    let mut text = Vec::<u8>::new();
    let mut part = [0; 4];
    loop {
        match server.read(&mut part).await.expect("it ends in order") {
            0 => break,
            length => text.extend(&part[..length]),
        }
    }
    assert_eq!(text, b"last words");
}

/// `shutdown` ends one direction without waiting.
async fn shutdown_needs_no_waiting<B: Runtime + Net>() {
    let (client, mut server) = connection::<B>().await;
    client.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(server.read(&mut [0; 1]).await.expect("the end"), 0);
    server.shutdown(Shutdown::Both).expect("it is open");
    assert_eq!(server.read(&mut [0; 1]).await.expect("the end"), 0);
}

/// Dropping a stream closes the connection.
async fn dropped_stream_is_the_end_for_its_peer<B: Runtime + Net>() {
    let (client, mut server) = connection::<B>().await;
    let mut byte = [0; 1];
    let mut reading = Box::pin(server.read(&mut byte));
    assert!(poll_once(&mut reading).is_pending());
    drop(client);
    assert_eq!(reading.await.expect("the end"), 0);
}

/// A write of several parts sends them in order, and counts over all of them.
async fn vectored_write_sends_all_parts<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    let parts =
        [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two "), IoSlice::new(b"three")];
    let length = client.write_vectored(&parts).await.expect("it is open");
    // A small write is never cut by the system, so all parts were handed to it at once.
    assert_eq!(length, 13);
    client.close().await.expect("it is open");
    let mut text = String::new();
    server.read_to_string(&mut text).await.expect("it ends");
    assert_eq!(text, "one two three");
}

/// A writer is made to wait while its peer does not read, and all arrives when it does.
async fn writer_waits_for_a_slow_reader<B: Runtime + Net>() {
    const SIZE: usize = 24 << 20;
    let (mut client, mut server) = connection::<B>().await;
    let written = Counter::default();
    let counted = written.clone();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        tg.spawn(async move {
            let mut chunk = vec![0_u8; 1 << 16];
            for number in 0..SIZE >> 16 {
                chunk.fill((number % 251) as u8);
                client.write_all(&chunk).await.expect("it is open");
                counted.add();
            }
        });
        // Nobody reads: it comes to a stop, long before the end.
        let mut before = 0;
        loop {
            B::sleep(std::time::Duration::from_millis(20)).await;
            let now = written.get();
            if now == before && now > 0 {
                break;
            }
            before = now;
        }
        assert!(written.get() < SIZE >> 16, "nothing held the writer back");
        let (mut seen, mut part) = (0, vec![0; 1 << 18]);
        loop {
            let length = server.read(&mut part).await.expect("it ends in order");
            if length == 0 {
                break;
            }
            for (at, byte) in part[..length].iter().enumerate().step_by(509) {
                assert_eq!(*byte, (((seen + at) >> 16) % 251) as u8);
            }
            seen += length;
        }
        assert_eq!(seen, SIZE);
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// Connections wait for their `accept` and are accepted in the order they were made.
async fn connections_are_accepted_in_order<B: Runtime + Net>() {
    let (listener, address) = listen::<B>().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(B::connect_tcp(address).await.expect("somebody listens"));
    }
    for client in &clients {
        let (_server, peer) = listener.accept().await.expect("somebody has connected");
        assert_eq!(peer, client.local_addr().expect("it is open"));
    }
}

/// Several tasks may accept on one listener; each connection goes to one of them.
async fn several_tasks_accept<B: Runtime + Net>() {
    const TASKS: usize = 4;
    let (listener, address) = listen::<B>().await;
    let listener = std::sync::Arc::new(listener);
    let log = Counter::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..TASKS {
            let (listener, log) = (std::sync::Arc::clone(&listener), log.clone());
            tg.spawn(async move {
                let (mut server, _) = listener.accept().await.expect("somebody connects");
                server.write_all(b"!").await.expect("it is open");
                log.add();
            });
        }
        turns::<B>().await;
        for _ in 0..TASKS {
            tg.spawn(async move {
                let mut client = B::connect_tcp(address).await.expect("somebody listens");
                assert_eq!(client.read(&mut [0; 8]).await.expect("it is greeted"), 1);
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.get(), TASKS);
}

/// Where nobody listens a connection is refused.
/// Covers: anyio/test_connection_refused
async fn refused_connection_is_an_error<B: Runtime + Net>() {
    let (client, _server) = connection::<B>().await;
    // A port that is taken, by an end that does not listen: nobody else can come to listen there.
    let taken = client.local_addr().expect("it is open");
    let error = B::connect_tcp(taken).await.err().expect("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// A listener that is dropped has closed its port at once, and what it had not accepted.
async fn listener_that_is_gone_refuses<B: Runtime + Net>() {
    let (listener, address) = listen::<B>().await;
    let mut waiting = B::connect_tcp(address).await.expect("somebody listens");
    drop(listener);
    let mut byte = [0; 1];
    let end = waiting.read(&mut byte).await;
    assert!(end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
}

/// Listening where somebody listens is an error.
async fn port_in_use_is_an_error<B: Runtime + Net>() {
    let (_listener, address) = listen::<B>().await;
    let second = B::listen_tcp(address, &ListenOptions::default()).await;
    assert_eq!(second.err().expect("it is taken").kind(), ErrorKind::AddrInUse);
}

/// A port can be listened on again, though a connection to it is still there.
/// Covers: trio/test_open_tcp_listeners_rebind
async fn port_can_be_bound_again<B: Runtime + Net>() {
    let (listener, address) = listen::<B>().await;
    let (client, accepted) = join!(B::connect_tcp(address), listener.accept());
    let (mut client, (mut server, _)) =
        (client.expect("somebody listens"), accepted.expect("somebody connects"));
    drop(listener);
    let again = listen_again::<B>(address).await;
    server.write_all(b"!").await.expect("the old connection is open");
    assert_eq!(client.read(&mut [0; 8]).await.expect("it is greeted"), 1);
    // The server goes first, so that the port stays behind in the system for a while.
    drop(server);
    assert_eq!(client.read(&mut [0; 8]).await.expect("the end"), 0);
    drop((client, again));
    drop(listen_again::<B>(address).await);
}

/// Listens where somebody has just stopped to. A process that is being started at this moment may
/// have inherited the socket until its program begins, so this tries until it is free.
async fn listen_again<B: Runtime + Net>(address: SocketAddr) -> B::TcpListener {
    loop {
        match B::listen_tcp(address, &ListenOptions::default()).await {
            Ok(listener) => return listener,
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse),
        }
        B::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// A connection that the peer has reset is an error that says so.
/// Covers: anyio/test_receive_exception_cause_preserved
async fn connection_reset_is_an_error<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    client.write_all(b"two").await.expect("it is open");
    assert_eq!(server.read(&mut [0; 1]).await.expect("it has come"), 1);
    // Closing with something unread makes the system send a reset.
    drop(server);
    let error = client.read(&mut [0; 1]).await.expect_err("it was reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// Writing to a peer that has gone is an error, within some writes.
/// Covers: anyio/test_send_after_peer_closed
/// Covers: anyio/test_send_exception_cause_preserved
async fn write_to_a_peer_that_is_gone_is_an_error<B: Runtime + Net>() {
    let (mut client, server) = connection::<B>().await;
    drop(server);
    let error = loop {
        if let Err(error) = client.write_all(&[7; 1024]).await {
            break error;
        }
        checkpoint().await;
    };
    assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
}

/// Wherever an accept is cut, the connection is accepted by it or by the next one.
async fn no_connection_is_lost_by_a_cancelled_accept<B: Runtime + Net>() {
    let (listener, address) = listen::<B>().await;
    let cuts = everywhere(async |cut| {
        let (accepted, client) =
            join!(async { cut.apply::<B, _>(listener.accept()).await }, async {
                checkpoint().await;
                B::connect_tcp(address).await.expect("somebody listens")
            },);
        let accepted = match accepted {
            Some(accepted) => accepted,
            None => listener.accept().await,
        };
        let (_server, peer) = accepted.expect("somebody connects");
        assert_eq!(peer, client.local_addr().expect("it is open"), "{cut:?}");
    })
    .await;
    assert!(cuts >= 4, "{cuts}");
}

/// Wherever a read is cut, the bytes are read by it or by the next one.
async fn no_byte_is_lost_by_a_cancelled_read<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    let cuts = everywhere(async |cut| {
        let mut bytes = [0; 8];
        let (read, ()) = join!(async { cut.apply::<B, _>(server.read(&mut bytes)).await }, async {
            checkpoint().await;
            client.write_all(b"12345678").await.expect("it is open");
        },);
        let got = match read {
            Some(read) => read.expect("it is open"),
            None => 0,
        };
        server.read_exact(&mut bytes[got..]).await.expect("the rest is there");
        assert_eq!(&bytes, b"12345678", "{cut:?}");
    })
    .await;
    assert!(cuts >= 4, "{cuts}");
}

/// A connect that is cut is no connection: what the listener may have seen of it is over.
async fn no_socket_is_left_by_a_cancelled_connect<B: Runtime + Net>() {
    let cuts = everywhere(async |cut| {
        let (listener, address) = listen::<B>().await;
        let connected = cut.apply::<B, _>(B::connect_tcp(address)).await;
        let Some(connected) = connected else {
            // Whatever is in the listener's queue before this one ends at once.
            let mut mine = B::connect_tcp(address).await.expect("somebody listens");
            let mine_is = mine.local_addr().expect("it is open");
            loop {
                let (mut server, peer) = listener.accept().await.expect("somebody connects");
                if peer == mine_is {
                    server.write_all(b"!").await.expect("it is open");
                    assert_eq!(mine.read(&mut [0; 1]).await.expect("it is greeted"), 1);
                    return;
                }
                let end = server.read(&mut [0; 1]).await;
                assert!(matches!(end, Ok(0) | Err(_)), "{cut:?}");
            }
        };
        assert!(connected.is_ok(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 2, "{cuts}");
}

/// C8: in a cancelled scope nothing is connected, accepted, read or written, though it could be at
/// once.
async fn nothing_starts_in_a_cancelled_scope<B: Runtime + Net>() {
    let (listener, address) = listen::<B>().await;
    let (mut client, mut server) = connection::<B>().await;
    let waiting = B::connect_tcp(address).await.expect("somebody listens");
    client.write_all(b"?").await.expect("it is open");
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(listener.accept()).await.is_err());
    assert!(scope.run(B::connect_tcp(address)).await.is_err());
    assert!(scope.run(B::listen_tcp(loopback(), &ListenOptions::default())).await.is_err());
    let mut byte = [0; 1];
    assert!(scope.run(server.read(&mut byte)).await.is_err());
    assert!(scope.run(server.write(b"no")).await.is_err());
    assert!(scope.run(server.close()).await.is_err());

    // All is as it was before.
    assert_eq!(byte, [0]);
    server.read_exact(&mut byte).await.expect("it is there still");
    assert_eq!(&byte, b"?");
    server.write_all(b"yes").await.expect("it is open still");
    let mut answer = [0; 3];
    client.read_exact(&mut answer).await.expect("it was written");
    assert_eq!(&answer, b"yes");
    let (_accepted, peer) = listener.accept().await.expect("it waits still");
    assert_eq!(peer, waiting.local_addr().expect("it is open"));
    let mut next = Box::pin(listener.accept());
    turns::<B>().await;
    assert!(poll_once(&mut next).is_pending(), "nobody else has connected");
}

/// A read that waits in vain is cancelled by its scope, by a deadline too, and the stream is good
/// afterwards.
/// Covers: anyio/test_receive_timeout
async fn read_is_cancelled_while_it_waits<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    let timeout = std::time::Duration::from_millis(5);
    let reading = async {
        let mut bytes = [0; 8];
        while server.read(&mut bytes).await.is_ok_and(|length| length > 0) {}
    };
    assert!(B::move_on_after(timeout, reading).await.is_none());
    client.write_all(b"!").await.expect("it is open");
    assert_eq!(server.read(&mut [0; 8]).await.expect("it is open"), 1);
}

/// A write that waits for room is cancelled by its scope; what it reported as written arrives, and
/// nothing else.
async fn write_is_cancelled_while_it_waits<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let mut written = 0;
    let writing = async {
        let chunk = vec![7; 1 << 16];
        while let Ok(length) = client.write(&chunk).await {
            written += length;
        }
        log.add("an error");
    };
    let mut work = Box::pin(scope.run(writing));
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        assert!(work.as_mut().poll(cx).is_pending());
        polls += 1;
        // The budget makes it yield now and then; after many polls it is the socket.
        cx.waker().wake_by_ref();
        if polls < 2_000 { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    scope.cancel();
    assert!(work.await.is_err());
    assert!(log.take().is_empty());
    assert!(written > 0);
    drop(client);
    let mut seen = Vec::new();
    assert_eq!(server.read_to_end(&mut seen).await.expect("it ends in order"), written);
}

/// C9: a task that never has to wait for its socket lets others on the same thread run.
async fn read_loop_lets_its_neighbour_run<B: Runtime + Net>() {
    let (mut client, mut server) = connection::<B>().await;
    let (rounds, stop) = (Counter::default(), Counter::default());
    let (counted, stopped) = (rounds.clone(), stop.clone());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        tg.spawn(async move {
            while stopped.get() == 0 {
                client.write_all(b"!").await.expect("it is open");
                assert_eq!(server.read(&mut [0; 1]).await.expect("it was written"), 1);
                counted.add();
            }
        });
        until::<B>(|| rounds.get() > 100).await;
        tg.spawn(async move { _ = stop.add() });
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// One task may read while another one writes.
async fn halves_work_in_two_tasks<B: Runtime + Net>() {
    let (client, mut server) = connection::<B>().await;
    let (mut reader, mut writer) = futures_lite::io::split(client);
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        tg.spawn(async move {
            let mut answer = [0; 2];
            reader.read_exact(&mut answer).await.expect("it is sent");
            assert_eq!(&answer, b"ok");
        });
        tg.spawn(async move {
            turns::<B>().await;
            writer.write_all(b"go").await.expect("it is open");
        });
        let mut question = [0; 2];
        server.read_exact(&mut question).await.expect("it is sent");
        server.write_all(b"ok").await.expect("it is open");
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// Nagle's algorithm can be switched, and a flush of a socket has nothing to wait for.
async fn options_can_be_set<B: Runtime + Net>() {
    let (mut client, _server) = connection::<B>().await;
    client.set_nodelay(false).expect("it is open");
    client.set_nodelay(true).expect("it is open");
    client.flush().await.expect("it is open");
    let flushed = std::future::poll_fn(|cx| Pin::new(&mut client).poll_flush(cx));
    assert!(flushed.await.is_ok());
    let options = ListenOptions::default().backlog(1);
    assert!(B::listen_tcp(loopback(), &options).await.is_ok());
}
