#!/bin/bash
# What the console costs: 10,000 connections and 20,000 messages a second, without it and with it open in a
# headless Chromium, which goes from view to view meanwhile. `./dev bench console` calls it.
#
# Printed are the server's CPU for a message in both cases, and how long a view took to show. The cells
# with 200 messages a second say what the console costs by itself: there the browser, which takes CPU
# from the generator, does not change how many messages the server finds waiting. Each run has a fresh
# server; the rounds' median counts.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# Cell | goal | messages a second, is the console open? Goals: of that cell's CPU for a message, percent
# more than without.
readonly cells='
without      | -          | 20000 no
with         | console=3  | 20000 yes
calm-without | -          | 200 no
calm-with    | -          | 200 yes
'
readonly LOAD=(pairs -n 100 --idle 9800)
# shellcheck source=tests/bench/serving.bash
source tests/bench/serving.bash
seconds=10
# shellcheck disable=SC2034 # used by brokers.bash
family=ws
read_options "$@"
configure <<END
END

console_pid=
console_open() {
    mkfifo "$broker_dir/open"
    node tests/bench/console_watch.mjs "http://127.0.0.1:$PORT/console/" "$broker_dir/keys" "$broker_dir/open" &
    console_pid=$!
    read -r <"$broker_dir/open"
}

# measure CELL RATE yes|no
measure() {
    [[ $3 == no ]] || console_open
    bench "$1" "${LOAD[@]}" --rate "$2"
    if [[ $console_pid ]]; then
        kill "$console_pid"
        wait "$console_pid"
        console_pid=
    fi
}

run_cells "$cells"
