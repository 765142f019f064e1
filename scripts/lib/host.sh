# shellcheck shell=bash
# The machine: what kind it is, and where we put on it what we put there.

# The only place where we put something; `scripts/prepare-host undo` removes it.
# shellcheck disable=SC2034 # For the other parts.
readonly STATE_DIR=$HOST_ROOT/var/lib/$PROJECT

# A value of /etc/os-release; empty when it is not there.
os_release() { sed -n "s/^$1=//p" "$HOST_ROOT/etc/os-release" 2>/dev/null | tr -d "\"'" || true; }

is_debian_like() {
  local id
  for id in $(os_release ID) $(os_release ID_LIKE); do
    if [[ $id == debian || $id == ubuntu ]]; then return 0; fi
  done
  return 1
}

is_root() { [[ $(id -u) -eq 0 ]]; }

has_service_manager() { [[ -d $HOST_ROOT/run/systemd/system ]]; }

# The administrator's commands (dockerd, iptables) are not on everybody's PATH, not even on root's after `su`.
use_system_path() { export PATH="$PATH:$HOST_ROOT/usr/local/sbin:$HOST_ROOT/usr/sbin:$HOST_ROOT/sbin"; }
