#!/bin/bash
# Proves the bench's own checks: against its built-in relay every cell must run clean, and what the
# relay loses, doubles or swaps must be counted and end in the right exit status.
#
#     selftest.sh PUBGRID     the path of the `pubgrid` program
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
readonly PUBGRID=$1
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
expect 0 '"sent":5000,' pairs --messages 5000 --self-test relay
expect 0 "$clean" pairs --count 2 --payload 300000 --messages 100 --self-test relay
expect 0 "\"rate_asked\":2000,.*$clean" pairs --count 5 --rate 2000 --seconds 0.5 --self-test relay
expect 0 '"connections":200,"connect_rate":[1-9]' connect --count 200 --seconds 0.1 --self-test relay

expect 3 '"lost":[1-9].*"stalled":true' pairs --count 2 --qos 1 --messages 5000 "${stall[@]}" --self-test drop
expect 3 '"lost":[1-9].*"stalled":true' fan-out --count 3 --qos 2 --messages 5000 "${stall[@]}" --self-test drop
expect 0 '"lost":[1-9].*"stalled":true' fan-in --messages 5000 "${stall[@]}" --self-test drop
expect 3 '"lost":0,"duplicates":[1-9]' pairs --qos 2 --messages 5000 --self-test duplicate
expect 0 '"lost":0,"duplicates":[1-9]' share --qos 1 --messages 5000 --self-test duplicate
expect 3 '"duplicates":0,"reordered":[1-9]' fan-out --count 3 --window 10 --messages 5000 --self-test swap

expect 1 'connect to 127.0.0.1:1: Connection refused' latency -h 127.0.0.1 -p 1
expect 2 'name a cell' nonsense
expect 2 'unknown option' pairs --nonsense
expect 2 'at least 24' pairs --payload 23

((failures == 0))
