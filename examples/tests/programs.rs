//! What the smaller examples print.

use std::{env, process::Command};

/// cargo builds the examples before it runs the tests, beside them.
fn output_of(example: &str) -> String {
    let mut path = env::current_exe().expect("a test is a file");
    path.pop();
    path.pop();
    path.push(format!("examples/{example}{}", env::consts::EXE_SUFFIX));
    let output = Command::new(path).output().expect("cargo has built it");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The ambient lane works on a backend that the program brings along.
#[test]
fn custom_backend() {
    let expected = "\
running on solo
two tasks counted to Ok(7)
cleaning up
blocking code runs on another thread: true
the backend \"solo\" cannot use the network
";
    assert_eq!(output_of("custom_backend"), expected);
}
