#!/usr/bin/env python3
"""Measures how events that wait are delivered, for `./dev bench events`.

    deliver.py LABEL WEBHOOK_PID WEBHOOK_PORT COUNT SERVER_PID[,SERVER_PID...]

The webhook (tests/bench/webhook.c) is stopped; it goes on, and is asked (GET) for how many requests it has
had until that are COUNT. Prints a JSON line like those of `pubgrid bench`: deliveries a second, server CPU
for each.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import signal
import sys
import time
import urllib.request

from cpu import cpu_ns

TRIES = 3000  # without progress
PAUSE_S = 0.02


def posted(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
        return int(answer.read())


def wait_for(port, count):
    seen, tries = 0, TRIES
    while seen < count:
        time.sleep(PAUSE_S)
        now = posted(port)
        tries = TRIES if now > seen else tries - 1
        seen = now
        if tries == 0:
            sys.exit(f"deliver: only {seen} of {count} events have come")


def main():
    label, webhook, port, count, pids = sys.argv[1:]
    pids, count = pids.split(","), int(count)
    began, cpu = time.monotonic(), cpu_ns(pids)
    os.kill(int(webhook), signal.SIGCONT)
    wait_for(port, count)
    took, used = time.monotonic() - began, cpu_ns(pids) - cpu
    print(json.dumps({"label": label, "rate": round(count / took), "server_us_per_message": used / 1e3 / count}))


main()
