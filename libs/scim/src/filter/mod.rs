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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        generators::{filters, tries},
        path::AttributePath,
    };

    fn kind(text: &str) -> Option<ScimType> {
        Filter::parse(text, &Limits::default()).unwrap_err().scim_type
    }

    #[test]
    fn precedence_is_not_before_and_before_or() {
        let print = |text: &str| format!("{:?}", Filter::parse(text, &Limits::default()).unwrap());
        assert_eq!(print("a pr or b pr and not (c pr)"), print("a pr or (b pr and (not(c pr)))"));
        assert_ne!(print("(a pr or b pr) and c pr"), print("a pr or b pr and c pr"));
    }

    #[test]
    fn operators_keywords_and_literals_may_be_in_any_case() {
        let filter = Filter::parse("  username Eq \"x\" AND NOT (active EQ TRUE)  ", &Limits::default()).unwrap();
        assert_eq!(filter.to_string(), "username eq \"x\" and not (active eq true)");
    }

    #[test]
    fn escapes_are_those_of_json() {
        let filter = Filter::parse(r#"title eq "a\"b\\c\u00e9\ud83d\ude00""#, &Limits::default()).unwrap();
        let Filter::Compare { value: Literal::Text(text), .. } = filter else { panic!("{filter}") };
        assert_eq!(text, "a\"b\\cé\u{1F600}");
    }

    #[test]
    fn what_is_no_filter_is_invalid_filter() {
        for text in [
            "",
            " ",
            "userName",
            "userName eq",
            "userName eq x",
            "userName xx \"x\"",
            "eq \"x\"",
            "(a pr",
            "a pr)",
            "a pr and",
            "a pr b pr",
            "not a pr",
            "a[b[c pr]]",
            "a[b pr",
            "a eq \"x",
            "a eq \"\\x\"",
            "a. pr",
            "1a pr",
            "a eq 1x",
            "a pr or or b pr",
            "a[]",
            "é pr",
        ] {
            assert_eq!(kind(text), Some(ScimType::InvalidFilter), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_stored_is_invalid_value() {
        for text in ["a eq \"\\u0000\"", "a eq \"\0\"", "a eq \"\\ud800\""] {
            assert_eq!(kind(text), Some(ScimType::InvalidValue), "{text}");
        }
    }

    #[test]
    fn limits_are_kept() {
        let limits = Limits::default();
        let ok = |text: &str| Filter::parse(text, &limits).is_ok();
        let terms = |count: usize| vec!["a pr"; count].join(" and ");
        assert!(ok(&terms(64)) && !ok(&terms(65)));
        let nested = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
        assert!(ok(&nested(32)) && !ok(&nested(33)) && !ok(&nested(1500)));
        assert!(!ok(&format!("a eq \"{}\"", "x".repeat(4096))));
        assert!(Filter::parse(&terms(65), &Limits { filter_terms: 65, ..limits }).is_ok());
    }

    proptest! {
        #![proptest_config(tries(256))]

        #[test]
        fn a_printed_filter_reads_as_the_same_filter(filter in filters()) {
            let wide = Limits { filter_terms: 10_000, filter_bytes: 1 << 20, ..Limits::default() };
            prop_assert_eq!(Filter::parse(&filter.to_string(), &wide), Ok(filter));
        }

        #[test]
        fn a_printed_path_reads_as_the_same_path(
            name in "[a-zA-Z$][a-zA-Z0-9]{0,6}",
            filter in proptest::option::of(filters()),
            sub in "[a-zA-Z$][a-zA-Z0-9]{0,6}",
        ) {
            // Brackets do not stand inside each other.
            let filter = filter.filter(|filter| !filter.to_string().contains('['));
            let sub = filter.is_some().then_some(sub);
            let path = AttributePath { name, filter, sub };
            let wide = Limits { filter_terms: 10_000, filter_bytes: 1 << 20, ..Limits::default() };
            prop_assert_eq!(AttributePath::parse(&path.to_string(), &wide), Ok(path));
        }
    }
}
