//! A heap as that of a program which has run for a while.

/// How many blocks are taken, and how many of those are given back.
const TAKEN: u32 = 5_000;
const GIVEN_BACK: u32 = 3_000;

/// Leaves holes of many sizes in the heap.
///
/// In a fresh one, what a contender gives back often lies next to all that was never used. Some allocators, glibc's among
/// them, then tidy up each time, which costs as much as a tenth of a spawn; and whom that meets depends on nothing but the
/// order in which it asks for memory.
pub(crate) fn wear() {
    let mut random = random();
    let size = |random: u64| 16 + (random % 64) as usize * 16;
    let mut blocks: Vec<Vec<u8>> = (0..TAKEN).map(|_| Vec::with_capacity(size(random()))).collect();
    for _ in 0..GIVEN_BACK {
        let index = random() as usize % blocks.len();
        drop(blocks.swap_remove(index));
    }
    // The others stay.
    std::mem::forget(blocks);
}

/// The same numbers each time, after Marsaglia's "Xorshift RNGs".
fn random() -> impl FnMut() -> u64 {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}
