#!/bin/bash
# Proves the bench's own checks: against its built-in relay every cell must run clean, and what the
# relay loses, doubles or swaps must be counted and end in the right exit status. The durable cell
# also runs against Debian's mosquitto with persistence, which survives an orderly restart but not a
# kill; both must be told. WebSocket runs against small servers on npm's `ws`: a gateway in front of
# mosquitto that cuts frames at odd places, the relays and the floor of the benchmarks, and one that
# breaks promises. Many filters and retained messages, which the built-in relay does not know, are
# lost by a mosquitto that is told to.
#
#     selftest.sh PUBGRID FLOOR     the paths of the `pubgrid` program and of the floor
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
readonly PUBGRID=$1 FLOOR=$2
here=$(cd "$(dirname "$0")" && pwd)
readonly here
# shellcheck source=tests/e2e/ports.sh
. "$here/../e2e/ports.sh"
failures=0

# expect STATUS PATTERN ARGUMENT...: runs the bench; its line must match.
expect() {
    local status=$1 pattern=$2 got=0 line
    shift 2
    line=$("$PUBGRID" bench --warmup 0 --timeout 20 "$@" 2>&1) || got=$?
    if ((got != status)) || ! grep -Eq "$pattern" <<<"$line"; then
        printf 'not ok %s\n  wanted status %d and %s\n  got %d and %s\n' "$*" "$status" "$pattern" \
            "$got" "$line"
        failures=$((failures + 1))
    else
        printf 'ok %s\n' "$*"
    fi
}

readonly stall=(--timeout 0.5) # where the relay loses something, nothing more will come
readonly clean='"deliveries":[1-9][0-9]*,.*"lost":0,"duplicates":0,"reordered":0,"foreign":0,"stalled":false'
for version in 311 5; do
    for qos in 0 1 2; do
        for cell in "pairs --count 5" "fan-out --count 20" "fan-in --count 20" "share --count 3" latency; do
            # shellcheck disable=SC2086 # a cell and its arguments
            expect 0 "$clean" $cell --messages 500 --qos "$qos" -V "$version" --self-test relay
        done
    done
done
readonly drained='"session_present":true,"drained":5000,.*"sent":5000,"lost":0,"duplicates":0,"reordered":0'
for version in 311 5; do
    expect 0 "$drained" durable --count 3 --messages 5000 -V "$version" --self-test relay
    expect 0 "$clean" pairs --count 3 --messages 500 --qos 1 --durable -V "$version" --self-test relay
    expect 0 "$drained" durable --rate 50000 --messages 5000 -V "$version" --self-test relay
done
expect 0 "\"between_seconds\":[0-9.]+,$drained" durable --messages 5000 --between 'echo between' --self-test relay
expect 0 '"sent":5000,' pairs --messages 5000 --self-test relay
expect 0 "$clean" pairs --count 2 --payload 300000 --messages 100 --self-test relay
expect 0 "\"rate_asked\":2000,.*$clean" pairs --count 5 --rate 2000 --seconds 0.5 --self-test relay
expect 0 '"connections":200,"connect_rate":[1-9]' connect --count 200 --seconds 0.1 --self-test relay
expect 0 "\"publishers\":4,\"subscribers\":12,.*$clean" groups --count 4 --group-size 3 --messages 500 --self-test relay
expect 0 "\"idle\":50,.*$clean.*\"connections\":60," pairs --count 5 --idle 50 --messages 500 --self-test relay

expect 3 '"lost":[1-9].*"stalled":true' pairs --count 2 --qos 1 --messages 5000 "${stall[@]}" --self-test drop
expect 3 '"lost":[1-9].*"stalled":true' fan-out --count 3 --qos 2 --messages 5000 "${stall[@]}" --self-test drop
expect 0 '"lost":[1-9].*"stalled":true' fan-in --messages 5000 "${stall[@]}" --self-test drop
expect 3 '"lost":0,"duplicates":[1-9]' pairs --qos 2 --messages 5000 --self-test duplicate
expect 0 '"lost":0,"duplicates":[1-9]' share --qos 1 --messages 5000 --self-test duplicate
expect 3 '"lost":[1-9].*"stalled":true' groups --count 3 --qos 1 --messages 5000 "${stall[@]}" --self-test drop
expect 3 '"duplicates":0,"reordered":[1-9]' fan-out --count 3 --window 10 --messages 5500 --self-test swap
expect 3 '"drained":4995,.*"lost":5,.*"stalled":true' durable --messages 5000 "${stall[@]}" --self-test drop
expect 0 '"lost":0,"duplicates":5,' durable --messages 5000 --self-test duplicate
expect 3 '"lost":0,"duplicates":0,"reordered":[1-9]' durable --messages 5500 --self-test swap
expect 1 'between failed with status 7' durable --messages 10 --between 'exit 7' --self-test relay
expect 2 'durable runs at QoS 1' durable --qos 2
expect 2 'only durable' pairs --between true

expect 1 'connect to 127.0.0.1:1: Connection refused' latency -h 127.0.0.1 -p 1
expect 2 'name a cell' nonsense
expect 2 'unknown option' pairs --nonsense
expect 2 'at least 24' pairs --payload 23
expect 2 'no such protocol' pairs --protocol json
expect 2 'no such protocol' pairs ws://127.0.0.1:1/ --protocol xml
expect 2 '48 or more' pairs ws://127.0.0.1:1/ --protocol json --payload 47
expect 2 'only MQTT has shared' share ws://127.0.0.1:1/ --protocol json
expect 2 'durable is for MQTT' durable ws://127.0.0.1:1/ --protocol json
expect 2 'QoS 0' pairs ws://127.0.0.1:1/ --protocol json --qos 2
expect 2 'stuck is for fan-out' fan-out --count 3 --stuck 3
expect 2 'an endpoint is' pairs http://127.0.0.1/
expect 2 'filters of all subscribers' match --filters 999
expect 2 'a filter for each' match --filters 1000 --count 1001
expect 2 'only MQTT has wildcards' match ws://127.0.0.1:1/ --protocol socketio
expect 2 'only MQTT has wildcards' retained ws://127.0.0.1:1/ --protocol json
expect 2 'no durable' retained --durable
expect 2 'idle connections go with' connect --idle 1

# ---------------------------------------------------------------- durable, against mosquitto

PATH=$PATH:/usr/sbin
work=$(mktemp -d)
# shellcheck disable=SC2046 # one word a process
trap 'kill -9 $(cat "$work"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$work"' EXIT

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# mosquitto_start [LINE...]: with these lines in its configuration; sets port and pid.
mosquitto_start() {
    take_port port
    rm -f "$work"/mosquitto.db
    cat >"$work/mosquitto.conf" <<END
listener $port 127.0.0.1
listener 0 $work/mosquitto.sock
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location $work/
user $(id -un)
log_type none
END
    [[ $* == *max_* ]] || set -- "$@" "max_inflight_messages 0" "max_queued_messages 0"
    printf '%s\n' "$@" >>"$work/mosquitto.conf"
    mosquitto -c "$work/mosquitto.conf" 2>"$work/log" &
    pid=$!
    echo "$pid" >"$work/first.pid"
    until port_open; do
        kill -0 "$pid" || exit 2
        sleep 0.02
    done
}

# restart SIGNAL: a command that ends mosquitto so, and starts it again once it is gone.
restart() {
    echo "kill -$1 $pid; while kill -0 $pid 2>/dev/null; do sleep 0.02; done;" \
        "mosquitto -c $work/mosquitto.conf >/dev/null 2>&1 & echo \$! | tee $work/second.pid"
}

# expect_restart SIGNAL STATUS PATTERN
expect_restart() {
    mosquitto_start
    expect "$2" "$3" durable --messages 5000 -h 127.0.0.1 -p "$port" --pid "$pid" --between "$(restart "$1")"
    kill -9 "$(cat "$work/second.pid")"
}

for version in 311 5; do
    mosquitto_start
    expect 0 "$drained" durable --count 3 --messages 5000 -V "$version" -h 127.0.0.1 -p "$port" --pid "$pid"
    kill "$pid"
    wait "$pid" || true
done
expect_restart TERM 0 "\"between_seconds\":[0-9.]+,$drained"
expect_restart KILL 3 '"session_present":false,"drained":0,.*"lost":5000,'

# ---------------------------------------------------------------- match and retained, against mosquitto

readonly stored='"deliveries":6000,.*"stores":2000,.*"lost":0,"duplicates":0,"reordered":0,"foreign":0,"stalled":false'
mosquitto_start
for version in 311 5; do
    for qos in 0 1 2; do
        expect 0 "$clean" match --count 7 --filters 3000 --messages 2000 -h 127.0.0.1 -p "$port" --qos "$qos" -V "$version"
        expect 0 "$stored" retained --count 3 --messages 2000 -h 127.0.0.1 -p "$port" --qos "$qos" -V "$version"
    done
done
expect 0 '"rss_per_filter":[1-9]' match --filters 20000 --messages 100 -h 127.0.0.1 -p "$port" --pid "$pid"
if [[ $(mosquitto_sub -h 127.0.0.1 -p "$port" -t 'bench/#' --retained-only -W 1 -F %t 2>/dev/null | wc -l) != 0 ]]; then
    echo "not ok retained: messages are left behind"
    failures=$((failures + 1))
fi
kill "$pid"
wait "$pid" || true

# One that hides the devices 07 of all groups, and keeps only the first of many retained messages.
printf 'topic write #\n' >"$work/hidden.acl"
seq -f 'topic read bench/+/+/d%02g/#' 0 99 | grep -v d07 >>"$work/hidden.acl"
mosquitto_start "acl_file $work/hidden.acl"
expect 3 '"lost":[1-9][0-9]*,"duplicates":0,"reordered":0,"foreign":0,"stalled":true' \
    match --filters 1000 --qos 1 --messages 1000 -h 127.0.0.1 -p "$port" "${stall[@]}"
kill "$pid"
wait "$pid" || true
mosquitto_start "max_inflight_messages 20" "max_queued_messages 100"
expect 3 '"lost":[1-9][0-9]*,"duplicates":0,.*"stalled":true' \
    retained --count 1 --qos 1 --window 10 --messages 3000 -h 127.0.0.1 -p "$port" "${stall[@]}"
kill "$pid"
wait "$pid" || true

# ---------------------------------------------------------------- the floor

exec {lines}< <(exec "$FLOOR" 0)
pid=$!
echo "$pid" >"$work/floor.pid"
read -r port <&"$lines"
for where in "-h 127.0.0.1 -p $port" "ws://127.0.0.1:$port/" "ws://127.0.0.1:$port/ --protocol json"; do
    for cell in "pairs --count 5 --qos 1" "fan-out --count 20" "fan-in --count 20" "groups --count 3 --qos 1"; do
        # shellcheck disable=SC2086 # words
        expect 0 "$clean" $cell $where --messages 500
    done
    # shellcheck disable=SC2086 # words
    expect 0 "$clean" pairs --count 2 --payload 300000 --messages 100 $where
done
expect 0 "$clean" share --count 3 -h 127.0.0.1 -p "$port" -V 5 --qos 2 --messages 500
kill "$pid"

# ---------------------------------------------------------------- WebSocket

if ! command -v node >/dev/null || [[ ! -d $here/node_modules/ws ]]; then
    echo "left out: WebSocket; node or ws is missing (npm --prefix tests/bench ci)"
    ((failures == 0))
    exit
fi

# node_start SCRIPT ARGUMENT: sets port to what it prints, and pid.
node_start() {
    exec {lines}< <(exec node "$here/$1" "$2")
    pid=$!
    echo "$pid" >"$work/$pid.pid"
    read -r port <&"$lines" || exit 2
}

mosquitto_start
readonly behind=$port
node_start ws_gateway.mjs "$behind"
for version in 311 5; do
    for qos in 0 1 2; do
        for cell in "pairs --count 5" "fan-out --count 20" "fan-in --count 20" "share --count 3" latency; do
            # shellcheck disable=SC2086 # a cell and its arguments
            expect 0 "$clean" $cell "ws://127.0.0.1:$port/mqtt?a=b" --messages 500 --qos "$qos" -V "$version"
        done
    done
    expect 0 "$drained" durable "ws://127.0.0.1:$port/" --count 3 --messages 5000 -V "$version"
done
expect 0 "$clean" pairs "ws://127.0.0.1:$port/" --count 2 --payload 300000 --messages 100
expect 0 '"connections":200,"connect_rate":[1-9]' connect "ws://127.0.0.1:$port" --count 200 --seconds 0.1 --pid "$pid" --pid "$$"
expect 0 "$clean.*\"stuck\":2,\"stuck_closed\":0," fan-out "ws://127.0.0.1:$port/" --count 20 --stuck 2 --messages 2000
expect 0 "$clean" pairs "mqtt://127.0.0.1:$behind" --count 5 --messages 500
expect 0 "$clean" pairs "unix:$work/mosquitto.sock" --count 5 --messages 500 --qos 1
expect 1 'closed by the broker|reset by peer|not that of a WebSocket' latency "ws://127.0.0.1:$behind/"
kill "$pid"

if [[ -d $here/node_modules/socket.io ]]; then
    node_start sio_relay.mjs 0
    for cell in "pairs --count 5" "fan-out --count 20" "fan-in --count 20" latency; do
        for qos in 0 1; do
            # shellcheck disable=SC2086 # a cell and its arguments
            expect 0 "$clean" $cell "ws://127.0.0.1:$port/socket.io/?EIO=4&transport=websocket" \
                --protocol socketio --messages 500 --qos "$qos"
        done
    done
    expect 1 'closed by the broker|reset by peer' latency "ws://127.0.0.1:$port/" --protocol socketio
    kill "$pid"
else
    echo "left out: Socket.IO; it is missing (npm --prefix tests/bench ci)"
fi

node_start ws_faulty.mjs none
readonly json=(--protocol json-reliable --timeout 1)
for cell in "pairs --count 5" "fan-out --count 20" "fan-in --count 20" latency; do
    for qos in 0 1; do
        # shellcheck disable=SC2086 # a cell and its arguments
        expect 0 "$clean" $cell "ws://127.0.0.1:$port/" --messages 1200 --qos "$qos" "${json[@]}"
    done
done
expect 1 'refused the WebSocket|not that of a WebSocket' latency "ws://127.0.0.1:$port/" --protocol json
kill "$pid"

# fault FAULT STATUS PATTERN
fault() {
    node_start ws_faulty.mjs "$1"
    expect "$2" "$3" fan-out "ws://127.0.0.1:$port/" --count 3 --window 10 --qos 1 --messages 5000 "${json[@]}"
    kill "$pid"
}
fault drop 3 '"lost":[1-9].*"stalled":true'
fault swap 3 '"duplicates":0,"reordered":[1-9]'
fault twice 0 '"lost":0,"duplicates":[1-9]'
fault jump 1 'sequenceId 1001 after 999'
fault deny 1 'request refused: .*Forbidden'
fault close 1 'closed by the server with code 1008: too slow'

((failures == 0))
