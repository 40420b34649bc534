//! Finding the files.

use std::{
    fs::{self, FileType},
    io,
    path::{Path, PathBuf},
};

use anyio::{SendStream, to_thread};

use crate::{Failure, report::Event};

/// Sends every file in and beneath `root` to `files`, and tells about them and about what is not to
/// be hashed.
pub(crate) async fn walk(
    root: PathBuf,
    files: SendStream<PathBuf>,
    events: SendStream<Event>,
) -> Result<(), Failure> {
    let mut directories = Vec::new();
    let mut entries = vec![to_thread(|| look_at_root(root)).await];
    loop {
        let files_here = entries.iter().filter(|entry| !matches!(entry.kind, Ok(Kind::Directory)));
        events.send(Event::Found(files_here.count())).await?;
        for Entry { path, kind } in entries {
            match kind {
                Ok(Kind::File) => files.send(path).await?,
                Ok(Kind::Directory) => directories.push(path),
                Err(error) => events.send(Event::Failed(path, error)).await?,
            }
        }
        match directories.pop() {
            Some(directory) => entries = to_thread(|| list(directory)).await,
            None => break,
        }
    }
    events.send(Event::Walked).await?;
    Ok(())
}

/// What has been found, or why it cannot be used.
struct Entry {
    path: PathBuf,
    kind: io::Result<Kind>,
}

enum Kind {
    File,
    Directory,
}

/// The one directory that may be reached through a symbolic link.
fn look_at_root(path: PathBuf) -> Entry {
    let kind = fs::metadata(&path).and_then(|target| kind(target.file_type()));
    Entry { path, kind }
}

/// What is in `directory`, by name.
fn list(directory: PathBuf) -> Vec<Entry> {
    let listing = match fs::read_dir(&directory) {
        Ok(listing) => listing,
        Err(error) => return vec![Entry { path: directory, kind: Err(error) }],
    };
    let mut entries: Vec<_> = listing
        .map(|entry| match entry {
            Ok(entry) => {
                let path = entry.path();
                let kind = entry.file_type().and_then(|found| follow(&path, found));
                Entry { path, kind }
            }
            Err(error) => Entry { path: directory.clone(), kind: Err(error) },
        })
        .collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    entries
}

/// Follows a symbolic link to a file; one that leads back to itself is an error of the system's.
fn follow(path: &Path, found: FileType) -> io::Result<Kind> {
    if !found.is_symlink() {
        return kind(found);
    }
    match kind(fs::metadata(path)?.file_type())? {
        Kind::File => Ok(Kind::File),
        Kind::Directory => Err(io::Error::other("symbolic link to a directory, not followed")),
    }
}

/// Pipes, sockets and devices are not read: that could wait for ever.
fn kind(found: FileType) -> io::Result<Kind> {
    if found.is_file() {
        Ok(Kind::File)
    } else if found.is_dir() {
        Ok(Kind::Directory)
    } else {
        Err(io::Error::other("neither a file nor a directory"))
    }
}
