# shellcheck shell=bash
# One at a time: a lock between runs on the same machine.

HELD_LOCK=
# A folder is the lock (mkdir is atomic everywhere; flock is missing on macOS). Whoever died with it loses it.
take_lock() {
  local lock=$1 what=$2 waited='' owner
  mkdir -p "$(dirname "$lock")"
  until mkdir "$lock" 2>/dev/null; do
    [[ -d $lock ]] || fail 3 "cannot write $(dirname "$lock") (wanted for: $what)"
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    if [[ -n $owner ]] && ! kill -0 "$owner" 2>/dev/null; then
      # Renamed first: of two that find the same dead owner only one can do that.
      if mv "$lock" "$lock.stale.$$" 2>/dev/null; then rm -rf "$lock.stale.$$"; fi
      continue
    fi
    if [[ -z $waited ]]; then
      say "waiting for another run (process ${owner:-unknown}): $what"
      waited=yes
    fi
    sleep 0.2
  done
  printf '%s\n' "$$" >"$lock/pid"
  HELD_LOCK=$lock
  trap release_lock EXIT
}
release_lock() {
  [[ -n $HELD_LOCK ]] || return 0
  rm -rf "$HELD_LOCK"
  # take_lock made the folder of the lock: where nothing was done nothing is left.
  rmdir "${HELD_LOCK%/*}" 2>/dev/null || true
  HELD_LOCK=
}
# Removes the folder that the lock is in, and with it the lock.
remove_with_lock() {
  rm -rf "${1:?}"
  HELD_LOCK=
}
