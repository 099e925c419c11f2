//! Time and process numbers that are not those of the machine: namespaces of both kinds.
//!
//! Only root may make them. Elsewhere a test says so and proves nothing.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at, task_id, text};

use crate::sandbox;

/// Whether these words of `unshare` can be had here.
fn can(sandbox: &Sandbox, words: &str) -> bool {
    let can = sandbox.shell(&format!("unshare {words} true")).run().code == 0;
    if !can {
        writeln!(std::io::stderr(), "no `unshare {words}` here: nothing is proved")
            .unwrap_or_default();
    }
    can
}

/// What a command answers whose clocks since boot are shifted like this.
fn shifted(sandbox: &Sandbox, shift: &str, words: &str) -> Value {
    sandbox.shell(&format!("unshare {shift} task-bg {words}")).ok().json()
}

// Once, a look from another time namespace took a living agent for gone, and recorded it as lost for good.
#[test]
fn a_task_is_judged_alike_in_every_time_namespace() {
    let sandbox = sandbox();
    let forth = "--time --boottime 100000 --monotonic 100000 --fork";
    let back = "--time --boottime -1000 --monotonic -1000 --fork";
    if !can(&sandbox, forth) || !can(&sandbox, back) {
        return;
    }
    for (launched, looked) in [("", forth), ("", back), (forth, ""), (back, forth)] {
        let run = |shift: &str, words: &str| match shift {
            "" => sandbox.shell(&format!("task-bg {words}")).ok().json(),
            shift => shifted(&sandbox, shift, words),
        };
        let id = task_id(&run(launched, "run x --timeout 900 -- sleep 300"));
        let record = sandbox.record(&id);
        let status = run(looked, &format!("status {id}"));
        assert_eq!((&status["status"], &status["note"]), (&json!("running"), &Value::Null));
        let supervisor = pid_at(&record, "supervisor");
        kill(supervisor);
        wait_until("that it is gone", || !alive(supervisor));
        let status = run(looked, &format!("status {id}"));
        let note = status["note"].as_str().unwrap_or_default();
        assert!(note.contains("re-adopted"), "launched {launched}, looked {looked}: {status:#}");
        // Nor is it too old or silent by the clock of whoever looks.
        let pruned = run(looked, "prune");
        assert_eq!(pruned["removed"], json!([]), "{pruned}");
        assert!(alive(pid_at(&record, "agentProcess")));
        let cancelled = run(looked, &format!("cancel --grace 1ms {id}"));
        assert_eq!(cancelled["cancelled"], json!([id]), "{cancelled}");
        sandbox.assert_nothing_left();
    }
}

/// Runs a task in a namespace of process numbers, kills its supervisor and its agent, gives their numbers to strangers that
/// note every signal, and lets every verb look at the task and stop it.
const STRANGERS: &str = r#"
id=$(task-bg run -q x -- sleep 300) && [ -n "$id" ] || exit 8
number() { sed -n "s/.*\"$1\": {\"pid\":\([0-9]*\).*/\1/p" "$STORE/$id.json"; }
supervisor=$(number supervisor) agent=$(number agentProcess)
kill -9 "$supervisor" "$agent"
for gone in "$supervisor" "$agent"; do
    while [ -e "/proc/$gone" ]; do true; /bin/true; done
done
stranger() {
    echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid || exit 9
    sh -c 'for s in TERM URG INT HUP CONT QUIT USR1; do trap "echo $s >>hit" $s; done
           : >"ready$0"; while :; do sleep 0.05; done' "$1" &
    [ "$!" = "$1" ] || exit 9
    while [ ! -e "ready$1" ]; do /bin/true; done
}
if [ "$agent" -lt "$supervisor" ]; then stranger "$agent"; stranger "$supervisor"
else stranger "$supervisor"; stranger "$agent"; fi
task-bg doctor >/dev/null
task-bg cancel --grace 1ms "$id" >/dev/null
task-bg status "$id" >said
task-bg list >/dev/null; task-bg prune >/dev/null; task-bg cancel --all --grace 1ms >/dev/null
task-bg cleanup --delete >/dev/null
kill -0 "$supervisor" && kill -0 "$agent" && echo spared
"#;

#[test]
fn a_stranger_that_got_the_number_of_an_agent_or_a_supervisor_is_never_signalled() {
    let sandbox = sandbox();
    let words = "--pid --fork --mount-proc";
    if !can(&sandbox, words) || !fs::exists("/proc/sys/kernel/ns_last_pid").unwrap_or(false) {
        return;
    }
    let script = sandbox.path("strangers.sh");
    fs::write(&script, STRANGERS).expect("a script");
    let (store, script) = (text(&sandbox.store()), text(&script));
    let ran = sandbox.shell(&format!("STORE={store} unshare {words} sh {script}")).run();
    if ran.code == 9 {
        writeln!(std::io::stderr(), "no number can be chosen here: nothing is proved")
            .unwrap_or_default();
        return;
    }
    assert_eq!(ran.stdout.trim(), "spared", "{ran}");
    let hits = fs::read_to_string(sandbox.work().join("hit")).unwrap_or_default();
    assert_eq!(hits, "", "the strangers were signalled");
    let said = fs::read_to_string(sandbox.work().join("said")).expect("an answer");
    assert!(
        said.contains(r#""status":"cancelled""#) || said.contains(r#""status":"error""#),
        "{said}"
    );
}

// Once, what was launched where `/proc` does not tell the boot, or looked at from there, counted as lost while it ran.
#[test]
fn a_task_is_judged_alike_where_proc_does_not_tell_the_boot() {
    let sandbox = sandbox();
    let only_processes =
        "unshare -m sh -c 'mount -t proc -o subset=pid proc /proc && exec \"$@\"' sh";
    if sandbox.shell(&format!("{only_processes} true")).run().code != 0 {
        writeln!(std::io::stderr(), "no such `/proc` here: nothing is proved").unwrap_or_default();
        return;
    }
    for (launched, looked) in [(only_processes, ""), ("", only_processes)] {
        let run = |place: &str, words: &str| {
            sandbox.shell(&format!("{place} task-bg {words}")).ok().json()
        };
        let id = task_id(&run(launched, "run x -- sleep 300"));
        let record = sandbox.record(&id);
        let status = run(looked, &format!("status {id}"));
        assert_eq!((&status["status"], &status["note"]), (&json!("running"), &Value::Null));
        let supervisor = pid_at(&record, "supervisor");
        kill(supervisor);
        wait_until("that it is gone", || !alive(supervisor));
        let status = run(looked, &format!("status {id}"));
        assert_eq!(status["status"], "running", "launched {launched}, looked {looked}: {status:#}");
        let cancelled = run(looked, &format!("cancel --grace 1ms {id}"));
        assert_eq!(cancelled["cancelled"], json!([id]), "{cancelled}");
        assert!(!alive(pid_at(&record, "agentProcess")), "{cancelled}");
        sandbox.assert_nothing_left();
    }
}

// Once, the finding was well where no process could be started, and a launch said that permission was denied, not to what.
#[test]
fn a_null_device_that_cannot_be_opened_is_named_by_doctor_and_by_a_launch() {
    let sandbox = sandbox();
    let script = "dir=$(mktemp -d) && mount -t tmpfs -o nodev none $dir && mknod -m 666 $dir/null c 1 3 \
                  && mount --bind $dir/null /dev/null && exec \"$@\"";
    let place = format!("unshare -m sh -c '{script}' sh");
    if sandbox.shell(&format!("{place} sh -c '! true 2>/dev/null >/dev/null'")).run().code == 1 {
        writeln!(std::io::stderr(), "no device can be hidden here: nothing is proved")
            .unwrap_or_default();
        return;
    }
    let launched = sandbox.shell(&format!("{place} task-bg run x -- true")).run();
    assert_ne!(launched.code, 0, "{launched}");
    assert!(launched.stdout.contains("`/dev/null` cannot be opened"), "{launched}");
    let doctor = sandbox.shell(&format!("{place} task-bg doctor")).run().json();
    let findings = doctor["findings"].as_array().expect("findings");
    let processes = findings.iter().find(|finding| finding["check"] == "processes");
    let processes = processes.map(ToString::to_string).unwrap_or_default();
    assert!(processes.contains("`/dev/null` cannot be opened"), "{processes}");
}
