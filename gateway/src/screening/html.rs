//! Text out of HTML: every word that some mail program may show, in reading order.
//!
//! Not a browser: nothing is fetched, run or styled, and hidden text counts, for it leaves with the letter. Comments are
//! read as markup, since Outlook shows what is in some of them. Only the inside of `script` and `style` elements that is
//! code to every reader is passed over.

use mail_parser::decoders::html::html_to_text;

/// What an HTML part says.
pub(super) struct Page {
    pub text: String,
    pub image: bool,
}

/// Elements that do not end a word.
const INLINE: [&str; 20] = [
    "a", "abbr", "b", "big", "bdi", "bdo", "cite", "code", "em", "font", "i", "ins", "mark", "small", "span", "strong",
    "sub", "sup", "u", "wbr",
];
/// Attributes whose values a person reads or a link gives away.
const SPEAKING: [&str; 7] = ["alt", "title", "value", "href", "aria-label", "placeholder", "summary"];
/// The longest entity name, `&CounterClockwiseContourIntegral;`, with its two marks.
const ENTITY_BYTES_MAX: usize = 33;
/// How far a tag is followed for brackets within its quotes.
const QUOTED_BYTES_MAX: usize = 16 << 10;

pub(super) fn read(html: &str) -> Page {
    let mut page = Page { text: String::with_capacity(html.len() / 2), image: false };
    let mut aside = String::new();
    let mut rest = html;
    // Does a tag still begin code? And how much is left where the comment that is open closes?
    let mut code_may_begin = true;
    let mut comment_left = None;
    // No tag closes after the last bracket: what is left then is text.
    let after_tags = html.rfind('>').map_or(usize::MAX, |last| html.len() - last);
    while let Some((text, tail)) = rest.split_once('<').filter(|(_, tail)| tail.len() >= after_tags) {
        push_decoded(&mut page.text, text);
        rest = match markup(tail) {
            Some((tag, after, is_sure)) => {
                element(tag, &mut page, &mut aside);
                comment_left = comment_left.filter(|left| after.len() > *left);
                if tag == "!" && comment_left.is_none() {
                    comment_left = Some(after.find("-->").map_or(0, |at| after.len() - at));
                }
                code_may_begin &= is_sure && !shows_tags(tag);
                let code = code_of(tag).filter(|_| code_may_begin);
                match code.map(|name| close_of(name, after)) {
                    None => after,
                    Some(Some((code, beyond))) if is_code(code) && beyond.len() >= comment_left.unwrap_or(0) => beyond,
                    Some(Some(_)) => after,
                    Some(None) => {
                        code_may_begin = false;
                        after
                    }
                }
            }
            // "under < 5": no tag, a sign (HTML standard, tag open state).
            None => {
                page.text.push('<');
                tail
            }
        };
    }
    push_decoded(&mut page.text, rest);
    page.text.push('\n');
    page.text.push_str(&aside);
    page
}

/// The inside of a tag or of a comment's bracket, what follows it, and whether every reader ends it there; `tail` begins
/// after `<`.
fn markup(tail: &str) -> Option<(&str, &str, bool)> {
    if let Some(after) = tail.strip_prefix("!--") {
        // The comment's inside is read as markup; its closing `-->` stays behind as three harmless signs.
        return Some(("!", after, true));
    }
    let first = tail.chars().next()?;
    if !(first.is_ascii_alphabetic() || matches!(first, '/' | '!' | '?')) {
        return None;
    }
    let mut quote = None;
    for (at, sign) in tail.char_indices().take_while(|(at, _)| *at < QUOTED_BYTES_MAX) {
        match (quote, sign) {
            (None, '"' | '\'') if tail.get(..at).is_some_and(|before| before.trim_end().ends_with('=')) => {
                quote = Some(sign);
            }
            (Some(open), _) if open == sign => quote = None,
            (None, '>') => return Some((tail.get(..at)?, tail.get(at + 1..)?, true)),
            _ => {}
        }
    }
    // A quote that never closes, or not soon: end at the first bracket, so that what follows is read.
    tail.split_once('>').map(|(tag, after)| (tag, after, false))
}

/// Elements whose inside is shown as it is written, tags and all (HTML standard, raw text and RCDATA).
fn shows_tags(tag: &str) -> bool {
    let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
    ["textarea", "xmp", "plaintext", "iframe", "noembed", "noframes", "listing"]
        .iter()
        .any(|shown| name.eq_ignore_ascii_case(shown))
}

/// Code holds no tags, and ends no comment that it did not begin: what looks like code and does may be text to a reader.
fn is_code(inside: &str) -> bool {
    let inside = inside.trim_start();
    let (commented, rest) = inside.strip_prefix("<!--").map_or((false, inside), |rest| (true, rest));
    !rest.contains('<') && (commented || !rest.contains("--"))
}

/// Ends the word unless the element is inline, and keeps what its attributes say.
fn element(tag: &str, page: &mut Page, aside: &mut String) {
    let name = tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    if matches!(name.as_str(), "td" | "th") {
        page.text.push('\t');
    } else if !INLINE.contains(&name.as_str()) {
        page.text.push('\n');
    }
    page.image |= matches!(name.as_str(), "img" | "image" | "svg" | "picture" | "object" | "embed" | "video");
    for (key, value) in attributes(tag) {
        if SPEAKING.iter().any(|speaking| key.eq_ignore_ascii_case(speaking)) {
            push_decoded(aside, value);
            aside.push('\n');
        }
    }
}

/// The attributes of a tag that have values.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let key = before.trim_end().rsplit(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        let after = after.trim_start();
        let value = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inside = after.get(1..).unwrap_or_default();
                inside.split_once(quote).unwrap_or((inside, ""))
            }
            _ => after.split_once(|c: char| c.is_whitespace()).unwrap_or((after, "")),
        };
        found.push((key, value.0));
        rest = value.1;
    }
    found
}

/// The element whose inside is code, if this tag opens one.
fn code_of(tag: &str) -> Option<&'static str> {
    ["script", "style"].into_iter().find(|name| {
        tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && !tag.get(name.len()..).unwrap_or_default().starts_with(|c: char| c.is_alphanumeric() || c == '-')
            && !tag.ends_with('/')
    })
}

/// The inside of this element and what follows its end; `None` where it has none.
fn close_of<'h>(name: &str, html: &'h str) -> Option<(&'h str, &'h str)> {
    let mut rest = html;
    while let Some((_, tail)) = rest.split_once("</") {
        if tail.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            let inside = html.get(..html.len() - tail.len() - 2)?;
            return tail.split_once('>').map(|(_, after)| (inside, after));
        }
        rest = tail;
    }
    None
}

/// Appends text with its character references resolved.
fn push_decoded(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.as_bytes().iter().take(ENTITY_BYTES_MAX).position(|byte| *byte == b';');
        match end.and_then(|end| Some((after.get(..end)?, after.get(end + 1..)?))) {
            Some((name, tail)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#') => {
                out.push_str(&html_to_text(&format!("&{name};")));
                rest = tail;
            }
            _ => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
}
