//! What is kept how long.

use crate::ends::End;
use crate::{Error, Result};
use model::Span;

/// Traffic that is kept in pieces of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Name, part of the names of its pieces; empty for what belongs to no other class.
    pub name: String,
    /// Bytes on disk that it takes at most: pieces, numbers and indexes. Less than [`Class::BYTES_MIN`] is taken for that.
    pub bytes_max: u64,
    /// How long packets are kept when there is room. They go piece by piece, so up to an eighth later; `None` keeps them
    /// as long as there is room.
    pub keep: Option<Span>,
}

/// What is kept: the classes in the order in which they are asked. A packet goes to the first of them that one of its
/// ends belongs to; what belongs to none goes to the rest. On disk there are never more bytes than all of them are
/// allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Classes with a name.
    pub classes: Vec<Class>,
    /// Everything else.
    pub rest: Class,
}

impl Class {
    /// What a class is allowed at least, so that one piece can be written while another is kept.
    pub const BYTES_MIN: u64 = 4 << 20;

    /// Traffic that belongs to no other class.
    pub fn rest(bytes_max: u64, keep: Option<Span>) -> Self {
        Self { name: String::new(), bytes_max, keep }
    }
}

impl Plan {
    /// Bytes on disk at most.
    pub fn bytes_max(&self) -> u64 {
        let max = |class: &Class| class.bytes_max.max(Class::BYTES_MIN);
        self.classes.iter().chain([&self.rest]).map(max).fold(0, u64::saturating_add)
    }

    /// # Errors
    /// When two classes have the same name, or one has a name that cannot be part of a file's name.
    pub fn check(&self) -> Result<()> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        for (place, class) in self.classes.iter().enumerate() {
            let taken = self.classes.iter().take(place).any(|other| other.name == class.name);
            if taken || class.name.is_empty() || class.name.len() > NAME_MAX || !class.name.bytes().all(fits)
            {
                return Err(Error::ClassName(class.name.clone()));
            }
        }
        Ok(())
    }
}

/// Longest name of a class, in bytes.
const NAME_MAX: usize = 64;

/// Place of the class in the plan that an end belongs to; `None` when it belongs to none.
pub type Classify = Box<dyn Fn(End) -> Option<usize> + Send>;

/// Finds the class of a frame, and remembers it for as long as nobody learned anything new.
pub(crate) struct Sorter {
    classify: Classify,
    /// Name of a frame, and the class of what is alike.
    known: Vec<Option<(u64, usize)>>,
    classes: usize,
}

/// Frames whose class is remembered.
const KNOWN: usize = 4096;

impl Sorter {
    /// Everything belongs to the rest.
    pub(crate) fn new(classes: usize) -> Self {
        Self { classify: Box::new(|_| None), known: vec![None; KNOWN], classes }
    }

    pub(crate) fn learn(&mut self, classify: Classify) {
        self.classify = classify;
        self.known.fill(None);
    }

    /// Place of the class of a frame, named by [`crate::alike::Alike`]; `ends` hands over its ends.
    #[inline]
    pub(crate) fn class(&mut self, name: u64, ends: impl FnOnce(&mut dyn FnMut(End))) -> usize {
        if self.classes == 0 {
            return 0;
        }
        let slot = usize::try_from(name).unwrap_or_default() & (KNOWN - 1);
        if let Some(Some((known, class))) = self.known.get(slot)
            && *known == name
        {
            return *class;
        }
        let mut class = self.classes;
        ends(&mut |end| class = (self.classify)(end).map_or(class, |place| place.min(class)));
        if let Some(known) = self.known.get_mut(slot) {
            *known = Some((name, class));
        }
        class
    }
}
