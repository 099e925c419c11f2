//! Suggestions for a name that nobody has: the known names most like it. Compares letters only.

use alloc::vec::Vec;

/// The most names that are worth showing.
const SHOWN: usize = 5;

/// The names among `known` that `typed` may have been meant to be, nearest first.
pub fn near<'a, N: AsRef<str> + Ord + ?Sized>(
    typed: &str,
    known: impl Iterator<Item = &'a N>,
) -> Vec<&'a N> {
    let typed = typed.to_ascii_lowercase();
    let mut near: Vec<(usize, &N)> = known
        .filter_map(|name| {
            let other = name.as_ref().to_ascii_lowercase();
            let steps = distance(&typed, &other);
            let part = typed.len() >= 3 && (other.contains(&typed) || typed.contains(&other));
            (part || steps <= (typed.len() / 3).max(1)).then_some((steps, name))
        })
        .collect();
    near.sort();
    near.into_iter().take(SHOWN).map(|(_, name)| name).collect()
}

/// How many letters have to be put in, taken out or exchanged to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let exchanged = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn invariant_a_distance_is_the_same_both_ways_and_0_only_to_itself(a in "[a-c]{0,8}", b in "[a-c]{0,8}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }

    #[test]
    fn a_slip_of_the_finger_and_a_part_of_a_name_are_near() {
        let known = ["explorer", "executor-low", "executor-med", "librarian", "oracle"];
        let near = |typed: &str| super::near(typed, known.into_iter());
        assert_eq!(near("exporer"), ["explorer"]);
        assert_eq!(near("Oracel"), ["oracle"]);
        assert_eq!(near("executor"), ["executor-low", "executor-med"]);
        assert!(near("zzz").is_empty());
        assert!(near("x").is_empty());
    }
}
