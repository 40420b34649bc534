//! What `#[anyio::test]` does not know, and what nobody could call.

#[anyio::test]
fn not_async() {}

#[anyio::test]
async fn with_arguments(name: String) {
    drop(name);
}

#[anyio::test]
async fn generic<T>() {}

#[anyio::test(time = "10s")]
async fn unknown_setting() {}

#[anyio::test(backend = "Tokyo")]
async fn unknown_backend() {}

#[anyio::test(timeout = 10)]
async fn without_unit() {}

#[anyio::test(timeout = "soon")]
async fn no_time() {}

#[anyio::test(timeout)]
async fn no_value() {}

#[anyio::test(current_thread = true)]
async fn a_value() {}

#[anyio::test]
#[test]
async fn twice() {}

fn main() {}
