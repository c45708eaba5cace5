//! An event or a typed row as rules see it: fields by name, borrowed where they lie.

use super::logs::Aliases;
use model::{At, Cell, Event, FieldValue, Schema};

/// What a rule looks at.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    /// A log entry from another program.
    Event(&'a Event),
    /// A typed row.
    Row(RowView<'a>),
}

/// A typed row with its circumstances.
#[derive(Clone, Copy)]
pub(super) struct RowView<'a> {
    pub(super) at: &'a At<'a>,
    pub(super) schema: &'static Schema,
    pub(super) cells: &'a [Cell<'a>],
    pub(super) aliases: Aliases,
}

impl<'a> View<'a> {
    /// Value of the field `name`, if it is set.
    pub(super) fn field(&self, name: &str) -> Option<FieldValue<'a>> {
        match self {
            View::Event(event) => {
                let field = event.fields.iter().find(|(known, _)| &**known == name);
                field.map(|(_, value)| FieldValue::Value(value))
            }
            View::Row(view) => view.field(name).filter(|cell| !cell.is_unset()).map(FieldValue::Cell),
        }
    }

    /// Hands over every field that is set, under its own name.
    pub(super) fn each(&self, take: &mut dyn FnMut(&str, FieldValue<'a>)) {
        match self {
            View::Event(event) => {
                event.fields.iter().for_each(|(name, value)| take(name, FieldValue::Value(value)));
            }
            View::Row(view) => view.each(take),
        }
    }

    /// Hands over every name under which a field can be asked for; a name may have no value.
    pub(super) fn names(&self, take: &mut dyn FnMut(&str)) {
        match self {
            View::Event(event) => event.fields.iter().for_each(|(name, _)| take(name)),
            View::Row(view) => view.names(take),
        }
    }
}

/// Names of the fields that say what a row does to the process.
const OT: [&str; 6] = ["ot.protocol", "ot.action", "ot.outcome", "ot.object", "ot.value", "ot.old_value"];

impl<'a> RowView<'a> {
    fn field(&self, name: &str) -> Option<Cell<'a>> {
        let aliased = self.aliases.iter().find(|(alias, _)| *alias == name).map(|(_, column)| *column);
        self.column(name).or_else(|| self.column(aliased?))
    }

    /// Value of the column `name`; `None` when the row has no such column.
    pub(super) fn column(&self, name: &str) -> Option<Cell<'a>> {
        let own = self.schema.fields.iter().position(|field| field.name == name);
        own.map_or_else(|| self.leading(name), |at| self.cells.get(at).copied())
    }

    fn leading(&self, name: &str) -> Option<Cell<'a>> {
        if let Some(name) = name.strip_prefix("ot.") {
            return self.ot(name);
        }
        let c = self.at.conversation;
        match name {
            "ts" => Some(Cell::Time(self.at.time)),
            "uid" => c.map(|c| Cell::Text(c.uid.as_str())),
            "id.orig_h" => c.map(|c| Cell::Addr(c.orig.addr)),
            "id.orig_p" => c.map(|c| Cell::Count(c.orig.port.into())),
            "id.resp_h" => c.map(|c| Cell::Addr(c.resp.addr)),
            "id.resp_p" => c.map(|c| Cell::Count(c.resp.port.into())),
            _ => None,
        }
    }

    fn ot(&self, name: &str) -> Option<Cell<'a>> {
        let ot = self.at.ot.as_ref()?;
        match name {
            "protocol" => Some(Cell::Text(ot.protocol)),
            "action" => Some(Cell::Text(ot.action.name())),
            "outcome" => Some(Cell::Text(ot.outcome.name())),
            "object" => Some(Cell::Text(ot.object)).filter(|_| !ot.object.is_empty()),
            "value" => ot.value.map(Cell::Text),
            "old_value" => ot.old_value.map(Cell::Text),
            _ => None,
        }
    }

    fn each(&self, take: &mut dyn FnMut(&str, FieldValue<'a>)) {
        let own = self.schema.fields.iter().map(|field| field.name).zip(self.cells.iter().copied());
        let leading = self.schema.leading().iter().map(|column| column.name).chain(OT);
        let leading = leading.filter_map(|name| Some((name, self.leading(name)?)));
        for (name, cell) in leading.chain(own).filter(|(_, cell)| !cell.is_unset()) {
            take(name, FieldValue::Cell(cell));
        }
    }

    fn names(&self, take: &mut dyn FnMut(&str)) {
        self.schema.leading().iter().for_each(|column| take(column.name));
        self.schema.fields.iter().for_each(|field| take(field.name));
        self.aliases.iter().for_each(|(alias, _)| take(alias));
        if self.at.ot.is_some() {
            OT.iter().for_each(|name| take(name));
        }
    }
}
