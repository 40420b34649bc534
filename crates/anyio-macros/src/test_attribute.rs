//! `#[anyio::test]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, Error, ItemFn, LitInt, Result, spanned::Spanned as _};

use crate::{
    function,
    settings::{Backend, Settings},
};

const KNOWN: &[&str] = &["backend", "threads", "current_thread", "timeout"];

const NO_ARGUMENTS: &str = "nobody calls a test with arguments; what gives them, as `#[rstest]` does, \
                            stands above `#[anyio::test]`";

const NO_BACKEND: &str = "there is nothing to run tests on: turn on a feature of the crate `anyio`: \
                          `tokio`, `smol` or `async-std`";

pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = syn::parse2(item).and_then(|function| expand_function(settings, function));
    expanded.unwrap_or_else(Error::into_compile_error)
}

fn expand_function(settings: TokenStream, mut function: ItemFn) -> Result<TokenStream> {
    let settings = Settings::parse(settings, KNOWN)?;
    function::check(&function, "#[anyio::test]", NO_ARGUMENTS)?;
    if let Some(double) = function.attrs.iter().find(|it| it.path().is_ident("test")) {
        let message = "`#[anyio::test]` makes tests of the function: without `#[test]`";
        return Err(Error::new(double.span(), message));
    }
    let attributes = std::mem::take(&mut function.attrs);
    let (of_test, of_function) = attributes.into_iter().partition(tells_the_harness);
    function.attrs = of_function;

    let tests = Tests { attributes: of_test, function: &function, settings: &settings };
    let tests = match settings.backend {
        Some(backend) => tests.on(backend),
        None => {
            let all = Backend::all().map(|backend| {
                let (chosen, tests) = (format_ident!("on_{}", backend.prefix), tests.on(backend));
                quote!(::anyio::expansion::#chosen! { #tests })
            });
            quote! {
                #(#all)*
                ::anyio::expansion::on_nothing! { ::core::compile_error!(#NO_BACKEND); }
            }
        }
    };
    let name = &function.sig.ident;
    // The function stays where it is, so that names in it mean what they meant. The module may have
    // the same name, since modules and functions are not confused.
    Ok(quote! {
        #[cfg(test)]
        #function

        #[cfg(test)]
        mod #name {
            #tests
        }
    })
}

/// Whether the attribute is about the test and not about the function.
fn tells_the_harness(attribute: &Attribute) -> bool {
    ["ignore", "should_panic"].iter().any(|name| attribute.path().is_ident(name))
}

struct Tests<'a> {
    attributes: Vec<Attribute>,
    function: &'a ItemFn,
    settings: &'a Settings,
}

impl Tests<'_> {
    /// The tests on `backend`: one for each flavour.
    fn on(&self, backend: Backend) -> TokenStream {
        let workers = |number| LitInt::new(number, proc_macro2::Span::call_site());
        let flavours = match &self.settings.threads {
            Some(threads) => vec![threads.clone()],
            None => vec![workers("0"), workers("2")],
        };
        flavours.into_iter().map(|threads| self.one(backend, &threads)).collect()
    }

    fn one(&self, backend: Backend, threads: &LitInt) -> TokenStream {
        let Self { attributes, function, settings } = self;
        let flavour = if threads.base10_digits() == "0" { "current" } else { "multi" };
        let test = format_ident!("{}_{flavour}_thread", backend.prefix);
        let limit = match settings.timeout.unwrap_or_default().0 {
            Some(milliseconds) => {
                quote!(::core::option::Option::Some(::core::time::Duration::from_millis(#milliseconds)))
            }
            None => quote!(::core::option::Option::None),
        };
        let (name, erased) = (&function.sig.ident, backend.erased());
        // What is wrong with the type of its value is said there.
        let run = quote_spanned!(function.sig.output.span()=> run_test(#limit, super::#name));
        let run = quote!(::anyio::Runner::new().backend(#erased).threads(#threads).#run);
        // A test that should panic must not return anything, not even success.
        let (output, body) = if function::gives_nothing(function) {
            (quote!(), quote!(_ = #run;))
        } else {
            (quote!(-> ::std::process::ExitCode), run)
        };
        quote! {
            #[::core::prelude::v1::test]
            #(#attributes)*
            fn #test() #output {
                #body
            }
        }
    }
}
