//! Slots that stay where they are.

use std::sync::OnceLock;

use super::slot::Slot;

/// How many a group has without another allocation.
const INLINE: usize = 3;
/// How many blocks of 6, 12, 24 … follow those.
const SMALL: usize = 5;
/// How many slots the inline and the small blocks are together.
const BEFORE_LARGE: usize = INLINE * ((1 << (SMALL + 1)) - 1);
/// How many slots each of the other blocks has.
const BLOCK: usize = 64;
/// How many blocks the first directory lists; each further one lists twice as many.
const DIRECTORY: usize = 8;
/// Enough for all that [`Slots::LIMIT`] allows.
const DIRECTORIES: usize = 22;

type Block = OnceLock<Box<[Slot]>>;
type Directory = OnceLock<Box<[Block]>>;

/// A list of slots that grows at its end and can be read while it does. A reference to a slot stays
/// good; blocks are never moved nor given back before the whole list is.
///
/// Its memory is that of the slots that were in use at once and at most one block more: a block that doubles
/// with the list would be half empty most of the time.
pub(super) struct Slots {
    inline: [Slot; INLINE],
    /// Nothing in most groups, which are small.
    rest: OnceLock<Box<Rest>>,
}

/// All further slots.
struct Rest {
    first: [Slot; 2 * INLINE],
    /// Those after the first small block.
    small: [Block; SMALL - 1],
    large: OnceLock<Box<[Directory; DIRECTORIES]>>,
}

impl Rest {
    #[cold]
    fn new() -> Box<Self> {
        Box::new(Self {
            first: [Slot::new(), Slot::new(), Slot::new(), Slot::new(), Slot::new(), Slot::new()],
            small: [const { Block::new() }; SMALL - 1],
            large: OnceLock::new(),
        })
    }

    fn iter(&self) -> impl Iterator<Item = &Slot> {
        let directories = self.large.get().into_iter().flat_map(|large| large.iter());
        let large = directories.filter_map(OnceLock::get).flat_map(|directory| directory.iter());
        let blocks = self.small.iter().chain(large).filter_map(OnceLock::get);
        self.first.iter().chain(blocks.flat_map(|block| block.iter()))
    }
}

impl Slots {
    /// More than fit into any memory. All bits of an index are in this.
    pub(super) const LIMIT: u32 = (1 << 30) - 1;
    /// How many there are to begin with.
    pub(super) const ROOM: u32 = INLINE as u32;

    #[inline]
    pub(super) fn new() -> Self {
        // One by one: `array::from_fn` copies each of them about, through the stack, and by far more slowly
        // than it counts in instructions.
        Self { inline: [Slot::new(), Slot::new(), Slot::new()], rest: OnceLock::new() }
    }

    /// The slot at `index`.
    ///
    /// # Panics
    ///
    /// If there is none [yet](Self::extend).
    #[inline]
    pub(super) fn get(&self, index: u32) -> &Slot {
        let index = index as usize;
        if index < INLINE { &self.inline[index] } else { self.get_further(index) }
    }

    fn get_further(&self, index: usize) -> &Slot {
        let found = self.rest.get().and_then(|rest| {
            if index < BEFORE_LARGE {
                let (number, place) = in_small(index);
                return match number.checked_sub(1) {
                    None => rest.first.get(place),
                    Some(number) => rest.small.get(number)?.get()?.get(place),
                };
            }
            let (number, block, place) = in_large(index);
            let directory = rest.large.get()?.get(number)?.get()?;
            directory.get(block)?.get()?.get(place)
        });
        found.expect("a slot is made before it is used")
    }

    /// Makes the block that begins at `index`, if it is not there, and says how many slots are in it.
    ///
    /// # Panics
    ///
    /// If there is no more room.
    #[cold]
    pub(super) fn extend(&self, index: u32) -> u32 {
        assert!(
            index < Self::LIMIT - BLOCK as u32,
            "a task group has {index} tasks, and no room for more"
        );
        let index = index as usize;
        let rest = self.rest.get_or_init(Rest::new);
        if index < BEFORE_LARGE {
            let (number, _) = in_small(index);
            let length = INLINE << (number + 1);
            if let Some(number) = number.checked_sub(1) {
                rest.small[number].get_or_init(|| new(length));
            }
            return length as u32;
        }
        let (number, block, _) = in_large(index);
        let directories =
            rest.large.get_or_init(|| Box::new([const { OnceLock::new() }; DIRECTORIES]));
        let directory = directories[number]
            .get_or_init(|| std::iter::repeat_with(Block::new).take(DIRECTORY << number).collect());
        directory[block].get_or_init(|| new(BLOCK));
        BLOCK as u32
    }

    /// The first `count` slots.
    pub(super) fn first(&self, count: u32) -> impl Iterator<Item = &Slot> {
        let rest = self.rest.get().into_iter().flat_map(|rest| rest.iter());
        self.inline.iter().chain(rest).take(count as usize)
    }
}

/// Which of the small blocks, and where in it.
const fn in_small(index: usize) -> (usize, usize) {
    let number = (index / INLINE + 1).ilog2();
    (number as usize - 1, index + INLINE - (INLINE << number))
}

/// Which directory, which block in it, and where in that.
const fn in_large(index: usize) -> (usize, usize, usize) {
    let (block, place) = ((index - BEFORE_LARGE) / BLOCK, (index - BEFORE_LARGE) % BLOCK);
    let number = (block / DIRECTORY + 1).ilog2();
    (number as usize, block + DIRECTORY - (DIRECTORY << number), place)
}

fn new(length: usize) -> Box<[Slot]> {
    std::iter::repeat_with(Slot::new).take(length).collect()
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn every_index_has_a_slot_of_its_own_that_stays() {
        let slots = Slots::new();
        let mut room = Slots::ROOM;
        while room < 20_000 {
            room += slots.extend(room);
        }
        let all: Vec<_> = slots.first(20_000).collect();
        assert_eq!(all.len(), 20_000);
        let mut addresses: Vec<_> = all.iter().map(|&slot| ptr::from_ref(slot).addr()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), all.len());
        for (index, &slot) in all.iter().enumerate() {
            assert!(ptr::eq(slot, slots.get(index as u32)), "{index} has moved");
        }
    }

    #[test]
    fn the_last_index_is_within_the_directories() {
        let (directory, ..) = in_large(Slots::LIMIT as usize - 1);
        assert!(directory < DIRECTORIES);
    }

    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Slot>() <= 56, "{}", size_of::<Slot>());
    }
}
