//! Containment that can be read before it happens, ends by itself, and can be taken back.
