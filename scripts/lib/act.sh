# shellcheck shell=bash
# act, which runs GitHub's workflows on this machine, and actionlint, which reads them: for the tests of the workflows. Both
# are built by Go into the user's cache folder, once.
load node lock

readonly ACT=github.com/nektos/act@v0.2.89
readonly ACTIONLINT=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# Puts both first on PATH.
use_act() {
  local folder fresh log began=$SECONDS
  folder=$(cache_dir)/tools/act-${ACT##*@}-actionlint-${ACTIONLINT##*@}-$(uname -s)-$(uname -m)
  if [[ ! -x $folder/act ]]; then
    has go || fail 3 'the tests of the workflows need Go, to build act and actionlint with, and there is none on PATH' \
      'Install Go 1.25 or newer, then run this again.'
    mkdir -p "${folder%/*}" 2>/dev/null || fail 3 "cannot write ${folder%/*}" \
      'Set CONFORMANCE_CACHE_DIR to a folder that can be written.'
    take_lock "$folder.lock" 'building act'
    if [[ ! -x $folder/act ]]; then
      say "building $ACT and $ACTIONLINT into $folder …"
      fresh=$(mktemp -d "$folder.new.XXXXXX")
      log=$fresh/go.log
      # Outside of any module, so that no go.mod around here counts.
      if ! (cd "$fresh" && GOBIN=$fresh GOFLAGS='' nice -n 10 go install "$ACTIONLINT" &&
        GOBIN=$fresh GOFLAGS='' nice -n 10 go install "$ACT") >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -rf "$fresh"
        fail 3 'Go could not build act and actionlint (its last lines are above)' \
          'Is the Go module proxy reachable from here, and is Go 1.25 or newer? Then run this again.'
      fi
      rm -rf "$folder"
      mv "$fresh" "$folder"
      say "act and actionlint are there ($((SECONDS - began)) s)"
    fi
    release_lock
  fi
  export PATH="$folder:$PATH"
}
