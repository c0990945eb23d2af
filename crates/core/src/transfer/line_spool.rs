//! Lines on the disk; memory has only the offset of each.

use std::fs::File;
use std::os::unix::fs::FileExt;

use parking_lot::Mutex;

use crate::error::{Error, Result};

/// Bytes that are written, or read ahead, at once.
const WINDOW: usize = 256 * 1024;

/// Texts in a file without a name, which goes with this.
#[derive(Debug)]
pub(super) struct LineSpool {
    file: File,
    /// What is not in the file yet.
    pending: Vec<u8>,
    /// Bytes in the file.
    end: u64,
    places: Vec<Place>,
    window: Mutex<Window>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: u32,
    /// Of the line in the file that it comes from.
    number: u32,
}

/// A part of the file: texts are most often read in their order.
#[derive(Debug, Default)]
struct Window {
    offset: u64,
    bytes: Vec<u8>,
}

impl LineSpool {
    /// Returns a spool without lines, which keeps them in `file`.
    pub fn new(file: File) -> Self {
        LineSpool {
            file,
            pending: Vec::new(),
            end: 0,
            places: Vec::new(),
            window: Mutex::default(),
        }
    }

    /// Returns how many lines it has.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the number of the line `index` in the file that it comes from.
    pub fn number(&self, index: usize) -> u64 {
        self.places
            .get(index)
            .map_or(0, |place| place.number.into())
    }

    /// Adds the line with the number `number`.
    pub fn push(&mut self, number: u64, text: &[u8]) -> Result<()> {
        let too_long = || Error::unsupported("a line or its number is too great");
        self.places.push(Place {
            offset: self.end + self.pending.len() as u64,
            length: u32::try_from(text.len()).map_err(|_| too_long())?,
            number: u32::try_from(number).map_err(|_| too_long())?,
        });
        self.pending.extend_from_slice(text);
        match self.pending.len() >= WINDOW {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes what is pending. Until then the newest lines cannot be read.
    pub fn flush(&mut self) -> Result<()> {
        self.file
            .write_all_at(&self.pending, self.end)
            .map_err(|error| Error::io("cannot write the lines of an import", error))?;
        self.end += self.pending.len() as u64;
        self.pending.clear();
        self.pending.shrink_to(WINDOW);
        Ok(())
    }

    /// Returns the text of the line `index`.
    pub fn text(&self, index: usize) -> Result<Vec<u8>> {
        let place = self.places.get(index).copied();
        let Place { offset, length, .. } =
            place.ok_or_else(|| Error::internal("a line of an import is missing"))?;
        let length = length as usize;
        let mut window = self.window.lock();
        let from = offset.checked_sub(window.offset).map(|from| from as usize);
        if let Some(text) = from.and_then(|from| window.bytes.get(from..from + length)) {
            return Ok(text.to_vec());
        }
        let ahead = ((self.end - offset) as usize).min(WINDOW.max(length));
        window.offset = offset;
        window.bytes.clear();
        window.bytes.shrink_to(WINDOW);
        window.bytes.resize(ahead, 0);
        let read = self.file.read_exact_at(&mut window.bytes, offset);
        if let Err(error) = read {
            window.bytes.clear();
            return Err(Error::io("cannot read the lines of an import", error));
        }
        Ok(window.bytes[..length].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_in_any_order_whatever_their_length() {
        let mut spool = LineSpool::new(tempfile::tempfile().unwrap());
        let text = |index: usize| vec![index as u8; (index * 7919) % (2 * WINDOW)];
        for index in 0..200 {
            spool.push(index as u64 + 1, &text(index)).unwrap();
        }
        spool.flush().unwrap();
        let order = (0..200)
            .chain((0..200).rev())
            .chain((0..200).map(|n| n * 37 % 200));
        for index in order {
            assert_eq!(spool.text(index).unwrap(), text(index), "{index}");
            assert_eq!(spool.number(index), index as u64 + 1);
        }
        assert!(spool.text(200).is_err());
    }
}
