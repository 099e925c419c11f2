# Nodes that see no lock of each other, and keep what they know of a file for seconds.
# shellcheck shell=bash

apart_list() {
  local id gate=apart.gate look
  id=$(submit --slurm=-wnode1 apart -- sh -c "$(gated $gate); echo the end")
  becomes "$id" status running || return
  on login flock -n "$store/.active/$id" true || fail "its lock is seen here, and nothing is tried"
  for look in "list" "status $id" "prune" "list" "queue" "report"; do
    # shellcheck disable=SC2086  # a verb and its words
    bg $look > /dev/null || fail "\`$look\` fails"
    says "$id" status running || { fail "\`$look\` ended a task that lives"; return; }
  done
  bg wait --timeout 1 "$id" > /dev/null; [ $? = 6 ] || fail "a wait does not time out"
  bg retry "$id" > /dev/null 2>&1 && fail "one that runs can be tried again"
  open_gate $gate
  bg wait "$id" > /dev/null || fail "its end is not seen"
  bg output --result "$id" | grep -q 'the end' || fail "its result is not seen"
  nothing_kept "$id"
}

apart_cancel() {
  local id; id=$(submit --slurm=-wnode2 apart -- sh -c '(setsid sleep 7774 &); sleep 7775')
  becomes "$id" status running || return
  bg cancel "$id" > /dev/null || fail "it cannot be cancelled"
  says "$id" status cancelled || fail "it is $(said "$id" status)"
  none_of node2 'sleep 777'
  nothing_kept "$id"
}

apart_complete() { complete; }

apart_doctor() {
  local said; said=$(bg doctor --on slurm)
  grep -q 'end at the border of a host' <<< "$said" || fail "it does not find that locks end there: $said"
}
