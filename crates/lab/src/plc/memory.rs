//! Memory of a controller, and the Modbus functions that read and write it.
//!
//! Source: *MODBUS Application Protocol Specification V1.1b3* (AP). As in an M340, input registers are the
//! holding registers seen through another function, and discrete inputs are the coils.

use crate::bytes::Put;
use crate::modbus::{self, Pdu};
use wire::Reader;

/// Words (`%MW`) and bits (`%M`) that a controller has.
const WORDS: usize = 1024;
const BITS: usize = 512;

/// Words and bits of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    words: Vec<u16>,
    bits: Vec<bool>,
}

/// Why a request is not carried out (AP 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exception {
    IllegalFunction = 1,
    IllegalAddress = 2,
    IllegalValue = 3,
    /// The unit identifier names nothing behind this address.
    NoPath = 10,
}

type Answer = Result<Pdu, Exception>;

/// A request that is too short or too long for its function.
impl From<wire::Error> for Exception {
    fn from(_: wire::Error) -> Self {
        Exception::IllegalValue
    }
}

impl Exception {
    /// The answer that tells it: the function code with its highest bit, and the code (AP 7).
    pub(crate) fn pdu(self, function: u8) -> Pdu {
        vec![function | 0x80, self as u8]
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { words: vec![0; WORDS], bits: vec![false; BITS] }
    }

    /// Value of a word; 0 beyond the last.
    pub(crate) fn word(&self, address: u16) -> u16 {
        self.words.get(usize::from(address)).copied().unwrap_or_default()
    }

    /// Puts `values` from the word `first` on; what is beyond the last is left out.
    pub(crate) fn put(&mut self, first: u16, values: &[u16]) {
        let places = self.words.iter_mut().skip(usize::from(first));
        places.zip(values).for_each(|(place, value)| *place = *value);
    }

    /// Puts `values` from the bit `first` on; what is beyond the last is left out.
    pub(crate) fn put_bits(&mut self, first: u16, values: &[bool]) {
        let places = self.bits.iter_mut().skip(usize::from(first));
        places.zip(values).for_each(|(place, value)| *place = *value);
    }

    /// Carries out the request `pdu` of a function that reads or writes memory.
    pub(crate) fn answer(&mut self, pdu: &[u8]) -> Answer {
        let mut r = Reader::new(pdu);
        let function = r.u8("function code")?;
        match function {
            1 | 2 => self.read_bits(function, r),
            3 | 4 => self.read_words(function, r),
            5 => self.write_bit(pdu, r),
            6 => self.write_word(pdu, r),
            15 => self.write_bits(r),
            16 => self.write_words(r),
            22 => self.mask_word(pdu, r),
            23 => self.write_and_read(r),
            _ => Err(Exception::IllegalFunction),
        }
    }

    /// AP 6.1 and 6.2.
    fn read_bits(&self, function: u8, mut r: Reader<'_>) -> Answer {
        let (first, count) = range(&mut r, 2000)?;
        r.finish()?;
        let bits = self.bits.get(first..first + count).ok_or(Exception::IllegalAddress)?;
        let packed: Vec<u8> = bits.chunks(8).map(pack).collect();
        let mut pdu = vec![function];
        pdu.counted(&packed);
        Ok(pdu)
    }

    /// AP 6.3 and 6.4.
    fn read_words(&self, function: u8, mut r: Reader<'_>) -> Answer {
        let (first, count) = range(&mut r, 125)?;
        r.finish()?;
        self.words_as(function, first, count)
    }

    fn words_as(&self, function: u8, first: usize, count: usize) -> Answer {
        let words = self.words.get(first..first + count).ok_or(Exception::IllegalAddress)?;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let mut pdu = vec![function];
        pdu.counted(&bytes);
        Ok(pdu)
    }

    /// AP 6.5: all ones in the high byte for on, zero for off, nothing else.
    fn write_bit(&mut self, pdu: &[u8], mut r: Reader<'_>) -> Answer {
        let (address, value) = (r.u16_be("address")?, r.u16_be("value")?);
        r.finish()?;
        let on = match value {
            0xff00 => true,
            0 => false,
            _ => return Err(Exception::IllegalValue),
        };
        *self.bits.get_mut(usize::from(address)).ok_or(Exception::IllegalAddress)? = on;
        Ok(pdu.to_vec())
    }

    /// AP 6.6.
    fn write_word(&mut self, pdu: &[u8], mut r: Reader<'_>) -> Answer {
        let (address, value) = (r.u16_be("address")?, r.u16_be("value")?);
        r.finish()?;
        *self.words.get_mut(usize::from(address)).ok_or(Exception::IllegalAddress)? = value;
        Ok(pdu.to_vec())
    }

    /// AP 6.11.
    fn write_bits(&mut self, mut r: Reader<'_>) -> Answer {
        let (first, count) = range(&mut r, 0x07b0)?;
        let packed = counted(&mut r, count.div_ceil(8))?;
        r.finish()?;
        let places = self.bits.get_mut(first..first + count).ok_or(Exception::IllegalAddress)?;
        let values = packed.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        places.iter_mut().zip(values).for_each(|(place, value)| *place = value);
        Ok(written(15, first, count))
    }

    /// AP 6.12.
    fn write_words(&mut self, mut r: Reader<'_>) -> Answer {
        let (first, count) = range(&mut r, 123)?;
        let bytes = counted(&mut r, count * 2)?;
        r.finish()?;
        self.store(first, bytes)?;
        Ok(written(16, first, count))
    }

    /// AP 6.16: what the first mask keeps stays, what it does not keep comes from the second.
    fn mask_word(&mut self, pdu: &[u8], mut r: Reader<'_>) -> Answer {
        let (address, and, or) = (r.u16_be("address")?, r.u16_be("AND mask")?, r.u16_be("OR mask")?);
        r.finish()?;
        let word = self.words.get_mut(usize::from(address)).ok_or(Exception::IllegalAddress)?;
        *word = *word & and | or & !and;
        Ok(pdu.to_vec())
    }

    /// AP 6.17: writes, then reads.
    fn write_and_read(&mut self, mut r: Reader<'_>) -> Answer {
        let (read_first, read_count) = range(&mut r, 125)?;
        let (first, count) = range(&mut r, 121)?;
        let bytes = counted(&mut r, count * 2)?;
        r.finish()?;
        if read_first + read_count > self.words.len() {
            return Err(Exception::IllegalAddress);
        }
        self.store(first, bytes)?;
        self.words_as(23, read_first, read_count)
    }

    fn store(&mut self, first: usize, bytes: &[u8]) -> Result<(), Exception> {
        let places = self.words.get_mut(first..first + bytes.len() / 2).ok_or(Exception::IllegalAddress)?;
        let values = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
        places.iter_mut().zip(values).for_each(|(place, value)| *place = value);
        Ok(())
    }
}

/// Tells who answers: basic identification, as a whole or object by object (AP 6.21).
pub(crate) fn identify(pdu: &[u8], who: [&str; 3]) -> Answer {
    let [0x2b, 0x0e, code, object] = *pdu else { return Err(Exception::IllegalValue) };
    match code {
        // Asked for more than it has, a device answers with what it has.
        1..=3 => Ok(modbus::device_identification(code, who)),
        4 => {
            let text = who.get(usize::from(object)).ok_or(Exception::IllegalAddress)?;
            let mut pdu = vec![0x2b, 0x0e, 4, 0x81, 0, 0, 1, object];
            pdu.counted(text.as_bytes());
            Ok(pdu)
        }
        _ => Err(Exception::IllegalValue),
    }
}

/// First address and how many, at most `most`.
fn range(r: &mut Reader<'_>, most: usize) -> Result<(usize, usize), Exception> {
    let (first, count) = (usize::from(r.u16_be("address")?), usize::from(r.u16_be("quantity")?));
    if (1..=most).contains(&count) { Ok((first, count)) } else { Err(Exception::IllegalValue) }
}

/// Bytes with their count before them, which has to be `wanted`.
fn counted<'a>(r: &mut Reader<'a>, wanted: usize) -> Result<&'a [u8], Exception> {
    let count = usize::from(r.u8("byte count")?);
    if count == wanted { Ok(r.take("values", count)?) } else { Err(Exception::IllegalValue) }
}

fn written(function: u8, first: usize, count: usize) -> Pdu {
    let number = |value: usize| u16::try_from(value).unwrap_or_default();
    let mut pdu = vec![function];
    pdu.u16(number(first)).u16(number(count));
    pdu
}

/// Up to eight bits as a byte, the first in the lowest place.
fn pack(bits: &[bool]) -> u8 {
    bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let mut memory = Memory::new();
        memory.put(107, &[0x022b, 0x0000, 0x0064]);
        memory.put_bits(19, &[true, false, true, true, false, false, true, true, true]);
        memory
    }

    /// Requests and their answers, one after the other on the same memory.
    fn check(conversation: &[(&[u8], &[u8])]) {
        let mut memory = memory();
        for (request, answer) in conversation {
            let function = request[0];
            let got = memory.answer(request).unwrap_or_else(|exception| exception.pdu(function));
            assert_eq!(got, *answer, "answer to {request:02x?}");
        }
    }

    #[test]
    fn words_are_read_as_in_the_standards_example() {
        check(&[
            (&[3, 0, 107, 0, 3], &[3, 6, 0x02, 0x2b, 0, 0, 0, 0x64]),
            (&[4, 0, 107, 0, 1], &[4, 2, 0x02, 0x2b]),
        ]);
    }

    #[test]
    fn bits_are_packed_from_the_lowest_place_on() {
        check(&[(&[1, 0, 19, 0, 9], &[1, 2, 0b1100_1101, 1]), (&[2, 0, 20, 0, 2], &[2, 1, 0b10])]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        check(&[
            (&[5, 0, 3, 0xff, 0], &[5, 0, 3, 0xff, 0]),
            (&[1, 0, 0, 0, 4], &[1, 1, 0b1000]),
            (&[15, 0, 0, 0, 10, 2, 0xcd, 0x01], &[15, 0, 0, 0, 10]),
            (&[1, 0, 0, 0, 10], &[1, 2, 0xcd, 0x01]),
            (&[6, 0, 1, 0, 3], &[6, 0, 1, 0, 3]),
            (&[16, 0, 2, 0, 2, 4, 0, 10, 1, 2], &[16, 0, 2, 0, 2]),
            (&[3, 0, 1, 0, 3], &[3, 6, 0, 3, 0, 10, 1, 2]),
            (&[23, 0, 1, 0, 2, 0, 1, 0, 1, 2, 0, 7], &[23, 4, 0, 7, 0, 10]),
        ]);
    }

    #[test]
    fn a_mask_keeps_and_sets_as_in_the_standards_example() {
        check(&[
            (&[6, 0, 4, 0, 0x12], &[6, 0, 4, 0, 0x12]),
            (&[22, 0, 4, 0, 0xf2, 0, 0x25], &[22, 0, 4, 0, 0xf2, 0, 0x25]),
            (&[3, 0, 4, 0, 1], &[3, 2, 0, 0x17]),
        ]);
    }

    #[test]
    fn what_cannot_be_done_is_answered_with_the_reason() {
        check(&[
            (&[8, 0, 0, 0, 0], &[0x88, 1]),
            (&[3, 4, 0, 0, 1], &[0x83, 2]),
            (&[3, 3, 0xff, 0, 2], &[0x83, 2]),
            (&[3, 0, 0, 0, 0], &[0x83, 3]),
            (&[3, 0, 0, 0, 126], &[0x83, 3]),
            (&[3, 0, 0], &[0x83, 3]),
            (&[5, 0, 0, 0x12, 0x34], &[0x85, 3]),
            (&[6, 0xff, 0xff, 0, 1], &[0x86, 2]),
            (&[16, 0, 0, 0, 2, 2, 0, 1], &[0x90, 3]),
            (&[23, 4, 0, 0, 1, 0, 0, 0, 1, 2, 0, 7], &[0x97, 2]),
            (&[3, 0, 0, 0, 1], &[3, 2, 0, 0]),
        ]);
    }

    #[test]
    fn a_device_tells_who_it_is_as_a_whole_or_object_by_object() {
        let who = ["S", "B", "V"];
        let whole = [0x2b, 0x0e, 1, 0x81, 0, 0, 3, 0, 1, b'S', 1, 1, b'B', 2, 1, b'V'];
        assert_eq!(identify(&[0x2b, 0x0e, 1, 0], who), Ok(whole.to_vec()));
        assert_eq!(identify(&[0x2b, 0x0e, 4, 1], who), Ok(vec![0x2b, 0x0e, 4, 0x81, 0, 0, 1, 1, 1, b'B']));
        assert_eq!(identify(&[0x2b, 0x0e, 4, 9], who), Err(Exception::IllegalAddress));
        assert_eq!(identify(&[0x2b, 0x0e, 7, 0], who), Err(Exception::IllegalValue));
    }
}
