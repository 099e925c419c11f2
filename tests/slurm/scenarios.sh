#!/bin/bash
# What a task has to come to on a real Slurm, scenario by scenario; see `cargo xtask slurm`.
#
#   LAB=DIR TASK_BG=PROGRAM scenarios.sh [NAME...]      over a cluster of two nodes that cluster.sh has started
#
# The commands run on the host `login`; nothing waits for longer than it takes, and each scenario waits for what it is about.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
shared=$(cd "${LAB:?}/shared" && pwd -P)
store=$shared/home/.factory/.omd/background-tasks
mkdir -p "$shared/home" "$shared/work" "$shared/bin"
cp -f "${TASK_BG:?}" "$shared/bin/task-bg"
failed=0

on() { "$here/cluster.sh" on "$@"; }
bg() { (cd "$shared/work" && on login env HOME="$shared/home" TASK_BG_FORMAT=json "$shared/bin/task-bg" "$@"); }
fail() { echo "   $*" >&2; broken=1; }
# A task on Slurm; its id.
submit() { bg run --on slurm "$@" | grep -o '"taskId":"[^"]*"' | head -n 1 | cut -d'"' -f4; }
# What a record says under a key: the first of that name.
said() { grep -o "\"$2\": *[^,}]*" "$store/$1.json" | head -n 1 | sed 's/^[^:]*: *//; s/"//g'; }
# Whether a record says this under a key, wherever that stands.
says() { grep -q -E "\"$2\": *\"?$3\b" "$store/$1.json"; }
job() { said "$1" jobId; }
# Waits until the record says so, for at most so many seconds.
becomes() {
  local until=$((SECONDS + ${4:-60}))
  until says "$1" "$2" "$3"; do
    [ $SECONDS -lt $until ] || { fail "$1: $2 is $(said "$1" "$2"), not $3"; return 1; }
    sleep 0.1
  done
}
# The same, where somebody has to look.
found_as() {
  local until=$((SECONDS + ${4:-60}))
  until bg list > /dev/null && says "$1" "$2" "$3"; do
    [ $SECONDS -lt $until ] || { fail "$1: $2 is $(said "$1" "$2"), not $3"; return 1; }
    sleep 0.5
  done
}
# As if the supervisor of a task had been silent for long.
silence() { touch -d '10 minutes ago' "$store/.active/$1"; }
none_of() { [ "$(on "$1" ps -e -o args | grep -c "^$2")" = 0 ] || fail "$2 lives on $1"; }
nothing_kept() { [ -z "$(ls "$store/.active" | grep "$1")" ] || fail "kept: $(ls "$store/.active")"; }

run() {
  local id; id=$(submit run -- sh -c 'uname -n; echo $SLURM_JOB_ID')
  becomes "$id" status completed || return
  grep -q "node" "$store/$id.out" || fail "it did not run on a node"
  [ "$(said "$id" host)" != login ] || fail "its record names no node"
  nothing_kept "$id"
}

cancel() {
  local id; id=$(submit cancel -- sh -c '(setsid sleep 7771 &); sleep 7772')
  becomes "$id" status running || return
  bg cancel "$id" > /dev/null || fail "it cannot be cancelled"
  [ "$(said "$id" status)" = cancelled ] || fail "it is $(said "$id" status)"
  none_of node1 'sleep 777'; none_of node2 'sleep 777'
}

scancel() {
  local id; id=$(submit scancel -- sh -c '(setsid sleep 7771 &); sleep 7772')
  becomes "$id" status running || return
  on login scancel "$(job "$id")"
  becomes "$id" status cancelled || return
  none_of node1 'sleep 777'; none_of node2 'sleep 777'
}

stubborn() {
  local id; id=$(submit stubborn -- sh -c 'trap "" TERM; while :; do sleep 0.1; done')
  becomes "$id" status running || return
  on login scancel "$(job "$id")"
  becomes "$id" status cancelled
}

killed() {
  local id; id=$(submit --slurm=-wnode1 killed -- sleep 3333)
  becomes "$id" status running || return
  on node1 kill -KILL "$(said "$id" pid)"
  silence "$id"
  found_as "$id" reason lost
  on node1 sh -c 'for p in $(ps -e -o pid,args | grep "[s]leep 3333" | cut -c1-7); do kill -KILL $p; done'
}

licence() {
  local one two; one=$(submit --slurm=-Lmodel-a:1 one -- sleep 30); two=$(submit --slurm=-Lmodel-a:1 two -- true)
  becomes "$one" status running || return
  local until=$((SECONDS + 20))
  until bg status "$two" | grep -q 'licence model-a'; do
    [ $SECONDS -lt $until ] || { fail "it does not wait for a licence"; break; }
    sleep 0.3
  done
  bg cancel "$one" > /dev/null
  becomes "$two" status completed
}

displaced() {
  local id other; id=$(submit --slurm=-wnode1 --slurm=-c4 low -- sleep 60)
  becomes "$id" status running || return
  other=$(bg run --on slurm:urgent --slurm=-wnode1 --slurm=-c4 high -- true | grep -o '"taskId":"[^"]*"' | head -n 1 | cut -d'"' -f4)
  becomes "$id" status error 40 && { says "$id" reason lost || fail "it is $(said "$id" reason)"; }
  becomes "$other" status completed 40
}

controller_down() {
  local id; id=$(submit down -- sleep 4)
  becomes "$id" status running || return
  "$here/cluster.sh" controller kill
  bg list > /dev/null || fail "nothing is listed"
  bg run --on slurm down -- true > /dev/null 2>&1; [ $? = 7 ] || fail "a launch does not fail with 7"
  becomes "$id" status completed
  "$here/cluster.sh" controller start
  ready
}

twice() {
  local id ran=$shared/work/ran
  rm -f "$ran"
  id=$(submit --slurm=-wnode2 twice -- sh -c "echo ran >> '$ran'; sleep 60")
  becomes "$id" status running || return
  "$here/cluster.sh" controller kill
  "$here/cluster.sh" controller start
  ready
  silence "$id"
  local until=$((SECONDS + 60))
  until bg list > /dev/null && [ "$(said "$id" status)" != running ]; do
    # One that Slurm goes on knowing as before gives its next sign of life.
    on login squeue -h -n "$id" -o %T | grep -q RUNNING && break
    [ $SECONDS -lt $until ] || break
    sleep 0.5
  done
  [ "$(wc -l < "$ran")" = 1 ] || fail "it ran $(wc -l < "$ran") times"
  bg cancel "$id" > /dev/null 2>&1
  on login scontrol update nodename=node2 state=resume > /dev/null 2>&1
}

node_lost() {
  local id; id=$(submit --slurm=-wnode2 lost -- sleep 600)
  becomes "$id" status running || return
  "$here/cluster.sh" off node2
  bg list > /dev/null
  [ "$(said "$id" status)" = running ] || fail "a look ended it"
  silence "$id"
  local until=$((SECONDS + 40))
  until bg status "$id" | grep -q 'not answering'; do
    [ $SECONDS -lt $until ] || { fail "its node is not said to be lost"; break; }
    sleep 0.5
  done
  bg retry "$id" > /dev/null 2>&1 && fail "it can be tried again beside the first"
  "$here/cluster.sh" back node2
  found_as "$id" reason lost 40
}

# Until the controller answers and the nodes are of use again.
ready() {
  local until=$((SECONDS + 30))
  until [ "$(on login timeout 3 sinfo -h -N -p agents -o %T 2> /dev/null | grep -c -E '^(idle|mixed|allocated)$')" = 2 ]; do
    [ $SECONDS -lt $until ] || { fail "the cluster is not ready: $(on login timeout 3 sinfo -h -N 2>&1)"; return 1; }
    sleep 0.2
  done
}

[ $# -gt 0 ] || set -- run cancel scancel stubborn licence killed controller_down displaced node_lost twice
for scenario in "$@"; do
  broken=0 began=$SECONDS
  "$scenario"
  if [ $broken = 0 ]; then word=ok; else word=FAILED; failed=1; fi
  printf '%-16s %-6s %3d s\n' "$scenario" $word $((SECONDS - began))
done
exit $failed
