//! What is controlled: physics of the process, deterministic.
