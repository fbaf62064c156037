#!/bin/bash
# Runs cli_test.sh against our own broker: mosquitto's tools and ours, side by side, with TLS, a Unix
# socket and passwords.
#
# Usage: cli_broker_test.sh     (programs from $BIN, or build/dev/bin)
#
# SPDX-License-Identifier: Apache-2.0
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${BIN:-$(cd "$here/../.." && pwd)/build/dev/bin}
work=$(mktemp -d)
broker_pid='' tcp='' tls='' auth=''

cleanup()
{
    [ -n "$broker_pid" ] && kill "$broker_pid" && wait "$broker_pid"
    rm -rf "$work"
}
trap cleanup EXIT

is_free()
{
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# shellcheck source=tests/e2e/ports.sh
. "$here/ports.sh"
take_port tcp && take_port tls && take_port auth
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/server.key" -out "$work/server.crt" \
    -days 2 -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" 2>/dev/null
"$bin/pubgrid" passwd -b -c "$work/passwords" alice secret >/dev/null || exit 2
cat >"$work/pubgrid.yaml" <<CONF
store:
  path: $work/store
listeners:
  - address: tcp://127.0.0.1:$tcp
  - address: tls://127.0.0.1:$tls
    certificate: $work/server.crt
    key: $work/server.key
  - address: unix:$work/socket
  - address: tcp://127.0.0.1:$auth
    allow_anonymous: false
auth:
  password_file: $work/passwords
CONF
"$bin/pubgrid" serve -c "$work/pubgrid.yaml" >"$work/log" 2>&1 &
broker_pid=$!
for _ in $(seq 100); do
    is_free "$auth" || break
    kill -0 $broker_pid 2>/dev/null || break
    sleep 0.05
done
if is_free "$auth" || ! kill -0 $broker_pid 2>/dev/null; then
    echo "cli: the broker does not start:"
    cat "$work/log"
    exit 2
fi
BROKER_HOST=127.0.0.1 BROKER_PORT=$tcp BROKER_TLS_PORT=$tls \
    BROKER_CA=$work/server.crt BROKER_UNIX=$work/socket BROKER_AUTH_PORT=$auth \
    "$here/cli_test.sh" "$bin/pubgrid"
