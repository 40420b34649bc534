//! `#[anyio::main]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ItemFn, Result, spanned::Spanned as _};

use crate::{function, settings::Settings};

const KNOWN: &[&str] = &["backend", "threads", "current_thread", "grace"];

const NO_ARGUMENTS: &str = "nobody calls `main` with arguments; `std::env::args` has those of the \
                            command line";

pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2(item) {
        Ok(function) => function,
        Err(error) => return error.into_compile_error(),
    };
    expand_function(settings, &function).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        let start = quote!(::core::unreachable!());
        // With a `main`, that it is missing is not reported as well.
        let stub = wrap(function, &quote!(), &start);
        quote!(#error #stub)
    })
}

fn expand_function(settings: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let settings = Settings::parse(settings, KNOWN)?;
    function::check(function, "#[anyio::main]", NO_ARGUMENTS)?;
    let backend = settings.backend.map(|backend| {
        let erased = backend.erased();
        quote!(.backend(#erased))
    });
    let threads = settings.threads.map(|threads| quote!(.threads(#threads)));
    let grace = settings
        .grace
        .map(|milliseconds| quote!(.grace(::core::time::Duration::from_millis(#milliseconds))));
    let name = &function.sig.ident;
    // What is wrong with the type of its value is said there.
    let run = quote_spanned!(function.sig.output.span()=> run_main(#name()));
    let start = quote!(::anyio::Runner::new() #backend #threads #grace.#run);
    Ok(wrap(function.clone(), &quote!(-> ::std::process::ExitCode), &start))
}

/// The function, in a function of the same name that is not `async`.
fn wrap(mut function: ItemFn, output: &TokenStream, start: &TokenStream) -> TokenStream {
    let attributes = std::mem::take(&mut function.attrs);
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let name = &function.sig.ident;
    quote! {
        #(#attributes)*
        #visibility fn #name() #output {
            #function
            #start
        }
    }
}
