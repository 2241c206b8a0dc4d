"""Types into a program on a terminal of its own, and prints what the terminal shows.

Arguments: the program and its arguments. Standard input: JSON, a list of [keys, text]: after the keys it waits until the text is
shown once more. Ends with 1 where a text did not come within 30 seconds.
"""

import json
import os
import pty
import select
import sys
import time

steps = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

shown = b""


def wait_for(text, start):
    global shown
    end = time.monotonic() + 30
    while text.encode() not in shown[start:]:
        if time.monotonic() > end or not select.select([terminal], [], [], 1)[0]:
            if time.monotonic() > end:
                return False
            continue
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            return False
    return True


done = True
for keys, text in steps:
    start = len(shown)
    os.write(terminal, keys.encode())
    if not wait_for(text, start):
        done = False
        break
os.close(terminal)
sys.stdout.buffer.write(shown)
sys.exit(0 if done else 1)
