//! `cargo covers`: which scenarios of AnyIO's and Trio's own tests are proven here, by source file.

mod covers;

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Where tests stand that may prove a scenario.
const TESTS: [&str; 4] = ["conformance-tests", "crates", "backends", "examples"];

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() != Some("covers") {
        eprintln!("usage: cargo covers");
        return ExitCode::FAILURE;
    }
    match covers() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the tables; whether there is nothing to complain of.
fn covers() -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let scenarios = fs::read_to_string(root.join("conformance-tests/SCENARIOS.md"))?;
    let excuses = fs::read_to_string(root.join("conformance-tests/NOT_APPLICABLE.md"))?;
    let mut sources = Vec::new();
    for folder in TESTS {
        collect(&root, Path::new(folder), &mut sources)?;
    }
    let sources = sources.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let report = covers::Report::of(&scenarios, &excuses, sources);
    write!(io::stdout(), "{report}")?;
    Ok(report.is_clean())
}

/// All Rust sources beneath `folder`, each with its path from `root`, in a stable order.
fn collect(root: &Path, folder: &Path, sources: &mut Vec<(String, String)>) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path: PathBuf = folder.join(entry.file_name());
        found.push((path, entry.file_type()?.is_dir()));
    }
    found.sort();
    for (path, is_folder) in found {
        if is_folder {
            collect(root, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(root.join(&path))?;
            sources.push((path.display().to_string(), text));
        }
    }
    Ok(())
}
