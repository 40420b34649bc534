//! The function that the attribute stands on.

use syn::{Error, ItemFn, Result, ReturnType, Type, spanned::Spanned as _};

/// Refuses what nobody could call. `arguments` is why there are none.
pub(crate) fn check(function: &ItemFn, attribute: &str, arguments: &str) -> Result<()> {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        let message =
            format!("`async` is missing: `{attribute}` starts a runtime for an `async fn`");
        return Err(Error::new(signature.fn_token.span(), message));
    }
    if !signature.generics.params.is_empty() {
        let message =
            format!("`{attribute}` cannot choose types: the function must not be generic");
        return Err(Error::new(signature.generics.span(), message));
    }
    if !signature.inputs.is_empty() {
        return Err(Error::new(signature.inputs.span(), arguments));
    }
    Ok(())
}

/// Whether the function gives nothing, by whatever way of writing it.
pub(crate) fn gives_nothing(function: &ItemFn) -> bool {
    match &function.sig.output {
        ReturnType::Default => true,
        ReturnType::Type(_, output) => match &**output {
            Type::Tuple(tuple) => tuple.elems.is_empty(),
            Type::Never(_) => true,
            _ => false,
        },
    }
}
