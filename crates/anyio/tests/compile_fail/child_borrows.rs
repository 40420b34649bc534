//! A task owns what it uses. (The words never mention `spawn`; with `async move` they do.)

async fn shout(name: &str) {
    println!("{name}!");
}

fn main() {
    let name = String::from("ant");
    _ = anyio::run(anyio::task_group(async |tg| {
        tg.spawn(shout(&name));
    }));
}
