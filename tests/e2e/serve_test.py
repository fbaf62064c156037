#!/usr/bin/env python3
"""`pubgrid serve`: a broker and its bridges are started, kept alive, reloaded and stopped in order.

The broker is the real one. The bridge is a stand-in of a few lines, placed beside a copy of
`pubgrid`: it says what it was given and what signals come, and dies or resists as a test wants it.
Waiting is always for a line of the log, a word to the service manager, or the end of a process.

    BIN=build/dev/bin tests/e2e/serve_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading

from net_test import PATIENCE, free_port, run_tests

BIN = os.path.abspath(os.environ.get("BIN", "build/dev/bin"))

# Says on stderr, which is the log of `serve`: its arguments, signals, and whether the broker still
# answers when it is told to stop.
BRIDGE = '''#!{python}
import os, signal, socket, sys
mode = os.environ.get("STANDIN_MODE", "")
def say(text):
    os.write(2, f"bridge {{sys.argv[-1]}} {{os.getpid()}}: {{text}}\\n".encode())
def hang_up(*_):
    say("reloads")
def stop(*_):
    if mode == "stubborn":
        say("does not stop")
        return
    port = int(os.environ["STANDIN_PORT"])
    with socket.socket() as probe:
        say("stops, broker " + ("gone" if probe.connect_ex(("127.0.0.1", port)) else "answers"))
    sys.exit(0)
signal.signal(signal.SIGHUP, hang_up)
signal.signal(signal.SIGTERM, stop)
say("runs " + " ".join(sys.argv[1:]) + " notify=" + os.environ.get("NOTIFY_SOCKET", "none"))
if mode == "crashing":
    sys.exit(3)
while True:
    signal.pause()
'''


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as text:
            return text.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Manager:
    """The service manager's socket."""

    def __init__(self, folder):
        self.path = f"{folder}/manager"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind(self.path)

    def next(self, *left_out):
        while True:
            word = self.socket.recv(4096).decode()
            if word not in left_out:
                return word

    def says_nothing(self):
        return not select.select([self.socket], [], [], 0)[0]


class Serve:
    """`pubgrid serve` from a folder of its own, with `bridges` stand-ins."""

    def __init__(self, *sets, bridges=2, mode="", more="", environment=None, standin=True,
                 arguments=()):
        self.folder = tempfile.mkdtemp(prefix="serve_test_")
        self.program = shutil.copy(f"{BIN}/pubgrid", self.folder)
        os.symlink(f"{BIN}/pubgrid-broker", f"{self.folder}/pubgrid-broker")
        if standin:
            self.write("pubgrid-bridge", BRIDGE.format(python=sys.executable))
            os.chmod(f"{self.folder}/pubgrid-bridge", stat.S_IRWXU)
        self.manager = Manager(self.folder)
        self.port = free_port()
        self.config = self.write("pubgrid.yaml", f"store: {{path: {self.folder}/store}}\n{more}")
        self.sets = [f"listeners=tcp://127.0.0.1:{self.port}", f"bridge.processes={bridges}",
                     "workers=1", *sets]
        command = [self.program, "serve", *arguments, "-c", self.config]
        for one in self.sets:
            command += ["--set", one]
        self.lines, self.changed = [], threading.Condition()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "STANDIN_MODE": mode, "STANDIN_PORT": str(self.port),
                 "NOTIFY_SOCKET": self.manager.path, **(environment or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)
        return f"{self.folder}/{name}"

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip())
                self.changed.notify_all()

    def wait_for(self, pattern, count=1):
        """The count-th line that matches, as a match object."""
        found = []

        def seen():
            found[:] = [m for m in map(re.compile(pattern).search, self.lines) if m]
            return len(found) >= count
        with self.changed:
            assert self.changed.wait_for(seen, PATIENCE), f"no {pattern!r} in {self.lines}"
        return found[count - 1]

    def place_of(self, pattern):
        return next(i for i, line in enumerate(self.lines) if re.search(pattern, line))

    def broker(self, count=1):
        return int(self.wait_for(r"program started program=pubgrid-broker index=0 pid=(\d+)",
                                 count)[1])

    def bridge(self, index, count=1):
        """The process id of a stand-in that listens for signals."""
        return int(self.wait_for(rf"bridge {index} (\d+): runs ", count)[1])

    def all_run(self):
        assert self.manager.next() == "READY=1"
        return self.broker(), self.bridge(0), self.bridge(1)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def wait(self):
        """The exit status, once the whole log has been read, so no child holds it any more."""
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        assert not self.reader.is_alive(), f"a child is still there: {self.lines}"
        return status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.wait() == 0, self.lines

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("\n".join(self.lines[-40:]))
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in re.findall(r"program started program=\S+ index=\d+ pid=(\d+)",
                              "\n".join(self.lines)):
            with contextlib.suppress(ProcessLookupError):
                if runs(pid):
                    os.kill(int(pid), signal.SIGKILL)
        shutil.rmtree(self.folder)


# ---------------------------------------------------------------- start


def test_starts_both_and_says_ready_when_the_broker_is():
    with Serve() as serve:
        serve.all_run()
        assert serve.answers()
        given = serve.wait_for(r"bridge 1 \d+: runs (.*)")[1]
        sets = " ".join(f"--set {one}" for one in serve.sets)
        assert given == f"-c {serve.config} {sets} --index 1 notify=none", given
        serve.stop()


def test_bad_configuration_ends_it_with_the_brokers_words():
    with Serve(more="mqtt:\n  recieve_maximum: 1\n") as serve:
        assert serve.wait() == 2
        assert "pubgrid.yaml:3: there is no option" in serve.lines[0], serve.lines
        assert serve.manager.says_nothing()


def test_a_broker_that_cannot_start_ends_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Serve(f"listeners=tcp://127.0.0.1:{port}") as serve:
            assert serve.wait() == 1
            serve.wait_for("pubgrid-broker: .*in use")
            assert serve.manager.next() == "STOPPING=1"


def test_without_processes_it_becomes_the_broker():
    with Serve(bridges=0) as serve:
        assert serve.manager.next() == "READY=1"
        program = os.path.basename(os.readlink(f"/proc/{serve.process.pid}/exe"))
        assert program == "pubgrid-broker", program
        serve.stop()
        assert not any("bridge" in line for line in serve.lines), serve.lines


def test_without_a_bridge_it_says_what_to_do():
    with Serve(standin=False, environment={"PATH": "/nowhere"}) as serve:
        assert serve.wait() == 1
        assert "there is no pubgrid-bridge" in serve.lines[0], serve.lines
        assert "bridge.processes=0" in serve.lines[1], serve.lines


def test_the_bridge_may_be_in_path():
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/pubgrid-bridge", "w") as file:
            file.write(BRIDGE.format(python=sys.executable))
        os.chmod(f"{folder}/pubgrid-bridge", stat.S_IRWXU)
        with Serve(standin=False, environment={"PATH": f"/nowhere:{folder}"}) as serve:
            serve.all_run()
            serve.stop()


def test_questions_are_the_brokers_to_answer():
    for question in ("--check-config", "--print-config", "--version", "--help", "--nonsense"):
        words = [question, "--set", "workers=3"]
        answers = [subprocess.run(command, executable=f"{BIN}/{program}", timeout=PATIENCE,
                                  capture_output=True, check=False)
                   for program, command in (("pubgrid", ["pubgrid", "serve", *words]),
                                            ("pubgrid-broker", ["pubgrid-broker", *words]))]
        said = [(one.returncode, one.stdout, one.stderr) for one in answers]
        assert said[0] == said[1], said
        assert said[0][1] or said[0][2], said


# ---------------------------------------------------------------- what dies comes again


def test_a_killed_bridge_comes_again():
    with Serve() as serve:
        broker, first, second = serve.all_run()
        os.kill(second, signal.SIGKILL)
        assert serve.wait_for(rf"program ended program=pubgrid-bridge index=1 pid={second} "
                              r"signal=KILL restart_in_ms=(\d+)")[1] == "0"
        assert serve.bridge(1, 2) != second
        assert runs(broker) and runs(first) and serve.answers()
        serve.stop()


def test_a_killed_broker_comes_again():
    with Serve() as serve:
        broker, first, second = serve.all_run()
        os.kill(broker, signal.SIGKILL)
        assert serve.broker(2) != broker
        assert serve.manager.next() == "READY=1"
        assert runs(first) and runs(second) and serve.answers()
        serve.stop()


def test_a_broker_whose_configuration_has_gone_bad_is_tried_again():
    with Serve() as serve:
        broker = serve.all_run()[0]
        with open(serve.config) as file:
            good = file.read()
        serve.write("pubgrid.yaml", good + "nonsense: 1\n")
        os.kill(broker, signal.SIGKILL)
        serve.wait_for(r"program ended program=pubgrid-broker index=0 pid=\d+ status=2 restart_in")
        serve.write("pubgrid.yaml", good)
        assert serve.manager.next() == "READY=1"
        assert serve.answers()
        serve.stop()


def test_pauses_grow():
    with Serve(bridges=1, mode="crashing") as serve:
        pauses = [int(serve.wait_for(r"status=3 restart_in_ms=(\d+)", n)[1]) for n in range(1, 6)]
        assert pauses == [0, 250, 500, 1000, 2000], pauses
        assert serve.answers()
        serve.stop()


def test_nobody_is_left_when_it_is_killed():
    with Serve() as serve:
        children = serve.all_run()
        ends = [os.pidfd_open(pid) for pid in children]
        serve.process.kill()
        for end in ends:
            assert select.select([end], [], [], PATIENCE)[0], serve.lines
            os.close(end)
        serve.wait()
        serve.wait_for(rf"stopped pid={children[0]}")


# ---------------------------------------------------------------- signals


def test_it_stops_the_bridges_first():
    with Serve() as serve:
        broker = serve.all_run()[0]
        serve.stop()
        assert serve.manager.next() == "STOPPING=1"
        for index in (0, 1):
            serve.wait_for(rf"bridge {index} \d+: stops, broker answers")
            end = serve.place_of(f"program ended program=pubgrid-bridge index={index}")
            assert end < serve.place_of(f"stopped pid={broker}"), serve.lines
        serve.wait_for(rf"program ended program=pubgrid-broker index=0 pid={broker} status=0")


def test_ctrl_c_is_the_same():
    with Serve() as serve:
        serve.all_run()
        os.killpg(serve.process.pid, signal.SIGINT)
        assert serve.wait() == 0
        for index in (0, 1):
            serve.wait_for(rf"bridge {index} \d+: stops, broker answers")


def test_a_second_signal_kills():
    with Serve(mode="stubborn") as serve:
        serve.all_run()
        serve.process.send_signal(signal.SIGTERM)
        serve.wait_for("does not stop", 2)
        serve.process.send_signal(signal.SIGTERM)
        assert serve.wait() == 1
        serve.wait_for("program ended program=pubgrid-bridge index=1 .*signal=KILL")
        serve.wait_for("program ended program=pubgrid-broker index=0 .*signal=KILL")


def test_a_bridge_that_does_not_stop_is_killed_and_the_broker_still_stops_in_order():
    with Serve(bridges=1, mode="stubborn") as serve:
        assert serve.manager.next() == "READY=1"
        serve.bridge(0)
        serve.stop()
        serve.wait_for("program ended program=pubgrid-bridge index=0 .*signal=KILL")
        serve.wait_for("program ended program=pubgrid-broker index=0 .*status=0")


def test_a_reload_reaches_all():
    with Serve() as serve:
        serve.all_run()
        serve.write("pubgrid.yaml", f"store: {{path: {serve.folder}/store}}\nworkers: 7\n"
                    "mqtt: {receive_maximum: 5}\n")
        serve.process.send_signal(signal.SIGHUP)
        serve.wait_for("reloaded")
        for index in (0, 1):
            serve.wait_for(rf"bridge {index} \d+: reloads")
        assert serve.manager.next() == "RELOADING=1"
        assert serve.manager.next() == "READY=1"
        serve.stop()


def test_the_watchdog_hears_of_us_also_while_the_broker_is_away():
    with Serve(environment={"WATCHDOG_USEC": "200000"}) as serve:
        assert serve.manager.next() == "READY=1"
        for _ in range(3):
            assert serve.manager.next() == "WATCHDOG=1"
        broker, config = serve.broker(), serve.config
        os.rename(config, f"{config}.away")
        os.kill(broker, signal.SIGKILL)
        serve.wait_for(r"program=pubgrid-broker index=0 pid=\d+ status=2 restart_in_ms", 2)
        while not serve.manager.says_nothing():
            serve.manager.next()
        assert serve.manager.next() == "WATCHDOG=1"
        os.rename(f"{config}.away", config)
        assert serve.manager.next("WATCHDOG=1") == "READY=1"
        serve.stop()


def test_nobody_else_can_say_that_we_are_ready():
    with Serve() as serve:
        broker = serve.all_run()[0]
        with open(f"/proc/{broker}/environ", "rb") as file:
            name = re.search(rb"NOTIFY_SOCKET=@([^\0]+)", file.read())[1]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as liar:
            liar.sendto(b"RELOADING=1", b"\0" + name)
        serve.process.send_signal(signal.SIGHUP)
        assert serve.manager.next() == "RELOADING=1"
        assert serve.manager.next() == "READY=1"
        serve.stop()
        assert serve.manager.next() == "STOPPING=1"


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
