//! What somebody typed, shown in a sentence.

/// In quotation marks, with nothing in it that a terminal would obey, and not longer than a line.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// The characters that do not belong, each once.
pub(super) fn odd_ones(text: &str, allows: impl Fn(char) -> bool) -> String {
    let mut odd: Vec<char> = Vec::new();
    for c in text.chars().filter(|c| !allows(*c)) {
        if !odd.contains(&c) {
            odd.push(c);
        }
        if odd.len() == MOST {
            break;
        }
    }
    let shown: Vec<String> = odd.into_iter().map(named).collect();
    shown.join(", ")
}

fn named(c: char) -> String {
    match c {
        ' ' => "a blank".to_owned(),
        c if c.is_ascii_uppercase() => format!("the capital {}", quoted(&c.to_string())),
        c => quoted(&c.to_string()),
    }
}

const LONGEST: usize = 100;
const MOST: usize = 8;
