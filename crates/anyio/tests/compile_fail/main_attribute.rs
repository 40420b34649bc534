//! What `#[anyio::main]` does not know, what nobody could start, and what nobody could report.

mod not_async {
    #[anyio::main]
    pub fn main() {}
}

mod with_arguments {
    #[anyio::main]
    pub async fn main(name: String) {
        drop(name);
    }
}

mod generic {
    #[anyio::main]
    pub async fn main<T>() {}
}

mod unknown_setting {
    #[anyio::main(thread = 4)]
    pub async fn main() {}
}

mod unknown_backend {
    #[anyio::main(backend = "Tokyo")]
    pub async fn main() {}
}

mod no_name {
    #[anyio::main(backend = anyio::Tokio)]
    pub async fn main() {}
}

mod no_number {
    #[anyio::main(threads = "four")]
    pub async fn main() {}
}

mod twice {
    #[anyio::main(threads = 4, current_thread)]
    pub async fn main() {}
}

mod no_function {
    #[anyio::main]
    pub struct Main;
}

#[anyio::main]
async fn main() -> u32 {
    7
}
