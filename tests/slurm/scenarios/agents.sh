# The real agent on a node, against a scripted model inside the cluster's network.
# shellcheck shell=bash

# The program with the agent on the search path of whoever calls it.
agent() {
  (cd "$shared/work" && on login env HOME="$shared/home" PATH="$shared/bin:$LAB/bin:$PATH" FACTORY_AIRGAP_ENABLED=1 \
    TASK_BG_FORMAT=json "$shared/bin/task-bg" "$@")
}
# A prompt that has the agent run this command, and then say that.
prompt() {
  local arguments='"summary":"work","riskLevelReason":"none","riskLevel":"low"'
  printf 'TOOL:Execute {"command":"%s",%s}\nSAY:%s' "$1" "$arguments" "$2"
}

real_droid() {
  local id again other home=$shared/home/.factory follower
  [ -z "${NO_DROID:-}" ] || { skip "$NO_DROID"; return; }
  [ -n "${REAL_DROID:-}" ] || { skip "\`REAL_DROID\` names none"; return; }
  ln -sf "$REAL_DROID" "$shared/bin/droid"
  # The model listens on the submitting node's address, which no other network can reach; it goes with that node.
  on login setsid "$SCRIPTED_MODEL" --listen "$(grep login "$LAB/hosts" | cut -d' ' -f1):8099" --log "$shared/model.log" \
    --ready "$shared/model.ready" --settings "$home/settings.json" > /dev/null 2>&1 < /dev/null &
  within 20 test -e "$shared/model.ready" || { fail "the model does not listen"; return; }

  id=$(agent launch --on slurm --slurm=-wnode1 --autonomy high look "$(prompt "$(gated tool.gate)" first-answer)" | value taskId)
  becomes "$id" lastTool Execute 120 || return
  [ "$(said "$id" host)" = node1 ] || fail "it is not on the node it was ordered to"
  agent output --follow "$id" > "$shared/followed" &
  follower=$!
  agent list | grep -q '"lastTool": *"Execute"' || fail "the list does not show the tool"
  open_gate tool.gate
  agent wait "$id" --timeout 120 > /dev/null || fail "it cannot be waited for"
  [ "$(said "$id" result)" = first-answer ] || fail "its result is $(said "$id" result)"
  within 20 has_line "$shared/followed" first-answer || fail "whoever follows does not see the end"
  wait $follower || fail "following failed"

  again=$(agent resume "$id" "SAY:second-answer" | value taskId)
  agent wait "$again" --timeout 120 > /dev/null || fail "it cannot be gone on with"
  [ "$(said "$again" result)" = second-answer ] || fail "the result is $(said "$again" result)"
  # Without its service, the agent goes on in a copy of the session.
  [ "$(said "$again" forksSession)" = "$(said "$id" droidSessionId)" ] || fail "it is another session"
  grep second-answer "$shared/model.log" | grep -q first-answer || fail "the model did not see the turn before"

  other=$(agent launch --on slurm --slurm=-wnode2 --autonomy high stop "$(prompt 'sleep 7773' never)" | value taskId)
  becomes "$other" lastTool Execute 120 && within 20 lives_on node2 'sleep 7773' || return
  agent cancel "$other" > /dev/null || fail "it cannot be cancelled"
  says "$other" status cancelled || fail "it is $(said "$other" status)"
  none_of node2 'sleep 7773'; none_of node2 '.*droid exec'
  again=$(agent resume "$other" "SAY:after-all" | value taskId)
  agent wait "$again" --timeout 120 > /dev/null || fail "what was cancelled cannot be gone on with"
  [ "$(said "$again" result)" = after-all ] || fail "the result is $(said "$again" result)"
}
