//! A task owns what it uses, even if the body owns it, too.

async fn shout(name: &str) {
    println!("{name}!");
}

fn main() {
    let name = String::from("ant");
    _ = anyio::run(anyio::task_group(async move |tg| {
        tg.spawn(shout(&name));
    }));
}
