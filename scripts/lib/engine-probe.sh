# shellcheck shell=bash
# Which container engine answers, if any does. Needs a Node.js on PATH, of any version; starts nothing.

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
  // A user of a container may have a number and no name.
  const uid = process.getuid ? process.getuid() : os.userInfo().uid;
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
