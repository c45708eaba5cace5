use model::{Cell, Schema};

/// Places of the columns `N` that somebody wants of a log; looked up once per schema, not once per row.
#[derive(Debug)]
pub(crate) struct Columns<const N: usize> {
    names: [&'static str; N],
    schema: Option<&'static Schema>,
    places: [Option<usize>; N],
}

impl<const N: usize> Columns<N> {
    pub(crate) const fn new(names: [&'static str; N]) -> Self {
        Self { names, schema: None, places: [None; N] }
    }

    /// The wanted cells of a row of `schema`; unset where the log has no such column.
    pub(crate) fn pick<'a>(&mut self, schema: &'static Schema, cells: &[Cell<'a>]) -> [Cell<'a>; N] {
        if !self.schema.is_some_and(|known| std::ptr::eq(known, schema)) {
            self.places = self.names.map(|name| schema.fields.iter().position(|field| field.name == name));
            self.schema = Some(schema);
        }
        self.places.map(|place| place.and_then(|place| cells.get(place)).copied().unwrap_or(Cell::Unset))
    }
}

/// A number that is never negative; `None` for anything else.
pub(crate) fn count(cell: Cell<'_>) -> Option<u64> {
    if let Cell::Count(count) = cell { Some(count) } else { None }
}

/// Text, or bytes that are valid UTF-8; `None` for anything else.
pub(crate) fn text(cell: Cell<'_>) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text),
        Cell::Bytes(bytes) => str::from_utf8(bytes).ok(),
        Cell::Unset
        | Cell::Bool(_)
        | Cell::Count(_)
        | Cell::Int(_)
        | Cell::Double(_)
        | Cell::Time(_)
        | Cell::Interval(_)
        | Cell::Addr(_)
        | Cell::Counts(_)
        | Cell::Intervals(_)
        | Cell::Texts(_)
        | Cell::BytesList(_)
        | Cell::Strings(_)
        | Cell::Addrs(_) => None,
    }
}

/// Calls `take` with every text of a list, or with the one text.
pub(crate) fn each_text(cell: Cell<'_>, take: &mut dyn FnMut(&str)) {
    match cell {
        Cell::Texts(texts) => texts.iter().for_each(|text| take(text)),
        Cell::Strings(texts) => texts.iter().for_each(|text| take(text)),
        Cell::BytesList(list) => list.iter().filter_map(|b| str::from_utf8(b).ok()).for_each(take),
        Cell::Addrs(addrs) => addrs.iter().for_each(|addr| take(&addr.to_string())),
        Cell::Text(_)
        | Cell::Bytes(_)
        | Cell::Unset
        | Cell::Bool(_)
        | Cell::Count(_)
        | Cell::Int(_)
        | Cell::Double(_)
        | Cell::Time(_)
        | Cell::Interval(_)
        | Cell::Addr(_)
        | Cell::Counts(_)
        | Cell::Intervals(_) => {
            if let Some(one) = text(cell) {
                take(one);
            }
        }
    }
}
