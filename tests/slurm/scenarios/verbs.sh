# Every verb, on the host that orders, for tasks that other hosts run.
# shellcheck shell=bash

verbs() {
  local id again apart follower gate=verbs.gate work=$shared/work
  id=$(submit --slurm=-wnode1 --name mine verbs -- sh -c "echo one; $(gated $gate); echo two")
  becomes "$id" status running && within 20 has_line "$store/$id.out" one || return
  bg list | grep -q '"running": *1' || fail "list does not count it"
  shows "$id" '"host": *"node1"'
  bg output "$id" | grep -q one || fail "output does not show what it wrote"
  bg output --follow "$id" > "$shared/followed" &
  follower=$!
  within 20 has_line "$shared/followed" one || fail "whoever follows sees nothing"
  bg wait --timeout 1 "$id" > /dev/null; [ $? = 6 ] || fail "a wait for it does not time out"
  bg prune > /dev/null; says "$id" status running || fail "prune ended it"
  bg rm "$id" > /dev/null 2>&1 && fail "one that runs can be removed"
  open_gate $gate
  bg wait mine > /dev/null || fail "it cannot be waited for by its name"
  wait $follower || fail "following failed"
  has_line "$shared/followed" two || fail "whoever follows does not see the end"
  bg output --result "$id" | grep -q two || fail "its result is not shown"
  bg report | grep -q "$id" || fail "it is not in the report"

  again=$(bg retry "$id" | value taskId)
  becomes "$again" status completed || return
  says "$again" target slurm || fail "it was not tried again on Slurm"
  grep -q '"host": *"node' "$store/$again.json" || fail "it names no node"
  bg rm "$id" > /dev/null || fail "it cannot be removed"
  [ -z "$(find "$store" -name "$id*")" ] || fail "something of it is left: $(find "$store" -name "$id*")"

  git -C "$work" init -q && git -C "$work" -c user.name=x -c user.email=x@x commit -q --allow-empty -m first
  apart=$(submit --worktree=own apart -- sh -c 'echo hello > greeting')
  becomes "$apart" status completed || return
  bg diff "$apart" | grep -q greeting || fail "its diff is not shown"
}

# A result is given by hand to a task that another host runs. Its agent goes on.
complete() {
  local id gate=complete.gate; id=$(submit --slurm=-wnode1 given -- sh -c "$(gated $gate); echo own words")
  becomes "$id" status running || return
  bg complete "$id" 'by hand' > /dev/null || fail "it cannot be completed"
  says "$id" status completed || fail "it is $(said "$id" status)"
  [ "$(said "$id" result)" = 'by hand' ] || fail "its result is $(said "$id" result)"
  [ "$(on login squeue -h -n "$id" -o %T)" = RUNNING ] || fail "its agent was stopped"
  open_gate $gate
  within 30 over "$id" || fail "its job does not end"
  [ "$(said "$id" result)" = 'by hand' ] || fail "the result did not stay"
  within 10 kept_nothing "$id" || fail "kept: $(ls "$store/.active")"
}
kept_nothing() { [ -z "$(find "$store/.active" -name "$1*")" ]; }

doctor() {
  local said check; said=$(bg doctor --on slurm:agents)
  for check in slurm controller partition licences KillWait MinJobAge ProctrackType node 'credentials there' locks delay; do
    grep -q "\"check\": *\"$check\"" <<< "$said" || fail "it says nothing of $check: $said"
  done
  grep -q 'what another writes, makes once and replaces' <<< "$said" || fail "it does not trust the files: $said"
}
