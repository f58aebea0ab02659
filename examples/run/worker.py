#!/usr/bin/env python3
"""Runs on the leader alone: zen-lead run worker -- python3 worker.py URL

It sends what it makes to a store, with its term. A store that has seen a larger one answers 412, and this program ends:
somebody else leads.
"""

import os
import signal
import sys
import threading
import urllib.error
import urllib.request

TERM = os.environ["ZEN_LEAD_TERM"]  # a number; as text it is passed on
ending = threading.Event()


def write(url, text):
    request = urllib.request.Request(url, data=text.encode(), headers={"Zen-Lead-Term": TERM}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return
    except urllib.error.HTTPError as refused:
        if refused.code == 412:
            sys.exit(f"the store has seen a term above {TERM}")
        print(f"not written: {refused}", file=sys.stderr, flush=True)
    except OSError as lost:  # not known whether it was written; the next write says it all again
        print(f"not known whether it was written: {lost}", file=sys.stderr, flush=True)


def main(url):
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    n = 0
    while not ending.is_set():
        n += 1
        write(url, f"step {n} in term {TERM}")
        print(f"step {n} in term {TERM}", flush=True)
        ending.wait(1)
    print(f"ended in good order after {n} steps", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
