//! Whether the hottest rows cost more instructions than they did.

use std::{
    env, fs,
    io::{self, Error, Result, Write as _},
    path::PathBuf,
    process::Command,
};

use crate::{measure, rows};

/// What is checked: what programs do most, each in one variant.
const HOTTEST: [(&str, &str); 10] = [
    ("spawn_join/current_thread/1", "anyio typed"),
    ("spawn_join/current_thread/100", "anyio typed"),
    ("spawn_join/current_thread/100", "anyio ambient"),
    ("spawn_join/smol/100", "anyio typed"),
    ("cancel/current_thread/1000", "anyio typed"),
    ("join_in_task/100", "anyio scoped_task_group"),
    ("fail_after/pending_once", "anyio typed"),
    ("nest/poll/8", "anyio typed"),
    ("lock/uncontended", "anyio Lock"),
    ("stream/current_thread/spsc/1", "anyio memory_object_stream"),
];

/// How much more than the baseline is a regression.
const TOLERANCE: f64 = 0.05;

/// Where one was counted: elsewhere the same program has other instructions.
const PLACE: &str = "counted with";

/// Compares the rows with the baseline. Says so, and fails not, where nothing can be said.
pub(crate) fn check() -> Result<()> {
    let Some(valgrind) = measure::valgrind() else {
        return say("skipped: instructions are counted by valgrind, which is not installed");
    };
    let text = fs::read_to_string(baseline())?;
    let (then, now) = (place_of(&text), place(&valgrind));
    let comparable = then == Some(now.as_str());
    if !comparable {
        say(&format!("the baseline comes from elsewhere, so nothing fails:\n  {now}, not"))?;
        say(&format!("  {}", then.unwrap_or("anywhere that it says")))?;
    }
    let mut worse = 0;
    for (row, contender) in HOTTEST {
        let count = count(row, contender)?;
        let before = find(&text, row, contender)
            .ok_or_else(|| Error::other(format!("the baseline has no {row}, {contender}")))?;
        let change = count / before - 1.0;
        let is_worse = change > TOLERANCE;
        worse += u32::from(is_worse);
        let mark = if is_worse { "  MORE" } else { "" };
        let percent = change * 100.0;
        say(&format!(
            "{row:<30} {contender:<28} {before:>9.1} {count:>9.1} {percent:>+6.1} %{mark}"
        ))?;
    }
    if worse > 0 && comparable {
        return Err(Error::other(format!(
            "{worse} rows cost over 5 % more instructions; if they have to, write a new baseline with \
             `cargo bench-check --update`"
        )));
    }
    Ok(())
}

/// Makes what is now the baseline.
pub(crate) fn update() -> Result<()> {
    let valgrind = measure::valgrind().ok_or_else(|| Error::other("valgrind is not installed"))?;
    let mut text = format!("{PLACE}: {}\n", place(&valgrind));
    for (row, contender) in HOTTEST {
        let count = count(row, contender)?;
        text += &format!("{row} | {contender} | {count:.1}\n");
    }
    fs::write(baseline(), text)
}

fn say(words: &str) -> Result<()> {
    writeln!(io::stdout(), "{words}")
}

fn baseline() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.txt")
}

fn count(row: &str, contender: &str) -> Result<f64> {
    let found = rows::all().into_iter().find(|known| known.name == row);
    let found = found.ok_or_else(|| Error::other(format!("there is no row {row}")))?;
    measure::instructions(row, contender, found.operations)
}

/// What decides the instructions besides the source: the compiler, the C library, and the processor
/// that valgrind shows.
fn place(valgrind: &str) -> String {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let library = first_line("getconf", "GNU_LIBC_VERSION");
    format!("{}, {library}, {}, {valgrind}", first_line(&compiler, "--version"), env::consts::ARCH)
}

fn first_line(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let line = said.ok().and_then(|said| said.lines().next().map(str::to_owned));
    line.unwrap_or_else(|| format!("no {program}"))
}

fn place_of(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(PLACE)?.strip_prefix(": "))
}

fn find(text: &str, row: &str, contender: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(row)?.strip_prefix(" | ")?.strip_prefix(contender)?;
        rest.strip_prefix(" | ")?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_has_all_that_is_checked() {
        let text = fs::read_to_string(baseline()).expect("it is there");
        assert!(place_of(&text).is_some_and(|place| place.contains("rustc")));
        for (row, contender) in HOTTEST {
            assert!(find(&text, row, contender).is_some(), "{row}, {contender}");
        }
    }
}
