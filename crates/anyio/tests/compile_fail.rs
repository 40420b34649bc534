//! The likeliest mistakes, and the words that users get. A change of a signature that makes them
//! worse shows here.

use std::{env, process::Command};

/// Most of the words are rustc's own, and the next one has others. To write them anew, change this
/// and run `TRYBUILD=overwrite cargo test -p anyio --test compile_fail`.
const WRITTEN_WITH: &str = "cargo 1.95.";

#[test]
fn the_likeliest_mistakes() {
    let version = Command::new(env!("CARGO")).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    if !version.starts_with(WRITTEN_WITH) && env::var_os("TRYBUILD").is_none() {
        eprintln!("not compared: the words are those of {WRITTEN_WITH}, this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
