//! What is to be known of a program's file: whether it needs another one to run, and whether it names its build.
//!
//! It reads 64-bit little-endian ELF and nothing else.

/// The kind of a segment that names the program that loads this one.
const INTERPRETER: u32 = 3;
/// The kind of a segment with notes.
const NOTE: u32 = 4;
/// The kind of a note that names a build.
const BUILD_ID: u32 = 3;

/// What is wrong with a program that is shipped; `None` if nothing is.
pub(crate) fn fault(program: &[u8]) -> Option<&'static str> {
    let Some(segments) = segments(program) else { return Some("it is no 64-bit ELF program") };
    if segments.iter().any(|(kind, _)| *kind == INTERPRETER) {
        return Some("it is not static: it needs a loader");
    }
    let notes = segments.iter().filter(|(kind, _)| *kind == NOTE);
    if !notes.into_iter().any(|(_, bytes)| names_build(bytes)) {
        return Some("it has no build id");
    }
    None
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let field: [u8; N] = bytes.get(at..at + N)?.try_into().ok()?;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The kinds and the bytes of the segments.
fn segments(program: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    if !program.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let place = |number: u64| usize::try_from(number).ok();
    let (first, size) = (place(number::<8>(program, 32)?)?, place(number::<2>(program, 54)?)?);
    let count = place(number::<2>(program, 56)?)?;
    let segment = |index: usize| {
        let at = first + index * size;
        let kind = u32::try_from(number::<4>(program, at)?).ok()?;
        let (offset, length) =
            (place(number::<8>(program, at + 8)?)?, place(number::<8>(program, at + 32)?)?);
        Some((kind, program.get(offset..offset.checked_add(length)?)?))
    };
    (0..count).map(segment).collect()
}

/// Whether one of these notes is the name of the build.
fn names_build(mut notes: &[u8]) -> bool {
    let padded =
        |length: u64| usize::try_from(length).ok().map(|length| length.next_multiple_of(4));
    loop {
        let header = (number::<4>(notes, 0), number::<4>(notes, 4), number::<4>(notes, 8));
        let (Some(name), Some(value), Some(kind)) = header else { return false };
        if kind == u64::from(BUILD_ID) && notes.get(12..16) == Some(b"GNU\0") && value > 0 {
            return true;
        }
        let (Some(name), Some(value)) = (padded(name), padded(value)) else { return false };
        match notes.get(12 + name + value..) {
            Some(rest) if !rest.is_empty() => notes = rest,
            Some(_) | None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn a_program_that_needs_a_loader_is_found_out() {
        let shell = std::fs::read("/bin/sh").expect("a shell");
        assert_eq!(fault(&shell), Some("it is not static: it needs a loader"));
        assert_eq!(fault(b"#!/bin/sh\n"), Some("it is no 64-bit ELF program"));
        assert_eq!(fault(&shell[..40]), Some("it is no 64-bit ELF program"));
    }
}
