//! The words with which `sbatch` is called.
//!
//! Whatever stands there others can read, so neither a prompt nor a variable nor a description does.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::port::cluster::Submission;

/// How long Slurm lets a task run beyond its own limit: the supervisor ends it at the limit, and Slurm looks once in half
/// a minute.
const MARGIN: Duration = Duration::from_secs(130);

/// The words after `sbatch`.
pub(super) fn words(job: &Submission, licences: &BTreeMap<String, String>) -> Vec<String> {
    let mut words: Vec<String> = [
        "--parsable",
        // All of an environment that was emptied before: anything else starts a login shell on the node.
        "--export=ALL",
        "--no-requeue",
        "--open-mode=append",
    ]
    .map(String::from)
    .into();
    words.push(format!("--job-name={}", job.task));
    words.push(format!("--comment=task-bg {}", job.task));
    words.push(format!("--output={}", escaped(&job.output)));
    words.push(format!("--chdir={}", job.folder.as_deref().unwrap_or("/")));
    let minutes = job.time_limit.map(|limit| (limit + MARGIN).as_secs().div_ceil(60));
    words.extend(minutes.map(|minutes| format!("--time={minutes}")));
    words.extend(job.partition.iter().map(|partition| format!("--partition={partition}")));
    if job.nice != 0 {
        words.push(format!("--nice={}", job.nice));
    }
    let taken = job.groups.iter().filter_map(|group| licences.get(group));
    let taken: Vec<String> = taken.map(|licence| format!("{licence}:1")).collect();
    if !taken.is_empty() {
        words.push(format!("--licenses={}", taken.join(",")));
    }
    if !job.after.is_empty() {
        words.push(format!("--dependency=afterany:{}", job.after.join(":")));
    }
    words.extend(job.delay.map(|delay| format!("--begin=now+{}", delay.as_secs().max(1))));
    if job.held {
        words.push("--hold".to_owned());
    }
    words.extend(job.options.iter().cloned());
    words
}

/// A path in which Slurm reads no pattern: a `%` begins one.
fn escaped(path: &str) -> String {
    path.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::task::TaskId;

    fn job() -> Submission {
        Submission {
            task: TaskId::parse("bg_1").expect("an id"),
            partition: Some("gpu".to_owned()),
            folder: Some("/home/me/my project".to_owned()),
            output: "/store/50%/.active/bg_1.slurm".to_owned(),
            script: String::new(),
            time_limit: Some(Duration::from_secs(60)),
            nice: 5,
            options: vec!["--gres=gpu:1".to_owned()],
            groups: vec!["explorer".to_owned(), "model:a".to_owned()],
            after: vec!["7".to_owned(), "8".to_owned()],
            delay: Some(Duration::from_secs(90)),
            held: true,
        }
    }

    #[test]
    fn a_job_is_named_after_its_task_and_its_limit_lies_beyond_that_of_the_task() {
        let licences = BTreeMap::from([("model:a".to_owned(), "model-a".to_owned())]);
        let words = words(&job(), &licences);
        for word in [
            "--export=ALL",
            "--no-requeue",
            "--job-name=bg_1",
            "--comment=task-bg bg_1",
            "--output=/store/50%%/.active/bg_1.slurm",
            "--chdir=/home/me/my project",
            "--time=4",
            "--partition=gpu",
            "--nice=5",
            "--licenses=model-a:1",
            "--dependency=afterany:7:8",
            "--begin=now+90",
            "--hold",
            "--gres=gpu:1",
        ] {
            assert!(words.iter().any(|known| known == word), "{word}: {words:?}");
        }
    }
}
