//! Valves: what flows through them, how fast they move, how late they act.

/// Mass flow through a valve of the rig, fitted to opening and pressure difference (C15).
///
/// `opening` has powers 3 to 0; `s` is 10 times the square root of the difference in bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Factors of `s`, by falling powers of the opening.
    with_pressure: [f64; 4],
    /// What does not depend on pressure, by falling powers of the opening, kg/s.
    without: [f64; 4],
}

/// The valve between the source and the suction plenum.
pub const SUCTION: Fit = Fit {
    with_pressure: [
        -0.423_884_232_813_775,
        0.626_400_271_518_973,
        -0.099_504_016_838_475_3,
        0.020_153_556_363_031_8,
    ],
    without: [
        -0.490_814_924_104_294,
        0.843_580_880_467_905,
        -0.423_103_455_111_209,
        0.038_684_140_648_288_7 + 0.0051,
    ],
};

/// The valve between the discharge plenum and the header.
pub const DISCHARGE: Fit = Fit {
    with_pressure: [-0.008_345_4, -0.009_496_5, 0.168_26, -0.032_215],
    without: [-0.611_99, 0.941_75, -0.485_22, 0.103_69 + 0.017],
};

/// Opening below which the fits no longer describe a valve (flow would fall as the pressure rises, and leak
/// when shut): from here flow goes to nothing in proportion to the opening.
const FIT_FROM: f64 = 0.2;
/// `s` at 0.0025 bar; below, flow goes to nothing in proportion to the difference, as laminar flow does.
const LAMINAR_S: f64 = 0.5;

impl Fit {
    /// Mass flow in kg/s at `opening` (0 shut to 1 open) from a place at `from_bar` to one at `to_bar`;
    /// negative when the second pressure is higher, and then as large as the other way round.
    pub fn flow_kg_s(&self, opening: f64, from_bar: f64, to_bar: f64) -> f64 {
        let difference = from_bar - to_bar;
        let s = 10.0 * difference.abs().sqrt();
        let fitted = self.fitted(opening.max(FIT_FROM), s.max(LAMINAR_S)).max(0.0);
        let nearly_shut = (opening / FIT_FROM).clamp(0.0, 1.0);
        let laminar = (s / LAMINAR_S).min(1.0);
        (fitted * nearly_shut * laminar * laminar).copysign(difference)
    }

    fn fitted(&self, opening: f64, s: f64) -> f64 {
        cubic(self.with_pressure, opening) * s + cubic(self.without, opening)
    }
}

fn cubic([a, b, c, d]: [f64; 4], x: f64) -> f64 {
    ((a * x + b) * x + c) * x + d
}

/// Steady mass flow through the recycle (anti-surge) valve in kg/s, from discharge to suction (C15); the
/// valve is tight up to an opening of 0.01 and lets nothing back.
pub fn recycle_kg_s(opening: f64, suction_bar: f64, discharge_bar: f64) -> f64 {
    const TIGHT: f64 = 0.01;
    const LAMINAR_BAR: f64 = 0.01;
    let difference = discharge_bar - suction_bar;
    if opening <= TIGHT || difference <= 0.0 {
        return 0.0;
    }
    // The fit's constant would flow without any pressure; it fades with the last hundredth of a bar.
    let constant = 0.0263 * (difference / LAMINAR_BAR).min(1.0);
    0.0047 * (1e5 * difference).sqrt() * opening + constant
}

/// A valve that moves towards where it is told at a limited rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    /// Where it is, 0 shut to 1 open.
    pub(crate) opening: f64,
    /// How far it moves in a second.
    rate_per_s: f64,
}

impl Stroke {
    pub(crate) fn new(opening: f64, rate_per_s: f64) -> Self {
        Self { opening, rate_per_s }
    }

    pub(crate) fn towards(&mut self, wanted: f64, seconds: f64) {
        let most = self.rate_per_s * seconds;
        self.opening += (wanted.clamp(0.0, 1.0) - self.opening).clamp(-most, most);
    }
}

/// A command that arrives `length` steps after it was given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delay {
    under_way: Vec<f64>,
    next: usize,
}

impl Delay {
    pub(crate) fn new(length: usize, value: f64) -> Self {
        Self { under_way: vec![value; length], next: 0 }
    }

    /// Gives `value` on its way and takes what arrives; without length it arrives at once.
    pub(crate) fn pass(&mut self, value: f64) -> f64 {
        let Some(place) = self.under_way.get_mut(self.next) else { return value };
        let arrived = std::mem::replace(place, value);
        self.next = (self.next + 1) % self.under_way.len();
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Openings that the fits are asked for: the suction fit has its largest flow at about 0.9.
    fn openings() -> impl Iterator<Item = f64> {
        (0..=17).map(|step| f64::from(step) / 20.0)
    }

    fn pressures() -> impl Iterator<Item = f64> {
        (2..=40).map(|step| f64::from(step) / 100.0)
    }

    #[test]
    fn more_pressure_never_lets_less_through() {
        for valve in [SUCTION, DISCHARGE] {
            for opening in openings() {
                let flows: Vec<f64> =
                    pressures().map(|bar| valve.flow_kg_s(opening, 1.0 + bar, 1.0)).collect();
                assert!(flows.is_sorted(), "{opening}: {flows:?}");
            }
        }
    }

    #[test]
    fn a_wider_opening_never_lets_less_through() {
        for valve in [SUCTION, DISCHARGE] {
            for bar in pressures() {
                let flows: Vec<f64> =
                    openings().map(|opening| valve.flow_kg_s(opening, 1.0 + bar, 1.0)).collect();
                assert!(flows.is_sorted(), "{bar} bar: {flows:?}");
            }
        }
    }

    #[test]
    fn a_shut_valve_is_tight_and_a_valve_has_no_favourite_direction() {
        for valve in [SUCTION, DISCHARGE] {
            assert_eq!(valve.flow_kg_s(0.0, 1.3, 1.0), 0.0);
            assert_eq!(valve.flow_kg_s(0.5, 1.3, 1.0), -valve.flow_kg_s(0.5, 1.0, 1.3));
            assert_eq!(valve.flow_kg_s(0.5, 1.0, 1.0), 0.0);
        }
        assert_eq!(recycle_kg_s(0.01, 0.9, 1.2), 0.0);
        assert_eq!(recycle_kg_s(1.0, 1.0, 0.9), 0.0);
    }

    #[test]
    fn a_valve_moves_no_faster_than_its_drive() {
        let mut valve = Stroke::new(0.7, 0.05);
        valve.towards(0.25, 1.0);
        assert!((valve.opening - 0.65).abs() < 1e-12);
        valve.towards(-3.0, 100.0);
        assert_eq!(valve.opening, 0.0);
    }

    #[test]
    fn a_delayed_command_arrives_after_its_steps() {
        let mut delay = Delay::new(3, 0.0);
        let arrived: Vec<f64> = [1.0, 2.0, 3.0, 4.0, 5.0].map(|value| delay.pass(value)).to_vec();
        assert_eq!(arrived, [0.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(Delay::new(0, 0.0).pass(7.0), 7.0);
    }
}
