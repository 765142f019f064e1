# shellcheck shell=bash
# Stops the engine that was started from here.
load engine-record

readonly ENGINE_STOP_SECONDS=60

# Processes whose parent is PID, by name.
children_named() {
  local parent=$1 name=$2 stat pid
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    # The builtin: one process for each of hundreds would take seconds.
    { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
    # "pid (name) state parent …"
    if [[ ${stat##*) } =~ ^[A-Za-z]\ $parent\  && $stat == "$pid ($name) "* ]]; then printf '%s\n' "$pid"; fi
  done
}

# still_runs PID:START: a number alone can be somebody else's by now.
still_runs() { [[ $(start_time_of "${1%:*}" || true) == "${1#*:}" ]]; }

# await_gone SECONDS PID:START...: waits until none of them runs.
await_gone() {
  local deadline=$((SECONDS + $1)) pair alive
  shift
  while :; do
    alive=
    for pair in "$@"; do
      if still_runs "$pair"; then alive=yes; fi
    done
    if [[ -z $alive ]]; then return 0; fi
    if ((SECONDS >= deadline)); then return 1; fi
    sleep 0.1
  done
}

# Stops the engine that we started, with its containerd and all its containers, and only that one. Keeps images and caches.
stop_engine() {
  local quietly=${1:-} engine pid started pairs=() pair
  if ! engine=$(our_engine); then
    rm -f "$ENGINE_FILE"
    if [[ -z $quietly ]]; then say 'no engine that was started from here is running'; fi
    return 0
  fi
  if [[ $engine == systemd ]]; then
    systemctl stop docker.socket docker.service || fail 3 'the service docker does not stop' 'More: journalctl -u docker'
    rm -f "$ENGINE_FILE"
    say 'the service docker is stopped'
    return 0
  fi
  for pid in "$engine" $(children_named "$engine" containerd); do
    if started=$(start_time_of "$pid"); then pairs+=("$pid:$started"); fi
  done
  kill -TERM "$engine" 2>/dev/null || true
  if ! await_gone "$ENGINE_STOP_SECONDS" "${pairs[@]}"; then
    say "dockerd (process $engine) does not stop within $ENGINE_STOP_SECONDS s: ending it"
    for pair in "${pairs[@]}"; do
      if still_runs "$pair"; then kill -KILL "${pair%:*}" 2>/dev/null || true; fi
    done
    await_gone 10 "${pairs[@]}" || fail 3 "dockerd (process $engine) cannot be ended"
  fi
  rm -f "$ENGINE_FILE"
  if [[ -z $quietly ]]; then say 'the dockerd that was started from here is stopped (images and caches stay)'; fi
}
