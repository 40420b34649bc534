//! A name for `!`, which has none of its own yet: what is left of `fn() -> !` without its `fn()`.

#[expect(unnameable_types, reason = "nobody has to name it but this module")]
pub trait Returns {
    /// What the function returns.
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

pub(crate) type Never = <fn() -> ! as Returns>::Output;
