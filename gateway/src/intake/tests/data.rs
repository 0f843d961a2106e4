//! The text reader: where a message ends, whatever its bytes and however they are split.

use proptest::prelude::*;

use crate::intake::smtp::data::{DataReader, Poison, Unfit};

type Outcome = Result<(Vec<u8>, usize, bool), Poison>;

/// Reads `pieces`; the text, the bytes used in all, and whether the end was seen.
fn read(pieces: &[&[u8]]) -> Outcome {
    let mut reader = DataReader::dotted(1_000_000);
    let (mut text, mut used, mut ended) = (Vec::new(), 0, false);
    for piece in pieces {
        if ended {
            break;
        }
        let progress = reader.read(piece, &mut text)?;
        used += progress.used_bytes;
        ended = progress.ended;
    }
    Ok((text, used, ended))
}

/// What the standard says, told the long way round, from the whole input at once.
fn expected(input: &[u8]) -> Outcome {
    let mut text = Vec::new();
    let mut rest = input;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n");
        let line = &rest[..end.unwrap_or(rest.len())];
        // A CR that is the very last byte may yet be followed by LF.
        let (line, half) = match line.strip_suffix(b"\r") {
            Some(line) if end.is_none() => (line, true),
            _ => (line, false),
        };
        let poison = line.iter().enumerate().find_map(|(at, byte)| match byte {
            b'\r' => Some((at, Poison::BareCr)),
            b'\n' => Some((at, Poison::BareLf)),
            0 => Some((at, Poison::Nul)),
            _ => None,
        });
        if let Some((_, poison)) = poison {
            return Err(poison);
        }
        if end.is_some() && line == b"." {
            let used = input.len() - rest.len() + 3;
            return Ok((text, used, true));
        }
        text.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        match end {
            None => return Ok((text, input.len(), false)),
            Some(end) => {
                let _ = half;
                text.extend_from_slice(b"\r\n");
                rest = &rest[end + 2..];
            }
        }
    }
}

/// Every string of up to six of these five bytes, whole and at every split.
#[test]
fn every_short_string_at_every_split() {
    const ALPHABET: [u8; 5] = [b'\r', b'\n', b'.', 0, b' '];
    for length in 0..=6_u32 {
        for number in 0..5_usize.pow(length) {
            let mut input = Vec::new();
            let mut rest = number;
            for _ in 0..length {
                input.push(ALPHABET[rest % 5]);
                rest /= 5;
            }
            // As the whole text, and behind a line of it.
            for input in [input.clone(), [b"x\r\n".as_slice(), &input].concat(), [b"x".as_slice(), &input].concat()] {
                let whole = expected(&input);
                assert_eq!(read(&[&input]), whole, "{input:?}");
                for split in 1..input.len() {
                    let (front, back) = input.split_at(split);
                    let parts = read(&[front, back]);
                    assert_eq!(parts, whole, "{input:?} split at {split}");
                }
            }
        }
    }
}

#[test]
fn dots_are_unstuffed_and_ends_found() {
    for (input, text, left) in [
        (".\r\n", "", ""),
        ("..\r\n.\r\n", ".\r\n", ""),
        (".x\r\n.\r\nQUIT\r\n", "x\r\n", "QUIT\r\n"),
        ("a.\r\n.\r\n.\r\n", "a.\r\n", ".\r\n"),
        ("\r\n\r\n.\r\n", "\r\n\r\n", ""),
    ] {
        let (read, used, ended) = read(&[input.as_bytes()]).unwrap();
        assert!(ended, "{input:?}");
        assert_eq!((String::from_utf8(read).unwrap().as_str(), &input[used..]), (text, left), "{input:?}");
    }
}

#[test]
fn lines_and_messages_have_a_longest() {
    for (line, bytes_max, expected) in [
        (998, 10_000, None),
        (999, 10_000, Some(Unfit::LineTooLong)),
        (500, 502, None),
        (500, 501, Some(Unfit::TooLarge)),
    ] {
        let mut reader = DataReader::dotted(bytes_max);
        let mut text = Vec::new();
        // The stuffed dot does not count (RFC 5321 §4.5.3.1.6).
        let input = format!("..{}\r\n.\r\n", "x".repeat(line - 1));
        let progress = reader.read(input.as_bytes(), &mut text).unwrap();
        assert!(progress.ended);
        assert_eq!(reader.unfit(), expected, "{line} of {bytes_max}");
        assert!(u64::try_from(text.len()).unwrap() <= bytes_max);
    }
}

#[test]
fn a_whole_message_ends_with_its_input() {
    for (input, expected) in [
        ("a\r\n.\r\n..b\r\n", Ok("a\r\n.\r\n..b\r\n")),
        ("a", Ok("a\r\n")),
        ("", Ok("")),
        ("a\r", Err(Poison::BareCr)),
        ("a\nb", Err(Poison::BareLf)),
    ] {
        let mut reader = DataReader::whole(1000);
        let mut text = Vec::new();
        let read = reader.read(input.as_bytes(), &mut text).and_then(|_| reader.finish(&mut text));
        assert_eq!(read.map(|()| String::from_utf8(text).unwrap()), expected.map(str::to_owned), "{input:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Any text, stuffed and ended, comes back as it was, however it is cut.
    #[test]
    fn what_is_stuffed_is_unstuffed(lines in prop::collection::vec("[ -~é]{0,40}", 0..20), cuts in prop::collection::vec(1_usize..50, 1..30)) {
        let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let stuffed: String = lines.iter().map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") }).collect();
        let input = format!("{stuffed}.\r\n").into_bytes();
        let mut pieces = Vec::new();
        let mut rest = input.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(read(&pieces), Ok((text.into_bytes(), input.len(), true)));
    }
}
