use arrow_array::cast::AsArray;
use arrow_array::types::TimestampNanosecondType;
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take_record_batch;
use model::Time;
use std::collections::BTreeMap;

/// The hour that begins at `hour` as folders have it: `2026-11-24T19`.
pub(crate) fn hour_text(hour: Time) -> String {
    hour.iso().chars().take_while(|c| *c != ':').collect()
}

/// The rows of a batch by hour of their `ts`; the rows of an hour keep their order.
pub(super) struct ByHour {
    rows: RecordBatch,
    hours: BTreeMap<Time, Vec<u32>>,
}

impl ByHour {
    pub(super) fn new(rows: RecordBatch) -> Self {
        let mut hours: BTreeMap<Time, Vec<u32>> = BTreeMap::new();
        let ts = rows.columns().first().and_then(|ts| ts.as_primitive_opt::<TimestampNanosecondType>());
        let times = ts.map_or(&[][..], |ts| ts.values());
        for (time, row) in times.iter().zip(0..) {
            hours.entry(Time(*time).hour()).or_default().push(row);
        }
        Self { rows, hours }
    }

    /// How many hours there are.
    pub(super) fn len(&self) -> usize {
        self.hours.len()
    }

    /// All rows, in the order in which they came.
    pub(super) fn into_rows(self) -> RecordBatch {
        self.rows
    }

    /// Hands over hour after hour.
    pub(super) fn pieces(self) -> impl Iterator<Item = Result<(Time, RecordBatch), ArrowError>> {
        let rows = self.rows;
        self.hours.into_iter().map(move |(hour, places)| {
            if places.len() == rows.num_rows() {
                return Ok((hour, rows.clone()));
            }
            Ok((hour, take_record_batch(&rows, &UInt32Array::from(places))?))
        })
    }
}
