//! The laws of [`repair`](super::repair) and [`suspects`](super::suspects), over any traces and any record.
