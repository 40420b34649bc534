//! A task may run on another thread, where an `Rc` must not be.

use std::rc::Rc;

fn main() {
    _ = anyio::run(anyio::task_group(async |tg| {
        tg.spawn(async {
            let count = Rc::new(1);
            anyio::checkpoint().await;
            println!("{count}");
        });
    }));
}
