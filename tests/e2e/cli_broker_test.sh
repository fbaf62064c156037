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
broker_pid=

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

base=$((23000 + $$ % 3000 * 3)) # another one for every process on the machine
until is_free $base && is_free $((base + 1)) && is_free $((base + 2)); do
    base=$((base + 3))
done
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/server.key" -out "$work/server.crt" \
    -days 2 -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" 2>/dev/null
"$bin/pubgrid" passwd -b -c "$work/passwords" alice secret >/dev/null || exit 2
cat >"$work/pubgrid.yaml" <<CONF
store:
  path: $work/store
listeners:
  - address: tcp://127.0.0.1:$base
  - address: tls://127.0.0.1:$((base + 1))
    certificate: $work/server.crt
    key: $work/server.key
  - address: unix:$work/socket
  - address: tcp://127.0.0.1:$((base + 2))
    allow_anonymous: false
auth:
  password_file: $work/passwords
CONF
"$bin/pubgrid" serve -c "$work/pubgrid.yaml" >"$work/log" 2>&1 &
broker_pid=$!
for _ in $(seq 100); do
    is_free $((base + 2)) || break
    kill -0 $broker_pid 2>/dev/null || break
    sleep 0.05
done
if is_free $((base + 2)) || ! kill -0 $broker_pid 2>/dev/null; then
    echo "cli: the broker does not start:"
    cat "$work/log"
    exit 2
fi
BROKER_HOST=127.0.0.1 BROKER_PORT=$base BROKER_TLS_PORT=$((base + 1)) \
    BROKER_CA=$work/server.crt BROKER_UNIX=$work/socket BROKER_AUTH_PORT=$((base + 2)) \
    "$here/cli_test.sh" "$bin/pubgrid"
