#!/usr/bin/env python3
"""Ports of loopback for the servers of tests, each for one test only.

A port that is free now may be taken when a server binds it: by another test that looked at the same moment, or by the
kernel for a connection. So ports come in blocks below those that the kernel takes, and a block belongs to whoever listens
on its first port; a process does that until it ends. sdk/lib/ports.mjs shares the blocks.

As a program it prints one for each line of its standard input, and holds them until that ends (e2e/ports.sh).

SPDX-License-Identifier: Apache-2.0
"""
import random
import socket
import sys

FIRST, BLOCKS, SIZE = 11000, 550, 20  # not 10080, which browsers refuse

_claims = []  # sockets that listen on the first ports of this process's blocks
_left = []  # ports of the last block that nobody has got


def _bound(port, family=socket.AF_INET, address="127.0.0.1"):
    """A socket at this port; None if that is taken."""
    probe = socket.socket(family)
    try:
        probe.bind((address, port))
        return probe
    except OSError:
        probe.close()
        return None


def _claim():
    """The ports of a block that is ours from now on, but for the first."""
    while True:
        first = FIRST + random.randrange(BLOCKS) * SIZE
        claim = _bound(first)
        if claim:
            try:
                claim.listen()
            except OSError:  # somebody was quicker
                claim.close()
                continue
            _claims.append(claim)
            return list(range(first + 1, first + SIZE))


def free_port(family=socket.AF_INET, address="127.0.0.1"):
    """A port that this process has not had before."""
    while True:
        if not _left:
            _left.extend(_claim())
        port = _left.pop(0)
        probe = _bound(port, family, address)
        if probe:
            probe.close()
            return port


if __name__ == "__main__":
    for _ in sys.stdin:
        print(free_port(), flush=True)
