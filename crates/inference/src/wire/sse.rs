//! Server-sent events, read from pieces of any size and within limits.

use thiserror::Error;

/// The longest event that is read.
pub const MAX_EVENT: usize = 256 << 10;

/// Why a stream is given up.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SseError {
    /// An event longer than any that is read.
    #[error("an event of more than {MAX_EVENT} bytes")]
    TooLong,
    /// Bytes that are no text.
    #[error("an event that is no UTF-8")]
    NoText,
}

/// What was read so far of a stream.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a carriage return: a line feed after it belongs to the same line break.
    after_return: bool,
}

impl Events {
    /// Takes a piece; gives the data of each event that it completes.
    ///
    /// # Errors
    /// When an event is too long or no text.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<String>, SseError> {
        let mut events = Vec::new();
        for &byte in piece {
            let follows = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_of_line()?);
                }
                _ => {
                    if self.line.len() + self.data.len() >= MAX_EVENT {
                        return Err(SseError::TooLong);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Result<Option<String>, SseError> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if !std::mem::take(&mut self.has_data) {
                return Ok(None);
            }
            let data = String::from_utf8(std::mem::take(&mut self.data)).map_err(|_| SseError::NoText)?;
            return Ok(Some(data));
        }
        // Other fields, comments among them, say nothing that is needed here.
        let value = match line.strip_prefix(b"data:") {
            Some(value) => value.strip_prefix(b" ").unwrap_or(value),
            None if line == b"data" => &[],
            None => return Ok(None),
        };
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<String> {
        Events::default().feed(text.as_bytes()).unwrap()
    }

    #[test]
    fn events_are_read_as_the_standard_has_them() {
        assert_eq!(
            read("data: a\n\ndata:b\ndata: c\n\n: ping\n\nid: 1\ndata\n\ndata: unfinished\n"),
            ["a", "b\nc", ""]
        );
        assert_eq!(read("data: a\r\n\r\ndata: b\r\rdata: c\n\n"), ["a", "b", "c"]);
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut events = Events::default();
        assert_eq!(events.feed(&vec![b'x'; MAX_EVENT]), Ok(vec![]));
        assert_eq!(events.feed(b"x"), Err(SseError::TooLong));
        assert_eq!(Events::default().feed(b"data: \xff\n\n"), Err(SseError::NoText));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "(data: ?[a-z]{0,3}|:x|\r|\n|\r\n){0,30}", cut in 1usize..7) {
            let mut events = Events::default();
            let pieces: Vec<String> =
                text.as_bytes().chunks(cut).flat_map(|piece| events.feed(piece).unwrap()).collect();
            prop_assert_eq!(pieces, read(&text));
        }
    }
}
