"""Workers that end in ways in which a driver may make them end."""

from __future__ import annotations

import os
import signal
import time


def main(behaviour: str) -> None:
    if behaviour == "crash":
        print('{"doing": "a crash"}', flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if behaviour == "hang":
        print('{"doing": "a long wait"}', flush=True)
        time.sleep(60)
    if behaviour == "raise":
        raise ValueError("of some kind")
    print('warning: not JSON\n[1, 2]\n{"doing": "\\u001b[31mred"}', flush=True)
