#!/usr/bin/env python3
"""MQTT.js (npm) against the broker: starts one and runs mqttjs.mjs with its port.

    BIN=build/dev/bin tests/e2e/mqttjs_test.py

SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import subprocess
import sys

from net_test import Broker, free_port, tcp

FOLDER = os.path.dirname(os.path.abspath(__file__))
LEFT_OUT = 77


def main():
    if not shutil.which("node") or not os.path.isdir(os.path.join(FOLDER, "node_modules/mqtt")):
        print("left out: `./dev test` installs Node.js and MQTT.js (npm ci in tests/e2e)")
        return LEFT_OUT
    port = free_port()
    with Broker([tcp(port)], "workers=2"):
        command = ["node", os.path.join(FOLDER, "mqttjs.mjs"), f"mqtt://127.0.0.1:{port}"]
        return subprocess.run(command, timeout=120).returncode


if __name__ == "__main__":
    sys.exit(main())
