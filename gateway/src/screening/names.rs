//! Names: how two spellings of one name compare, which words of a letter may be names, and which a label calls so.
//!
//! Which of them the register knows is looked up by the caller, by keyed pseudonym of [`normalise_name`]'s form.

use std::collections::{BTreeSet, VecDeque};
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::detect::{fold, pattern};
use super::{PartText, Reading};

/// Names looked up for one letter.
const CANDIDATES_MAX: usize = 2_000;
/// Words of a name, the first and the last counted.
const WORDS_MAX: usize = 4;

const TITLES: [&str; 16] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "master",
    "dr",
    "doctor",
    "prof",
    "professor",
    "sir",
    "dame",
    "lady",
    "lord",
    "rev",
    "reverend",
];
/// Titles under which staff sign, and which a bare `Name:` therefore does not make a patient's.
const STAFF: [&str; 7] = ["dr", "doctor", "prof", "professor", "sister", "nurse", "matron"];
const SUFFIXES: [&str; 8] = ["jr", "jnr", "snr", "sr", "mbe", "obe", "cbe", "esq"];
/// Lower-case words within a name.
const PARTICLES: [&str; 18] = [
    "van", "von", "de", "der", "den", "du", "da", "dos", "di", "la", "le", "al", "el", "bin", "bint", "ibn", "ap",
    "ten",
];
/// Words that begin the next field of a form, not the next word of a name.
const FIELDS: [&str; 30] = [
    "dob",
    "date",
    "born",
    "birth",
    "nhs",
    "chi",
    "hospital",
    "address",
    "age",
    "sex",
    "gender",
    "tel",
    "telephone",
    "phone",
    "mobile",
    "email",
    "ref",
    "reference",
    "our",
    "your",
    "no",
    "number",
    "unit",
    "mrn",
    "ward",
    "clinic",
    "consultant",
    "gp",
    "dear",
    "id",
];

/// The form under which the register keeps and finds a name: first and last word in lower case without accents,
/// punctuation, titles or middle names; `Surname, Forename` turned round. Empty for a text without letters.
#[must_use]
pub fn normalise_name(name: &str) -> String {
    let plain = name.split('(').next().unwrap_or_default();
    let mut all = match plain.split_once(',') {
        Some((surname, forename)) if !words(forename).is_empty() => [words(forename), words(surname)].concat(),
        _ => words(plain),
    };
    let Some(last) = all.pop() else { return String::new() };
    match all.first() {
        Some(first) => format!("{first} {last}"),
        None => last,
    }
}

/// The words of a name, folded, without titles and suffixes; a name of nothing else keeps them.
fn words(name: &str) -> Vec<String> {
    let all = plain_words(name);
    let titled = all.iter().take_while(|word| TITLES.contains(&word.as_str())).count();
    // "Mr Lord": the last word is a name, whatever else it means.
    let rest: Vec<String> = all.iter().skip(titled.min(all.len().saturating_sub(1))).cloned().collect();
    let ends =
        |word: &String| SUFFIXES.contains(&word.as_str()) || matches!(word.as_str(), "mr" | "mrs" | "ms" | "miss");
    let kept = rest.len() - rest.iter().rev().take_while(|word| ends(word)).count();
    if kept == 0 { all } else { rest.into_iter().take(kept).collect() }
}

/// The words of a text, folded; an apostrophe is no end of a word, a hyphen is.
fn plain_words(text: &str) -> Vec<String> {
    let spaced = text.replace(['\'', '’', 'ʼ', '`', '´'], "");
    let split = spaced.split(|c: char| !c.is_alphabetic() && !is_combining_mark(c));
    split.map(folded).filter(|word| !word.is_empty()).collect()
}

/// Lower case, without accents; letters that Unicode does not take apart are spelled as passports spell them.
fn folded(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' | 'ð' => out.push('d'),
            'ı' => out.push('i'),
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'þ' => out.push_str("th"),
            c => out.push(c),
        }
    }
    out
}

/// Word runs of a letter that may be names, in [`normalise_name`]'s form: each once, at most 2,000. For the caller to
/// look up in the register.
#[must_use]
pub fn candidate_names(reading: &Reading) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = reading.parts.iter().flat_map(candidates).filter(|name| seen.insert(name.clone()));
    all.take(CANDIDATES_MAX).collect()
}

/// The candidates of one text, in its order, with repetitions.
pub(super) fn candidates(text: &PartText) -> Vec<String> {
    let text = fold(&text.text);
    let mut names = Vec::new();
    // The last words of the run that may be a name; a longer run needs no more.
    let mut run: VecDeque<Candidate> = VecDeque::with_capacity(WORDS_MAX);
    for word in scan(&text) {
        let surname = run.back().filter(|_| word.gap == Gap::Comma).cloned();
        let goes_on = match word.gap {
            Gap::Space | Gap::Line => true,
            Gap::Stop => run.back().is_some_and(|before| before.last.chars().count() == 1),
            Gap::Comma | Gap::Wide => false,
        };
        if !goes_on {
            run.clear();
        }
        if !word.capital {
            if !PARTICLES.contains(&word.text) {
                run.clear();
            }
            continue;
        }
        let Some(word) = Candidate::new(&word) else { continue };
        names.extend(surname.and_then(|surname| pair(&word.first, &surname.last)));
        for earlier in &run {
            names.extend(pair(&earlier.first, &word.last));
            // "YORKE Amina": some systems print the surname first and in capitals.
            if earlier.shouted && !word.shouted {
                names.extend(pair(&word.first, &earlier.last));
            }
        }
        if run.len() == WORDS_MAX - 1 {
            run.pop_front();
        }
        run.push_back(word);
    }
    names
}

/// A capitalised word, folded: double-barrelled ones have a first and a last word.
#[derive(Clone)]
struct Candidate {
    first: String,
    last: String,
    shouted: bool,
}

impl Candidate {
    fn new(word: &Word<'_>) -> Option<Self> {
        let all = plain_words(word.text);
        Some(Self { first: all.first()?.clone(), last: all.last()?.clone(), shouted: word.shouted() })
    }
}

/// A name that can be in the register's index: an initial cannot.
fn pair(first: &str, last: &str) -> Option<String> {
    (first.len() > 1 && last.len() > 1).then(|| format!("{first} {last}"))
}

/// A word, and what stands between it and the word before.
struct Word<'t> {
    text: &'t str,
    end: usize,
    capital: bool,
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Space,
    Line,
    Comma,
    /// A full stop: within a name only after an initial or a title, "Mrs. Amina J. Yorke".
    Stop,
    Wide,
}

impl Word<'_> {
    fn shouted(&self) -> bool {
        self.text.chars().count() > 1 && !self.text.chars().any(char::is_lowercase)
    }
}

/// The words of a folded text.
fn scan(text: &str) -> impl Iterator<Item = Word<'_>> {
    let inside = |c: char| c.is_alphabetic() || is_combining_mark(c) || matches!(c, '\'' | '’' | '-');
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = rest.find(|c: char| c.is_alphabetic())?;
        let word = rest.get(start..)?;
        let length = word.find(|c: char| !inside(c)).unwrap_or(word.len());
        let word = word.get(..length)?;
        let gap = gap(rest.get(..start)?);
        at += start + length;
        Some(Word { text: word, end: at, capital: word.chars().next().is_some_and(char::is_uppercase), gap })
    })
}

fn gap(between: &str) -> Gap {
    match between {
        " " => Gap::Space,
        "\n" | " \n" => Gap::Line,
        ". " | "." => Gap::Stop,
        ", " | "," => Gap::Comma,
        _ => Gap::Wide,
    }
}

/// Labels that make what follows a patient's name, wherever they stand.
static PATIENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?-u:\b)(?:patient(?:'s|’s)?(?: full)?(?: name)?|name of patient|client(?:'s|’s)?(?: name)?|service user)[ ]?[:\t]",
    )
});
/// Labels that do so at the start of a line alone ("Practice name:" is none).
static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|\n)[ \t]*(?:full )?name[ ]?[:\t]"));
static REGARDING: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|\n)[ \t]*(?:re|regarding|ref)[ ]?:"));
/// What makes a `Re:` line about a person.
static PERSONAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?-u:\b)(?:d\.?o\.?b|born|date of birth|nhs)(?-u:\b)"));

/// The names that a label calls a patient's or client's, each as the list of its readings: the whole run first, then
/// shorter ones, in [`normalise_name`]'s form.
pub(super) fn labelled(text: &PartText) -> Vec<Vec<String>> {
    let folded = fold(&text.text);
    let lowered = folded.to_ascii_lowercase();
    let mut found = Vec::new();
    for (label, rule) in [(&*PATIENT, Rule::Any), (&*NAME, Rule::NotStaff), (&*REGARDING, Rule::Personal)] {
        for label in label.find_iter(&lowered) {
            let Some(after) = folded.get(label.end()..) else { continue };
            let line = lowered.get(label.end()..).and_then(|rest| rest.trim_start().lines().next()).unwrap_or_default();
            found.extend(name_after(after, line, rule));
        }
    }
    found
}

/// What a label asks of the name after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Any,
    NotStaff,
    /// "Re: Annual Review" names nobody: a title, or a birth date or number on the same line, must show that it does.
    Personal,
}

fn name_after(after: &str, line: &str, rule: Rule) -> Option<Vec<String>> {
    // A name is short; the words after it need not be looked at.
    let after = after.get(..after.floor_char_boundary(120))?.trim_start();
    let mut run: Vec<Word<'_>> = Vec::new();
    let mut comma = None;
    for word in scan(after) {
        let next_line = matches!(word.gap, Gap::Line | Gap::Wide) && !run.is_empty();
        let out_of_place = run.is_empty() && word.end != word.text.len();
        let second_comma = word.gap == Gap::Comma && comma.replace(run.len()).is_some();
        let name_like = word.capital || PARTICLES.contains(&word.text);
        if next_line
            || out_of_place
            || second_comma
            || !name_like
            || FIELDS.contains(&word.text.to_ascii_lowercase().as_str())
        {
            break;
        }
        run.push(word);
    }
    // "Name: Amina Yorke Address: …": the word before a colon is the next label.
    if run.last().is_some_and(|word| after.get(word.end..).is_some_and(|rest| rest.starts_with(':'))) {
        run.pop();
    }
    let first = run.first()?.text.to_ascii_lowercase();
    let titled = TITLES.contains(&first.as_str());
    let staff = STAFF.contains(&first.as_str());
    let allowed = match rule {
        Rule::Any => true,
        Rule::NotStaff => !staff,
        Rule::Personal => !staff && (titled || PERSONAL.is_match(line)),
    };
    let readings = readings(&run, comma.filter(|at| *at < run.len()));
    (allowed && !readings.is_empty()).then_some(readings)
}

/// The ways to read a run of words as a name of two words or more.
fn readings(run: &[Word<'_>], comma: Option<usize>) -> Vec<String> {
    let join = |words: &[Word<'_>]| words.iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
    let mut names = Vec::new();
    for length in (2..=run.len()).rev() {
        let Some(words) = run.get(..length) else { continue };
        match comma.and_then(|at| words.split_at_checked(at)) {
            Some((surname, forename)) if !forename.is_empty() => {
                names.push(normalise_name(&format!("{}, {}", join(surname), join(forename))));
            }
            _ => {
                names.push(normalise_name(&join(words)));
                if let [surname, forename] = words
                    && surname.shouted()
                    && !forename.shouted()
                {
                    names.push(normalise_name(&format!("{}, {}", surname.text, forename.text)));
                }
            }
        }
    }
    names.retain(|name| name.contains(' '));
    names
}
