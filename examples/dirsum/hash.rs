//! Hashing one file after the other.

use std::{
    fs::File,
    io::{self, Read as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyio::{ReceiveStream, SendStream, to_thread};
use sha2::{Digest as _, Sha256};

use crate::{
    Failure,
    report::{Event, Sum},
};

/// How much is read before a cancellation is noticed.
const CHUNK: usize = 1 << 20;

/// Hashes `files` until there are no more.
pub(crate) async fn hash_files(
    files: ReceiveStream<PathBuf>,
    events: SendStream<Event>,
) -> Result<(), Failure> {
    while let Ok(path) = files.receive().await {
        let event = match hash(&path).await {
            Ok(sum) => Event::Hashed(path, sum),
            Err(error) => Event::Failed(path, error),
        };
        events.send(event).await?;
    }
    Ok(())
}

/// A thread cannot be interrupted, so each chunk is a job of its own: in a cancelled scope the next
/// one does not start.
async fn hash(path: &Path) -> io::Result<Sum> {
    let path = path.to_owned();
    let mut step = to_thread(|| Reading::open(path)?.next()).await?;
    loop {
        match step {
            ControlFlow::Continue(reading) => step = to_thread(|| reading.next()).await?,
            ControlFlow::Break(sum) => return Ok(sum),
        }
    }
}

/// A file that has been hashed as far as it was read.
struct Reading {
    file: File,
    sha: Sha256,
    chunk: Vec<u8>,
}

impl Reading {
    fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, sha: Sha256::new(), chunk: Vec::new() })
    }

    fn next(mut self) -> io::Result<ControlFlow<Sum, Self>> {
        self.chunk.clear();
        let read = (&mut self.file).take(CHUNK as u64).read_to_end(&mut self.chunk)?;
        self.sha.update(&self.chunk);
        Ok(if read < CHUNK {
            ControlFlow::Break(self.sha.finalize().into())
        } else {
            ControlFlow::Continue(self)
        })
    }
}
