//! With no feature turned on, everything compiles, and the first call says what is missing.
#![cfg(not(any(feature = "tokio", feature = "smol", feature = "async-std")))]

use anyio::Runner;

/// Covers: anyio/test_run_known_but_uninstalled_backend
#[test]
fn error_names_the_feature() {
    assert!(anyio::available_backends().is_empty());
    for text in [
        anyio::current_backend().unwrap_err().to_string(),
        Runner::new().try_run(async {}).unwrap_err().to_string(),
    ] {
        assert!(text.contains("turn on a feature"), "{text}");
        for feature in ["`tokio`", "`smol`", "`async-std`"] {
            assert!(text.contains(feature), "{text}");
        }
    }
}
