//! The kernel's clocks, which count from one and the same moment.
#![expect(unsafe_code, reason = "a call of the C library's; the argument is at the call")]

/// Nanoseconds, to the last one.
pub(super) fn exact() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds, as of the kernel's last tick: a few milliseconds ago at most. That is read in a quarter
/// of the time.
#[inline]
pub(super) fn cheap() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC_COARSE)
}

#[expect(clippy::cast_sign_loss, reason = "these clocks count from the machine's start")]
#[inline]
fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call needs a valid pointer to write one `timespec` to, which a reference to a local
    // variable is, and keeps nothing of it. If it failed, as with a clock that a kernel does not know,
    // it would have written nothing, and the time would be zero, which is a time like any other.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}
