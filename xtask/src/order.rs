//! `order`: finds the functions that a supervisor, a launch and a look call, in the order in which they do, and writes
//! their names into `app-cli/order.txt`, by which the linker puts them side by side.
//!
//! A C program (`order/step.c`) runs our own one instruction at a time, which takes minutes. Names are kept without the
//! parts that change with each version of a dependency, so that an old list does nearly as well: a name that fits nothing
//! is passed over, and what is not listed comes after. Main type: [`Symbols`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::{capture, run, succeeds};
use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::scratch::Scratch;
use crate::step::{Outcome, StepResult};

/// The static programs of this target have an order.
const TARGET: &str = "x86_64-unknown-linux-musl";
/// How many bytes of functions that nobody calls a name may bring along before it comes after the others of its group.
const WASTE: u64 = 1024;
/// How long a command takes that is not over at once, in seconds: a supervisor that runs step by step takes a second or two to start
/// it, and many on a busy machine.
const LONG: &str = "20";

/// Finds the order anew.
///
/// # Errors
///
/// When a program cannot be built or does not run.
pub(crate) fn order(repo: &Repo, _: &[String]) -> StepResult {
    if let Err(why) = crate::release::added(TARGET) {
        return Ok(Outcome::Skipped(why));
    }
    for tool in ["cc", "nm"] {
        if !succeeds(Command::new(tool).arg("--version")) {
            return Ok(Outcome::Skipped(format!("{tool} is not installed")));
        }
    }
    let folder = repo.target.join("order");
    let mut build = repo.cargo();
    build.args(["build", "--release", "-p", "app-cli", "--target", TARGET]);
    build.env("CARGO_TARGET_DIR", &folder).env("CARGO_PROFILE_RELEASE_STRIP", "none");
    run(&mut build)?;
    let program = folder.join(TARGET).join("release/task-bg");
    let walk = Walk::prepare(repo, program)?;
    let symbols = Symbols::of(&walk.program)?;
    let groups = walk.groups()?;
    let names = symbols.ordered(&groups);
    let list = repo.root.join("app-cli/order.txt");
    fs::write(&list, names.join("\n") + "\n").during("writing the order")?;
    println!("{} names in {}", names.len(), list.display());
    Ok(Outcome::Done)
}

/// Our program, and what runs it step by step.
struct Walk {
    program: PathBuf,
    step: PathBuf,
    scratch: Scratch,
}

impl Walk {
    fn prepare(repo: &Repo, program: PathBuf) -> Result<Self, Failure> {
        let scratch = Scratch::new()?;
        let step = scratch.places().root().join("step");
        let source = repo.root.join("xtask/src/order/step.c");
        run(Command::new("cc").arg("-O2").arg("-o").arg(&step).arg(source))?;
        Ok(Self { program, step, scratch })
    }

    /// What was called of each group of commands: those of supervisors first, of which there are many at once.
    fn groups(&self) -> Result<Vec<Vec<u64>>, Failure> {
        let id = self.launched(&["--wait"])?;
        // Some work is done only for a command that is not over at once.
        let mut supervisors = self.supervisor(&["sleep", LONG])?;
        supervisors.extend(self.supervisor(&["false"])?);
        supervisors.extend(self.supervisor(&["true"])?);
        let mut launches = self.walked(&["run", "t", "--", "true"])?;
        launches.extend(self.walked(&["run", "t", "--hold", "--", "true"])?);
        let mut looks = self.walked(&["status", &id])?;
        looks.extend(self.walked(&["wait", &id])?);
        looks.extend(self.walked(&["output", &id])?);
        looks.extend(self.walked(&["list"])?);
        Ok(vec![supervisors, launches, looks])
    }

    fn store(&self) -> PathBuf {
        self.scratch.places().root().join("store")
    }

    fn dressed(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.scratch.dress(&mut command);
        command.env("TASK_BG_DIR", self.store());
        command
    }

    fn launched(&self, words: &[&str]) -> Result<String, Failure> {
        let mut launch = self.dressed(&self.program);
        let said = capture(launch.args(["run", "t", "--json"]).args(words).args(["--", "true"]))?;
        let said: Value = serde_json::from_str(&said).during("reading the answer of `run`")?;
        Ok(said["taskId"].as_str().unwrap_or_default().to_owned())
    }

    /// The addresses of a command.
    fn walked(&self, words: &[&str]) -> Result<Vec<u64>, Failure> {
        self.followed(words, Stdio::null())
    }

    /// The addresses of a supervisor, which is started here as a launcher would: the task waits, and its life lock is taken.
    fn supervisor(&self, command: &[&str]) -> Result<Vec<u64>, Failure> {
        let mut launch = self.dressed(&self.program);
        let said = capture(launch.args(["run", "t", "--json", "--hold", "--"]).args(command))?;
        let said: Value = serde_json::from_str(&said).during("reading the answer of `run`")?;
        let id = said["taskId"].as_str().unwrap_or_default();
        let lock = fs::File::create(self.store().join(".active").join(id));
        let lock = lock.during("making a life lock")?;
        lock.lock().during("taking a life lock")?;
        let store = self.store();
        self.followed(&["__supervise", id, &store.to_string_lossy()], lock.into())
    }

    fn followed(&self, words: &[&str], input: Stdio) -> Result<Vec<u64>, Failure> {
        let trace = self.scratch.places().root().join("trace");
        let mut step = self.dressed(&self.step);
        step.arg(&trace).arg(&self.program).args(words);
        let followed = step.stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let followed = followed.during("running a program step by step")?;
        if !followed.success() {
            return Err(Failure::new(format!("`{}` ended with {followed}", words.join(" "))));
        }
        let text = fs::read_to_string(&trace).during("reading a trace")?;
        Ok(text.lines().filter_map(|line| u64::from_str_radix(line, 16).ok()).collect())
    }
}

/// The functions of a program, by address.
struct Symbols {
    /// The name, as it is listed, and the length.
    at: BTreeMap<u64, (String, u64)>,
    /// How long all functions of a name are.
    sums: HashMap<String, u64>,
}

impl Symbols {
    fn of(program: &Path) -> Result<Self, Failure> {
        let text = capture(Command::new("nm").args(["-n", "-S"]).arg(program))?;
        let mut symbols = Self { at: BTreeMap::new(), sums: HashMap::new() };
        for line in text.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let (at, length, kind, name) = match fields.as_slice() {
                [at, length, kind, name] => (at, *length, kind, name),
                [at, kind, name] => (at, "0", kind, name),
                _ => continue,
            };
            let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
            if ["t", "T", "w", "W"].contains(kind) && !symbols.at.contains_key(&number(at)) {
                let name = lasting(name);
                *symbols.sums.entry(name.clone()).or_default() += number(length);
                symbols.at.insert(number(at), (name, number(length)));
            }
        }
        Ok(symbols)
    }

    /// The names of what was called, group after group. One that fits much besides comes last in its group.
    fn ordered(&self, groups: &[Vec<u64>]) -> Vec<String> {
        let mut listed: HashSet<&str> = HashSet::new();
        let mut names = Vec::new();
        for addresses in groups {
            let mut wanted: HashMap<&str, u64> = HashMap::new();
            let mut called: HashSet<u64> = HashSet::new();
            let mut order: Vec<&str> = Vec::new();
            for address in addresses {
                let Some((at, (name, length))) = self.at.range(..=address).next_back() else {
                    continue;
                };
                if called.insert(*at) {
                    if !wanted.contains_key(name.as_str()) {
                        order.push(name);
                    }
                    *wanted.entry(name).or_default() += length;
                }
            }
            order.retain(|name| listed.insert(name));
            let waste = |name: &str| {
                let wanted = wanted.get(name).copied().unwrap_or_default();
                let waste = self.sums.get(name).copied().unwrap_or_default().saturating_sub(wanted);
                if waste > WASTE && waste > wanted { waste } else { 0 }
            };
            // Stable: the order of the calls stays.
            order.sort_by_key(|name| waste(name));
            names.extend(order.into_iter().map(str::to_owned));
        }
        names
    }
}

/// A name of a function with `*` for what another build may name otherwise: the hash at its end, and those of crates.
fn lasting(name: &str) -> String {
    let mut lasting = match name.rsplit_once("17h") {
        Some((front, hash)) if hash.len() == 17 && hash.ends_with('E') => format!("{front}17h*E"),
        // The optimiser numbers copies that it makes of a function.
        Some((front, hash)) if hash.get(16..18) == Some("E.") => format!("{front}17h*E.*"),
        _ => name.to_owned(),
    };
    if name.starts_with("_R") {
        let mut parts = name.split("Cs");
        let first = parts.next().unwrap_or_default().to_owned();
        lasting = parts.fold(first, |whole, part| match part.split_once('_') {
            Some((hash, rest)) if hash.chars().all(|letter| letter.is_ascii_alphanumeric()) => {
                format!("{whole}Cs*_{rest}")
            }
            _ => format!("{whole}Cs{part}"),
        });
    }
    lasting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_listed_without_what_another_build_may_name_otherwise() {
        assert_eq!(lasting("_ZN4clap5parse17h0123456789abcdefE"), "_ZN4clap5parse17h*E");
        assert_eq!(lasting("_RNvCs1a2B_3foo3bar"), "_RNvCs*_3foo3bar");
        assert_eq!(lasting("_ZN4clap5parse17h0123456789abcdefE.12"), "_ZN4clap5parse17h*E.*");
        assert_eq!(lasting("memcpy"), "memcpy");
    }
}
