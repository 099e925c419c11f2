# Many tasks at once: what an outage leaves of them, and how soon whoever waits hears of an ending.
# shellcheck shell=bash

# A hundred tasks, each of which notes its start and its end in a file of its own. One of the nodes loses its power and the
# controller is killed while they are at it; both come back.
hundred() {
  local runs=$shared/runs number lines=$shared/lines ids
  mkdir -p "$runs"
  for number in $(seq 100); do
    printf '{"description":"%s","command":["sh","-c","echo start >> %s/%s; sleep 1; echo end >> %s/%s"],"on":"slurm"}\n' \
      "$number" "$runs" "$number" "$runs" "$number"
  done > "$lines"
  ids=$(bg batch "$lines" | grep -o '"taskId": *"[^"]*"' | cut -d'"' -f4)
  [ "$(wc -w <<< "$ids")" = 100 ] || { fail "only $(wc -w <<< "$ids") were taken"; return; }
  within 120 started_at_least 30 || { fail "they do not start"; return; }
  cluster off node2
  cluster controller kill
  number=$SECONDS
  bg list > /dev/null || fail "nothing is listed"
  # A controller that is down is found out once, which takes up to eight seconds.
  [ $((SECONDS - number)) -lt 30 ] || fail "a list took $((SECONDS - number)) s"
  cluster controller start
  cluster back node2
  ready
  within 300 only_silent_ones_left "$ids" || fail "they do not end: $(unended "$ids" | wc -l) are left"
  # Minutes pass for those of which nobody hears any more.
  for number in $(unended "$ids"); do aged "$number"; done
  within 60 all_over "$ids" || fail "they do not end: $(unended "$ids" | wc -l) are left"

  local completed=0 gone=0 never=0 twice=0 untrue=0 began file
  for number in $ids; do
    file=$runs/$(said "$number" description)
    began=$(grep -c start "$file" 2> /dev/null || true)
    [ "${began:-0}" -le 1 ] || twice=$((twice + 1))
    if says "$number" status completed; then
      completed=$((completed + 1))
      grep -q end "$file" || untrue=$((untrue + 1))
    elif says "$number" reason lost && [ "${began:-0}" = 1 ]; then
      gone=$((gone + 1))
    # Slurm forgets what it was given just before it was killed, or starts it where a first start came to nothing.
    elif says "$number" reason '(lost|launch_failed)' && [ "${began:-0}" = 0 ]; then
      never=$((never + 1))
    else
      echo "   $number: $(said "$number" status), $(said "$number" error), started ${began:-0} times" >&2
    fi
  done
  told="100 tasks, $(cat "$runs"/* | grep -c start) starts: $completed completed, $gone lost, $never never started; $twice ran twice"
  [ $twice = 0 ] || fail "$twice ran twice"
  [ $untrue = 0 ] || fail "$untrue are called completed and are not"
  [ $((completed + gone + never)) = 100 ] || fail "$((100 - completed - gone - never)) ended otherwise"
}
started_at_least() { [ "$(find "$shared/runs" -type f | wc -l)" -ge "$1" ]; }
unended() { local id; for id in $1; do says "$id" status '(running|queued)' && echo "$id"; done; }
all_over() { bg list > /dev/null; [ -z "$(unended "$1")" ]; }
# Whether Slurm has nothing more to do for any of these tasks. It may know others again that had ended.
only_silent_ones_left() {
  local known
  bg list > /dev/null
  known=$(on login squeue -h -o %j 2> /dev/null) || return 1
  [ -z "$(grep -F -x -e "$1" <<< "$known")" ]
}

# How long after the end of its command a wait for a task returns, when the wait is young and when it is not; alone, and
# among as many as the nodes can run and more.
noticing() {
  local number others alone='' among='' many=${MANY:-200}
  for number in 1 2 3; do alone="$alone $(noticed_after "$number")" || return; done
  for number in $(seq "$many"); do echo '{"description":"other","command":["true"],"on":"slurm","hold":true}'; done > "$shared/held"
  others=$(bg batch "$shared/held" | grep -o '"taskId": *"[^"]*"' | cut -d'"' -f4)
  for number in 4 5 6; do
    # shellcheck disable=SC2086  # one word a task
    among="$among $(noticed_after "$number" $others)" || return
  done
  # shellcheck disable=SC2086  # one word a task
  bg cancel $others > /dev/null
  told="ms after the end, 1 task:$alone; among $(wc -w <<< "$others"):$among"
  for number in $alone $among; do [ "$number" -lt 2000 ] || fail "noticed after $number ms"; done
}
# Milliseconds from the end of the command to the return of a wait for any of these tasks.
noticed_after() {
  local gate=noticing.$1 id waiter
  shift
  id=$(submit --slurm=-wnode1 noticed -- sh -c "$(gated "$gate"); date +%s%N > '$shared/$gate.ended'")
  becomes "$id" status running || return 1
  bg wait --any "$id" "$@" --timeout 60 > /dev/null &
  waiter=$!
  # A wait looks less often once it has lasted for two seconds, which is the case that matters.
  sleep 2.5
  open_gate "$gate"
  wait $waiter || fail "the wait failed"
  echo $((($(date +%s%N) - $(cat "$shared/$gate.ended")) / 1000000))
}
