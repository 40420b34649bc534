//! The program in README.md, so that it is compiled and run with every change.
#![doc = include_str!("../../README.md")]
