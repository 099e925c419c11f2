//! Who reads environment variables: the apps, which pass on what they read.
//!
//! A library that reads one has an argument that its callers cannot see.

use crate::tidy::{Finding, Tree};

/// Finds reads of the environment in libraries.
pub(crate) fn environment(tree: &Tree<'_>) -> Vec<Finding> {
    let libraries = tree.of(&["domain", "adapters-fs", "adapters-process"]);
    let reads = libraries.flat_map(|source| {
        // `var`, `var_os`, `vars` and `vars_os`.
        source.shipped("env::var").map(move |at| (source, at))
    });
    let words = "a library reads the environment: let the app read it and pass the value in";
    reads.map(|(source, at)| source.finding(at, words)).collect()
}
