# shellcheck shell=bash
# What is said and asked, and how a script ends.

# Nothing ends without a word, nor with exit code 1, which would read as "the mesh does not conform".
unforeseen() {
  printf 'conformance: %s, line %s: a command failed that should not (exit code %s)\n' "$2" "$3" "$1" >&2
  exit 3
}
set -E
trap 'unforeseen "$?" "${BASH_SOURCE[0]:-}" "$LINENO"' ERR

say() { printf 'conformance: %s\n' "$1" >&2; }
# Further lines of a message, below the one that `say` or `fail` began.
say_more() { printf '  %s\n' "$@" >&2; }
# fail CODE LINE...: the message, then the end.
fail() {
  local code=$1
  shift
  say "$1"
  shift
  if [[ $# -gt 0 ]]; then say_more "$@"; fi
  exit "$code"
}

has() { command -v "$1" >/dev/null 2>&1; }

# Asks where there is somebody to ask. The question was said before; this is only the answer.
agreed() {
  local answer
  if [[ ${CONFORMANCE_ASSUME_YES:-} == 1 || -n ${CI:-} ]]; then return 0; fi
  if [[ ! -t 0 || ! -t 2 ]]; then return 0; fi
  printf 'Go on? [y/N] ' >&2
  read -r answer || answer=
  case $answer in
    [yY] | [yY][eE][sS]) return 0 ;;
  esac
  return 1
}
