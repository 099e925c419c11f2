//! Keys on a real disk: given once, locked one by one, and what a crash leaves.

use super::*;

#[test]
fn a_key_is_given_once_and_then_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = FileKeys::new(DataDir::at(folder.path().join("store")));
    let open = |key| pollster::block_on(keys.open(key)).expect("opened");
    let (one, two) = (TaskId::parse("bg_1").expect("an id"), TaskId::parse("bg_2").expect("an id"));
    for (key, id) in [("nightly", &one), ("../../x", &two)] {
        let mut entry = open(key);
        assert_eq!(entry.owner(), None);
        pollster::block_on(entry.give(id)).expect("given");
    }
    assert_eq!(open("nightly").owner(), Some(&one));
    assert_eq!(open("../../x").owner(), Some(&two));
    assert!(pollster::block_on(keys.open(&"x".repeat(300))).is_err());
}
