# shellcheck shell=bash
# The Linux capabilities of this machine's root, and the wrapper of runc for a machine without CAP_SYS_RESOURCE.
load host

readonly CAPFILTER=$STATE_DIR/runc-capfilter
readonly CAP_NET_ADMIN=12 CAP_SYS_ADMIN=21 CAP_SYS_RESOURCE=24

# Whether this process has capability number BIT in set NAME (CapBnd, CapEff). Yes where the kernel does not say.
has_capability() {
  local name=$1 bit=$2 mask
  mask=$(sed -n "s/^$name:[[:space:]]*//p" "$HOST_ROOT/proc/self/status" 2>/dev/null || true)
  if [[ -z $mask ]]; then return 0; fi
  (((0x$mask >> bit) & 1))
}

may_run_dockerd() { has_capability CapEff "$CAP_SYS_ADMIN" && has_capability CapEff "$CAP_NET_ADMIN"; }
needs_capfilter() { ! has_capability CapBnd "$CAP_SYS_RESOURCE"; }

# The OCI runtime that dockerd gets on a machine whose root lacks CAP_SYS_RESOURCE. There runc cannot give that
# capability to anybody and fails on every privileged container ("unable to apply caps").
write_capfilter() {
  local runc
  runc=$(command -v runc) || fail 3 'runc is missing beside dockerd' 'apt-get install runc, then run this again.'
  sed "s|@RUNC@|$runc|" "$ROOT/scripts/runc-capfilter.py" >"$CAPFILTER.new"
  chmod 755 "$CAPFILTER.new"
  mv "$CAPFILTER.new" "$CAPFILTER"
}
