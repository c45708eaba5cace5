//! Syntax to conditions: where on this link the bytes stand that are asked about.

mod layout;
mod network;
mod number;

use crate::Error;
use crate::condition::{Condition, Test, Value};
use crate::program::beside;
use crate::syntax::{Expression, Primitive, Protocol};
use layout::{Layout, Tag};
use wire::link::Link;

/// For the frames of a capture.
pub(crate) fn for_capture(expression: &Expression, link: Link) -> Result<Condition, Error> {
    lower(expression, &mut Layout::new(link, Tag::InFrame)?)
}

/// For the frames of an Ethernet interface. The kernel says whether it has taken a tag out; where each byte stands then
/// is known, so that either case gets its own condition.
pub(crate) fn for_interface(expression: &Expression) -> Result<Condition, Error> {
    let taken_out = || Value::Beside(beside::VLAN_TAG_PRESENT).is(1);
    let with = lower(expression, &mut Layout::new(Link::ETHERNET, Tag::TakenOut)?)?;
    let without = lower(expression, &mut Layout::new(Link::ETHERNET, Tag::NotTakenOut)?)?;
    if with == without {
        return Ok(with);
    }
    Ok(Condition::any([Condition::all([taken_out(), with]), Condition::all([taken_out().not(), without])]))
}

/// In the order of the text, since `vlan`, `mpls` and `pppoes` move what follows them.
fn lower(expression: &Expression, layout: &mut Layout) -> Result<Condition, Error> {
    Ok(match expression {
        Expression::Primitive { column, primitive } => layout.primitive(*column, primitive)?,
        Expression::Not(inner) => lower(inner, layout)?.not(),
        Expression::Chain(first, rest) => {
            let first = Box::new(lower(first, layout)?);
            let rest = rest.iter().map(|(join, next)| Ok((*join, lower(next, layout)?)));
            Condition::Chain(first, rest.collect::<Result<_, _>>()?)
        }
    })
}

impl Layout {
    fn primitive(&mut self, column: usize, primitive: &Primitive) -> Result<Condition, Error> {
        match primitive {
            Primitive::Protocol(protocol) => self.protocol(column, *protocol),
            Primitive::Host { protocol, side, network } => self.host(column, *protocol, *side, *network),
            Primitive::Station { side, station } => self.station(column, *side, *station),
            Primitive::Port { protocol, side, ports } => self.port(column, *protocol, *side, ports),
            Primitive::Broadcast => self.broadcast(column),
            Primitive::Multicast(protocol) => self.multicast(column, *protocol),
            Primitive::Llc => self.llc(column),
            Primitive::Vlan(identifier) => self.vlan(column, *identifier),
            Primitive::Mpls(label) => self.mpls(column, *label),
            Primitive::PppoeDiscovery => self.protocol(column, Protocol::Network(0x8863)),
            Primitive::PppoeSession(session) => self.pppoe_session(column, *session),
            Primitive::Sent(sent) => {
                let is_sent = self.sent(column)?;
                Ok(if *sent { is_sent } else { is_sent.not() })
            }
            Primitive::Interface(number) => Ok(self.interface(column)?.is(*number)),
            Primitive::Relation(relation) => {
                let (left, mut guards) = self.number(&relation.left)?;
                let (right, others) = self.number(&relation.right)?;
                guards.extend(others);
                let holds = Condition::from(Test { left, compare: relation.compare, right });
                guards.push(if relation.is_contrary { holds.not() } else { holds });
                Ok(Condition::all(guards))
            }
        }
    }
}
