# shellcheck shell=bash
# The project's npm packages: `npm ci` where node_modules is not what package-lock.json says. Needs a Node.js on PATH.
load lock

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
  # npm ci would empty the folder that the link leads to, which is somebody else's.
  if [[ -L $ROOT/node_modules ]]; then
    fail 3 "node_modules is a link to $(readlink "$ROOT/node_modules"), whose packages are not what package-lock.json says" \
      "Remove the link (rm node_modules) and run this again, or run npm ci where it leads to."
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
