# shellcheck shell=bash
# A browser of Chromium's kind, for the tests of the report page and for its screenshots.
load host

# By these names on PATH; on macOS also where its installer puts it.
readonly BROWSERS=(chromium chromium-browser google-chrome google-chrome-stable)
readonly MAC_BROWSER='/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'

# A name alone says little: Ubuntu's chromium-browser is a script that asks for a snap.
is_browser() { [[ -x $1 && ! -d $1 ]] && "$1" --version </dev/null >/dev/null 2>&1; }

# Sets CHROME_PATH; fails when there is none.
find_browser() {
  local name path
  for name in "${BROWSERS[@]}"; do
    path=$(command -v "$name") || continue
    if is_browser "$path"; then
      export CHROME_PATH=$path
      return 0
    fi
  done
  if is_browser "$HOST_ROOT$MAC_BROWSER"; then
    export CHROME_PATH=$HOST_ROOT$MAC_BROWSER
    return 0
  fi
  return 1
}

# Debian has it as a package; Ubuntu's package of that name is a snap.
has_browser_package() { is_debian_like && [[ $(os_release ID) != ubuntu && " $(os_release ID_LIKE) " != *' ubuntu '* ]]; }

# Sets CHROME_PATH to a browser that runs: the one it names, one on PATH, or on Debian as root a new one.
use_browser() {
  if [[ -n ${CHROME_PATH:-} ]]; then
    is_browser "$CHROME_PATH" || fail 3 "CHROME_PATH is no browser that runs: $CHROME_PATH" \
      'Set it to the program of Chromium or Google Chrome, or unset it.'
    return 0
  fi
  if find_browser; then return 0; fi
  if ! has_browser_package || ! is_root; then
    local how='Install Google Chrome or Chromium'
    if has_browser_package; then how='As root: apt-get install chromium'; fi
    fail 3 'the tests of the report page need a browser, and there is none on PATH' \
      "looked for   ${BROWSERS[*]}" "$how; or set CHROME_PATH to one that is somewhere else."
  fi
  say 'the tests of the report page need a browser. This will be installed:'
  say_more 'install   chromium fonts-dejavu-core   (apt-get, with what they depend on)' \
    'undo it   scripts/prepare-host undo --purge'
  agreed || fail 3 'nothing was done' \
    'Install a browser yourself, or run this again and say y (or set CONFORMANCE_ASSUME_YES=1).'
  load apt lock
  take_lock "$STATE_DIR/lock" 'installing packages'
  if ! find_browser; then apt_install chromium fonts-dejavu-core; fi
  release_lock
  find_browser || fail 3 'chromium was installed, and does not run' 'What it says: chromium --version'
}
