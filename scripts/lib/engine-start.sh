# shellcheck shell=bash
# Starts an engine, as a service or in the background, and waits until it answers.
load host capabilities engine-probe engine-record engine-stop

readonly DOCKERD_LOG=$STATE_DIR/dockerd.log
readonly DATA_ROOT=$HOST_ROOT/var/lib/docker
readonly ENGINE_START_SECONDS=60

start_service() {
  if needs_capfilter; then
    say 'this machine has no CAP_SYS_RESOURCE: privileged containers may fail under the service docker'
  fi
  if ! systemctl start docker >>"$DOCKERD_LOG" 2>&1; then
    { systemctl status --no-pager --lines=20 docker || true; } >&2
    fail 3 'the service docker does not start (see above)' 'More: journalctl -u docker'
  fi
  note_engine systemd 0
  await_engine '' "$DOCKERD_LOG"
  say 'the container engine answers (service docker). Undo: scripts/prepare-host undo'
}

# Whether dockerd's rules can be set with a command of the iptables family: tried in a network namespace of its own, so
# that nothing of the host's changes. Yes where no namespace can be had.
can_set_rules_with() {
  has unshare && unshare -n true 2>/dev/null || return 0
  # shellcheck disable=SC2016 # For the shell in the namespace.
  unshare -n sh -c '
    "$1" -t nat -N PROBE && "$1" -t nat -A PROBE -s 192.0.2.0/24 -j MASQUERADE &&
    "$1" -t nat -A PROBE -m addrtype --dst-type LOCAL -j RETURN &&
    "$1" -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT' sh "$1" >/dev/null 2>&1
}

# Kernels without nf_tables (or without its compatibility layer) need iptables-legacy. Only dockerd's PATH is changed for
# it, not the system's alternatives. Both flavours work on most kernels: then the system's choice stands.
choose_iptables() {
  local name
  if can_set_rules_with iptables; then return 0; fi
  if has iptables-legacy && can_set_rules_with iptables-legacy; then
    say 'iptables does not work with this kernel, iptables-legacy does: dockerd gets that one'
    mkdir -p "$STATE_DIR/bin"
    for name in iptables ip6tables; do ln -sf "$(command -v "$name-legacy")" "$STATE_DIR/bin/$name"; done
    export PATH="$STATE_DIR/bin:$PATH"
    return 0
  fi
  say 'neither iptables nor iptables-legacy can set up address translation with this kernel: dockerd will probably not start'
}

# start_dockerd [WRAPPER]: in the background, away from the terminal, holding no file of ours open.
start_dockerd() {
  local flags=() pid='' deadline began=$SECONDS pid_file=$STATE_DIR/dockerd.pid
  if [[ -n ${1:-} ]]; then
    flags=(--add-runtime "capfilter=$CAPFILTER" --default-runtime capfilter)
  fi
  choose_iptables
  remove_stale_pid_files
  rm -f "$pid_file"
  if [[ -f $DOCKERD_LOG ]]; then mv "$DOCKERD_LOG" "$DOCKERD_LOG.1"; fi
  say 'starting dockerd …'
  (
    cd /
    # Not even the pipes that npm or a CI runner passes down: whoever reads them would wait for dockerd's end.
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      if ((fd > 2)); then eval "exec $fd>&-"; fi
    done
    # 1,048,576 as the service's unit does, or as many as are allowed. No more: programs that size a table by it (Squid) choke.
    # shellcheck disable=SC2016 # For the shell that becomes dockerd.
    exec setsid bash -c '
      printf "%s\n" "$$" >"$1.new" && mv "$1.new" "$1"; shift
      ulimit -n 1048576 2>/dev/null || ulimit -Sn "$(ulimit -Hn)" 2>/dev/null
      exec dockerd "$@"' dockerd "$pid_file" ${flags[@]+"${flags[@]}"}
  ) </dev/null >"$DOCKERD_LOG" 2>&1 &
  deadline=$((SECONDS + 10))
  until pid=$(cat "$pid_file" 2>/dev/null) && [[ -n $pid ]]; do
    if ((SECONDS > deadline)); then fail_dockerd 'dockerd could not be started' "$DOCKERD_LOG"; fi
    sleep 0.05
  done
  rm -f "$pid_file"
  note_engine process "$pid"
  await_engine "$pid" "$DOCKERD_LOG"
  say "dockerd answers ($((SECONDS - began)) s). Stop it: scripts/prepare-host stop. Undo all: scripts/prepare-host undo"
  warn_of_slow_storage
}

# Waits until an engine answers; ends at once when process PID (may be empty) dies.
await_engine() {
  local pid=$1 log=$2 deadline=$((SECONDS + ENGINE_START_SECONDS))
  while :; do
    probe_engine
    if [[ $ENGINE_STATE == reachable ]]; then return 0; fi
    if [[ -n $pid ]] && ! start_time_of "$pid" >/dev/null; then fail_dockerd 'dockerd ended instead of answering' "$log"; fi
    if ((SECONDS >= deadline)); then fail_dockerd "dockerd did not answer within $ENGINE_START_SECONDS s" "$log"; fi
    sleep 0.1
  done
}

fail_dockerd() {
  local what=$1 log=$2 advice='If the lines above do not tell why: start dockerd by hand, or set DOCKER_HOST to an engine elsewhere.'
  tail -n 15 "$log" >&2 || true
  if grep -qi 'no space left' "$log"; then
    advice='There is no room on the disk: make some, then run this again.'
  elif grep -qiE 'iptables|nf_tables|firewall' "$log"; then
    advice='dockerd cannot set its firewall rules: this kernel lacks NAT for iptables (modules ip_tables, iptable_nat, nf_tables).'
  elif grep -qi 'cgroup' "$log"; then
    advice='The control groups are not mounted: apt-get install cgroupfs-mount && cgroupfs-mount, then run this again.'
  elif grep -qi 'specified both as a flag and in the configuration file' "$log"; then
    advice='/etc/docker/daemon.json sets what this start needs as a flag: start dockerd yourself, then run this again.'
  fi
  if [[ $log == /dev/null ]]; then fail 3 "$what" 'It was not started from here: look at its own log.'; fi
  # What lives on after the deadline is ours, and of no use.
  stop_engine quietly
  fail 3 "$what" "$advice" "Log: $log"
}

# Without overlay file systems (a data folder inside another container) dockerd copies every layer: slow, and tens of gigabytes.
warn_of_slow_storage() {
  if grep -q 'storage-driver=vfs\|graphdriver(s)=vfs' "$DOCKERD_LOG"; then
    say "dockerd chose the storage driver vfs: slow, and it needs much room. A $DATA_ROOT on a disk or volume of its own avoids that"
  fi
}
