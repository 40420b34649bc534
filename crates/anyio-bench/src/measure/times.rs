//! Time: all contenders in one process, one after the other, in rotating order.

use std::time::Duration;

use super::row::Contender;

const ROUNDS: usize = 31;
/// As many rounds as a slow row has.
const FEW_ROUNDS: usize = 5;
const WARM_UP: usize = 2;
/// What a sample takes at least, so that the clock does not count.
const SAMPLE: Duration = Duration::from_micros(1500);
/// The same where several threads take part: whether they find each other asleep goes on for a while either way,
/// and a short sample is of one of the two.
const SAMPLE_OF_THREADS: Duration = Duration::from_millis(15);
/// From there on a row is slow.
const SLOW: Duration = Duration::from_millis(60);
const SLOW_OF_THREADS: Duration = Duration::from_millis(200);

/// Nanoseconds for each operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) median: f64,
    pub(crate) min: f64,
    /// Of the middle half.
    pub(crate) spread: f64,
}

/// The times of all contenders, in their order. With `threads`, several take part.
pub(crate) fn times(contenders: &mut [Contender], operations: u32, threads: bool) -> Vec<Times> {
    let count = contenders.len();
    let (sample, slow) =
        if threads { (SAMPLE_OF_THREADS, SLOW_OF_THREADS) } else { (SAMPLE, SLOW) };
    let (calls, took) = calibrate(contenders, sample, slow);
    let rounds = if took > slow { FEW_ROUNDS } else { ROUNDS };
    let mut samples = vec![Vec::with_capacity(rounds); count];
    for round in 0..WARM_UP + rounds {
        for turn in 0..count {
            let index = (round + turn) % count;
            let took = contenders[index].call(calls);
            if round >= WARM_UP {
                let operations = f64::from(operations) * f64::from(calls);
                samples[index].push(took.as_secs_f64() * 1e9 / operations);
            }
        }
    }
    samples.iter_mut().map(|sample| summary(sample)).collect()
}

fn summary(sample: &mut [f64]) -> Times {
    sample.sort_by(f64::total_cmp);
    let at = |quarter: usize| sample[(sample.len() - 1) * quarter / 4];
    Times { median: at(2), min: at(0), spread: at(3) - at(1) }
}

/// How often a `sample` has to call so that the fastest contender takes long enough, and how long the
/// slowest one takes then.
fn calibrate(contenders: &mut [Contender], sample: Duration, slow: Duration) -> (u32, Duration) {
    let mut calls = 1;
    loop {
        let took: Vec<_> = contenders.iter_mut().map(|contender| contender.call(calls)).collect();
        let fastest = took.iter().min().copied().unwrap_or_default();
        let slowest = took.iter().max().copied().unwrap_or_default();
        if fastest >= sample || slowest > slow || calls >= 1 << 24 {
            return (calls, slowest);
        }
        calls *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_middle_and_the_least() {
        let times = summary(&mut [5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!((times.median, times.min, times.spread), (3.0, 1.0, 2.0));
    }
}
