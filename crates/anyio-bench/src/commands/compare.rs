//! The contenders of each row, side by side.

use std::io::{self, Error, Result, Write as _};

use crate::{
    measure::{self, Contender, Row},
    rows,
};

/// Prints the rows' names, and their contenders'.
pub(crate) fn list() -> Result<()> {
    for row in rows::all() {
        writeln!(io::stdout(), "{}", row.name)?;
        for contender in row.contenders() {
            writeln!(io::stdout(), "    {}", contender.name)?;
        }
    }
    Ok(())
}

/// Prints nanoseconds.
pub(crate) fn time(words: &[&str]) -> Result<()> {
    let what = "ns per operation: median, min, spread of the middle half; ratio to the best peer";
    each(words, what, |row, contenders| {
        let times = measure::times(contenders, row.operations, row.threads);
        let medians: Vec<_> = times.iter().map(|times| times.median).collect();
        let ratios = measure::ratios(contenders, &medians);
        let columns = times.iter().zip(ratios);
        Ok(columns
            .map(|(times, ratio)| {
                let measure::Times { median, min, spread } = times;
                format!("{median:>11.1} {min:>11.1} {spread:>9.1} {ratio:>7.2}")
            })
            .collect())
    })
}

/// Prints allocations.
pub(crate) fn allocations(words: &[&str]) -> Result<()> {
    let what = "per operation: allocations, and bytes in use at the height of a call";
    each(words, what, |row, contenders| {
        let calls = measure::calls_for(row.operations);
        let count = |contender| measure::allocations(contender, row.operations, calls);
        let counts = contenders.iter_mut().map(count);
        Ok(counts.map(|found| format!("{:>11.3} {:>11.1}", found.count, found.bytes)).collect())
    })
}

/// Prints instructions.
pub(crate) fn instructions(words: &[&str]) -> Result<()> {
    if measure::valgrind().is_none() {
        return Err(Error::other("instructions are counted by valgrind, which is not installed"));
    }
    let what = "instructions per operation; ratio to the best peer";
    each(words, what, |row, contenders| {
        let counts: Vec<_> = contenders
            .iter()
            .map(|contender| measure::instructions(&row.name, contender.name, row.operations))
            .collect::<Result<_>>()?;
        let ratios = measure::ratios(contenders, &counts);
        let columns = counts.iter().zip(ratios);
        Ok(columns.map(|(count, ratio)| format!("{count:>11.1} {ratio:>7.2}")).collect())
    })
}

/// Prints a line for each contender of the rows that are wanted, with what `columns` says.
fn each(
    words: &[&str],
    what: &str,
    columns: impl Fn(&Row, &mut [Contender]) -> Result<Vec<String>>,
) -> Result<()> {
    let mut any = false;
    for row in rows::all() {
        if !words.iter().all(|word| row.name.contains(word)) {
            continue;
        }
        any = true;
        let mut contenders = row.contenders();
        let columns = columns(&row, &mut contenders)?;
        writeln!(io::stdout(), "{} ({what})", row.name)?;
        for (contender, columns) in contenders.iter().zip(columns) {
            writeln!(io::stdout(), "  {:<32} {columns}", contender.name)?;
        }
    }
    let words = words.join(" ");
    any.then_some(()).ok_or_else(|| Error::other(format!("no row has all of these: {words}")))
}
