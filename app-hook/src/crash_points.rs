//! Where a process dies, or a step of it fails, because a test said so in the variable [`VARIABLE`].
//!
//! Both programs arm it when they begin; it is part of them only with the feature `crash-points`, which the tests of the
//! whole program alone ask for. The points are counted in the order in which the process comes by them: one before each
//! effect and one after it, see `adapters_fs::effect` and `adapters_process::effect`. Main type: `Order`.

use std::ffi::OsStr;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapters_fs::effect::Moment;

/// The variable that arms a point: the verb of the processes it is meant for, the number of the point, what happens
/// there, and the path of a token, with colons in between. The program that only droid starts has the verb `hook`.
///
/// What happens is `kill`; `stop`, until somebody continues the process; `trace`, which lets everything happen and writes each point into the token; or a name of a
/// failure, with a `+` after it if every later step that could fail like this does, too, until there is a file with the
/// name of the token and `.room` after it. A process that finds the token
/// where it would die or fail goes on: of several with this verb, the first is hit. It makes the token, and writes into
/// it at which point it was.
pub const VARIABLE: &str = "__TASK_BG_CRASH_AT";

/// Failures by name, with their number in the system, and the effects that can meet with it; all of them where none is
/// named.
const FAILURES: &[(&str, i32, &[&str])] = &[
    (
        "ENOSPC",
        28,
        &["create", "write", "mkdir", "symlink", "link", "rename", "sync", "mkfifo", "reserve"],
    ),
    (
        "EIO",
        5,
        &[
            "create",
            "write",
            "mkdir",
            "symlink",
            "link",
            "rename",
            "sync",
            "mkfifo",
            "reserve",
            "overwrite",
            "cut",
            "unlink",
            "rmdir",
            "chmod",
            "date",
            "lock",
        ],
    ),
    ("EACCES", 13, &["create", "mkdir", "symlink", "link", "rename", "mkfifo", "unlink", "rmdir"]),
    ("EMFILE", 24, &["create", "start", "run"]),
    ("EAGAIN", 11, &["start", "run"]),
];

/// What was asked for.
#[derive(Debug)]
struct Order {
    at: usize,
    what: What,
    token: PathBuf,
}

#[derive(Debug)]
enum What {
    Kill,
    Stop,
    Trace,
    Fail { errno: i32, among: &'static [&'static str], onward: bool },
}

static ORDER: OnceLock<Order> = OnceLock::new();
static PASSED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicUsize = AtomicUsize::new(0);

/// Arms the point that the environment names, if that is meant for a process with this verb.
pub fn arm(verb: &str) {
    let Some(order) = std::env::var(VARIABLE).ok().and_then(|text| parsed(&text, verb)) else {
        return;
    };
    ORDER.get_or_init(|| order);
    adapters_fs::effect::watch_effects(|what, path, moment| {
        let name = path.file_name().unwrap_or(OsStr::new("/"));
        passed(what, Some(name), moment == Moment::After)
    });
    adapters_process::effect::watch_effects(|what, done| passed(what, None, done));
}

fn parsed(text: &str, verb: &str) -> Option<Order> {
    let mut parts = text.splitn(4, ':');
    parts.next().filter(|meant| *meant == verb)?;
    let at = parts.next()?.parse().ok()?;
    let what = match parts.next()? {
        "kill" => What::Kill,
        "stop" => What::Stop,
        "trace" => What::Trace,
        failure => {
            let name = failure.trim_end_matches('+');
            let (_, errno, among) = FAILURES.iter().find(|known| known.0 == name)?;
            What::Fail { errno: *errno, among, onward: name != failure }
        }
    };
    Some(Order { at, what, token: PathBuf::from(parts.next()?) })
}

/// A point, for people.
struct Point<'a> {
    what: &'static str,
    name: Option<&'a OsStr>,
    done: bool,
}

impl fmt::Display for Point<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.done { "after" } else { "before" }, self.what)?;
        self.name.map_or(Ok(()), |name| write!(f, " {}", name.display()))
    }
}

fn passed(what: &'static str, name: Option<&OsStr>, done: bool) -> Option<io::Error> {
    let order = ORDER.get()?;
    let point = Point { what, name, done };
    match order.what {
        What::Trace => {
            // A test that cannot trace finds an empty list.
            drop(note(&order.token, &point, false));
            None
        }
        What::Kill => {
            let at = PASSED.fetch_add(1, Ordering::SeqCst);
            if at == order.at && note(&order.token, &point, true).is_ok() {
                adapters_process::effect::die();
            }
            None
        }
        What::Stop => {
            let at = PASSED.fetch_add(1, Ordering::SeqCst);
            if at == order.at && note(&order.token, &point, true).is_ok() {
                adapters_process::effect::stop();
            }
            None
        }
        What::Fail { errno, among, onward } => {
            let meant = among.is_empty() || among.iter().any(|kind| what.starts_with(kind));
            if done || !meant {
                return None;
            }
            let at = PASSED.fetch_add(1, Ordering::SeqCst);
            let first = at == order.at && note(&order.token, &point, true).is_ok();
            if first {
                FAILED.store(1, Ordering::SeqCst);
            }
            let goes_on = || FAILED.load(Ordering::SeqCst) == 1 && !room(&order.token).exists();
            let fails = first || (onward && goes_on());
            fails.then(|| io::Error::from_raw_os_error(errno))
        }
    }
}

/// What a test makes so that nothing fails any more.
fn room(token: &Path) -> PathBuf {
    let mut name = token.as_os_str().to_owned();
    name.push(".room");
    PathBuf::from(name)
}

/// Writes a point into the token, which may have to be new.
fn note(token: &Path, point: &Point<'_>, new: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).create_new(new);
    let line = format!("{point}, process {}\n", std::process::id());
    options.open(token)?.write_all(line.as_bytes())
}
