//! Filters (RFC 7644 §3.4.2.2): text → [`Filter`] → [`Condition`].

mod ast;
mod evaluate;
pub(crate) mod parser;
mod resolve;
mod resolved;

pub use ast::{Filter, Literal};
pub(crate) use resolve::{moment, type_name};
pub use resolved::{CompareOp, Condition, Operand, ResolvedPath};

use crate::{
    error::{ScimError, ScimType},
    limits::Limits,
};
use parser::{ParseError, Parser};

impl Filter {
    /// Reads a filter. Operators, keywords and names may be in any case.
    ///
    /// # Errors
    /// 400 `invalidFilter` if the text is no filter or beyond a limit; 400 `invalidValue` if a text in it holds what
    /// cannot be stored.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, ScimError> {
        Self::read(text, limits).map_err(|error| match error {
            ParseError::Value(what) => {
                ScimError::bad_request(ScimType::InvalidValue, format!("The filter cannot be used: {what}."))
            }
            ParseError::Syntax(what) => {
                ScimError::bad_request(ScimType::InvalidFilter, format!("The filter is not understood: {what}."))
            }
        })
    }

    fn read(text: &str, limits: &Limits) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text, limits)?;
        let filter = parser.filter(false)?;
        parser.spaces();
        if parser.at_end() { Ok(filter) } else { Err(parser.wrong("\"and\", \"or\" or the end")) }
    }
}
