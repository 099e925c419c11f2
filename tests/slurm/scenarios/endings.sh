# How tasks end whose nodes and whose controller are well.
# shellcheck shell=bash

run() {
  local id; id=$(submit run -- sh -c 'uname -n; echo $SLURM_JOB_ID')
  becomes "$id" status completed || return
  grep -q "node" "$store/$id.out" || fail "it did not run on a node"
  [ "$(said "$id" host)" != login ] || fail "its record names no node"
  nothing_kept "$id"
}

cancel() {
  local id; id=$(submit --slurm=-wnode1 cancel -- sh -c '(setsid sleep 7771 &); sleep 7772')
  becomes "$id" status running || return
  bg cancel "$id" > /dev/null || fail "it cannot be cancelled"
  [ "$(said "$id" status)" = cancelled ] || fail "it is $(said "$id" status)"
  none_of node1 'sleep 777'
  nothing_kept "$id"
}

scancel() {
  local id; id=$(submit --slurm=-wnode1 scancel -- sh -c '(setsid sleep 7771 &); sleep 7772')
  becomes "$id" status running || return
  on login scancel "$(job "$id")"
  becomes "$id" status cancelled || return
  grep -q "by scancel" "$store/$id.json" || fail "it does not say who cancelled it"
  none_of node1 'sleep 777'
}

# Slurm ends everything of a job 4 s after it asked for that here, so that the record has to be whole before.
stubborn() {
  local id; id=$(submit --slurm=-wnode1 stubborn -- sh -c "trap '' TERM; echo deaf; while :; do sleep 0.1; done")
  becomes "$id" status running && within 20 has_line "$store/$id.out" deaf || return
  on login scancel "$(job "$id")"
  becomes "$id" status cancelled || return
  none_of node1 "sh -c trap"
}

killed() {
  local id; id=$(submit --slurm=-wnode1 killed -- sleep 3333)
  becomes "$id" status running || return
  on node1 kill -KILL "$(said "$id" pid)"
  silence "$id"
  found_as "$id" reason lost
  kill_on node1 'sleep 3333'
}

# The partition gives a minute, and Slurm looks twice a minute. The agent does not heed what Slurm says then.
time_limit() {
  local id; id=$(bg run --on slurm:brief limit -- sh -c "trap '' TERM; while :; do sleep 0.1; done" | value taskId)
  becomes "$id" status error 150 || return
  says "$id" reason timeout || fail "it is $(said "$id" reason), not timeout"
  grep -q 'time limit (TIMEOUT)' "$store/$id.json" || fail "it does not say who ended it"
}

displaced() {
  local id other; id=$(submit --slurm=-wnode1 --slurm=-c4 low -- sleep 60)
  becomes "$id" status running || return
  other=$(bg run --on slurm:urgent --slurm=-wnode1 --slurm=-c4 high -- true | value taskId)
  becomes "$id" status error 40 || return
  says "$id" reason lost || fail "it is $(said "$id" reason)"
  grep -q PREEMPTED "$store/$id.json" || fail "it does not say that it was displaced"
  becomes "$other" status completed 40
}
