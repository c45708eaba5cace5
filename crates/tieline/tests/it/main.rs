//! Stories over the whole product and conformance with other tools, in one test binary.

mod sigma;
