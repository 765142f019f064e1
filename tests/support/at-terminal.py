"""at-terminal.py COMMAND...: runs it at a terminal of its own that is 100 columns wide.

The terminal is its stdin and stderr: what comes in here is typed there, and what is shown there goes to stderr. Its stdout is
the one of this process, as for whoever redirects it.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

ours = os.dup(sys.stdout.fileno())
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    os.dup2(ours, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(ours)
open_inputs = [sys.stdin.fileno(), terminal]
while True:
    for ready in select.select(open_inputs, [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:  # Linux says so when the last process at a terminal has ended.
            data = b""
        if ready == terminal:
            if not data:
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                sys.exit(status if status >= 0 else 128 - status)
            os.write(2, data)
        elif data:
            os.write(terminal, data)
        else:
            open_inputs.remove(ready)
