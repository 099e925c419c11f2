//! What others write (records, event streams, transcripts, events of hooks, lines, settings, definitions) makes no reader
//! panic or break its promises.
//!
//! The same entries as in the folder `fuzz`, over their corpora and over what chance makes of these: a bounded run that
//! needs no fuzzer. What a fuzzer finds is added to the corpus.

use std::fs;
use std::path::PathBuf;

use app_cli::fuzzing::ENTRIES;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// How many inputs chance makes for each entry.
const CASES: u32 = 256;

/// The inputs that are kept for an entry.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../fuzz/corpus", name].iter().collect();
    let listed = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("it can be read")).collect()
}

/// What chance does to an input.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, Index),
    Repeat(Index, Index),
    Splice(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let byte =
        prop_oneof![any::<u8>(), proptest::sample::select(b"\"\\{}[]:,\n\r\0-.0e\xff".to_vec())];
    prop_oneof![
        (any::<Index>(), byte).prop_map(|(at, byte)| Change::Put(at, byte)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Cut(from, to)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Repeat(from, to)),
        any::<(Index, Index)>().prop_map(|(other, at)| Change::Splice(other, at)),
    ]
}

fn changed(mut input: Vec<u8>, changes: &[Change], corpus: &[Vec<u8>]) -> Vec<u8> {
    for change in changes {
        let place = |at: &Index| at.index(input.len() + 1);
        let span = |from: &Index, to: &Index| {
            let (from, to) = (place(from), place(to));
            from.min(to)..from.max(to)
        };
        match change {
            Change::Put(at, byte) => {
                let at = place(at);
                input.get_mut(at).into_iter().for_each(|there| *there = *byte);
            }
            Change::Insert(at, bytes) => {
                let at = place(at);
                drop(input.splice(at..at, bytes.iter().copied()));
            }
            Change::Cut(from, to) => drop(input.drain(span(from, to))),
            Change::Repeat(from, to) => input.extend_from_within(span(from, to)),
            Change::Splice(other, at) => {
                let other = &corpus[other.index(corpus.len())];
                input.truncate(place(at));
                input.extend_from_slice(&other[at.index(other.len() + 1)..]);
            }
        }
        input.truncate(64 * 1024);
    }
    input
}

#[test]
fn nothing_that_others_write_makes_a_reader_panic_or_break_its_promises() {
    for (name, read) in ENTRIES {
        let corpus = corpus(name);
        for input in &corpus {
            read(input);
        }
        let changes = (any::<Index>(), prop::collection::vec(change(), 1..6));
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let tried = TestRunner::new(config).run(&changes, |(seed, changes)| {
            let seed = corpus[seed.index(corpus.len())].clone();
            read(&changed(seed, &changes, &corpus));
            Ok(())
        });
        tried.unwrap_or_else(|failed| panic!("{name}: {failed}"));
    }
}
