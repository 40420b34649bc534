//! What stands in the parentheses of an attribute.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{
    Error, Ident, Lit, LitInt, Result, Token,
    parse::{Parse, ParseStream, Parser as _},
    punctuated::Punctuated,
};

use crate::time;

/// The settings of both attributes; each attribute knows some of them.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) backend: Option<Backend>,
    pub(crate) threads: Option<LitInt>,
    pub(crate) timeout: Option<Timeout>,
    /// In milliseconds.
    pub(crate) grace: Option<u64>,
}

impl Settings {
    /// Reads them. `known` are the names that the attribute knows.
    pub(crate) fn parse(tokens: TokenStream, known: &[&str]) -> Result<Self> {
        let list = Punctuated::<Setting, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut settings = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for Setting { name, value } in list {
            let text = name.to_string();
            if !known.contains(&text.as_str()) {
                let known = known.join("`, `");
                let message = format!("there is no setting `{text}` here; there are `{known}`");
                return Err(Error::new(name.span(), message));
            }
            // Two words for one thing: how many threads there are.
            let about = if text == "current_thread" { "threads" } else { &text };
            if seen.iter().any(|other| other == about) {
                return Err(Error::new(name.span(), format!("`{about}` is set twice")));
            }
            seen.push(about.to_owned());
            settings.set(&name, &text, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &Ident, text: &str, value: Option<Lit>) -> Result<()> {
        match (text, value) {
            ("backend", Some(Lit::Str(value))) => {
                self.backend = Some(Backend::named(&value.value(), value.span())?);
            }
            ("backend", _) => return Err(wants(name, "a name: `backend = \"tokio\"`")),
            ("threads", Some(Lit::Int(value))) => {
                value.base10_parse::<usize>()?;
                self.threads = Some(value);
            }
            ("threads", _) => return Err(wants(name, "a number: `threads = 4`")),
            ("current_thread", None) => self.threads = Some(LitInt::new("0", name.span())),
            ("current_thread", Some(_)) => return Err(wants(name, "no value: `current_thread`")),
            ("grace", Some(Lit::Str(value))) => {
                let grace = time::milliseconds(&value.value());
                let error = || wants(name, "a time with its unit: `grace = \"10s\"`");
                self.grace = Some(grace.ok_or_else(error)?);
            }
            ("grace", _) => return Err(wants(name, "a time with its unit: `grace = \"10s\"`")),
            (_, Some(value)) => self.timeout = Some(Timeout::read(&value)?),
            (_, None) => return Err(wants(name, "a time: `timeout = \"10s\"`")),
        }
        Ok(())
    }
}

fn wants(name: &Ident, what: &str) -> Error {
    Error::new(name.span(), format!("`{name}` wants {what}"))
}

/// `name` or `name = value`.
struct Setting {
    name: Ident,
    value: Option<Lit>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        if input.parse::<Option<Token![=]>>()?.is_none() {
            return Ok(Self { name, value: None });
        }
        if !input.peek(Lit) {
            return Err(input.error("a value is written out, as \"tokio\" or 4"));
        }
        Ok(Self { name, value: Some(input.parse()?) })
    }
}

/// One of the backends that the crate `anyio` can compile in.
#[derive(Clone, Copy)]
pub(crate) struct Backend {
    /// What names of functions begin with, and the feature with `-` as `_`.
    pub(crate) prefix: &'static str,
    marker: &'static str,
    span: Span,
}

impl Backend {
    const ALL: [(&'static str, &'static str, &'static str); 3] = [
        ("tokio", "tokio", "Tokio"),
        ("smol", "smol", "Smol"),
        ("async-std", "async_std", "AsyncStd"),
    ];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let span = Span::call_site();
        Self::ALL.into_iter().map(move |(_, prefix, marker)| Self { prefix, marker, span })
    }

    fn named(name: &str, span: Span) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|known| known.0 == name);
        let (_, prefix, marker) = found.ok_or_else(|| {
            let known = Self::ALL.map(|known| known.0).join("`, `");
            let message = format!(
                "there is no backend `{name}` here; there are `{known}`. One of your own is given \
                 to `anyio::Runner`"
            );
            Error::new(span, message)
        })?;
        Ok(Self { prefix, marker, span })
    }

    /// The expression for it. If its feature is off, the compiler says so at the name.
    pub(crate) fn erased(self) -> TokenStream {
        let marker = Ident::new(self.marker, self.span);
        quote_spanned!(self.span=> ::anyio::#marker::erased())
    }
}

/// How long a test may take, in milliseconds; `None` is for ever.
#[derive(Clone, Copy)]
pub(crate) struct Timeout(pub(crate) Option<u64>);

impl Timeout {
    fn read(value: &Lit) -> Result<Self> {
        let milliseconds = match value {
            Lit::Str(text) if text.value() == "none" => Some(0),
            Lit::Str(text) => time::milliseconds(&text.value()),
            Lit::Int(number) => number.base10_parse().ok().filter(|number| *number == 0),
            _ => None,
        };
        let milliseconds = milliseconds.ok_or_else(|| Error::new(value.span(), time::WANTED))?;
        Ok(Self(Some(milliseconds).filter(|milliseconds| *milliseconds > 0)))
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self(Some(60_000))
    }
}
