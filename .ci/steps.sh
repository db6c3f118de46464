# The steps of .ci/run, what they count, and lanes of steps that run beside each other.
results=$(mktemp -d)
# The process groups of the lanes that run, by their names.
declare -A running
end() {
  for group in "${running[@]}"; do kill -- "-$group" 2>/dev/null; done
  rm -rf "$results"
}
trap end EXIT
trap 'exit 130' INT TERM

# Adds to the counts: count PASSED FAILED.
count() { printf '%d %d\n' "$1" "$2" >>"$results/counts"; }

# Says how a step ended, and counts it; what a test runner says of its tests is counted on top.
ended() {
  local name=$1 status=$2 began=$3 log=$4
  if [ "$status" -eq 0 ]; then count 1 0; else
    count 0 1
    printf 'FAILED: %s\n' "$name"
    # node:test and web-test-runner mark a failed test with a cross. What such a step ended with says the rest.
    {
      printf '\nFAILED: %s\n' "$name"
      grep -E '^ *(✖|𐄂|❌) ' "$log" | sort -u | head -n 20
      tail -n 15 "$log"
    } >>"$results/failures"
  fi
  # shellcheck disable=SC2046
  count $(node .ci/count.mjs <"$log" || echo 0 1)
  printf '%s: %d seconds\n' "$name" $((SECONDS - began))
}

# Runs a step: step NAME COMMAND… Its output is shown as it comes; that of a step in a lane in one piece when the step has ended.
lane=
step() {
  local name=$1 began=$SECONDS log status
  shift
  log=$(mktemp "$results/XXXXXX.log")
  if [ -z "$lane" ]; then
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$log"
    ended "$name" "${PIPESTATUS[0]}" "$began" "$log"
    return 0
  fi
  printf '\n-- %s has begun, beside others\n' "$name"
  "$@" >"$log" 2>&1
  status=$?
  {
    flock 9
    printf '\n== %s\n' "$name"
    cat "$log"
    ended "$name" "$status" "$began" "$log"
  } 9>"$results/output"
}

# Runs one of the README's commands, word for word: readme start, readme test.
readme() { bash -c "$(node .ci/readme-command.mjs "$1")"; }

# Begins to run functions beside each other, and beside what follows. Each is a lane: steps one after the other.
begin_lanes() {
  # With job control each lane has a process group of its own, which can be ended as a whole.
  set -m
  for lane in "$@"; do
    { "$lane" && touch "$results/$lane.done"; } </dev/null &
    running[$lane]=$!
  done
  set +m
  lane=
}

# Waits for lanes. One that died with its steps undone is a failure.
await_lanes() {
  local name
  for name in "$@"; do
    wait "${running[$name]}"
    unset "running[$name]"
    [ -e "$results/$name.done" ] && continue
    count 0 1
    printf '\nFAILED: the lane %s died, and what it had not done is missing.\n' "$name"
  done
}

# Prints the end of all, and returns whether nothing failed.
summary() {
  local passed failed
  read -r passed failed < <(awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }' "$results/counts")
  # At the end again, since it is far from where it stands above.
  [ -e "$results/failures" ] && cat "$results/failures"
  printf '\nall of it: %d seconds\n%d passed, %d failed\n' "$SECONDS" "$passed" "$failed"
  [ "$failed" -eq 0 ]
}
