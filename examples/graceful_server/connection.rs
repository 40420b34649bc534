//! One client.

use std::io;

use anyio::{TcpStream, until_shutdown};
use futures_lite::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, io::BufReader};

/// Sums up what the client sends, until it hangs up or the server is told to stop.
pub(crate) async fn sum_up(stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = futures_lite::io::split(stream);
    let mut reader = BufReader::new(reader);
    // Here, and nowhere else, a request to stop is heard: who has begun to speak gets an answer.
    while let Some(begun) = until_shutdown(reader.fill_buf()).await {
        if begun?.is_empty() {
            break;
        }
        let (mut lines, mut bytes) = (0, 0);
        loop {
            let Some(line) = line(&mut reader).await? else { return Ok(()) };
            if line.is_empty() {
                break;
            }
            (lines, bytes) = (lines + 1, bytes + line.len());
            writer.write_all(format!("{lines}\n").as_bytes()).await?;
        }
        writer.write_all(format!("{lines} lines, {bytes} bytes\n").as_bytes()).await?;
    }
    writer.close().await
}

/// The next line, without its end; none if the client has hung up.
async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = String::new();
    Ok(match reader.read_line(&mut line).await? {
        0 => None,
        _ => Some(line.trim_end().to_owned()),
    })
}
