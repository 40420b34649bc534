//! Interleaved measuring.
#![expect(clippy::print_stdout, reason = "the report is what the program is for")]

use std::time::{Duration, Instant};

/// One thing to be compared, under several contenders.
pub(crate) struct Row {
    pub(crate) name: String,
    /// How many operations one call does.
    pub(crate) operations: u32,
    pub(crate) contenders: Vec<Contender>,
}

/// One way to do it. Ours have names that begin with "anyio".
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) call: Box<dyn FnMut() -> Duration>,
}

impl Contender {
    /// Times `call` as a whole.
    pub(crate) fn new(name: &'static str, mut call: impl FnMut() + 'static) -> Self {
        let call = move || {
            let start = Instant::now();
            call();
            start.elapsed()
        };
        Self { name, call: Box::new(call) }
    }
}

/// Runs the contenders whose full name is wanted, once each; whether there was one.
pub(crate) fn once(row: &mut Row, wanted: &impl Fn(&str) -> bool) -> bool {
    let mut any = false;
    for contender in &mut row.contenders {
        if wanted(&format!("{}/{}", row.name, contender.name)) {
            any = true;
            (contender.call)();
        }
    }
    any
}

/// Runs all contenders in rotating order and prints what came out.
pub(crate) fn compare(row: &mut Row) {
    const ROUNDS: usize = 41;
    const WARM_UP: usize = 3;
    let count = row.contenders.len();
    let mut samples = vec![Vec::with_capacity(ROUNDS); count];
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..count {
            let index = (round + turn) % count;
            let took = (row.contenders[index].call)();
            if round >= WARM_UP {
                samples[index].push(took.as_secs_f64() * 1e9 / f64::from(row.operations));
            }
        }
    }
    for sample in &mut samples {
        sample.sort_by(f64::total_cmp);
    }
    let median = |sample: &[f64]| sample[ROUNDS / 2];
    let best_peer = row
        .contenders
        .iter()
        .zip(&samples)
        .filter(|(contender, _)| !contender.name.starts_with("anyio"))
        .map(|(_, sample)| median(sample))
        .fold(f64::INFINITY, f64::min);
    println!("{} (ns per operation; median, min, spread of the middle half, ratio)", row.name);
    for (contender, sample) in row.contenders.iter().zip(&samples) {
        println!(
            "  {:<28} {:>9.1} {:>9.1} {:>9.1} {:>7.2}",
            contender.name,
            median(sample),
            sample[0],
            sample[ROUNDS * 3 / 4] - sample[ROUNDS / 4],
            median(sample) / best_peer,
        );
    }
}
