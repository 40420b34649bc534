//! Side-by-side benchmarks: see the README.

mod commands;
mod measure;
mod report;
mod rows;

use std::process::ExitCode;

const USAGE: &str = "\
usage: anyio-bench list
       anyio-bench time|allocations|instructions [WORD …]   rows whose names have all the words
       anyio-bench table                                    writes into docs/
       anyio-bench scaling [WORD …]                         draws into docs/
       anyio-bench check [--update]                         the hottest rows, with the baseline
       anyio-bench run ROW CONTENDER CALLS                  one contender, for a profiler";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    measure::wear();
    let done = match &arguments[..] {
        ["list"] => commands::list(),
        ["time", words @ ..] => commands::time(words),
        ["allocations", words @ ..] => commands::allocations(words),
        ["instructions", words @ ..] => commands::instructions(words),
        ["table"] => report::table(),
        ["scaling", words @ ..] => report::scaling(words),
        ["check"] => commands::check(),
        ["check", "--update"] => commands::update(),
        ["run", row, contender, calls] => commands::run(row, contender, calls),
        _ => Err(std::io::Error::other(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
