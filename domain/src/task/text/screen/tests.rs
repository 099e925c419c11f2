//! What comes out of a screen, by example and by law.

use super::*;
use proptest::prelude::*;
use std::format;
use std::string::ToString;

#[test]
fn what_was_drawn_over_is_not_shown() {
    for (written, shown) in [
        ("step 1\rstep 2\rstep 3\n", "step 3\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("long text\rab\n", "abng text\n"),
        ("long text\r\u{1b}[Kab\n", "ab\n"),
        ("long text\r         \rab\n", "ab\n"),
        ("passwort\u{8}d\n", "password\n"),
        ("\u{1b}[1;31mred\u{1b}[0m \u{9b}32mgreen\n", "red green\n"),
        (
            "\u{1b}]0;a title\u{7}text\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\\n",
            "textlink\n",
        ),
        ("\u{1b}Pa device string\u{1b}\\shown\n", "shown\n"),
        ("one\ntwo\n\u{1b}[2A\u{1b}[2KONE\n\u{1b}[2KTWO\n", "ONE\nTWO\n"),
        ("one\ntwo\nthree\n\u{1b}[2A\u{1b}[Jend\n", "one\nend\n"),
        ("frame 1\nmore\n\u{1b}[H\u{1b}[2Jframe 2\n", "frame 2\n"),
        ("\u{1b}[2Jafter\n", "after\n"),
        ("abcdef\u{1b}[3G\u{1b}[2P\n", "abef\n"),
        ("abcdef\u{1b}[3D\u{1b}[1X\n", "abc ef\n"),
        ("\u{1b}(Bplain\u{1b}=\u{1b}[?25l\n", "plain\n"),
        ("bell\u{7} and nul\0\n", "bell and nul\n"),
        ("\u{1b}]0;a title without an end\nthe next line\n", "\nthe next line\n"),
        ("no end\u{1b}[", "no end"),
        // Wide characters take two columns, and half of one is a blank.
        ("漢字\rab\n", "ab字\n"),
        ("漢字\ra\n", "a 字\n"),
        ("漢字\u{1b}[2Gx\n", " x字\n"),
        ("漢字\u{8}\u{8}x\n", "漢x\n"),
        ("abcd\r漢\n", "漢cd\n"),
        ("漢字漢\u{1b}[4G\u{1b}[K\n", "漢\n"),
        ("漢字漢\u{1b}[3G\u{1b}[2P\n", "漢漢\n"),
        ("😀 1 %\r😀 99 %\n", "😀 99 %\n"),
        // Marks stand on the character before them, and go with it.
        ("e\u{301}te\rxy\n", "xye\n"),
        ("ete\re\u{301}\n", "e\u{301}te\n"),
        ("ae\u{301}o\u{1b}[1G\u{1b}[1P\n", "e\u{301}o\n"),
        ("\u{301}a\rb\n", "ba\n"),
        // A tab goes on to the next stop, and wipes nothing out.
        ("a\tb\rc\n", "c\tb\n"),
        ("a\tb\rcdefghijk\n", "cdefghijk\n"),
        ("abcdefghij\r\tX\n", "abcdefghXj\n"),
        ("a\tb\u{1b}[4GX\n", "a  X    b\n"),
        ("abc\r\t\tx\n", "abc     \tx\n"),
        // Once, a program that tidied up behind itself had "printed nothing".
        ("one\ntwo\n\u{1b}[H\u{1b}[2J\u{1b}[3J", "one\ntwo\n"),
        ("one\ntwo\n\u{1b}[2J\u{1b}[H\n", "one\ntwo\n"),
        ("one\ntwo\n\u{1b}[H\u{1b}[J", "one\ntwo\n"),
        ("one\n\u{1b}c", "one\n"),
        ("one\u{1b}[2J\rtwo\u{1b}[2J \u{1b}[2J", "two"),
        ("99 %\r\u{1b}[K", "99 %"),
        ("99 %\u{1b}[2K\r", "99 %"),
        ("done\n99 %\r\u{1b}[K", "done\n"),
        ("\u{1b}[2J\n", "\n"),
        ("", ""),
    ] {
        assert_eq!(settled(written), shown, "{written:?}");
    }
}

#[test]
fn thousands_of_steps_come_out_as_the_last() {
    let steps: String = (1..=5_000).map(|step| format!("\rstep {step}\u{1b}[K")).collect();
    assert_eq!(settled(&format!("{steps}\n")), "step 5000\n");
    let bars: String = (1..=5_000).map(|step| format!("a {step}\nb {step}\n\u{1b}[2A")).collect();
    assert_eq!(settled(&bars), "a 5000\nb 5000\n");
}

#[test]
fn a_row_says_where_it_began_and_a_long_line_is_several() {
    let mut rows = Vec::new();
    let mut screen = Screen::new(Rendering::Settled, 100);
    let long = "ä".repeat(WIDTH + 1);
    for piece in format!("one\n{long}\n\u{1b}[31mtwo").as_bytes().chunks(3) {
        screen.write(piece, &mut |row| rows.push(row));
    }
    assert_eq!(screen.position(), 100 + 4 + 2 * (WIDTH as u64 + 1) + 1 + 5 + 3);
    screen.finish(&mut |row| rows.push(row));
    let begins: Vec<u64> = rows.iter().map(|row| row.begins).collect();
    let second = 104 + 2 * WIDTH as u64;
    assert_eq!(begins, [100, 104, second, second + 3]);
    assert_eq!(rows[2].text, "ä\n");
}

#[test]
fn what_no_row_can_hold_takes_no_memory() {
    let far = "\u{1b}[9999C.\u{1b}[99999999999999999999G.\u{1b}[;;;;;;;;;;;;;5H.\n".repeat(100);
    assert!(settled(&far).chars().count() <= 100 * (MARGIN + 10));
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zä漢 \t]{0,8}",
        "\n",
        "\r",
        "\u{8}",
        "\u{1b}\\[[0-9;]{0,4}[A-KPXmh]",
        "\u{1b}[\\]PXc(M=][a-z]{0,3}",
        "\u{7}",
        "\\PC{0,3}",
        Just("x".repeat(300)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn invariant_nothing_that_a_terminal_acts_on_comes_out_and_pieces_do_not_matter(
        pieces in proptest::collection::vec(piece(), 0..40),
        cut in 1usize..7,
    ) {
        let text = pieces.concat();
        let shown = settled(&text);
        prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        prop_assert_eq!(&settled(&shown), &shown);
        let mut screen = Screen::new(Rendering::Settled, 0);
        let mut rows = Vec::new();
        for piece in text.as_bytes().chunks(cut) {
            screen.write(piece, &mut |row| rows.push(row));
        }
        prop_assert_eq!(screen.position(), text.len() as u64);
        screen.finish(&mut |row| rows.push(row));
        let joined: String = rows.iter().map(|row| row.text.as_str()).collect();
        prop_assert_eq!(joined, shown);
        prop_assert!(rows.windows(2).all(|two| two[0].begins < two[1].begins));
    }

    #[test]
    fn invariant_text_without_control_characters_is_unchanged(text in "(\\PC|\n|\t){0,200}") {
        let mut screen = Screen::new(Rendering::Settled, 0);
        let mut shown = String::new();
        screen.write(text.as_bytes(), &mut |row| shown.push_str(&row.text));
        screen.finish(&mut |row| shown.push_str(&row.text));
        prop_assert_eq!(shown, text);
    }

    #[test]
    fn invariant_verbatim_is_the_text_itself(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        let mut screen = Screen::new(Rendering::Verbatim, 0);
        let mut shown = String::new();
        for piece in bytes.chunks(7) {
            screen.write(piece, &mut |row| shown.push_str(&row.text));
        }
        screen.finish(&mut |row| shown.push_str(&row.text));
        prop_assert_eq!(shown, String::from_utf8_lossy(&bytes).to_string());
    }
}
