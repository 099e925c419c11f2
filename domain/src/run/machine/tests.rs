//! The laws of the [`Machine`](super::Machine), over any order of inputs.
