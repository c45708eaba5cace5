use crate::damage::{Damage, Fault, Place};
use crate::utf8::text;
use crate::{moment, xml};
use evtx::err::EvtxError;
use evtx::{EvtxParser, ParserSettings, SerializedEvtxRecord};
use model::{Event, Origin};
use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Chunks in a row that the decoder may give up on before the rest of the file is left.
const PANICS_MAX: usize = 64;

type Record = SerializedEvtxRecord<Vec<u8>>;

pub(crate) fn read(input: impl Read + Seek, file: u32, take: &mut dyn FnMut(Result<Event, Damage>)) {
    let parser = match fenced(|| EvtxParser::from_read_seek(input)) {
        Ok(Ok(parser)) => parser,
        Ok(Err(error)) => return take(Err(fault(error).at(Place::File))),
        Err(fault) => return take(Err(fault.at(Place::File))),
    };
    let mut parser = parser.with_configuration(ParserSettings::new().indent(false));
    let mut records = parser.records_bytes();
    let (mut last, mut panics) = (0, 0);
    // The decoder has moved to the next chunk before it can give up on one, so going on is sound.
    while panics < PANICS_MAX {
        match fenced(|| records.next()) {
            Ok(None) => return,
            Ok(Some(Ok(record))) => {
                (last, panics) = (record.event_record_id, 0);
                take(event(record, file));
            }
            Ok(Some(Err(error))) => {
                let place = place(&error).unwrap_or(Place::After(last));
                take(Err(fault(error).at(place)));
            }
            Err(fault) => {
                panics += 1;
                take(Err(fault.at(Place::After(last))));
            }
        }
    }
}

/// The XML that Windows shows for a record is the way in: one reader then serves files of both kinds.
fn event(record: Record, file: u32) -> Result<Event, Damage> {
    let number = record.event_record_id;
    let written = moment::from_stamp_ns(record.timestamp.as_nanosecond());
    match xml::parse(&text(&record.data)) {
        Ok(parts) => Ok(parts.event(written, Origin { file, number })),
        Err(fault) => Err(fault.at(Place::Record(number))),
    }
}

fn place(error: &EvtxError) -> Option<Place> {
    let EvtxError::FailedToParseRecord { record_id, .. } = error else { return None };
    Some(Place::Record(*record_id))
}

fn fault(error: EvtxError) -> Fault {
    if let EvtxError::IoError(error) = error { Fault::Io(error) } else { Fault::Evtx(Box::new(error)) }
}

fn fenced<T>(run: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| Fault::Panic)
}
