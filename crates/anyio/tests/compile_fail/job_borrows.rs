//! A thread owns what it uses: the task may be gone before it has ended.

use anyio::{to_thread, to_thread_with_stop};

fn main() {
    anyio::run(async {
        let words = vec!["one", "two"];
        to_thread(|| words.concat()).await;
        let words = &["three", "four"].map(String::from);
        to_thread_with_stop(move |_| words.concat()).await;
    });
}
