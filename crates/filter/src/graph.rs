//! A condition as a graph of tests, each with a way on for yes and for no, in which no test is made twice on any way.
//!
//! Built from the end: the graph of what follows is there when a test is put in front of it, and what the test's answer
//! already tells is taken out of it. Equal parts are one.

use crate::condition::{Compare, Condition, Join, Test, Value};
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// A test, or one of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(usize);

pub(crate) const REJECT: Node = Node(0);
pub(crate) const ACCEPT: Node = Node(1);

/// A test with its ways on, which come before it in the order of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Fork {
    test: usize,
    yes: Node,
    no: Node,
}

#[derive(Debug, Default)]
pub(crate) struct Graph {
    forks: Vec<Fork>,
    nodes: HashMap<Fork, Node>,
    tests: Vec<Test>,
    numbers: HashMap<Test, usize>,
    /// What became of a node once the answer to a test was known.
    known: HashMap<(Node, usize, bool), Node>,
    /// How many entries `known` may still get; with none left the graph stays right, and gets longer.
    budget: usize,
}

/// Entries of [`Graph::known`] at most.
pub(crate) const BUDGET: usize = 1 << 17;

impl Graph {
    /// The graph of `condition` and where it begins.
    pub(crate) fn new(condition: &Condition, budget: usize) -> (Self, Node) {
        let mut graph = Self { budget, ..Self::default() };
        let first = graph.put(condition, ACCEPT, REJECT);
        (graph, first)
    }

    /// The test of a node, and its ways on; nothing at an end.
    pub(crate) fn fork(&self, node: Node) -> Option<(&Test, Node, Node)> {
        let fork = self.forks.get(node.0.checked_sub(2)?)?;
        Some((self.tests.get(fork.test)?, fork.yes, fork.no))
    }

    /// Nodes that can be reached from `first`, each before those that it leads to.
    pub(crate) fn reachable(&self, first: Node) -> Vec<Node> {
        let (mut open, mut seen) = (vec![first], vec![false; self.forks.len()]);
        while let Some(node) = open.pop() {
            let Some((_, yes, no)) = self.fork(node) else { continue };
            let Some(seen) = seen.get_mut(node.0 - 2).filter(|seen| !**seen) else { continue };
            *seen = true;
            open.extend([yes, no]);
        }
        let reached = seen.into_iter().enumerate().rev().filter(|(_, seen)| *seen);
        reached.map(|(at, _)| Node(at + 2)).collect()
    }

    /// Puts `condition` in front of where yes and no lead.
    fn put(&mut self, condition: &Condition, yes: Node, no: Node) -> Node {
        match condition {
            Condition::Always(true) => yes,
            Condition::Always(false) => no,
            Condition::Not(inner) => self.put(inner, no, yes),
            Condition::Test(test) => self.put_test(test, yes, no),
            Condition::Chain(first, rest) => {
                // The last is asked with what is known of those before: `a and b or c` asks c only when `a and b` is
                // not, and b only when a is.
                let (mut yes, mut no) = (yes, no);
                for (join, condition) in rest.iter().rev() {
                    let this = self.put(condition, yes, no);
                    match join {
                        Join::And => yes = this,
                        Join::Or => no = this,
                    }
                }
                self.put(first, yes, no)
            }
        }
    }

    fn put_test(&mut self, test: &Test, yes: Node, no: Node) -> Node {
        let is_new = !self.numbers.contains_key(test);
        let number = self.number(test);
        let mut way = |node, answer| {
            // An answer from which no range follows tells nothing to tests that are others.
            let is_idle = is_new && range(test, answer).is_none();
            if is_idle { node } else { self.given(node, number, answer) }
        };
        let (yes, no) = (way(yes, true), way(no, false));
        self.node(Fork { test: number, yes, no })
    }

    fn number(&mut self, test: &Test) -> usize {
        if let Some(number) = self.numbers.get(test) {
            return *number;
        }
        self.tests.push(test.clone());
        self.numbers.insert(test.clone(), self.tests.len() - 1);
        self.tests.len() - 1
    }

    /// The one node for this fork. A test whose answer changes nothing is none.
    fn node(&mut self, fork: Fork) -> Node {
        if fork.yes == fork.no {
            return fork.yes;
        }
        if let Some(node) = self.nodes.get(&fork) {
            return *node;
        }
        self.forks.push(fork);
        let node = Node(self.forks.len() + 1);
        self.nodes.insert(fork, node);
        node
    }

    /// What `node` comes to when the answer to a test is known.
    fn given(&mut self, node: Node, test: usize, answer: bool) -> Node {
        let mut open = vec![node];
        while let Some(next) = open.last().copied() {
            if self.lookup(next, test, answer).is_some() {
                open.pop();
                continue;
            }
            if self.budget == 0 {
                return node;
            }
            let Some(fork) = next.0.checked_sub(2).and_then(|at| self.forks.get(at)).copied() else {
                return node;
            };
            let ways = match self.decided(test, answer, fork.test) {
                Some(true) => [fork.yes; 2],
                Some(false) => [fork.no; 2],
                None => [fork.yes, fork.no],
            };
            let [Some(yes), Some(no)] = ways.map(|way| self.lookup(way, test, answer)) else {
                open.extend(ways.into_iter().filter(|way| self.lookup(*way, test, answer).is_none()));
                continue;
            };
            let node = self.node(Fork { test: fork.test, yes, no });
            // What the answer was taken out of has nothing more to be taken out.
            for of in [next, node] {
                self.known.insert((of, test, answer), node);
            }
            self.budget -= 1;
        }
        self.lookup(node, test, answer).unwrap_or(node)
    }

    fn lookup(&self, node: Node, test: usize, answer: bool) -> Option<Node> {
        if node <= ACCEPT { Some(node) } else { self.known.get(&(node, test, answer)).copied() }
    }

    /// What the answer to one test tells about another.
    fn decided(&self, test: usize, answer: bool, other: usize) -> Option<bool> {
        if test == other {
            return Some(answer);
        }
        let (test, other) = (self.tests.get(test)?, self.tests.get(other)?);
        let Value::Number(with) = other.right else { return None };
        let range = range(test, answer).filter(|_| test.left == other.left)?;
        let (low, high) = (*range.start(), *range.end());
        match other.compare {
            Compare::Equal if low == high => Some(low == with),
            Compare::Equal => (!range.contains(&with)).then_some(false),
            Compare::AnyBit => (low == high).then_some(low & with != 0),
            Compare::Greater | Compare::AtLeast => {
                let (of_low, of_high) = (other.compare.holds(low, with), other.compare.holds(high, with));
                (of_low == of_high).then_some(of_low)
            }
        }
    }
}

/// What is known of the left side of `test` by its answer.
fn range(test: &Test, answer: bool) -> Option<RangeInclusive<u32>> {
    let Value::Number(with) = test.right else { return None };
    match (test.compare, answer) {
        (Compare::Equal, true) => Some(with..=with),
        (Compare::Greater, true) => Some(with.checked_add(1)?..=u32::MAX),
        (Compare::Greater, false) => Some(0..=with),
        (Compare::AtLeast, true) => Some(with..=u32::MAX),
        (Compare::AtLeast, false) => Some(0..=with.checked_sub(1)?),
        (Compare::Equal, false) | (Compare::AnyBit, _) => None,
    }
}
