# shellcheck shell=bash
# Makes an engine answer: finds out what this machine lacks, says what is going to happen, asks, does it.
load lock host apt capabilities engine-probe engine-record engine-start

# After it an engine answers, or this has ended with exit code 3 and said what to do.
prepare_engine() {
  probe_engine
  case $ENGINE_STATE in
    reachable)
      use_engine
      return 0
      ;;
    chosen)
      fail 3 "no container engine answers at $ENGINE_ADDRESS, chosen by $ENGINE_ORIGIN: $ENGINE_DETAIL" \
        "Start that engine, or unset it (DOCKER_HOST, DOCKER_CONTEXT, ~/.testcontainers.properties) to use another." \
        'No other engine was started.'
      ;;
    denied)
      fail 3 "a container engine is there (${ENGINE_ADDRESS#unix://}), but $(id -un) may not use it" \
        "As root: usermod -aG docker $(id -un), then log in again. Or run a rootless engine and set DOCKER_HOST."
      ;;
  esac
  if ! is_debian_like; then fail_no_engine_elsewhere; fi
  if ! is_root; then
    fail 3 'no container engine answers, and only root can install and start one' \
      'As root: scripts/prepare-host engine   (it says what it does, and asks first)' \
      "         usermod -aG docker $(id -un)   then log in again" \
      'Or start an engine of your own, Podman too, and set DOCKER_HOST.'
  fi
  take_lock "$STATE_DIR/lock" 'preparing the container engine'
  # Whoever had the lock may have done it.
  probe_engine
  if [[ $ENGINE_STATE != reachable ]]; then set_up_engine; fi
  release_lock
  use_engine
}

fail_no_engine_elsewhere() {
  local system
  if [[ $(uname -s) == Darwin ]]; then
    fail 3 'no container engine answers' \
      'Start Docker Desktop, Colima (colima start) or Podman (podman machine start), then run this again.'
  fi
  system=$(os_release PRETTY_NAME)
  fail 3 'no container engine answers' \
    'Install and start Docker Engine (systemctl start docker) or Podman (systemctl --user start podman.socket),' \
    'or set DOCKER_HOST to an engine elsewhere, then run this again.' \
    "Preparing the host is known for Debian and Ubuntu only; this is ${system:-$(uname -s)}."
}

# Says what is going to happen, asks, does it.
set_up_engine() {
  local packages=() wrapper='' manager='' new_data_root=''
  use_system_path
  if ! has dockerd; then packages+=(docker.io); fi
  if ! has iptables; then packages+=(iptables); fi
  if has_service_manager; then
    manager=yes
  else
    if ! may_run_dockerd; then
      fail 3 'no container engine answers, and one cannot run here: this root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN' \
        'This is a container without privileges. Start it with --privileged, or mount an engine socket into it' \
        '(-v /var/run/docker.sock:/var/run/docker.sock), then run this again.'
    fi
    if needs_capfilter; then
      wrapper=yes
      # dockerd refuses a setting that is both in its file and a flag; and the file is the user's.
      if grep -q default-runtime "$HOST_ROOT/etc/docker/daemon.json" 2>/dev/null; then
        say '/etc/docker/daemon.json sets a default runtime: it stays the one that is used'
        wrapper=''
      fi
    fi
  fi
  # A service file or an admin's dockerd that is on its way up: its socket may come any moment.
  if foreign_dockerd_runs; then
    say 'dockerd is running and does not answer yet: waiting for it …'
    await_engine "$(cat "$HOST_ROOT/var/run/docker.pid")" /dev/null
    return 0
  fi
  # The wrapper edits JSON. python3, not python3-minimal: the latter comes without the json module. Node would be there
  # too, but in the user's cache folder; when that is emptied no container could be started any more.
  if [[ -n $wrapper && ! -x $HOST_ROOT/usr/bin/python3 ]]; then packages+=(python3); fi

  say 'no container engine answers. This will prepare one:'
  if [[ ${#packages[@]} -gt 0 ]]; then say_more "install   ${packages[*]}   (apt-get, with what they depend on)"; fi
  if [[ -n $manager ]]; then
    say_more 'start     the service docker (systemctl)'
  else
    say_more "start     dockerd in the background   (log: $DOCKERD_LOG)"
  fi
  if [[ -n $wrapper ]]; then
    say_more 'wrap      runc, because this machine has no CAP_SYS_RESOURCE: containers go without it' \
      "          ($CAPFILTER, by flags of that dockerd only)"
  fi
  say_more 'undo it   scripts/prepare-host undo   (stop alone: scripts/prepare-host stop)'
  agreed || fail 3 'nothing was done' 'Start an engine yourself, or run this again and say y (or set CONFORMANCE_ASSUME_YES=1).'

  if [[ ! -d $DATA_ROOT ]]; then new_data_root=yes; fi
  if [[ ${#packages[@]} -gt 0 ]]; then
    apt_install "${packages[@]}"
    # Debian deletes the data folder when docker.io is purged: undo may do that only if we brought it.
    if [[ -n $new_data_root ]]; then : >"$STATE_DIR/data-root-is-new"; fi
    probe_engine
    if [[ $ENGINE_STATE == reachable ]]; then
      if [[ -n $manager ]]; then note_engine systemd 0; fi
      say 'the container engine answers'
      return 0
    fi
  fi
  mkdir -p "$STATE_DIR"
  if [[ -n $manager ]]; then
    start_service
  else
    if [[ -n $wrapper ]]; then write_capfilter; fi
    start_dockerd "$wrapper"
  fi
}
