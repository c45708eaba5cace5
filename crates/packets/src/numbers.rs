//! Which packet of a piece has which number: numbers run through all classes, so those of one piece have gaps.
//!
//! Beside a piece lies a file of runs: the distance from the last number to the first of the run, how many, and a byte
//! by which damage is noticed. It is written before the packets, so that none is on disk without its number; a piece
//! without such a file, as pieces were before there were classes, is numbered through from the number in its name.

use crate::hash::sum;
use crate::varint;

/// Packets with numbers one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl Run {
    /// The number of its last packet.
    pub(crate) fn last(self) -> u64 {
        self.first.saturating_add(self.count.saturating_sub(1))
    }
}

/// Runs that grow at their end.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    /// The number before the first.
    last: u64,
    /// Begun, not yet written.
    open: Option<Run>,
}

impl Runs {
    /// Runs of a piece whose first packet has the number `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self { last: first.saturating_sub(1), open: None }
    }

    /// Appends the next packet; what is complete is written to `out`.
    #[inline]
    pub(crate) fn push(&mut self, number: u64, out: &mut Vec<u8>) {
        match &mut self.open {
            Some(run) if run.first + run.count == number => run.count += 1,
            _ => {
                self.close(out);
                self.open = Some(Run { first: number, count: 1 });
            }
        }
    }

    /// Writes what is begun.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        let Some(run) = self.open.take() else { return };
        let begin = out.len();
        varint::put(out, run.first.saturating_sub(self.last));
        varint::put(out, run.count);
        let check = check(self.last, out.get(begin..).unwrap_or_default());
        out.push(check);
        self.last = run.last();
    }
}

fn check(last: u64, bytes: &[u8]) -> u8 {
    let [check, ..] = sum(last, bytes).to_be_bytes();
    check
}

/// Reads runs up to where the file is cut or damaged.
pub(crate) fn read(first: u64, mut bytes: &[u8]) -> Vec<Run> {
    let (mut runs, mut last) = (vec![], first.saturating_sub(1));
    while let Some(run) = read_run(last, &mut bytes) {
        last = run.last();
        runs.push(run);
    }
    runs
}

fn read_run(last: u64, bytes: &mut &[u8]) -> Option<Run> {
    let begin = *bytes;
    let gap = varint::take(bytes)?;
    let count = varint::take(bytes)?;
    let said = begin.get(..begin.len() - bytes.len())?;
    let (told, rest) = bytes.split_first()?;
    *bytes = rest;
    let run = Run { first: last.checked_add(gap)?, count };
    run.first.checked_add(count)?;
    (gap > 0 && count > 0 && *told == check(last, said)).then_some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_written_and_a_cut_costs_the_last() {
        arbtest::arbtest(|u| {
            let first = u.int_in_range(1..=1 << 40)?;
            let (mut runs, mut bytes, mut number) = (Runs::new(first), vec![], first);
            let mut numbers = vec![];
            for (gap, close) in u.arbitrary::<Vec<(u8, bool)>>()? {
                numbers.push(number);
                runs.push(number, &mut bytes);
                number += 1 + u64::from(gap / 64);
                if close {
                    runs.close(&mut bytes);
                }
            }
            runs.close(&mut bytes);
            let all = |bytes: &[u8]| -> Vec<u64> {
                read(first, bytes).into_iter().flat_map(|run| run.first..=run.last()).collect()
            };
            assert_eq!(all(&bytes), numbers);
            let cut = all(&bytes[..u.int_in_range(0..=bytes.len())?]);
            assert_eq!(cut, numbers[..cut.len()]);
            Ok(())
        });
    }
}
