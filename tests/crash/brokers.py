"""Brokers as processes that can be killed, for the crash tests.

A broker is a command with {port} and {dir} in it; each start takes a port of its own.

SPDX-License-Identifier: Apache-2.0
"""
import os
import shlex
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import mqtt
from ports import free_port

BIN = os.environ.get("BIN") or os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                            "../../build/release/bin")
PUBGRID = os.path.join(BIN, "pubgrid-broker")
PUBGRID_COMMAND = (f"{PUBGRID} --set listeners=tcp://127.0.0.1:{{port}}"
                   " --set store.path={dir}/store --set workers={workers}")
MOSQUITTO_CONFIG = """listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {dir}/
max_queued_messages 0
max_inflight_messages 1000
user root
"""
SANITIZER = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
             "WARNING: ThreadSanitizer")


def find_mosquitto():
    for path in ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"):
        if os.path.exists(path):
            return path
    return None


def command_of(name):
    """The command of a broker that is known by its name."""
    if name == "pubgrid":
        return PUBGRID_COMMAND
    if name == "mosquitto":
        return f"{find_mosquitto() or 'mosquitto'} -c {{dir}}/mosquitto.conf"
    raise SystemExit(f"unknown broker '{name}': give it as NAME=START COMMAND")


def libraries(program, word):
    """Paths of the shared libraries of a program whose names contain the word."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return [line.split()[2] for line in done.stdout.splitlines()
            if word in line and len(line.split()) > 2]


def lose_environment(program, library, folder, seed, keep_percent):
    """The environment in which a program loses what it has not synced below the folder. A
    sanitizer's own library has to stay the first one."""
    first = libraries(program, "libasan") + libraries(program, "libtsan")
    return {"LD_PRELOAD": ":".join([*first, library]), "LOSE_DIR": os.path.realpath(folder),
            "LOSE_SEED": str(seed), "LOSE_KEEP_PERCENT": str(keep_percent)}


class StartFailed(Exception):
    pass


class Broker:
    """A folder, and the process that has it now."""

    def __init__(self, name, folder, command=None):
        self.name, self.folder, self.command = name, folder, command or command_of(name)
        self.process, self.port, self.starts = None, None, 0
        self.log_path = os.path.join(folder, "broker.log")
        os.makedirs(os.path.join(folder, "store"), exist_ok=True)

    def start(self, environment=None):
        """Starts it and waits until it answers a CONNECT."""
        self.port = free_port()
        # What is stored must not depend on how many workers there were.
        values = {"port": self.port, "dir": self.folder, "workers": self.starts % 3 + 1}
        with open(os.path.join(self.folder, "mosquitto.conf"), "w") as out:
            out.write(MOSQUITTO_CONFIG.format(**values))
        command = self.command
        for key, value in values.items():
            command = command.replace("{" + key + "}", str(value))
        with open(self.log_path, "ab") as log:
            log.write(f"--- start {self.starts}: {command}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env={**os.environ, **(environment or {})})
        self.starts += 1
        if not self._answers():
            raise StartFailed(f"{self.name} does not start:\n{self.log_tail()}")
        return self

    def _answers(self):
        deadline = time.monotonic() + mqtt.PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with mqtt.Client(self.port, f"ready-{self.starts}") as client:
                    if client.reason == 0:
                        return True
            except mqtt.Gone:
                time.sleep(0.01)  # asks again: there is nothing to wait on before it listens
        self.kill()
        return False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        """To the whole group: a start command may be a shell or a launcher."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        if self.process:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """Ends it as an administrator would; its exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(mqtt.PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def log_tail(self, lines=15):
        return "\n".join("    " + line for line in self.log().splitlines()[-lines:])

    def sanitizer_findings(self):
        return [line for line in self.log().splitlines() if any(w in line for w in SANITIZER)]
