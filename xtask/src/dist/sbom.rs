//! What the programs are made of: every crate with its version, licence and sum, as `CycloneDX`.
//!
//! Cargo says it; nothing is looked up. It has no time and no number, so that the same crates give the same list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::contents::LICENCE;
use crate::command::capture;
use crate::failure::{During, Failure};
use crate::repo::Repo;

/// The crates whose programs are shipped.
const SHIPPED: [&str; 2] = ["app-cli", "app-hook"];

/// The list for the programs of this version, built for this target.
///
/// # Errors
///
/// When cargo does not say what is needed.
pub(crate) fn of(repo: &Repo, version: &str, target: &str) -> Result<String, Failure> {
    let mut cargo = repo.cargo();
    // What is linked, with the features that a build turns on: what only tests need is not among it.
    cargo.args(["tree", "--locked", "--edges", "normal", "--target", target]);
    cargo.args(["--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"]);
    cargo.args(SHIPPED.iter().flat_map(|package| ["-p", package]));
    let said = capture(&mut cargo)?;
    let lock = fs::read_to_string(repo.root.join("Cargo.lock")).during("reading `Cargo.lock`")?;
    let sums = sums(&lock);
    let crates: BTreeSet<(String, String, String)> = said.lines().filter_map(parsed).collect();
    // A crate without a sum is one of the workspace, and so the program itself.
    let components = crates.iter().filter_map(|(name, version, licence)| {
        let sum = sums.get(&(name.clone(), version.clone()))?;
        Some(component(name, version, licence, sum))
    });
    let list = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application",
            "name": "task-bg",
            "version": version,
            "licenses": [{"expression": LICENCE}],
        }},
        "components": components.collect::<Vec<_>>(),
    });
    Ok(format!("{list:#}\n"))
}

/// The name, the version and the licence of a crate, of a line such as `clap v4.6.0|MIT OR Apache-2.0`.
fn parsed(line: &str) -> Option<(String, String, String)> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some((name.to_owned(), version.to_owned(), licence.trim().replace('/', " OR ")))
}

fn component(name: &str, version: &str, licence: &str, sum: &str) -> Value {
    let purl = format!("pkg:cargo/{name}@{version}");
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{"expression": licence}],
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": sum}],
    })
}

/// The sums of the crates, by name and version, as `Cargo.lock` has them.
fn sums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |part: &str, key: &str| {
        let line = part.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let parts = lock.split("[[package]]").skip(1);
    parts
        .filter_map(|part| {
            Some(((value(part, "name")?, value(part, "version")?), value(part, "checksum")?))
        })
        .collect()
}
