//! Models of a group's slots and of its roster.

mod roster;
mod slot;
mod whole;
