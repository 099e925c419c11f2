//! The outer ring: one verb a file.
