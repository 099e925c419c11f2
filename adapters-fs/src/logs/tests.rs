//! Parts of logs, on real files: at characters' borders, around holes, of any size.

use super::*;
use domain::port::{Gap, Portion};
use domain::task::text::{self, screen::Rendering};
use proptest::prelude::*;
use std::os::unix::fs::FileExt;
use tempfile::TempDir;

fn scratch() -> (FileLogs, DataDir, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().to_path_buf());
    (FileLogs::new(dir.clone()), dir, folder)
}

fn id() -> TaskId {
    TaskId::parse("bg_1").expect("an id")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

/// A log that holds `content`, read in part.
fn part_of(content: &[u8], part: LogPart) -> LogText {
    let (logs, dir, _folder) = scratch();
    fs::write(dir.output(&id()), content).expect("written");
    wait(logs.read(&id(), Stream::Readable, part)).expect("read")
}

fn shown(content: &[u8], what: Portion, room: usize) -> LogText {
    part_of(content, LogPart::Shown { what, rendering: Rendering::Settled, room })
}

fn last_lines(content: &[u8], lines: usize) -> String {
    part_of(content, LogPart::LastLines { lines }).text
}

fn from(content: &[u8], offset: u64, at_most: usize) -> (String, u64) {
    let part = part_of(content, LogPart::From { offset, at_most });
    (part.text, part.next_offset)
}

#[test]
fn a_task_that_has_written_nothing_has_an_empty_log() {
    let (logs, dir, _folder) = scratch();
    let parts = [
        LogPart::Whole,
        LogPart::Shown { what: Portion::Ends, rendering: Rendering::Settled, room: 9 },
        LogPart::Shown { what: Portion::LastLines(9), rendering: Rendering::Settled, room: 9 },
        LogPart::Shown { what: Portion::From(9), rendering: Rendering::Verbatim, room: 9 },
        LogPart::LastLines { lines: 9 },
        LogPart::From { offset: 3, at_most: 9 },
    ];
    for part in parts {
        assert_eq!(wait(logs.read(&id(), Stream::Readable, part)), Ok(LogText::default()));
    }
    assert_eq!(wait(logs.last_write(&id())), Ok(None));
    drop(logs.create_for_agent(&id()).expect("made"));
    assert_eq!(wait(logs.last_write(&id())), Ok(None), "made at launch, written by nobody");
    for part in parts {
        assert_eq!(wait(logs.read(&id(), Stream::Events, part)), Ok(LogText::default()));
    }
    assert_eq!(logs.location(&id(), Stream::Readable), dir.output(&id()).display().to_string());
}

#[test]
fn logs_are_appended_to_by_whoever_opens_them_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let (logs, dir, _folder) = scratch();
    let mut files = logs.create_for_agent(&id()).expect("made");
    let mut again = logs.append_output(&id()).expect("opened");
    files.output.write_all(b"one\n").expect("written");
    again.write_all(b"two\n").expect("written");
    files.output.write_all(b"three\n").expect("written");
    files.events.write_all(b"{}\n").expect("written");
    assert_eq!(fs::read_to_string(dir.output(&id())).expect("read"), "one\ntwo\nthree\n");
    assert!(logs.open_events(&id()).expect("opened").is_some());
    assert!(wait(logs.last_write(&id())).expect("told").is_some());
    for path in [dir.output(&id()), dir.events(&id())] {
        assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_log_that_is_no_plain_file_is_an_error_and_nobody_waits_for_it() {
    let (logs, dir, _folder) = scratch();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.output(&id()), mode).expect("made");
    let fault = wait(logs.read(&id(), Stream::Readable, LogPart::Whole)).expect_err("a pipe");
    assert_eq!(fault.reason, "it is no plain file");
    std::os::unix::fs::symlink("/etc/passwd", dir.events(&id())).expect("made");
    let fault = wait(logs.read(&id(), Stream::Events, LogPart::Whole)).expect_err("a link");
    assert!(fault.reason.contains("it is a symbolic link"), "{fault}");
    assert!(logs.open_events(&id()).is_err());
    assert!(logs.create_for_agent(&id()).is_err(), "a link leads elsewhere");
}

#[test]
fn bytes_that_are_no_text_come_out_as_replacement_characters() {
    let text = part_of(b"a\xffb\xe2\x82c", LogPart::Whole);
    assert_eq!((text.text.as_str(), text.total_bytes), ("a\u{fffd}b\u{fffd}c", 6));
    assert!(!text.truncated);
}

#[test]
fn the_head_and_the_tail_are_whole_lines_and_the_gap_is_named_with_its_offset() {
    let lines: String = (0..100).map(|number| format!("line {number}\n")).collect();
    let part = shown(lines.as_bytes(), Portion::Ends, 80);
    let expected =
        "line 0\nline 1\n\n[… from byte 14 on, 760 bytes left out …]\nline 98\nline 99\n";
    assert_eq!(part.text, expected);
    assert_eq!(part.gap, Some(Gap { offset: 14, bytes: 760 }));
    assert_eq!((part.truncated, part.total_bytes, part.next_offset), (true, 790, 790));
    assert_eq!(shown(b"ab\ncd", Portion::Ends, 100).text, "ab\ncd");
    assert_eq!(shown(b"ab\ncd", Portion::Ends, 100).gap, None);
}

#[test]
fn a_part_is_what_a_terminal_would_show_in_the_end() {
    let steps: String = (1..=5_000).map(|step| format!("\rstep {step}\u{1b}[K")).collect();
    let log = format!("one\n{steps}\n\u{1b}[1mtwo\u{1b}[0m\n");
    for what in [Portion::Ends, Portion::From(0), Portion::LastLines(9)] {
        let part = shown(log.as_bytes(), what, 1_000);
        assert_eq!(part.text, "one\nstep 5000\ntwo\n", "{what:?}");
        assert_eq!((part.next_offset, part.gap), (log.len() as u64, None), "{what:?}");
    }
    assert_eq!(shown(log.as_bytes(), Portion::LastLines(1), 1_000).text, "two\n");
    let raw =
        LogPart::Shown { what: Portion::LastLines(1), rendering: Rendering::Verbatim, room: 1_000 };
    assert_eq!(part_of(log.as_bytes(), raw).text, "\u{1b}[1mtwo\u{1b}[0m\n");
}

#[test]
fn of_last_lines_that_do_not_fit_the_last_ones_are_shown_and_the_rest_is_named() {
    let log = "a line of the log\n".repeat(100_000);
    let part = shown(log.as_bytes(), Portion::LastLines(90_000), 1_000);
    assert_eq!(part.text, "a line of the log\n".repeat(26));
    let bytes = (100_000 - 26) * 18;
    assert_eq!(part.gap, Some(Gap { offset: 0, bytes }));
    let part = shown(log.as_bytes(), Portion::LastLines(20), 1_000);
    assert_eq!((part.text.lines().count(), part.gap, part.truncated), (20, None, true));
    assert_eq!(
        shown(log.as_bytes(), Portion::LastLines(20_000), usize::MAX).text.lines().count(),
        20_000
    );
}

#[test]
fn a_hole_is_named_and_never_read_as_text() {
    let (logs, dir, _folder) = scratch();
    let file = File::create(dir.output(&id())).expect("made");
    file.write_all_at(b"beginning\n", 0).expect("written");
    // Three gigabytes that were given back to the disk.
    let far = 3 << 30;
    file.write_all_at(b"end\n", far).expect("written");
    let read = |part| wait(logs.read(&id(), Stream::Readable, part)).expect("read");
    let ends = LogPart::Shown { what: Portion::Ends, rendering: Rendering::Settled, room: 30_000 };
    for part in [LogPart::Whole, ends] {
        let whole = read(part);
        assert!(whole.truncated);
        assert_eq!(whole.total_bytes, far + 4);
        let text = whole.text.replace('\0', "");
        assert!(text.starts_with("beginning\n\n[… from byte "), "{text}");
        assert!(text.ends_with(" bytes left out …]\nend\n"), "{text}");
        assert!(whole.text.len() < 20_000, "{}", whole.text.len());
    }
    let tail = read(LogPart::LastLines { lines: 5 });
    assert_eq!((tail.text.as_str(), tail.truncated), ("end\n", true));
    let rest = read(LogPart::From { offset: 1 << 20, at_most: 100 });
    assert!(rest.text.ends_with(" bytes left out …]\nend\n"), "{}", rest.text);
    assert_eq!(rest.next_offset, far + 4);
    file.set_len(far * 2).expect("a hole at the end");
    let rest = read(LogPart::From { offset: far + (1 << 20), at_most: 100 });
    assert_eq!(rest.next_offset, far * 2);
}

#[test]
fn the_last_lines_are_whole_lines() {
    assert_eq!(last_lines(b"a\nb\nc\n", 2), "b\nc\n");
    assert_eq!(last_lines(b"a\nb\nc", 2), "b\nc");
    assert_eq!(last_lines(b"a\nb\nc\n", 9), "a\nb\nc\n");
    assert_eq!(last_lines(b"a\n\n\n", 2), "\n\n");
    assert_eq!(last_lines(b"a\nb\n", 0), "");
    let long = [b"x".repeat(200_000), b"\nlast\n".to_vec()].concat();
    assert_eq!(last_lines(&long, 1), "last\n");
    assert_eq!(last_lines(&long, 2).len(), 200_006);
}

#[test]
fn last_lines_longer_than_what_is_looked_through_are_cut_between_characters() {
    let content = format!("first\n{}", "ä".repeat(5 << 20));
    let text = part_of(content.as_bytes(), LogPart::LastLines { lines: 3 });
    assert!(text.truncated);
    assert_eq!(text.text.len(), 8 << 20);
    assert!(text.text.chars().all(|c| c == 'ä'));
}

#[test]
fn reading_on_never_splits_a_character_and_never_gets_stuck() {
    let content = "aä€😀b".as_bytes();
    assert_eq!(from(content, 0, 5), ("aä".into(), 3));
    assert_eq!(from(content, 3, 5), ("€".into(), 6));
    assert_eq!(from(content, 6, 1), ("😀".into(), 10), "one character at least");
    assert_eq!(from(content, 10, 100), ("b".into(), 11));
    assert_eq!(from(content, 11, 100), (String::new(), 11));
    assert_eq!(from(content, 99, 100), (String::new(), 11));
    assert_eq!(from(b"a\xff\xff", 1, 9), ("\u{fffd}\u{fffd}".into(), 3));
    // The rest of it may still be written.
    assert_eq!(from(b"a\xe2\x82", 0, 9), ("a".into(), 1));
    assert_eq!(from(b"a\xe2\x82", 1, 9), (String::new(), 1));
}

#[test]
fn the_beginning_of_a_character_at_the_end_is_counted_and_shown_once_nobody_writes_on() {
    let content = b"one\ntwo\xf0\x9f";
    let size = content.len() as u64;
    let shown = |what| LogPart::Shown { what, rendering: Rendering::Settled, room: 1_000 };
    for (part, text) in [
        (LogPart::From { offset: 4, at_most: 100 }, "two"),
        (LogPart::From { offset: 7, at_most: 100 }, ""),
        (shown(Portion::From(4)), "two"),
        (shown(Portion::From(7)), ""),
        (shown(Portion::LastLines(1)), "two"),
        (shown(Portion::Ends), "one\ntwo"),
    ] {
        let open = part_of(content, part);
        assert_eq!((open.text.as_str(), open.unfinished), (text, 2), "{part:?}");
        let closed = open.closed();
        assert_eq!(
            (closed.text, closed.next_offset),
            (format!("{text}\u{fffd}"), size),
            "{part:?}"
        );
        assert_eq!((closed.gap, closed.unfinished), (None, 0), "{part:?}");
    }
    for part in
        [LogPart::From { offset: 0, at_most: 4 }, LogPart::Whole, shown(Portion::From(size))]
    {
        assert_eq!(part_of(content, part).unfinished, 0, "{part:?}");
    }
}

#[test]
fn reading_on_says_whether_there_is_more() {
    let part = |at_most| part_of(b"0123456789", LogPart::From { offset: 2, at_most });
    assert!(part(4).truncated);
    assert_eq!((part(8).text.as_str(), part(8).truncated), ("23456789", false));
}

proptest! {
    #[test]
    fn invariant_reading_on_in_steps_gives_the_whole_text(text in "\\PC{0,60}", step in 1usize..9) {
        let (logs, dir, _folder) = scratch();
        fs::write(dir.output(&id()), &text).expect("written");
        let (mut read, mut offset) = (String::new(), 0);
        while offset < text.len() as u64 {
            let part = LogPart::From { offset, at_most: step };
            let part = wait(logs.read(&id(), Stream::Readable, part)).expect("read");
            prop_assert!(part.next_offset > offset);
            read.push_str(&part.text);
            offset = part.next_offset;
        }
        prop_assert_eq!(read, text);
    }

    #[test]
    fn invariant_pages_add_up_to_what_was_written(
        content in "(\\PC|\n|\t){0,3000}",
        room in 1usize..4_000,
        verbatim: bool,
    ) {
        let (logs, dir, _folder) = scratch();
        fs::write(dir.output(&id()), &content).expect("written");
        let rendering = if verbatim { Rendering::Verbatim } else { Rendering::Settled };
        let (mut read, mut offset) = (String::new(), 0);
        while offset < content.len() as u64 {
            let part = LogPart::Shown { what: Portion::From(offset), rendering, room };
            let part = wait(logs.read(&id(), Stream::Readable, part)).expect("read");
            prop_assert!(part.next_offset > offset);
            prop_assert!(text::weight(&part.text) <= room.max(4 * 512));
            read.push_str(&part.text);
            offset = part.next_offset;
        }
        prop_assert_eq!(read, content);
    }

    #[test]
    fn invariant_ends_and_gap_add_up_to_the_whole(content in "(\\PC|\n){0,2000}", room in 0usize..3_000) {
        let part = shown(content.as_bytes(), Portion::Ends, room);
        if text::weight(&content) <= room / 2 {
            prop_assert_eq!(&part.text, &content);
        }
        match part.gap {
            None => prop_assert_eq!(part.text, content),
            Some(Gap { offset, bytes }) => {
                let byte = |at| usize::try_from(at).expect("a small log");
                let (from, to) = (byte(offset), byte(offset + bytes));
                let gap = format!("\n[… from byte {offset} on, {bytes} bytes left out …]\n");
                prop_assert_eq!(part.text, format!("{}{gap}{}", &content[..from], &content[to..]));
                prop_assert!(text::weight(&content) - text::weight(&content[from..to]) <= room);
            }
        }
    }

    // Once, a character that the gap cut was waited for: whoever read on stood there for ever.
    #[test]
    fn invariant_whoever_reads_on_comes_to_the_end_also_of_a_log_with_a_gap(
        shift in 0usize..4,
        blocks in (0u64..4, 1u64..4),
        room in 900usize..9_000,
        verbatim: bool,
    ) {
        let (logs, dir, _folder) = scratch();
        let content = format!("{}{}", "x".repeat(shift), "aß€😀\n".repeat(3_000));
        fs::write(dir.output(&id()), &content).expect("written");
        let log = fs::OpenOptions::new().write(true).open(dir.output(&id())).expect("open");
        let hole = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
        let (from, length) = (blocks.0 * 4096, blocks.1 * 4096);
        if rustix::fs::fallocate(&log, hole, from, length).is_err() {
            // This file system makes none.
            return Ok(());
        }
        let rendering = if verbatim { Rendering::Verbatim } else { Rendering::Settled };
        for is_shown in [false, true] {
            let (mut read, mut offset) = (String::new(), 0);
            while offset < content.len() as u64 {
                let shown = LogPart::Shown { what: Portion::From(offset), rendering, room };
                let plain = LogPart::From { offset, at_most: room };
                let part = if is_shown { shown } else { plain };
                let part = wait(logs.read(&id(), Stream::Readable, part)).expect("read");
                prop_assert!(part.next_offset > offset, "{offset} of {}", content.len());
                read.push_str(&part.text);
                offset = part.next_offset;
            }
            prop_assert!(read.ends_with("aß€😀\n"));
            let gap = format!("[… from byte {from} on, {length} bytes left out …]");
            prop_assert!(read.contains(&gap), "{read}");
        }
    }

    #[test]
    fn invariant_any_bytes_can_be_read_in_any_part(
        content: Vec<u8>,
        offset in 0u64..300,
        size in 0usize..300,
    ) {
        let whole = part_of(&content, LogPart::Whole);
        prop_assert_eq!(whole.text, String::from_utf8_lossy(&content));
        for what in [Portion::Ends, Portion::From(offset), Portion::LastLines(size)] {
            let part = shown(&content, what, size);
            prop_assert!(part.next_offset <= content.len() as u64);
        }
        last_lines(&content, size);
        let (_, next) = from(&content, offset, size);
        prop_assert!(next <= content.len() as u64);
    }

    #[test]
    fn invariant_the_last_lines_end_the_text(content in "[a-z\\n]{0,60}", lines in 1usize..9) {
        let all: Vec<&str> = content.split_inclusive('\n').collect();
        let expected = all[all.len().saturating_sub(lines)..].concat();
        prop_assert_eq!(last_lines(content.as_bytes(), lines), expected);
    }
}
