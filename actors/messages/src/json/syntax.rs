//! What upstream says of a text that is not JSON: the line, and the rest of it from
//! where its parser stopped. So this reads a text once more, stopping where it stops.

/// Deeper than this upstream gives up as well.
const MAX_DEPTH: usize = 200;
/// The most of the offending line that is quoted.
const MAX_QUOTE: usize = 1000;

/// Why `text` is not JSON, `error` being what our own parser has against it.
pub(super) fn describe(text: &[u8], error: &serde_json::Error) -> String {
    let mut scanner = Scanner { text, at: 0 };
    if scanner.value(0).is_none() {
        return scanner.complaint();
    }
    let trailing = scanner.rest().trim_ascii_end();
    if !trailing.is_empty() {
        let trailing = quote(trailing);
        return format!("Parsed JSON included non-whitespace trailing characters: {trailing}");
    }
    // Only our parser minds: a number that is too large, nesting, text that is not UTF-8.
    if error.to_string().starts_with("number out of range") {
        "Value out of range".to_owned()
    } else {
        error.to_string()
    }
}

fn quote(text: &[u8]) -> String {
    let shown = text.get(..MAX_QUOTE).unwrap_or(text);
    String::from_utf8_lossy(shown).into_owned()
}

/// Reads JSON, standing after an error at what upstream quotes.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn complaint(&self) -> String {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let rest: Vec<u8> = self
            .rest()
            .iter()
            .copied()
            .take_while(|byte| *byte != b'\n')
            .filter(|byte| *byte >= b' ')
            .collect();
        format!("syntax error at line {line} near: {}", quote(&rest))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over the next byte if it is `byte`.
    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// As [`Self::eat`], past white space.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        self.eat(byte)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.skip_space();
        match self.peek()? {
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'"' => self.string(),
            b'[' => {
                self.at += 1;
                self.list(depth)
            }
            b'{' => {
                self.at += 1;
                self.object(depth)
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        word.iter().try_for_each(|byte| self.eat(*byte))
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
        ) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(self.text.get(start..self.at)?).ok()?;
        digits.parse::<f64>().ok().map(|_| ())
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                0..b' ' => return None,
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let escape = self.peek()?;
        self.at += 1;
        match escape {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => self.code_unit(),
            _ => None,
        }
    }

    /// A UTF-16 code unit in hexadecimal, and the second of a pair after a first.
    fn code_unit(&mut self) -> Option<()> {
        match self.four_digits()? {
            0xdc00..=0xdfff => None,
            0xd800..=0xdbff => {
                self.word(b"\\u")?;
                (0xdc00..=0xdfff)
                    .contains(&self.four_digits()?)
                    .then_some(())
            }
            _ => Some(()),
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + char::from(self.peek()?).to_digit(16)?;
            self.at += 1;
        }
        Some(unit)
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        if self.expect(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            if self.expect(b',').is_none() {
                return self.expect(b']');
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        if self.expect(b'}').is_some() {
            return Some(());
        }
        loop {
            self.skip_space();
            if self.peek()? != b'"' {
                return None;
            }
            self.string()?;
            self.expect(b':')?;
            self.value(depth + 1)?;
            if self.expect(b',').is_none() {
                return self.expect(b'}');
            }
        }
    }
}
