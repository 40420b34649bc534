//! The attributes `#[anyio::main]` and `#[anyio::test]`.
//!
//! They are documented in the crate `anyio`, through which they are used. What they mean is there,
//! too, as ordinary functions: `Runner::run_main` and `Runner::run_test`. An attribute only calls
//! them.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod function;
mod main_attribute;
mod settings;
mod test_attribute;
mod time;

#[expect(missing_docs, reason = "`anyio` documents it, and these words would be added to those")]
#[proc_macro_attribute]
pub fn main(settings: TokenStream, item: TokenStream) -> TokenStream {
    main_attribute::expand(settings.into(), item.into()).into()
}

#[expect(missing_docs, reason = "`anyio` documents it, and these words would be added to those")]
#[proc_macro_attribute]
pub fn test(settings: TokenStream, item: TokenStream) -> TokenStream {
    test_attribute::expand(settings.into(), item.into()).into()
}
