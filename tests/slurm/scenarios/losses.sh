# What the loss of a controller, a node or a network does to tasks.
# shellcheck shell=bash

controller_down() {
  local id gate=down.gate; id=$(submit down -- sh -c "$(gated $gate)")
  becomes "$id" status running || return
  cluster controller kill
  bg list > /dev/null || fail "nothing is listed"
  silence "$id"
  bg status "$id" | grep -q 'Slurm does not answer' || fail "it is not said that nothing is known"
  says "$id" status running || fail "a look ended it"
  bg run --on slurm down -- true > /dev/null 2>&1; [ $? = 7 ] || fail "a launch does not fail with 7"
  open_gate $gate
  becomes "$id" status completed
  cluster controller start
  ready
}

# The controller knows a job as one that waits, which is at work already, and starts it once more.
twice() {
  local id ran=$shared/ran; rm -f "$ran"
  id=$(submit --hold twice -- sh -c "echo \$SLURMD_NODENAME >> '$ran'; sleep 600")
  cluster controller save
  ready
  bg release "$id" > /dev/null || { fail "it cannot be released"; return; }
  becomes "$id" status running && within 20 has_line "$ran" node || return
  cluster controller forget
  ready
  on login scontrol release "$(job "$id")"
  # The second start is over at once, since the first has the task; nobody is asked meanwhile what became of it.
  within 60 state_is "$id" COMPLETED || { fail "it is not started again: $(on login squeue -h -t all -n "$id" -o '%T %r')"; return; }
  [ "$(wc -l < "$ran")" = 1 ] || fail "it ran $(wc -l < "$ran") times"
  silence "$id"
  found_as "$id" reason lost
  dead_on "$(cat "$ran")" 'sleep 600' || fail "its agent lives"
}

# The controller forgets a job that is at work, and gives its number to the next.
forgotten() {
  local one two
  cluster controller save
  ready
  one=$(submit --slurm=-wnode1 one -- sleep 6001)
  becomes "$one" status running || return
  cluster controller forget
  within 20 answers
  two=$(submit --slurm=-wnode2 two -- sleep 6002)
  [ "$(job "$one")" = "$(job "$two")" ] || fail "the number is another one: $(job "$one"), $(job "$two")"
  becomes "$two" status running || return
  # Its node was told to end what the controller does not know, and nobody recorded that.
  within 30 dead_on node1 'sleep 6001' || fail "the orphan lives"
  says "$one" status running || fail "the first is $(said "$one" status)"
  # To cancel the first is to end the second, for whoever goes by numbers.
  bg cancel --grace 0 "$one" > /dev/null &
  within 20 test -e "$store/.active/$one.cancel" || fail "no wish is left"
  aged "$one"
  wait $! || fail "the first cannot be cancelled"
  says "$one" status cancelled || fail "the first is $(said "$one" status)"
  says "$two" status running || fail "the second is $(said "$two" status)"
  lives_on node2 'sleep 6002' || fail "the agent of the second was ended"
  bg cancel "$two" > /dev/null || fail "the second cannot be cancelled"
  none_of node1 'sleep 600'; none_of node2 'sleep 600'
  ready
}

# The cable of a node is pulled, and its processes go on.
node_cut() {
  local done lost gate=cut.gate
  done=$(submit --slurm=-wnode2 ends -- sh -c "$(gated $gate); echo the end")
  lost=$(submit --slurm=-wnode2 goes-on -- sleep 6003)
  becomes "$done" status running && becomes "$lost" status running || return
  cluster cut node2
  within 40 state_is "$lost" NODE_FAIL || fail "Slurm does not miss the node"
  bg list > /dev/null
  says "$lost" status running || fail "a look ended it"
  bg retry "$lost" > /dev/null 2>&1 && fail "it can be tried again beside the first"
  silence "$lost"
  shows "$lost" 'not answering'
  open_gate $gate
  becomes "$done" status completed || return
  cluster heal node2
  becomes "$lost" status error 60 || found_as "$lost" status error 5 || return
  says "$lost" reason lost || fail "it is $(said "$lost" reason)"
  says "$done" status completed || fail "what has ended has ended"
  none_of node2 'sleep 6003'
  ready
}

# The power of a node goes, and comes back.
node_lost() {
  local id; id=$(submit --slurm=-wnode2 lost -- sleep 600)
  becomes "$id" status running || return
  cluster off node2
  bg list > /dev/null
  says "$id" status running || fail "a look ended it"
  silence "$id"
  shows "$id" 'not answering' 40
  bg retry "$id" > /dev/null 2>&1 && fail "it can be tried again beside the first"
  cluster back node2
  found_as "$id" reason lost 40
  ready
}
