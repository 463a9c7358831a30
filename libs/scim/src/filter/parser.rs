//! The one grammar of filters and paths (RFC 7644 §3.4.2.2 figure 1, §3.5.2 figure 7), read by recursive descent.

use serde_json::Number;

use super::{CompareOp, Filter, Literal};
use crate::limits::Limits;

/// What is wrong, and where. The caller knows whether it is a filter or a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// The text is not of the grammar.
    Syntax(String),
    /// A text in quotation marks holds what cannot be stored.
    Value(String),
}

type Parsed<T> = Result<T, ParseError>;

pub(crate) struct Parser<'a> {
    text: &'a str,
    at: usize,
    terms: usize,
    depth: usize,
    limits: &'a Limits,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str, limits: &'a Limits) -> Parsed<Self> {
        if text.len() > limits.filter_bytes {
            return Err(ParseError::Syntax(format!("it is longer than {} bytes", limits.filter_bytes)));
        }
        if text.contains('\0') {
            return Err(ParseError::Value("it contains the character U+0000".into()));
        }
        Ok(Self { text, at: 0, terms: 0, depth: 0, limits })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    pub(crate) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(crate) fn wrong(&self, expected: &str) -> ParseError {
        match self.peek() {
            Some(found) => {
                ParseError::Syntax(format!("at byte {} stands {found:?} where {expected} is expected", self.at))
            }
            None => ParseError::Syntax(format!("it ends where {expected} is expected")),
        }
    }

    /// A word of letters, digits and what names and URNs are made of.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '$')))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// An attribute's name, with URN and sub-attribute where written.
    pub(crate) fn name(&mut self) -> Parsed<&'a str> {
        let start = self.at;
        let name = self.word();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') || name.ends_with(['.', ':']) {
            self.at = start;
            return Err(self.wrong("an attribute's name"));
        }
        Ok(name)
    }

    /// A word if `wanted` comes next, in any case.
    fn keyword(&mut self, wanted: &str) -> bool {
        let start = self.at;
        let found = self.word().eq_ignore_ascii_case(wanted);
        if !found {
            self.at = start;
        }
        found
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > self.limits.filter_depth {
            return Err(ParseError::Syntax(format!("it nests deeper than {} levels", self.limits.filter_depth)));
        }
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// `a or b and c`. `element` says that it stands in the brackets of a value path.
    pub(crate) fn filter(&mut self, element: bool) -> Parsed<Filter> {
        self.list("or", |parser| parser.list("and", |parser| parser.unary(element), Filter::And), Filter::Or)
    }

    fn list(
        &mut self,
        between: &str,
        item: impl Fn(&mut Self) -> Parsed<Filter>,
        build: impl FnOnce(Vec<Filter>) -> Filter,
    ) -> Parsed<Filter> {
        let first = item(self)?;
        let mut parts = vec![first];
        loop {
            self.spaces();
            if !self.keyword(between) {
                break;
            }
            parts.push(item(self)?);
        }
        Ok(if parts.len() > 1 { build(parts) } else { parts.remove(0) })
    }

    fn unary(&mut self, element: bool) -> Parsed<Filter> {
        self.spaces();
        if self.peek() == Some('(') {
            return self.parentheses(element);
        }
        let start = self.at;
        if self.keyword("not") {
            self.spaces();
            if self.peek() == Some('(') {
                return Ok(Filter::Not(Box::new(self.parentheses(element)?)));
            }
            self.at = start;
        }
        self.term(element)
    }

    fn parentheses(&mut self, element: bool) -> Parsed<Filter> {
        self.at += 1;
        let inner = self.nested(|parser| parser.filter(element))?;
        self.spaces();
        if self.take(')') { Ok(inner) } else { Err(self.wrong("\")\"")) }
    }

    fn term(&mut self, element: bool) -> Parsed<Filter> {
        let name = self.name()?.to_owned();
        if self.peek() != Some('[') {
            return self.comparison(name);
        }
        if element {
            return Err(ParseError::Syntax("value paths do not stand inside each other".into()));
        }
        let filter = Box::new(self.brackets()?);
        let then = if self.take('.') {
            let sub = self.name()?.to_owned();
            Some(Box::new(self.comparison(sub)?))
        } else {
            None
        };
        Ok(Filter::Element { name, filter, then })
    }

    /// The filter of a value path, from its opening to its closing bracket.
    pub(crate) fn brackets(&mut self) -> Parsed<Filter> {
        self.at += 1;
        let filter = self.nested(|parser| parser.filter(true))?;
        self.spaces();
        if self.take(']') { Ok(filter) } else { Err(self.wrong("\"]\"")) }
    }

    /// What follows an attribute's name.
    fn comparison(&mut self, name: String) -> Parsed<Filter> {
        self.terms += 1;
        if self.terms > self.limits.filter_terms {
            return Err(ParseError::Syntax(format!("it has more than {} comparisons", self.limits.filter_terms)));
        }
        self.spaces();
        let start = self.at;
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(name));
        }
        let Some(op) = CompareOp::parse(word) else {
            self.at = start;
            return Err(self.wrong("one of the operators eq, ne, co, sw, ew, gt, ge, lt, le, pr"));
        };
        self.spaces();
        Ok(Filter::Compare { value: self.literal(&name)?, name, op })
    }

    fn literal(&mut self, name: &str) -> Parsed<Literal> {
        if self.peek() == Some('"') {
            return self.text().map(Literal::Text);
        }
        let rest = self.rest();
        let end = rest.find([' ', '\t', ')', ']', '"', '\r', '\n']).unwrap_or(rest.len());
        let word = &rest[..end];
        let literal = match word {
            "" => return Err(self.wrong("a value")),
            _ if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            _ if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            _ if word.eq_ignore_ascii_case("null") => Literal::Null,
            _ => match number(word) {
                Some(number) => Literal::Number(number),
                None => {
                    return Err(ParseError::Syntax(format!(
                        "the value compared with {name} is not in quotation marks; write {name} eq \"…\""
                    )));
                }
            },
        };
        self.at += end;
        Ok(literal)
    }

    /// A text in quotation marks, escaped as in JSON.
    fn text(&mut self) -> Parsed<String> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((end, _)) = end else {
            return Err(ParseError::Syntax("a quotation mark is not closed".into()));
        };
        let quoted = &rest[..=end];
        let text: String = serde_json::from_str(quoted).map_err(|_| {
            if crate::text::has_unpaired_surrogate(quoted.as_bytes()) {
                ParseError::Value("a text contains half of a surrogate pair".into())
            } else {
                ParseError::Syntax("a text is not escaped as in JSON".into())
            }
        })?;
        if text.contains('\0') {
            return Err(ParseError::Value("a text contains the character U+0000".into()));
        }
        self.at += end + 1;
        Ok(text)
    }
}

/// A JSON number. What is no integer is read by the standard library, which reads what it prints.
fn number(word: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(word).ok()?;
    if number.is_f64() { Number::from_f64(word.parse().ok()?) } else { Some(number) }
}
