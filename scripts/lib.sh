# shellcheck shell=bash
# What ./conformance, .ci/run and the scripts beside it share: sourced, never run. The parts are in scripts/lib/, and
# each says at its top what it is for; a script (or a part) names those it needs: load node packages.
#
# Runs with bash 3.2 (macOS) and needs nothing but git, bash and npm. Everything is said on stderr: stdout belongs
# to the command that was asked for. Exit codes are the CLI's: 2 bad usage, 3 the environment is missing something.
#
#   say            messages, questions, exits (always there)
#   lock           one at a time
#   node           a Node.js that is new enough
#   packages       npm ci
#   host           what kind of machine this is
#   capabilities   what its root may do, and the wrapper of runc where that is too little
#   apt            packages of Debian and Ubuntu
#   go-tools       programs that only tests need: act, actionlint, Helm, shellcheck
#   browser        a browser for the tests of the report page
#   engine-probe   which container engine answers
#   engine-record  which dockerd is ours
#   engine-setup   make one answer: brings all the engine's parts
#   engine-start
#   engine-stop
#
# The caller sets ROOT (the checkout) and `set -euo pipefail` before sourcing.
: "${ROOT:?lib.sh is sourced by scripts that set ROOT}"

# Every absolute path of the host is looked up below this prefix: empty in real life, a temporary folder in
# cli/launcher.test.ts, which builds machines there that cannot be had otherwise (no engine, not Debian, …).
# shellcheck disable=SC2034 # For the parts.
HOST_ROOT=${CONFORMANCE_HOST_ROOT:-}
# shellcheck disable=SC2034
readonly PROJECT=istio-external-proxy-conformance

LOADED=' '
# load PART...: each is sourced once.
load() {
  local part
  for part in "$@"; do
    case $LOADED in *" $part "*) continue ;; esac
    LOADED="$LOADED$part "
    # shellcheck source=/dev/null # Each is checked by itself.
    . "$ROOT/scripts/lib/$part.sh"
  done
}
load say
