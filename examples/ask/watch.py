#!/usr/bin/env python3
"""Tells who leads a pool, and each change, with the standard library alone:

    python3 watch.py https://zen-lead-api.zen-lead-system.svc/v1/leader/pool/web/watch

In a pod with the volume of pod.yaml that is all; elsewhere TOKEN and CA_FILE say what the volume would.
"""

import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

FOLDER = "/var/run/secrets/zen-lead"


def token():
    """Read each time: a mounted token is another after some time."""
    if "TOKEN" in os.environ:
        return os.environ["TOKEN"]
    with open(f"{FOLDER}/token") as file:
        return file.read().strip()


def events(url, last):
    """Yields the events of one stream, after the one whose id is last."""
    headers = {"Authorization": f"Bearer {token()}"} | ({"Last-Event-ID": last} if last else {})
    trust = ssl.create_default_context(cafile=os.environ.get("CA_FILE", f"{FOLDER}/ca.crt"))
    # There is a heartbeat every ten seconds: where none comes for thirty, the stream is dead.
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30, context=trust) as stream:
        event = {}
        for line in stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                event[name] = value
            else:
                yield event
                event = {}


def states(url):
    """Yields who leads, and each change, over any number of streams, whichever replica serves them."""
    last = ""
    while True:
        try:
            for event in events(url, last):
                if event["event"] == "leader":
                    last = event["id"]
                    yield json.loads(event["data"])
        except urllib.error.HTTPError as refused:
            if refused.code < 500 and refused.code != 429:  # trying again would not help
                sys.exit(f"{refused.code}: {refused.read().decode()}")
        except (OSError, http.client.HTTPException) as lost:
            print(f"again in a second: {lost}", file=sys.stderr, flush=True)
        time.sleep(1)


if __name__ == "__main__":
    for state in states(sys.argv[1]):
        print(state["leader"] and state["leader"]["name"], state["term"], flush=True)
