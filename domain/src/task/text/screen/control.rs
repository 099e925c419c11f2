//! What a character means to a terminal: text, a move, an erasure, or a part of a control sequence.
//!
//! The sequences are those of ECMA-48, as xterm's document `ctlseqs` lists them. What only changes how text looks, and
//! every sequence that is not known here, means nothing. A line feed ends any sequence, so that one which is never
//! ended costs no more than its own line.

/// The largest number that a sequence can give.
const MOST: usize = 9_999;

/// What a character comes to. Columns and rows count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// It is not shown.
    Nothing,
    /// Text.
    Show(char),
    /// The next row begins.
    LineFeed,
    /// So many columns back.
    Back(usize),
    /// So many columns on.
    Forward(usize),
    /// To this column.
    Column(usize),
    /// So many rows up.
    Up(usize),
    /// So many rows down.
    Down(usize),
    /// To this row and column of what can still change.
    Position {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
    /// From the cursor to the end of the row.
    EraseToEnd,
    /// From the beginning of the row to the cursor.
    EraseFromStart,
    /// The row.
    EraseLine,
    /// So many characters from the cursor on.
    Erase(usize),
    /// The same, and what follows moves up to the cursor.
    Delete(usize),
    /// From the cursor to the end of the last row.
    EraseBelow,
    /// All that can still change.
    EraseScreen,
}

/// Where in a control sequence the text is.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Text,
    Escape,
    /// After an escape and a byte that wants one more, such as the choice of a character set.
    Designation,
    Sequence,
    /// In a string for the terminal itself, such as a title.
    Message,
    /// In such a string, after an escape.
    MessageEscape,
}

/// Reads characters one after another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parser {
    place: Place,
    /// The first two numbers of a sequence; 0 where one is left out.
    numbers: [usize; 2],
    /// Which number is being read.
    index: usize,
}

impl Parser {
    /// What the next character comes to.
    pub(super) fn take(&mut self, c: char) -> Control {
        match (self.place, c) {
            (_, '\n' | '\u{b}' | '\u{c}' | '\u{85}') => {
                self.place = Place::Text;
                return Control::LineFeed;
            }
            (Place::Message, '\u{7}' | '\u{9c}') | (Place::MessageEscape, '\\') => {
                self.place = Place::Text;
            }
            (Place::Message, '\u{1b}') => self.place = Place::MessageEscape,
            (Place::Message, _) => {}
            (_, '\u{1b}') => self.place = Place::Escape,
            // An escape that ends no message begins a sequence.
            (Place::Escape | Place::MessageEscape, c) => return self.escaped(c),
            (Place::Designation, _) => self.place = Place::Text,
            (Place::Sequence, c) => return self.sequence(c),
            (Place::Text, c) => return self.text(c),
        }
        Control::Nothing
    }

    fn text(&mut self, c: char) -> Control {
        match c {
            '\r' => return Control::Column(0),
            '\u{8}' => return Control::Back(1),
            '\u{9b}' => self.begin(),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => self.place = Place::Message,
            '\t' => return Control::Show(c),
            c if c.is_control() => {}
            c => return Control::Show(c),
        }
        Control::Nothing
    }

    fn begin(&mut self) {
        *self = Self { place: Place::Sequence, ..Self::default() };
    }

    fn escaped(&mut self, c: char) -> Control {
        self.place = Place::Text;
        match c {
            '[' => self.begin(),
            ']' | 'P' | 'X' | '^' | '_' => self.place = Place::Message,
            ' '..='/' => self.place = Place::Designation,
            'D' | 'E' => return Control::LineFeed,
            'M' => return Control::Up(1),
            'c' => return Control::EraseScreen,
            _ => {}
        }
        Control::Nothing
    }

    fn sequence(&mut self, c: char) -> Control {
        match c {
            '0'..='9' => {
                let digit = c.to_digit(10).unwrap_or_default() as usize;
                if let Some(number) = self.numbers.get_mut(self.index) {
                    *number = number.saturating_mul(10).saturating_add(digit).min(MOST);
                }
                return Control::Nothing;
            }
            ';' | ':' => {
                self.index += 1;
                return Control::Nothing;
            }
            ' '..='?' => return Control::Nothing,
            _ => self.place = Place::Text,
        }
        let [first, second] = self.numbers;
        let (count, other) = (first.max(1), second.max(1));
        match (c, first) {
            ('A', _) => Control::Up(count),
            ('B' | 'e', _) => Control::Down(count),
            ('C' | 'a', _) => Control::Forward(count),
            ('D', _) => Control::Back(count),
            ('G' | '`', _) => Control::Column(count - 1),
            ('H' | 'f', _) => Control::Position { row: count - 1, column: other - 1 },
            ('J', 0) => Control::EraseBelow,
            ('J', 2) => Control::EraseScreen,
            ('K', 0) => Control::EraseToEnd,
            ('K', 1) => Control::EraseFromStart,
            ('K', 2) => Control::EraseLine,
            ('P', _) => Control::Delete(count),
            ('X', _) => Control::Erase(count),
            // A character that belongs in no sequence ends it and is itself.
            (c, _) if c.is_control() => self.text(c),
            _ => Control::Nothing,
        }
    }
}
