# shellcheck shell=bash
# Packages of Debian and Ubuntu: installs them, and notes which ones are new.
load host

readonly APT_LOG=$STATE_DIR/apt.log
# Packages that were not installed before we installed what we need, one a line.
readonly PACKAGES_FILE=$STATE_DIR/packages

installed_packages() {
  dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p' | LC_ALL=C sort
}

# Its log, and what to do, by the cause that the log tells.
fail_apt() {
  local what=$1 advice='Its last lines are above.'
  tail -n 12 "$APT_LOG" >&2 || true
  if grep -qiE 'could not get lock|is held by process|unable to lock|unable to acquire the dpkg' "$APT_LOG"; then
    advice='Another package manager is at work (apt, dpkg, unattended upgrades): wait until it is done, then run this again.'
  elif grep -qiE "no space left|don't have enough free space" "$APT_LOG"; then
    advice='There is no room on the disk: make some (apt-get clean), then run this again.'
  elif grep -qiE 'dpkg was interrupted|dpkg --configure -a|fix-broken' "$APT_LOG"; then
    advice='An earlier installation is unfinished: dpkg --configure -a && apt-get -f install, then run this again.'
  elif grep -qiE 'could not resolve|temporary failure resolving|could not connect|failed to fetch|connection (timed out|failed)|unable to connect' "$APT_LOG"; then
    advice='The package mirror cannot be reached: check the network, or the proxy in /etc/apt/apt.conf.d, then run this again.'
  elif grep -qiE 'unable to locate package|no installation candidate' "$APT_LOG"; then
    advice='The configured package sources do not have it: check /etc/apt/sources.list (Ubuntu: component universe).'
  fi
  fail 3 "$what failed" "$advice" "Log: $APT_LOG"
}

apt_get() {
  # RUNLEVEL=1: without a service manager the packages' scripts would start the daemons themselves, with flags of
  # theirs; what is to run is started here. Under systemd the variable means nothing.
  # The dpkg lock is waited for a minute: unattended upgrades hold it for a while after a machine's first boot.
  LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 RUNLEVEL=1 \
    apt-get -o DPkg::Lock::Timeout=60 "$@" </dev/null >>"$APT_LOG" 2>&1
}

# Installs packages and notes which of the installed ones are new, for undo.
apt_install() {
  local before after code=0 began=$SECONDS
  mkdir -p "$STATE_DIR"
  : >"$APT_LOG"
  say "installing $* …"
  before=$(installed_packages)
  # One broken third-party source makes the whole update fail and matters to nobody here, as long as what is wanted can be had.
  if ! apt_get update; then
    apt_get install --simulate --no-install-recommends "$@" || fail_apt 'apt-get update'
    say "apt-get update failed in part, the packages can be had all the same (log: $APT_LOG)"
    : >"$APT_LOG"
  fi
  apt_get install -y --no-install-recommends "$@" || code=$?
  # Also after a failure: half of it may be there.
  after=$(installed_packages)
  LC_ALL=C comm -13 <(printf '%s\n' "$before") <(printf '%s\n' "$after") >>"$PACKAGES_FILE"
  LC_ALL=C sort -u -o "$PACKAGES_FILE" "$PACKAGES_FILE"
  if ((code != 0)); then fail_apt "apt-get install $*"; fi
  say "installed ($((SECONDS - began)) s)"
}
