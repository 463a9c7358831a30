//! Attribute names and paths (RFC 7644 §3.5.2 figure 7, §3.10).

mod name;

use std::fmt;

pub(crate) use name::{Named, is_extension_urn, named};

use crate::{
    error::{ScimError, ScimType},
    filter::{
        Filter,
        parser::{ParseError, Parser},
    },
    limits::Limits,
};

/// A path as it was written: `name`, `name[filter]` or `name[filter].sub`. The name may have a URN and, without a
/// filter, a sub-attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributePath {
    /// The attribute's name with URN and sub-attribute, as written.
    pub name: String,
    /// What the elements of the multi-valued attribute must fulfil.
    pub filter: Option<Filter>,
    /// The sub-attribute after the brackets.
    pub sub: Option<String>,
}

impl AttributePath {
    /// Reads a path.
    ///
    /// # Errors
    /// 400 `invalidPath` if the text is no path or beyond a limit; 400 `invalidValue` if a text in it holds what
    /// cannot be stored.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, ScimError> {
        Self::read(text.trim(), limits).map_err(|error| match error {
            ParseError::Value(what) => {
                ScimError::bad_request(ScimType::InvalidValue, format!("The path cannot be used: {what}."))
            }
            ParseError::Syntax(what) => ScimError::bad_request(
                ScimType::InvalidPath,
                format!("The path \"{}\" is not understood: {what}.", shortened(text)),
            ),
        })
    }

    fn read(text: &str, limits: &Limits) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text, limits)?;
        let name = parser.name()?.to_owned();
        let filter = if text[name.len()..].starts_with('[') { Some(parser.brackets()?) } else { None };
        let sub = if filter.is_some() && parser.take('.') { Some(parser.name()?.to_owned()) } else { None };
        if parser.at_end() { Ok(Self { name, filter, sub }) } else { Err(parser.wrong("the end")) }
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

/// At most 100 bytes of what a client sent, to be shown in an error.
pub(crate) fn shortened(text: &str) -> String {
    let cut = text.floor_char_boundary(100);
    if cut < text.len() { format!("{}…", &text[..cut]) } else { text.to_owned() }
}
