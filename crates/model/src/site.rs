/// Purdue level (IEC 62443-1-1, 5.2; ISA-95), from the process up to the enterprise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Sensors and actuators.
    L0,
    /// Controllers, remote terminal units, protection relays.
    L1,
    /// Operator and engineering stations of one area.
    L2,
    /// Site operations: historian, production servers.
    L3,
    /// Between site and enterprise: jump hosts, replicas.
    Dmz,
    /// Site business network: workstations.
    L4,
    /// Enterprise and beyond.
    L5,
}

impl Level {
    /// `0` to `5`, `3.5` for the zone between.
    pub fn name(self) -> &'static str {
        match self {
            Level::L0 => "0",
            Level::L1 => "1",
            Level::L2 => "2",
            Level::L3 => "3",
            Level::Dmz => "3.5",
            Level::L4 => "4",
            Level::L5 => "5",
        }
    }
}

/// What happens to the process when an asset is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    /// Nothing.
    Low,
    /// Operators lose a view or a record.
    Medium,
    /// The process is disturbed or stops.
    High,
    /// People, environment or equipment are at risk.
    Safety,
}

impl Criticality {
    /// Lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Criticality::Low => "low",
            Criticality::Medium => "medium",
            Criticality::High => "high",
            Criticality::Safety => "safety",
        }
    }
}
