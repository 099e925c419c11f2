//! Which part of a log goes where it may take only so much of the disk: its middle. Its beginning and its end stay.

/// What a hole begins and ends with is rounded to, in bytes: the block of usual file systems.
const BLOCK: u64 = 4 << 10;

/// From how many bytes on a log is made smaller that may take `most`: far below that, so that a fast writer does not pass
/// it between two looks, also on a busy machine.
pub const fn brim(most: u64) -> u64 {
    most / 8 * 3
}

/// Where the middle of a log of this length begins and ends, in bytes; `None` if it has none.
pub fn middle(length: u64, most: u64) -> Option<(u64, u64)> {
    let from = (most / 16).next_multiple_of(BLOCK);
    let to = length.saturating_sub(most / 16 * 3) / BLOCK * BLOCK;
    (to > from).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_log_stay() {
        assert_eq!(middle(4 << 20, 4 << 20), Some((256 << 10, (4 << 20) - (768 << 10))));
        assert_eq!(middle(1 << 20, 4 << 20), None);
        assert_eq!(middle(0, 0), None);
    }
}
