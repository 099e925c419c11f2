//! A stand-in for Slurm: scripts called `sbatch`, `squeue`, `scancel`, `scontrol` and `sinfo` over a folder of jobs.
//!
//! What is asked of it is kept word by word. A job starts at once as a process of this machine, or waits until a test
//! starts it; its state is whatever a file says. It stands in for the programs' words alone, not for a cluster: what a
//! real one does is tried on a real one.

use std::fs;
use std::path::PathBuf;

use crate::sandbox::{Sandbox, executable};

/// The stand-in in one sandbox.
pub struct FakeSlurm {
    folder: PathBuf,
}

/// Keeps a call, and fails it if a test wants that.
const CALL: &str = r#"#!/bin/sh
D='FOLDER'
me=$(basename "$0")
echo "$*" >> "$D/$me.calls"
if [ -e "$D/$me.fails" ]; then cat "$D/$me.fails" >&2; exit 1; fi
"#;

const SBATCH: &str = r#"
n=$(( $(cat "$D/last" 2> /dev/null || echo 0) + 1 ))
echo $n > "$D/last"
for word; do
  case $word in
  --job-name=*) name=${word#*=} ;;
  --output=*) out=${word#*=} ;;
  esac
done
printf '%s\n' "$@" > "$D/$n.words"
env > "$D/$n.env"
cat > "$D/$n.script"
echo "$name" > "$D/$n.name"
echo "$out" > "$D/$n.out"
echo 'PENDING|Priority' > "$D/$n.state"
[ -e "$D/waits" ] || setsid "$D/start" $n > /dev/null 2>&1 < /dev/null &
if [ -e "$D/answer.lost" ]; then echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1; fi
echo $n
"#;

const START: &str = r#"#!/bin/sh
D='FOLDER'
n=$1
echo 'RUNNING|None' > "$D/$n.state"
out=$(cat "$D/$n.out")
env -i PATH=/usr/bin:/bin HOME=/ TMPDIR=/tmp SLURM_JOB_ID=$n SLURM_JOB_PARTITION=agents sh "$D/$n.script" >> "$out" 2>&1 < /dev/null &
echo $! > "$D/$n.pid"
wait $!
[ "$(cat "$D/$n.state")" != 'RUNNING|None' ] || echo 'COMPLETED|None' > "$D/$n.state"
"#;

const SQUEUE: &str = r#"
for file in "$D"/*.state; do
  [ -e "$file" ] || continue
  n=$(basename "$file" .state)
  name=$(cat "$D/$n.name")
  state=$(cat "$file")
  echo "$n|${state%%|*}|$name|elsewhere|2020-01-01T00:00:00|agents|model-a:1|task-bg $name|${state#*|}"
done
"#;

const SCANCEL: &str = r#"
for n; do case $n in --name=*) name=${n#*=} ;; esac; done
[ -z "$name" ] || [ "$name" = "$(cat "$D/$n.name")" ] || exit 0
case "$*" in
--batch*) kill -TERM "$(cat "$D/$n.pid")" ;;
*) echo 'CANCELLED|None' > "$D/$n.state"; [ ! -e "$D/$n.pid" ] || kill -TERM "$(cat "$D/$n.pid")" ;;
esac
exit 0
"#;

const SCONTROL: &str = r#"
case "$*" in
"show config") printf '%s\n' 'ClusterName = lab' 'KillWait = 5 sec' 'ProctrackType = proctrack/cgroup' ;;
"show licenses"*) echo 'LicenseName=model-a Total=2' ;;
release*) echo 'PENDING|Priority' > "$D/$2.state" ;;
*) echo "JobId=$4 JobName=$(cat "$D/$4.name") ExitCode=0:9" ;;
esac
"#;

const SINFO: &str = r#"
case "$*" in *%R*) echo 'agents|up'; exit ;; esac
if [ -e "$D/down" ]; then echo 'elsewhere|down*'; else echo 'elsewhere|idle'; fi
"#;

impl FakeSlurm {
    /// Puts the stand-in on the search path of a sandbox.
    ///
    /// # Panics
    ///
    /// When it cannot be written there.
    pub fn new(sandbox: &Sandbox) -> Self {
        let folder = sandbox.path("slurm");
        fs::create_dir_all(&folder).expect("a folder in the sandbox");
        let at = folder.to_str().expect("a path in UTF-8");
        let programs = [
            ("sbatch", SBATCH),
            ("squeue", SQUEUE),
            ("scancel", SCANCEL),
            ("scontrol", SCONTROL),
            ("sinfo", SINFO),
        ];
        for (name, script) in programs {
            let script = [CALL, script].concat().replace("FOLDER", at);
            executable(&sandbox.path("bin").join(name), &script);
        }
        executable(&folder.join("start"), &START.replace("FOLDER", at));
        Self { folder }
    }

    /// Has jobs wait until they are started by hand.
    #[must_use]
    pub fn waiting(self) -> Self {
        self.write("waits", "");
        self
    }

    /// Writes a file of its own: `2.state` is what `squeue` says of the job 2, as `STATE|Reason`, and `PROGRAM.fails` are
    /// the words with which a program fails from now on.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).expect("a file of the stand-in");
    }

    /// Removes such a file.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.folder.join(name)).expect("a file of the stand-in");
    }

    /// What such a file says; nothing if there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    /// How a program was called, a line each.
    pub fn calls(&self, program: &str) -> Vec<String> {
        self.read(&format!("{program}.calls")).lines().map(ToOwned::to_owned).collect()
    }

    /// The command line that starts a job on its node once more.
    pub fn start(&self, job: u32) -> String {
        format!("'{}' {job}", self.folder.join("start").display())
    }
}
