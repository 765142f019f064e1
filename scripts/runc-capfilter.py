#!/usr/bin/python3 -IS
# Written by istio-external-proxy-conformance; removed by its scripts/prepare-host undo.
#
# runc, minus CAP_SYS_RESOURCE: takes it out of what runc is about to read and hands over to runc. What a container's
# own process is given is in the bundle's config.json (create, run), what a further one gets in the file of --process
# (exec) or, without that, in the config.json that create has dealt with, plus --cap.
import json
import os
import sys

# Filled in when it is written (scripts/lib/capabilities.sh).
RUNC = "@RUNC@"
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
