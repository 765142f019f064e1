# shellcheck shell=bash
# Which dockerd is ours and which is not: what is noted of the one started from here, and the pid files.
load host

# Kind, pid, start time and boot of the engine we started.
readonly ENGINE_FILE=$STATE_DIR/engine

# Whether the pid file that every dockerd writes names a dockerd that lives.
foreign_dockerd_runs() {
  local pid
  pid=$(cat "$HOST_ROOT/var/run/docker.pid" 2>/dev/null || true)
  [[ -n $pid ]] && is_process "$pid" dockerd
}

# is_process PID NAME: whether PID lives and is called NAME.
is_process() {
  local name=
  { read -r name <"/proc/$1/comm"; } 2>/dev/null || true
  [[ $name == "$2" ]] && start_time_of "$1" >/dev/null
}

# After a kill or a crash the pid files stay. dockerd takes any process of that number for itself, a zombie or somebody
# else's too, and refuses to start (or waits for a containerd that is none).
remove_stale_pid_files() {
  local run=$HOST_ROOT/var/run pid
  pid=$(cat "$run/docker.pid" 2>/dev/null || true)
  if [[ -n $pid ]] && ! is_process "$pid" dockerd; then rm -f "$run/docker.pid"; fi
  pid=$(cat "$run/docker/containerd/containerd.pid" 2>/dev/null || true)
  if [[ -n $pid ]] && ! is_process "$pid" containerd; then rm -f "$run/docker/containerd/containerd.pid"; fi
}

# Clock ticks from boot to the start of a process: with the boot's id it tells a process from a later one of its number.
# Fails when it is gone; a zombie is (in a container the first process may take its time, or for ever, to reap it).
start_time_of() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # After the name, which may hold blanks and parentheses, comes field 3, the state; 22 is the start time.
  read -r -a fields <<<"${stat##*) }"
  case ${fields[0]} in Z | X) return 1 ;; esac
  printf '%s\n' "${fields[19]}"
}
boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }

# note_engine process|systemd PID
note_engine() {
  printf '%s %s %s %s\n' "$1" "$2" "$(start_time_of "$2" || echo 0)" "$(boot_id)" >"$ENGINE_FILE.new"
  mv "$ENGINE_FILE.new" "$ENGINE_FILE"
}

# Prints the pid of the dockerd that we started, if it still runs; `systemd` when it is the service that we started.
our_engine() {
  local kind pid started boot
  [[ -f $ENGINE_FILE ]] || return 1
  read -r kind pid started boot <"$ENGINE_FILE" || return 1
  [[ $boot == "$(boot_id)" ]] || return 1
  if [[ $kind == systemd ]]; then
    has systemctl && systemctl is-active --quiet docker || return 1
    echo systemd
    return 0
  fi
  is_process "$pid" dockerd && [[ $(start_time_of "$pid") == "$started" ]] || return 1
  printf '%s\n' "$pid"
}
