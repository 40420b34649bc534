//! Models of a group's slots and of its roster. That of a task's start is a part of `start.rs`.

mod roster;
mod slot;
mod whole;
