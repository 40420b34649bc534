//! One client.

use std::io;

use anyio::{TcpStream, until_shutdown};
use futures_lite::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, io::BufReader};

/// Sums up what the client sends, until it hangs up or the server is told to stop.
pub(crate) async fn sum_up(stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = futures_lite::io::split(stream);
    let mut reader = BufReader::new(reader);
    // Here a request to stop is heard. In a block it is not: the client gets its answer.
    while let Some(line) = until_shutdown(line(&mut reader)).await {
        let Some(mut line) = line? else { break };
        let (mut lines, mut bytes) = (0, 0);
        while !line.is_empty() {
            (lines, bytes) = (lines + 1, bytes + line.len());
            writer.write_all(format!("{lines}\n").as_bytes()).await?;
            let Some(next) = self::line(&mut reader).await? else { return Ok(()) };
            line = next;
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
