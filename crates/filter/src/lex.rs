//! Text to tokens. Where several could begin at a place, the longest does.

use crate::Error;
use crate::names;
use std::net::Ipv6Addr;

/// A word, number, address or sign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// As it was written; without its backslash, if it had one.
    pub(crate) text: &'a str,
    /// Characters from the beginning, from 1.
    pub(crate) column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or a name.
    Word,
    /// A name, since it has a backslash in front.
    Escaped,
    Number(u32),
    /// Two to four numbers with dots between.
    Dotted(Dotted),
    V6(Ipv6Addr),
    Station([u8; 6]),
    And,
    Or,
    Not,
    /// A sign, told by its text.
    Sign,
    End,
}

/// The beginning of an IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dotted {
    /// What was given, zeros behind it.
    pub(crate) address: u32,
    /// How many bits were given: 16, 24 or 32.
    pub(crate) bits: u8,
}

const SIGNS: [&str; 24] = [
    "&&", "||", ">=", "<=", "!=", "==", "<<", ">>", "+", "-", "*", "/", "%", ":", "[", "]", "!", "<", ">",
    "(", ")", "&", "|", "^",
];

/// The tokens of `text`, the last of which is [`Kind::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Error> {
    let (mut all, mut rest, mut column) = (vec![], text, 1);
    loop {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        (rest, column) = (rest.get(blank..).unwrap_or_default(), column + blank);
        let token = token(rest, column)?;
        all.push(token);
        if token.kind == Kind::End {
            return Ok(all);
        }
        let taken = token.text.len() + usize::from(token.kind == Kind::Escaped);
        (rest, column) = (rest.get(taken..).unwrap_or_default(), column + taken_columns(rest, taken));
    }
}

fn taken_columns(rest: &str, taken: usize) -> usize {
    rest.get(..taken).map_or(0, |text| text.chars().count())
}

fn token(rest: &str, column: usize) -> Result<Token<'_>, Error> {
    let new = |kind, text| Ok(Token { kind, text, column });
    let Some(first) = rest.chars().next() else {
        return new(Kind::End, rest);
    };
    let address = prefix(rest, |c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    if address.matches(':').count() >= 2 {
        return new(colons(address, column)?, address);
    }
    if first.is_ascii_alphanumeric() {
        let word = prefix(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let word = word.trim_end_matches(['-', '_']);
        return new(word_kind(word, column)?, word);
    }
    if let Some(name) = rest.strip_prefix('\\') {
        let name = prefix(name, |c| !matches!(c, ' ' | '!' | '(' | ')' | '\n' | '\t'));
        if !name.is_empty() {
            return new(Kind::Escaped, name);
        }
    }
    if let Some(sign) = SIGNS.iter().chain(&["="]).find(|sign| rest.starts_with(**sign)) {
        let kind = match *sign {
            "&&" => Kind::And,
            "||" => Kind::Or,
            "!" => Kind::Not,
            _ => Kind::Sign,
        };
        return new(kind, sign);
    }
    Err(Error::Character { column, found: first })
}

fn prefix(text: &str, is_part: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn colons(text: &str, column: usize) -> Result<Kind, Error> {
    if let Some(station) = station(text, ':', 6) {
        return Ok(Kind::Station(station));
    }
    let invalid = || Error::Invalid { column, text: text.to_owned(), what: "an IPv6 or a hardware address" };
    text.parse().map(Kind::V6).map_err(|_| invalid())
}

fn word_kind(word: &str, column: usize) -> Result<Kind, Error> {
    Ok(match word {
        "and" => Kind::And,
        "or" => Kind::Or,
        "not" => Kind::Not,
        _ => {
            if let Some(station) = written_station(word) {
                Kind::Station(station)
            } else if let Some(digits) = digits(word) {
                Kind::Number(number(digits, word, column)?)
            } else if word.contains('.') && word.split('.').all(|part| digits_only(part, 10)) {
                Kind::Dotted(dotted(word, column)?)
            } else {
                names::number(names::FIELDS, word).map_or(Kind::Word, Kind::Number)
            }
        }
    })
}

/// `aa-bb-cc-dd-ee-ff`, `aa.bb.cc.dd.ee.ff`, `aabb.ccdd.eeff` and `aabbccddeeff`.
fn written_station(word: &str) -> Option<[u8; 6]> {
    station(word, '-', 6).or_else(|| station(word, '.', 6)).or_else(|| {
        let bare = if word.len() == 14 && word.split('.').all(|part| part.len() == 4) {
            word.replace('.', "")
        } else {
            word.to_owned()
        };
        let whole = bare.len() == 12 && digits_only(&bare, 16);
        let number = whole.then(|| u64::from_str_radix(&bare, 16).ok())??;
        let [_, _, station @ ..] = number.to_be_bytes();
        Some(station)
    })
}

fn station(text: &str, between: char, parts: usize) -> Option<[u8; 6]> {
    let part = |part: &str| {
        (part.len() <= 2 && digits_only(part, 16)).then(|| u8::from_str_radix(part, 16).ok()).flatten()
    };
    let station: Vec<u8> = text.split(between).take(parts + 1).map(part).collect::<Option<_>>()?;
    station.try_into().ok()
}

fn digits_only(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_digit(radix))
}

/// Radix and digits of what is written as a number: decimal, hexadecimal behind 0x, octal behind 0.
fn digits(word: &str) -> Option<(u32, &str)> {
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return digits_only(digits, 16).then_some((16, digits));
    }
    let radix = if word.len() > 1 && word.starts_with('0') { 8 } else { 10 };
    digits_only(word, 10).then_some((radix, word))
}

fn number((radix, digits): (u32, &str), word: &str, column: usize) -> Result<u32, Error> {
    let invalid = || Error::Invalid { column, text: word.to_owned(), what: "a number up to 4294967295" };
    u32::from_str_radix(digits, radix).map_err(|_| invalid())
}

fn dotted(word: &str, column: usize) -> Result<Dotted, Error> {
    let invalid = || Error::Invalid { column, text: word.to_owned(), what: "an IPv4 address" };
    let parts: Option<Vec<u8>> = word.split('.').map(|part| part.parse().ok()).collect();
    let parts = parts.filter(|parts| parts.len() <= 4).ok_or_else(invalid)?;
    let bits = u8::try_from(parts.len() * 8).map_err(|_| invalid())?;
    let address = parts.iter().fold(0, |address, part| address << 8 | u32::from(*part));
    Ok(Dotted { address: address << (32 - bits), bits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn kinds(text: &str) -> String {
        match tokens(text) {
            Ok(tokens) => tokens
                .iter()
                .map(|Token { kind, text, column }| format!("{column}:{text} {kind:?}\n"))
                .collect::<String>(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_longest_token_is_taken() {
        expect![[r#"
            1:tcp Word
            4:[ Sign
            5:tcpflags Number(13)
            13:] Sign
            14:& Sign
            15:tcp-syn Number(2)
            23:!= Sign
            26:0x10 Number(16)
            31:&& And
            34:portrange Word
            44:502-510 Word
            51: End
        "#]]
        .assert_eq(&kinds("tcp[tcpflags]&tcp-syn != 0x10 && portrange 502-510"));
    }

    #[test]
    fn addresses_are_told_apart() {
        expect![[r#"
            1:10.1 Dotted(Dotted { address: 167837696, bits: 16 })
            7:fe80::1 V6(fe80::1)
            14:/ Sign
            15:64 Number(64)
            18:0:1d:9c:ff:0:2 Station([0, 29, 156, 255, 0, 2])
            33:001d.9cff.0002 Station([0, 29, 156, 255, 0, 2])
            48:00-1d-9c-ff-00-02 Station([0, 29, 156, 255, 0, 2])
            66:[ Sign
            67:0 Number(0)
            68:: Sign
            69:2 Number(2)
            70:] Sign
            72:proto Word
            78:tcp Escaped
            82: End
        "#]]
        .assert_eq(&kinds(
            r"10.1  fe80::1/64 0:1d:9c:ff:0:2 001d.9cff.0002 00-1d-9c-ff-00-02 [0:2] proto \tcp",
        ));
    }

    #[test]
    fn what_is_none_is_named_with_its_column() {
        let all = ["host 10.1.2.300", "host 1::2::3", "port 4294967296", "tcp ünd udp", "port 089"];
        expect![[r#"
            column 6: 10.1.2.300 is not an IPv4 address
            column 6: 1::2::3 is not an IPv6 or a hardware address
            column 6: 4294967296 is not a number up to 4294967295
            column 5: 'ü' means nothing in a filter
            column 6: 089 is not a number up to 4294967295"#]]
        .assert_eq(&all.map(kinds).join("\n"));
    }
}
