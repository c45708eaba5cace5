//! A graph of tests as a program.

mod value;

use crate::condition::{Compare, Condition};
use crate::graph::{ACCEPT, BUDGET, Graph, Node, REJECT};
use crate::program::{Instruction, WHOLE, code};
use crate::{Error, INSTRUCTIONS_MAX};
use std::collections::HashMap;
use value::Registers;

/// The program of `condition`. Where leaving out what is known makes the program longer, which it can when ways part
/// and never meet again, it is not done.
pub(crate) fn program(condition: &Condition) -> Result<Vec<Instruction>, Error> {
    for budget in [BUDGET, 0] {
        let (graph, first) = Graph::new(condition, budget);
        let program = assembled(&graph, first);
        if program.len() <= INSTRUCTIONS_MAX {
            return Ok(program);
        }
    }
    Err(Error::TooLong { max: INSTRUCTIONS_MAX })
}

/// Instructions of one node; the last compares.
struct Block {
    node: Node,
    body: Vec<Instruction>,
    compare: Instruction,
    yes: Node,
    no: Node,
}

fn assembled(graph: &Graph, first: Node) -> Vec<Instruction> {
    let blocks = blocks(graph, first);
    let mut backwards = Backwards::default();
    let leads_to = |end| first == end || blocks.iter().any(|block| block.yes == end || block.no == end);
    for (end, bytes) in [(REJECT, 0), (ACCEPT, WHOLE)] {
        if leads_to(end) {
            backwards.push(Instruction::new(code::RETURN, bytes));
            backwards.begins(end);
        }
    }
    for block in blocks.iter().rev() {
        backwards.jump(block.compare, block.yes, block.no);
        block.body.iter().rev().for_each(|instruction| backwards.push(*instruction));
        backwards.begins(block.node);
    }
    backwards.program.reverse();
    backwards.program
}

/// What each node does, given what the registers hold when it is come to, whichever way.
fn blocks(graph: &Graph, first: Node) -> Vec<Block> {
    let mut before: HashMap<Node, Registers<'_>> = HashMap::new();
    let mut blocks = vec![];
    for node in graph.reachable(first) {
        let Some((test, yes, no)) = graph.fork(node) else { continue };
        let mut registers = before.remove(&node).unwrap_or_default();
        let (body, by_x, k) = registers.prepare(test);
        let kind = match test.compare {
            Compare::Equal => code::IF_EQUAL,
            Compare::Greater => code::IF_GREATER,
            Compare::AtLeast => code::IF_AT_LEAST,
            Compare::AnyBit => code::IF_ANY_BIT,
        };
        let compare = Instruction::new(if by_x { kind | code::BY_X } else { kind }, k);
        for way in [yes, no] {
            before.entry(way).and_modify(|held| held.meet(&registers)).or_insert_with(|| registers.clone());
        }
        blocks.push(Block { node, body, compare, yes, no });
    }
    blocks
}

/// A program from its end, so that every jump knows how far it goes. Places count the instructions from there to the
/// end.
#[derive(Default)]
struct Backwards {
    program: Vec<Instruction>,
    /// Where each node begins.
    nodes: HashMap<Node, usize>,
    /// The nearest place from which a node is come to: its beginning, or a jump to it.
    landings: HashMap<Node, usize>,
}

impl Backwards {
    fn push(&mut self, instruction: Instruction) {
        self.program.push(instruction);
    }

    /// What was pushed last is the first instruction of `node`.
    fn begins(&mut self, node: Node) {
        self.nodes.insert(node, self.program.len());
        self.landings.insert(node, self.program.len());
    }

    fn between(&self, places: &HashMap<Node, usize>, node: Node) -> usize {
        self.program.len() - places.get(&node).copied().unwrap_or_default()
    }

    /// Instructions that a comparison skips to come to `node`; nothing when they are more than it can.
    fn skipped(&self, node: Node) -> Option<u8> {
        u8::try_from(self.between(&self.landings, node)).ok()
    }

    fn jump(&mut self, compare: Instruction, yes: Node, no: Node) {
        // A jump for a way that is too far may put the other too far as well, once.
        for way in [yes, no, yes] {
            if self.skipped(way).is_none() {
                let distance = u32::try_from(self.between(&self.nodes, way)).unwrap_or(u32::MAX);
                self.push(Instruction::new(code::JUMP, distance));
                self.landings.insert(way, self.program.len());
            }
        }
        let skipped = |way| self.skipped(way).unwrap_or(u8::MAX);
        let compare = Instruction { jt: skipped(yes), jf: skipped(no), ..compare };
        self.push(compare);
    }
}
