//! `top`: a screen of the tasks that follows the store, and keys that act on one.
//!
//! It looks at the store when a file of it changes, and draws when what is shown has changed: while nothing happens, not
//! a byte is written. Once a minute, and only while something runs, it looks at everything, as no file tells of a
//! supervisor that was killed. However it ends, the terminal is as it was.

mod act;
mod board;
mod draw;
mod events;
mod facts;
mod fitting;
mod keys;
mod line;
mod log;
mod order;
mod paint;

use std::time::{Duration, Instant};

use domain::port::output_log::{LogPart, OutputLog, Portion, Stream};
use domain::port::{Clock, StoreError, TaskStore, Whereabouts};
use domain::task::text::counted;
use domain::task::text::screen::Rendering;
use domain::task::{Query, Status, Task, TaskId};
use domain::usecase::list;
use ratatui::buffer::Buffer;
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};

use super::elsewhere;
use crate::Outcome;
use crate::cli::view::task_lines::{self, Times};
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::full_screen::{self, FullScreen};
use crate::kit::screen::Screen;
use act::Actions;
use board::{Board, Mode, Wish};
use events::{Events, Found};
use keys::Key;
use log::Log;

/// The shortest time between two looks at files that change all the time.
const REST: Duration = Duration::from_millis(150);
/// How often everything is looked at while something runs.
const MINUTE: Duration = Duration::from_secs(60);
/// The lines of a log that can be scrolled through.
const LINES: usize = 2_000;
/// What they may weigh: a log may have lines of megabytes.
const ROOM: usize = 2 << 20;

pub(super) fn top(context: &Context) -> Outcome {
    let failed = |error: std::io::Error| {
        Failure::new(
            Kind::Unexpected,
            format!("the store or the terminal cannot be followed: {error}"),
        )
        .hint("run `task-bg list --watch`, which needs neither")
    };
    // Before anything is made: where nobody can see it, nothing is.
    if let Some(why) = console::undrawable(true) {
        let message = format!("`top` draws on a terminal, and {why}");
        return Err(Failure::new(Kind::Usage, message)
            .hint("run `task-bg list` to look once, `task-bg list --watch` on a plain terminal"));
    }
    let screen = FullScreen::enter().map_err(failed)?;
    // What the first task makes is there before it is watched.
    context.wiring.dir.prepare().map_err(failed)?;
    context.wiring.dir.hold();
    let mut events = Events::of(&context.wiring).map_err(failed)?;
    let bell = events.bell().map_err(failed)?;
    let play = || {
        std::thread::scope(|scope| {
            let actions = Actions::new(scope, context, bell);
            let mut shown = Shown { context, screen, buffer: Buffer::default(), is_stale: true };
            let over = pollster::block_on(Box::pin(shown.play(&mut events, &actions)));
            // The terminal comes back before whoever still works is waited for, and a signal ends that.
            drop(shown);
            events.end();
            over
        })
    };
    elsewhere::while_asked(context, play)
}

/// What is on the terminal.
struct Shown<'a> {
    context: &'a Context,
    screen: FullScreen,
    buffer: Buffer,
    /// Whether the terminal shows something else.
    is_stale: bool,
}

impl Shown<'_> {
    async fn play(&mut self, events: &mut Events, actions: &Actions<'_, '_>) -> Outcome {
        let mut board = Board::new();
        look(self.context, &mut board).await?;
        let (mut whole, mut looked) = (Instant::now(), None::<Instant>);
        let (mut found, mut followed) = (Found::default(), None);
        loop {
            let selected = board.task().map(|task| task.id().clone());
            if selected != followed {
                let logs = &self.context.wiring.logs;
                let log = selected.as_ref().map(|id| logs.whereabouts(id, Stream::Readable));
                events.follow(log.as_deref());
                detail(self.context, &mut board).await;
                followed = selected;
            }
            if let Err(code) = self.draw(&mut board) {
                return Ok(Answer::exiting(code));
            }
            let runs = board.tasks.values().any(|task| task.status() == Status::Running);
            let minute = runs.then(|| MINUTE.saturating_sub(whole.elapsed()));
            let rest = |looked: Instant| REST.saturating_sub(looked.elapsed());
            let at_most = if found.is_any() { looked.map(rest) } else { minute };
            let now = events.next(&self.context.wiring, at_most, self.screen.behind());
            if now.found.is_store_gone {
                return Err(gone(self.context));
            }
            if now.is_over {
                return Ok(Answer::nothing());
            }
            if let Some(signal) = now.signal {
                self.signalled(events, signal);
            }
            let mut keys = now.keys.into_iter().peekable();
            while let Some(key) = keys.next() {
                let is_break = board.is_line_break(&key, keys.peek());
                let key = if is_break { Key::Pasted("\n".to_owned()) } else { key };
                match board.press(&key) {
                    None => {}
                    Some(Wish::Quit) => return Ok(Answer::nothing()),
                    Some(Wish::Suspend) => self.signalled(events, SIGTSTP),
                    Some(Wish::Redraw) => self.is_stale = true,
                    Some(wish) => board.message = Some(actions.begin(wish)),
                }
            }
            while let Ok(done) = actions.done.try_recv() {
                look(self.context, &mut board).await?;
                board.message = Some(done.words);
                done.made.iter().for_each(|id| board.select(id));
            }
            found.add(now.found);
            found.is_all |= runs && whole.elapsed() >= MINUTE;
            // What changes all the time is looked at a few times a second.
            if found.is_any() && looked.is_none_or(|looked| looked.elapsed() >= REST) {
                let found = std::mem::take(&mut found);
                if found.is_all {
                    whole = Instant::now();
                }
                self.changed(&mut board, found).await?;
                looked = Some(Instant::now());
            }
        }
    }

    /// Looks at what changed.
    async fn changed(&self, board: &mut Board, found: Found) -> Result<(), Failure> {
        if found.is_all {
            look(self.context, board).await?;
        } else if !found.changed.is_empty() {
            for id in &found.changed {
                read(self.context, board, id).await;
            }
            arrange(self.context, board).await;
        }
        if board.is_emptied() {
            return Err(emptied(self.context, board.lost));
        }
        detail(self.context, board).await;
        Ok(())
    }

    /// Draws what is not on the terminal yet, unless that has not taken what was drawn last.
    fn draw(&mut self, board: &mut Board) -> Result<(), u8> {
        let unwritten = |error| console::unwritten(&error);
        self.screen.write(&[]).map_err(unwritten)?;
        if self.screen.behind().is_some() {
            return Ok(());
        }
        let size = Screen::of(std::io::stdout());
        board.page = match board.mode {
            Mode::Log(_) => size.height.saturating_sub(3),
            Mode::List | Mode::Filter | Mode::Resume(_) | Mode::Cancel | Mode::Help => {
                draw::parts(size.height).list
            }
        };
        let now = self.context.wiring.clock.now();
        let next = draw::frame(board, size, console::has_colours(), now);
        let mut bytes = Vec::new();
        if self.is_stale || *self.buffer.area() != *next.area() {
            bytes.extend_from_slice(b"\x1b[0m\x1b[2J\x1b[H");
            self.buffer = Buffer::empty(*next.area());
            self.is_stale = false;
        }
        bytes.extend(paint::painted(&self.buffer, &next));
        self.buffer = next;
        self.screen.write(&bytes).map_err(unwritten)
    }

    /// Does what a signal means: it ends this process, or gives the terminal away for a while, or only has it drawn anew.
    fn signalled(&mut self, events: &mut Events, signal: i32) {
        self.is_stale = true;
        if signal == SIGWINCH {
            return;
        }
        self.screen.leave();
        if signal != SIGCONT {
            // Whoever started this process sees which signal ended it.
            drop(signal_hook::low_level::emulate_default_handler(signal));
        }
        while !full_screen::is_in_front() {
            // What ended it meanwhile is done next: to take the terminal of another job stops whoever tries.
            if events.is_ending() {
                return;
            }
            drop(signal_hook::low_level::emulate_default_handler(SIGTSTP));
        }
        drop(self.screen.again());
    }
}

/// Looks at everything, and completes what others left.
async fn look(context: &Context, board: &mut Board) -> Result<(), Failure> {
    let listed = list::list(context.wiring.world(), &Query::default()).await?;
    context.wiring.admit_in_passing().await;
    board.unreadable = listed.listing.unreadable.len();
    board.replace(listed.listing.tasks.into_iter().map(|task| (task.id().clone(), task)).collect());
    board.short = context.short(task_lines::named(board.tasks.values())).await;
    arrange(context, board).await;
    Ok(())
}

/// Reads one record that changed. One that cannot be read now stays as it was.
async fn read(context: &Context, board: &mut Board, id: &TaskId) {
    match context.wiring.store.load(id).await {
        Ok(task) => {
            let is_new = board.tasks.insert(id.clone(), task).is_none();
            if is_new {
                let named = board.tasks.values().map(Task::id);
                board.short = context.short(named).await;
            }
        }
        Err(StoreError::NotFound { .. }) => board.remove(id),
        Err(_) => {}
    }
}

/// Reads who waits, and puts the tasks in order.
async fn arrange(context: &Context, board: &mut Board) {
    let waits = board.tasks.values().any(|task| task.status() == Status::Queued);
    board.queue = if waits { context.queue().await.unwrap_or_default() } else { Vec::new() };
    board.arrange();
}

/// Reads what the selected task wrote, and why it waits.
async fn detail(context: &Context, board: &mut Board) {
    let before = std::mem::take(&mut board.detail);
    let Some(task) = board.task() else { return };
    let what = Portion::LastLines(LINES);
    let part = LogPart::Shown { what, rendering: Rendering::Settled, room: ROOM };
    let read = context.wiring.logs.read(task.id(), Stream::Readable, part).await;
    let mut read = read.unwrap_or_default();
    if let (Some(host), true) = (task.kept_on(), read.text.is_empty()) {
        let short = task_lines::short_id(task.id(), board.short);
        read.text = format!("[what it writes is on {host}: `task-bg output {short}`]");
    }
    let lines = read.text.lines().map(ToOwned::to_owned).collect();
    let above = read.truncated.then(|| {
        let short = task_lines::short_id(task.id(), board.short);
        format!("[what it wrote before: `task-bg output --full {short}`]")
    });
    let log = Log::new(task.id().clone(), lines, above).after(&before.log);
    let waits = context.waits(std::slice::from_ref(task)).await;
    let waits = waits.first().map(|found| {
        task_lines::obstacle(board.short, context.wiring.clock.now(), Times::Calm, found)
    });
    board.detail = board::Detail { log, waits };
}

/// That the records are gone, and the folder may be one that was made anew.
fn emptied(context: &Context, lost: usize) -> Failure {
    if context.wiring.dir.settle() != Whereabouts::Here {
        return gone(context);
    }
    let root = context.wiring.dir.root().display();
    let what = counted(lost, "task");
    let message = format!("the store `{root}` was emptied, and {what} had not ended");
    Failure::new(Kind::StoreUnavailable, message)
        .hint("`task-bg doctor` names what still runs; `task-bg top` shows what comes now")
}

/// That the store is not where it was.
pub(super) fn gone(context: &Context) -> Failure {
    let dir = &context.wiring.dir;
    // It may have been found by now.
    if dir.settle() == Whereabouts::Moved || dir.moved_from().is_some() {
        let from = dir.moved_from().unwrap_or(dir.root()).display();
        let now = dir.root().display();
        return Failure::new(
            Kind::StoreUnavailable,
            format!("the store `{from}` is not there any more: it was moved to `{now}`"),
        )
        .hint("set `TASK_BG_DIR` to that folder, and look again");
    }
    let root = dir.root().display();
    Failure::new(Kind::StoreUnavailable, format!("the store `{root}` is not there any more")).hint(
        "somebody removed it, or moved it to another disk; `task-bg doctor` says what there is",
    )
}
