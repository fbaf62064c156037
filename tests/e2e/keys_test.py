#!/usr/bin/env python3
"""`pubgrid keys` and `pubgrid token`: where they find the keys and the URL, what they print, what
they refuse. The tokens are checked by a JWT reader of our own.

    BIN=build/dev/bin tests/e2e/keys_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse

from net_test import BROKER, run_tests

PUBGRID = os.path.abspath(os.path.join(os.path.dirname(BROKER), "pubgrid"))
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
KEYS = "primary: 0123456789abcdef0123456789abcdef\nsecondary: fedcba9876543210fedcba9876543210\n"


class Place:
    """A folder with its own configuration, in which commands are run."""

    def __init__(self, config=""):
        self.folder = tempfile.mkdtemp(prefix="keys_test_")
        self.store = os.path.join(self.folder, "store")
        self.keys = os.path.join(self.store, "keys")
        self.config = os.path.join(self.folder, "pubgrid.yaml")
        with open(self.config, "w") as out:
            out.write(f"store:\n  path: {self.store}\n{config}")

    def make_keys(self):
        """Returns the primary one."""
        return self.connection_strings("--create")[0][1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def start(self, *arguments):
        command = [PUBGRID, arguments[0], "-c", self.config, *arguments[1:]]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                errors="replace", cwd=self.folder)

    def run(self, *arguments):
        process = self.start(*arguments)
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0 and not error, (arguments, out, error)
        return out

    def refused(self, words, *arguments):
        process = self.start(*arguments)
        out, error = process.communicate(timeout=60)
        assert process.returncode == 1 and not out and words in error, (arguments, out, error)

    def connection_strings(self, *arguments):
        """[(endpoint, key), (endpoint, key)]"""
        lines = self.run("keys", *arguments).splitlines()
        assert len(lines) == 2, lines
        forms = [re.fullmatch(rf"{name}: Endpoint=([^;]+);AccessKey=([^;]+);Version=1\.0;", line)
                 for name, line in zip(("primary", "secondary"), lines)]
        assert all(forms), lines
        return [form.groups() for form in forms]

    def token(self, key, *arguments):
        """The URL without the token, and the claims."""
        url = self.run("token", *arguments)
        assert url.endswith("\n") and url.count("\n") == 1, url
        parts = urllib.parse.urlsplit(url.strip())
        token = urllib.parse.parse_qs(parts.query)["access_token"][0]
        return parts._replace(query="").geturl(), verified(token, key)


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified(token, key):
    header, claims, signature = token.split(".")
    assert json.loads(decoded(header))["alg"] == "HS256", header
    wanted = hmac.digest(key.encode(), f"{header}.{claims}".encode(), hashlib.sha256)
    assert hmac.compare_digest(decoded(signature), wanted), "signature"
    return json.loads(decoded(claims))


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# ---------------------------------------------------------------- keys


def test_keys_are_made_once():
    with Place() as place:
        first = place.connection_strings("--create")
        assert first == place.connection_strings() == place.connection_strings("--create")
        assert mode_of(place.keys) == 0o600 and mode_of(place.store) == 0o700
        (endpoint, primary), (_, secondary) = first
        assert endpoint == "http://127.0.0.1:8080" and primary != secondary
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{43,}", key) for key in (primary, secondary)), first


def test_keys_of_many_at_once():
    with Place() as place:
        many = [place.start("keys", "--create") for _ in range(12)]
        outs = {process.communicate(timeout=60) for process in many}
        assert len(outs) == 1 and not outs.pop()[1], outs
        assert os.listdir(place.store) == ["keys"], os.listdir(place.store)


def test_keys_regenerated():
    with Place() as place:
        before = place.connection_strings("--create")
        after = place.connection_strings("--regenerate", "primary")
        assert after[0] != before[0] and after[1] == before[1]
        last = place.connection_strings("--regenerate", "secondary")
        assert last[0] == after[0] and last[1] != after[1]
        assert mode_of(place.keys) == 0o600 and os.listdir(place.store) == ["keys"]
        place.refused("primary or secondary", "keys", "--regenerate", "both")


def test_keys_of_a_file():
    with Place() as place:
        path = os.path.join(place.folder, "mine")
        with open(path, "w") as out:
            out.write(KEYS)
        for how in (["--keys", path], ["--set", f"bridge.keys={path}"]):
            place.refused("chmod 600", "keys", *how)
        os.chmod(path, 0o600)
        for how in (["--keys", path], ["--set", f"bridge.keys={path}"]):
            keys = [key for _, key in place.connection_strings(*how)]
            assert keys == re.findall(r": (\w+)", KEYS), keys
        assert not os.path.exists(place.keys)
        with open(path, "w") as out:
            out.write(KEYS.replace("0123", "", 1))
        place.refused("the primary key is shorter than 32 bytes", "keys", "--keys", path)
        place.refused("No such file", "keys", "--keys", path + "-not-there",
                      "--regenerate", "primary")


def test_endpoints():
    rows = [
        (["--set", "bridge.listeners=http://127.0.0.1:1234"], "http://127.0.0.1:1234"),
        (["--set", "bridge.listeners=http://0.0.0.0:1234"], "http://127.0.0.1:1234"),
        (["--set", "bridge.listeners=http://[::]:1234"], "http://[::1]:1234"),
        (["--set", "bridge.listeners=http://host,http://other:1"], "http://host:8080"),
        (["--set", "bridge.public_endpoints=https://a.example,http://b"], "https://a.example"),
        (["--endpoint", "https://c.example:99/"], "https://c.example:99"),
    ]
    with Place() as place:
        place.make_keys()
        for how, endpoint in rows:
            assert {where for where, _ in place.connection_strings(*how)} == {endpoint}, how
        for url in ("c.example", "ws://c.example", "http://", "http://a/b", "http://a;b", "http://a b"):
            place.refused("--endpoint is http", "keys", "--endpoint", url)
        place.refused("bridge.listeners", "keys", "--set", "bridge.listeners=ftp://x")
        place.refused("no argument", "keys", "primary")


# ---------------------------------------------------------------- token


def test_token_says_everything():
    with Place() as place:
        key = place.make_keys()
        begin = int(time.time())
        url, claims = place.token(key, "--hub", "Chat", "--user", 'bö"b', "--minutes", "5",
                                  "--role", "webpubsub.sendToGroup", "--role",
                                  "webpubsub.joinLeaveGroups.a\\*.**", "--group", "g/1", "--group", "ü")
        assert url == "ws://127.0.0.1:8080/client/hubs/Chat", url
        assert begin <= claims.pop("iat") <= time.time() and begin + 300 <= claims.pop("exp")
        assert claims == {"aud": "http://127.0.0.1:8080/client/hubs/Chat", "sub": 'bö"b',
                          "role": ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroups.a\\*.**"],
                          "webpubsub.group": ["g/1", "ü"]}, claims


def test_token_says_nothing():
    with Place() as place:
        key = place.make_keys()
        url, claims = place.token(key, "--hub", "a[1]", "--endpoint", "https://c.example")
        assert url == "wss://c.example/client/hubs/a%5B1%5D", url
        assert claims.keys() == {"aud", "iat", "exp"} and claims["exp"] == claims["iat"] + 3600
        assert claims["aud"] == "https://c.example/client/hubs/a%5B1%5D", claims


def test_token_for_mqtt():
    with Place() as place:
        key = place.make_keys()
        url, claims = place.token(key, "--hub", "h", "--mqtt")
        assert url == "ws://127.0.0.1:8080/clients/mqtt/hubs/h", url
        assert claims["aud"] == "http://127.0.0.1:8080/clients/mqtt/hubs/h", claims


def test_keys_that_are_missing_are_not_made():
    with Place() as place:
        for command in (["keys"], ["keys", "--regenerate", "primary"], ["token", "--hub", "h"],
                        ["token", "--client", "c"]):
            place.refused(f"no keys at {place.keys}", *command)
        assert not os.path.exists(place.store)


def test_keys_are_made_where_one_says():
    with Place() as place:
        path = os.path.join(place.folder, "mine")
        made = place.connection_strings("--create", "--keys", path)
        assert made == place.connection_strings("--keys", path)
        assert mode_of(path) == 0o600 and not os.path.exists(place.store)


def test_keys_of_a_wrong_file_are_not_made():
    with Place() as place:
        path = os.path.join(place.folder, "no-keys")
        for command in (["keys"], ["token", "--hub", "h"]):
            place.refused("No such file", *command, "--keys", path)
        assert not os.path.exists(path)


def test_token_refuses():
    with Place() as place:
        place.make_keys()
        rows = [
            ("--hub or --client is needed", []),
            ("a hub has no such name", ["--hub", "1h"]),
            ("a hub has no such name", ["--hub", "h" * 129]),
            ("there is no such role", ["--hub", "h", "--role", "send"]),
            ("there is no such role", ["--hub", "h", "--role", "webpubsub.sendToGroup."]),
            ("there is no such role", ["--hub", "h", "--role", "webpubsub.sendToGroups"]),
            ("a group has no such name", ["--hub", "h", "--group", ""]),
            ("a user has no such name", ["--hub", "h", "--user", os.fsdecode(b"\xff")]),
            ("--minutes is a number", ["--hub", "h", "--minutes", "0"]),
            ("--minutes is a number", ["--hub", "h", "--minutes", "5m"]),
            ("there is no argument", ["--hub", "h", "x"]),
            ("too long", ["--hub", "h", *(["--group", "g" * 1000] * 20)]),
        ]
        for words, arguments in rows:
            place.refused(words, "token", *arguments)
        os.chmod(place.keys, 0o640)
        place.refused("chmod 600", "token", "--hub", "h")


# ---------------------------------------------------------------- documentation


def test_options_are_documented():
    for command in ("keys", "token"):
        shown = subprocess.run([PUBGRID, command, "--help"], capture_output=True, text=True, check=True)
        assert shown.stdout == subprocess.run([PUBGRID, "help", command], capture_output=True,
                                              text=True, check=True).stdout
        options = re.findall(r"^  (?:-\w, )?--([a-z]+)", shown.stdout, re.M)
        assert len(options) >= 6, options
        with open(os.path.join(ROOT, "docs", "man", f"pubgrid-{command}.1")) as page:
            text = page.read()
        missing = [name for name in options if not re.search(rf"^\.It Fl .*-{name}\b", text, re.M)]
        assert not missing, (command, missing)


def test_completion():
    script = """
        . "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pubgrid; echo "${COMPREPLY[*]}" """
    rows = [
        (["keys", "--reg"], "--regenerate"),
        (["keys", "--regenerate", "p"], "primary"),
        (["token", "--role", "webpubsub.s"],
         "webpubsub.sendToGroup webpubsub.sendToGroup. webpubsub.sendToGroups."),
        (["token", "--mi"], "--minutes"),
        (["tok"], "token"),
    ]
    completion = os.path.join(ROOT, "conf", "completion", "pubgrid.bash")
    for words, wanted in rows:
        out = subprocess.run(["bash", "-c", script, "-", completion, PUBGRID, *words],
                             capture_output=True, text=True, check=True).stdout.strip()
        assert out == wanted, (words, out)


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
