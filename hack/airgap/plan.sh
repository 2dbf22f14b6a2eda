# shellcheck shell=bash
# What is left to do, said before it starts and again with each step.

PLAN=() # "SECONDS|WHAT|COMMAND"

# plan SECONDS WHAT COMMAND...: `SECONDS` of a processor
plan() { PLAN+=("$1|$2|$(printf '%q ' "${@:3}")"); }

carry_out() {
  local step seconds what command total=0 number=0
  for step in ${PLAN[@]+"${PLAN[@]}"}; do total=$((total + ${step%%|*})); done
  [ $total -lt 300 ] || say "${#PLAN[@]} steps: about $(duration $total) of processor time, which the $(processors) of this" \
    "machine share, and up to 10 GB of disk; less with what Go's caches have"
  for step in ${PLAN[@]+"${PLAN[@]}"}; do
    number=$((number + 1))
    IFS='|' read -r seconds what command <<<"$step"
    say "$number of ${#PLAN[@]}: $what (about $(duration "$seconds") of processor time)"
    eval "$command"
  done
  PLAN=()
}

duration() { if [ "$1" -lt 90 ]; then echo "$1 s"; else echo "$((($1 + 30) / 60)) min"; fi; }

processors() {
  local count
  count=$(getconf _NPROCESSORS_ONLN)
  if [ "$count" = 1 ]; then echo "one core"; else echo "$count cores"; fi
}
