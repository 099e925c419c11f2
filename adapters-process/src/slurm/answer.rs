//! What the programs of Slurm print, read.
//!
//! A line that is not understood is passed over: it is about a job of somebody's own. Nothing here starts anything.

use std::collections::{BTreeMap, BTreeSet};

use domain::plan::job::JobSeen;
use domain::port::cluster::Submitted;
use domain::task::{TaskId, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What `squeue` is to print of each job: number, state, name, node, end, partition, licences, comment and reason, which
/// alone may hold anything, and so stands last.
pub(super) const FORMAT: &str = "%A|%T|%j|%N|%e|%P|%W|%k|%r";

/// The jobs that are named after tasks, and say so in their comment; of several of one task the newest.
pub(super) fn jobs(said: &str) -> BTreeMap<TaskId, JobSeen> {
    let mut jobs: BTreeMap<TaskId, JobSeen> = BTreeMap::new();
    for (id, seen) in said.lines().filter_map(job) {
        let number = |job: &JobSeen| job.id.parse::<u64>().unwrap_or(0);
        match jobs.get(&id) {
            Some(known) if number(known) > number(&seen) => {}
            Some(_) | None => drop(jobs.insert(id, seen)),
        }
    }
    jobs
}

fn job(line: &str) -> Option<(TaskId, JobSeen)> {
    let mut fields = line.splitn(9, '|');
    let mut next = || fields.next();
    let (id, state, name, node) = (next()?, next()?, next()?, next()?);
    let (end, partition, licences, comment, reason) = (next()?, next()?, next()?, next()?, next()?);
    if comment != format!("task-bg {name}") {
        return None;
    }
    let known = |text: &str| match text {
        "(null)" | "N/A" => String::new(),
        text => text.to_owned(),
    };
    let seen = JobSeen {
        id: id.to_owned(),
        state: state.to_owned(),
        reason: reason.trim().to_owned(),
        partition: partition.to_owned(),
        node: known(node),
        licences: known(licences),
        end: moment(end),
    };
    Some((TaskId::parse(name).ok()?, seen))
}

/// A moment as Slurm prints it for whoever asks from UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let moment: DateTime = text.parse().ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp::from_micros(moment.timestamp().as_microsecond()))
}

/// The answer of `sbatch --parsable`: a number, and the cluster behind a semicolon where there are several.
pub(super) fn submitted(said: &str) -> Option<Submitted> {
    let line = said.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let (id, cluster) = line.split_once(';').map_or((line, None), |(id, it)| (id, Some(it)));
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Submitted { id: id.to_owned(), cluster: cluster.map(ToOwned::to_owned) })
}

/// The lines `Name = value` of `scontrol show config`.
pub(super) fn config(said: &str) -> Vec<(String, String)> {
    let pairs = said.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// The value of `Name=value` in a line of such pairs. For values without blanks.
pub(super) fn value(said: &str, name: &str) -> Option<String> {
    let pairs = said.split_whitespace().filter_map(|pair| pair.split_once('='));
    let found = pairs.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty())
}

/// The partitions that are up, of lines `name|up`.
pub(super) fn partitions(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.trim().split_once('|'));
    let mut up: Vec<String> =
        lines.filter(|(_, state)| *state == "up").map(|(name, _)| name.to_owned()).collect();
    up.sort_unstable();
    up.dedup();
    up
}

/// The names in `scontrol show licenses -o`.
pub(super) fn licences(said: &str) -> Vec<String> {
    said.lines().filter_map(|line| value(line, "LicenseName")).collect()
}

/// The nodes that answer, of lines `name|state`: a node has one for each of its partitions. Slurm marks one that does not
/// answer with a star.
pub(super) fn answering(said: &str) -> BTreeSet<String> {
    let is_silent = |state: &str| {
        let state = state.to_ascii_lowercase();
        state.ends_with('*') || state.starts_with("down") || state.starts_with("unknown")
    };
    let lines = said.lines().filter_map(|line| line.trim().split_once('|'));
    let (silent, answer): (Vec<_>, Vec<_>) = lines.partition(|(_, state)| is_silent(state));
    let is_silent = |name: &str| silent.iter().any(|(other, _)| *other == name);
    let names = answer.into_iter().map(|(name, _)| name).filter(|name| !is_silent(name));
    names.map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_known_by_name_and_comment_and_of_several_of_one_task_the_newest_counts() {
        let said = "\
7|RUNNING|bg_1|node1|2026-11-26T09:10:11|agents|(null)|task-bg bg_1|None
9|PENDING|bg_1||N/A|agents|model-a:1|task-bg bg_1|Nodes required for job are DOWN, DRAINED | x
8|RUNNING|bg_2|node1|N/A|agents|(null)|(null)|None
10|RUNNING|bash|node1|N/A|agents|(null)|task-bg bg_3|None
half a line
";
        let jobs = jobs(said);
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        let seen = jobs.values().next().expect("one");
        assert_eq!((seen.id.as_str(), seen.licences.as_str()), ("9", "model-a:1"));
        assert_eq!(seen.reason, "Nodes required for job are DOWN, DRAINED | x");
        assert_eq!((seen.end, seen.node.as_str()), (None, ""));
    }

    #[test]
    fn a_moment_is_one_of_utc() {
        let line = "7|TIMEOUT|bg_1|n|1970-01-01T00:01:00|p|(null)|task-bg bg_1|TimeLimit";
        let jobs = jobs(line);
        let end = jobs.values().next().and_then(|seen| seen.end);
        assert_eq!(end, Some(Timestamp::from_millis(60_000)));
    }

    #[test]
    fn the_answer_to_a_job_is_its_number_and_maybe_its_cluster() {
        let answer = |id: &str, cluster: Option<&str>| {
            Some(Submitted { id: id.into(), cluster: cluster.map(Into::into) })
        };
        assert_eq!(submitted("163\n"), answer("163", None));
        assert_eq!(submitted("a line of a site's own\n163;lab\n"), answer("163", Some("lab")));
        for nonsense in ["", "\n", "Submitted batch job 7", ";x"] {
            assert_eq!(submitted(nonsense), None);
        }
    }

    #[test]
    fn a_node_that_is_down_or_marked_with_a_star_does_not_answer() {
        let said = "\
a|idle
b|mixed
b|mixed
c|draining
d|down*
e|idle*
f|down
g|idle
g|idle*
half a line
";
        assert_eq!(answering(said), BTreeSet::from(["a", "b", "c"].map(ToOwned::to_owned)));
        assert!(answering("").is_empty());
    }

    #[test]
    fn pairs_are_read_with_and_without_blanks() {
        let pairs = config("KillWait                = 30 sec\nno pair\n");
        assert_eq!(pairs, [("KillWait".to_owned(), "30 sec".to_owned())]);
        assert_eq!(value("JobId=7 ExitCode=0:9 X=", "ExitCode"), Some("0:9".to_owned()));
        assert_eq!(value("JobId=7 X=", "X"), None);
        assert_eq!(partitions("a|up\nb|down\na|up\n"), ["a"]);
        assert_eq!(licences("LicenseName=m Total=2 Used=0\n"), ["m"]);
    }
}
