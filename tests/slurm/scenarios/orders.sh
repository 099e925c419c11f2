# What an order asks of Slurm, and how what it waits for is said.
# shellcheck shell=bash

settings=$shared/home/.factory/.omd/task-bg.toml

licence() {
  local one two
  printf '[slurm.licences]\n"model:m" = "model-a"\n[runners.script]\ncommand = ["sh", "-c", "sleep 600"]\n' > "$settings"
  one=$(bg launch --on slurm --runner script --model m one go | value taskId)
  two=$(bg launch --on slurm --runner script --model m two go | value taskId)
  becomes "$one" status running || return
  shows "$two" 'waits for a licence model-a (Licenses)'
  bg cancel "$one" > /dev/null
  becomes "$two" status running
  bg cancel "$two" > /dev/null
  rm "$settings"
}

order() {
  local first second third fourth gate=order.gate
  first=$(submit --slurm=-wnode1 first -- sh -c "$(gated $gate); echo first >> '$shared/order'")
  second=$(submit --after "$first" second -- sh -c "echo second >> '$shared/order'")
  third=$(submit --hold third -- true)
  fourth=$(submit --start-in 4 fourth -- true)
  becomes "$first" status running || return
  shows "$second" 'waits for another job (Dependency)'
  shows "$third" 'task-bg release. lets it start (JobHeldUser)'
  shows "$fourth" 'waits for its time (BeginTime)'
  open_gate $gate
  becomes "$second" status completed
  [ "$(tr '\n' ' ' < "$shared/order")" = 'first second ' ] || fail "their order is $(cat "$shared/order")"
  bg release "$third" > /dev/null || fail "it cannot be released"
  becomes "$third" status completed; becomes "$fourth" status completed
}

# Why a job waits, in words.
reasons() {
  local full waits down gone
  full=$(submit --slurm=-wnode1 --slurm=-c4 full -- sleep 600)
  becomes "$full" status running || return
  waits=$(submit --slurm=-wnode1 --slurm=-c4 waits -- true)
  shows "$waits" 'waits for a free node (Resources)'
  on login scontrol update partition=brief state=down
  down=$(bg run --on slurm:brief down -- true | value taskId)
  shows "$down" 'its partition is down (PartitionDown)'
  on login scontrol update partition=brief state=up
  on login scontrol update nodename=node2 state=drain reason=test
  gone=$(submit --slurm=-wnode2 gone -- true)
  shows "$gone" 'the node it asks for is not available\|the nodes it needs are down or set aside'
  on login scontrol update nodename=node2 state=resume
  bg cancel "$full" > /dev/null
  becomes "$waits" status completed; becomes "$down" status completed; becomes "$gone" status completed
}
