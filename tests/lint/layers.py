#!/usr/bin/env python3
"""Includes point down the layer list only: a folder is a layer or it is nothing.

`ALLOWED` is the list (the core knows the store's batches, never the reverse); a file includes "layer/header.h" from the layers named for its own, a header
that is named itself, or one beside it. The core and the codec stay pure: no socket, clock or file header in them.
`--self-check` plants one wrong include of each kind and demands that all are caught.
SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import re
import sys
import tempfile

ALLOWED = {
    "common/base": {"base"},
    "common/mqtt": {"base", "mqtt"},
    "common/json": {"base", "mqtt", "json"},
    "common/secret": {"base", "json", "secret"},
    "common/tls": {"base", "tls"},
    "common/trunk": {"base", "trunk"},
    "common/names": {"base", "mqtt", "names"},
    "common/policy": {"base", "mqtt", "json", "policy"},
    "common/resource": {"base", "mqtt", "json", "names", "secret", "policy", "resource"},
    "common/config": {"base", "mqtt", "json", "names", "secret", "policy", "resource", "config"},
    "broker/core": {"base", "mqtt", "json", "policy", "store", "core", "config/core_options.h"},
    "broker/store": {"base", "store"},
    "broker/net": {"base", "mqtt", "json", "secret", "tls", "trunk", "policy", "resource", "core", "store", "net"},
    "broker": {"base", "mqtt", "json", "secret", "tls", "policy", "resource", "config", "core", "store", "net", "broker"},
    "bridge/wire": {"base", "mqtt", "json", "secret", "wire"},
    "bridge/access": {"base", "mqtt", "json", "secret", "names", "access", "config/event_handler.h"},
    "bridge/rest": {"base", "mqtt", "json", "secret", "names", "wire", "access", "rest"},
    "bridge/events": {"base", "mqtt", "json", "secret", "names", "wire", "access", "events",
                      "config/event_handler.h"},
    "bridge/client": {"base", "mqtt", "json", "secret", "names", "trunk", "wire", "access", "rest",
                      "events", "client"},
    "bridge/eventgrid": {"base", "mqtt", "json", "secret", "policy", "resource", "wire", "access", "eventgrid"},
    "bridge/dispatch": {"base", "mqtt", "json", "secret", "names", "trunk", "policy", "resource", "wire", "access", "rest",
                        "events", "client", "eventgrid", "dispatch"},
    "bridge/page": {"base", "mqtt", "json", "secret", "page"},
    "bridge/net": {"base", "mqtt", "json", "secret", "names", "tls", "trunk", "wire", "access", "rest",
                   "events", "client", "eventgrid", "dispatch", "page", "net"},
    "bridge": {"base", "mqtt", "json", "secret", "names", "trunk", "resource", "config", "wire", "access", "rest",
               "events", "client", "eventgrid", "dispatch", "page", "net"},
    "cli": {"base", "mqtt", "json", "secret", "names", "resource", "config", "cli"},
}
PURE = {"common/mqtt", "common/json", "common/names", "common/policy", "common/trunk", "broker/core", "bridge/wire",
        "bridge/access", "bridge/rest", "bridge/events", "bridge/client", "bridge/eventgrid", "bridge/dispatch", "bridge/page",
        "common/resource"}
IMPURE = re.compile(r"^(sys/(socket|epoll|eventfd|timerfd|un)|netinet/.*|fcntl|unistd|time)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def finding(path, layer, kind, header):
    """What is wrong with one include, or None."""
    if kind == "<":
        if layer in PURE and IMPURE.match(header):
            return f"{layer} is pure and must not include <{header}>"
        return None
    target = header.split("/")[0] if "/" in header else None
    if target and not {target, header} & ALLOWED[layer]:
        return f'{layer} must not include "{header}": includes point down only'
    if not target and not (path.parent / header).exists():
        return f'"{header}" is not beside the file; write the layer: "layer/{header}"'
    return None


def check(root):
    bad = 0
    for layer in ALLOWED:
        for path in sorted((root / layer).glob("*.[ch]")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                wrong = match and finding(path, layer, *match.groups())
                if wrong:
                    print(f"{path.relative_to(root)}:{number}: {wrong}")
                    bad += 1
    return bad


def self_check():
    planted = {
        "common/base/a.c": '#include "mqtt/packet.h"',
        "common/mqtt/a.c": "#include <time.h>",
        "broker/core/a.c": '#include "net/worker.h"',
        "broker/core/b.c": "#include <sys/socket.h>",
        "broker/core/c.c": '#include "config/config.h"',
        "common/config/a.c": '#include "core/options.h"',
        "broker/store/a.c": '#include "core/session.h"',
        "cli/a.c": '#include "broker/options.h"',
        "cli/b.c": '#include "core/session.h"',
        "cli/c.c": '#include "nowhere.h"',
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, line in planted.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f'#include <stdint.h>\n#include "base/slice.h"\n{line}\n')
        found = check(root)
    print(f"{found} of {len(planted)} planted includes caught")
    return found != len(planted)


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-check"]:
        sys.exit(self_check())
    here = pathlib.Path(__file__).resolve().parents[2]
    sys.exit(check(pathlib.Path(sys.argv[1]) if sys.argv[1:] else here) > 0)
