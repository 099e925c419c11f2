#!/bin/bash
# What a task has to come to on a real Slurm, scenario by scenario; see `cargo xtask slurm`.
#
#   LAB=DIR TASK_BG=PROGRAM scenarios.sh NAME...        over a cluster that cluster.sh has started
#
# The scenarios are the functions of these names in scenarios/. The commands run on the host `login`; a scenario waits for
# what it is about, and never for a time that is thought to be long enough. One that cannot be tried here says why.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
shared=$(cd "${LAB:?}/shared" && pwd -P)
nodes=$(cat "$LAB/count")
store=$shared/home/.factory/.omd/background-tasks
mkdir -p "$shared/home/.factory/.omd" "$shared/work" "$shared/bin"
cp -f "${TASK_BG:?}" "$shared/bin/task-bg"
failed=0

cluster() { "$here/cluster.sh" "$@"; }
on() { cluster on "$@"; }
bg() { (cd "$shared/work" && on login env HOME="$shared/home" TASK_BG_FORMAT=json "$shared/bin/task-bg" "$@"); }
fail() { echo "   $*" >&2; broken=1; }
skip() { skipped=$*; }
# The first value of this key in an answer.
value() { grep -o "\"$1\": *\"[^\"]*\"" | head -n 1 | cut -d'"' -f4; }
# A task on Slurm; its id.
submit() { bg run --on slurm "$@" | value taskId; }
# What a record says under a key: the first of that name.
said() { grep -o "\"$2\": *[^,}]*" "$store/$1.json" | head -n 1 | sed 's/^[^:]*: *//; s/"//g'; }
# Whether a record says this under a key, wherever that stands.
says() { grep -q -E "\"$2\": *\"?$3\b" "$store/$1.json"; }
job() { said "$1" jobId; }
# Waits until a command succeeds, for at most so many seconds.
within() {
  local until=$((SECONDS + $1)); shift
  until "$@"; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.1
  done
}
# Waits until the record says so by itself: nobody looks meanwhile.
becomes() { within "${4:-60}" says "$1" "$2" "$3" || { fail "$1: $2 is $(said "$1" "$2"), not $3"; return 1; }; }
# The same, where somebody has to look.
found_as() { within "${4:-60}" looked_as "$1" "$2" "$3" || { fail "$1: $2 is $(said "$1" "$2"), not $3"; return 1; }; }
looked_as() { bg list > /dev/null && says "$1" "$2" "$3"; }
# Waits until `status` of a task says this.
shows() { within "${3:-30}" shows_now "$1" "$2" || { fail "$1: status does not say \`$2\`: $(bg status "$1" | grep -E 'note|reason')"; return 1; }; }
shows_now() { bg status "$1" 2> /dev/null | grep -q -- "$2"; }
has_line() { grep -q -- "$2" "$1" 2> /dev/null; }
# As if the supervisor of a task had been silent for long.
silence() { touch -d '20 minutes ago' "$store/.active/$1"; }
# The same, and as if it had been handed over long ago: what Slurm does not know then counts as gone.
aged() { silence "$1"; sed -i -E 's/("submittedAt": *")[^"]*/\12020-01-01T00:00:00.000000+00:00/' "$store/$1.json"; }
lives_on() { on "$1" ps -e -o args | grep -q "^$2"; }
dead_on() { ! lives_on "$@"; }
none_of() { ! lives_on "$1" "$2" || fail "$2 lives on $1"; }
nothing_kept() { [ -z "$(find "$store/.active" -name "$1*")" ] || fail "kept: $(ls "$store/.active")"; }
# Whether Slurm has no job of this task any more.
over() { ! on login squeue -h -n "$1" -o %T | grep -q .; }
state_is() { on login squeue -h -t all -n "$1" -o %T | grep -q "$2"; }
kill_on() { on "$1" sh -c "for p in \$(ps -e -o pid,args | grep '$2' | grep -v grep | cut -c1-8); do kill -KILL \$p; done"; }
# A script that goes on until this file is there.
gated() { echo "until [ -e '$shared/$1' ]; do sleep 0.05; done"; }
open_gate() { touch "$shared/$1"; }
# Until the controller answers and the nodes are of use again.
ready() {
  for_use() { on login scontrol update nodename="node[1-$nodes]" state=resume 2> /dev/null; [ "$(of_use)" = "$nodes" ]; }
  within 40 for_use || { fail "the cluster is not ready: $(on login timeout 3 sinfo -h -N 2>&1)"; return 1; }
}
of_use() { on login timeout 5 sinfo -h -N -p agents -o %T 2> /dev/null | grep -c -E '^(idle|mixed|allocated)$'; }
answers() { on login timeout 5 squeue -h > /dev/null 2>&1; }

for file in "$here"/scenarios/*.sh; do
  # shellcheck disable=SC1090  # one of ours
  . "$file"
done
[ $# -gt 0 ] || { echo "name scenarios: $(declare -F | cut -d' ' -f3 | tr '\n' ' ')" >&2; exit 2; }
for scenario; do
  broken=0 skipped='' began=$(date +%s%N) told=''
  "$scenario"
  word=ok
  [ -z "$skipped" ] || word=skipped
  [ $broken = 0 ] || { word=FAILED; failed=1; }
  took=$((($(date +%s%N) - began) / 100000000))
  printf '%-20s %-7s %4d.%d s  %s\n' "$scenario" $word $((took / 10)) $((took % 10)) "$skipped$told"
done
exit $failed
