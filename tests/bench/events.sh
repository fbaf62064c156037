#!/bin/bash
# What Event Grid costs: publish requests beside the same server's empty route, and deliveries to a
# webhook beside a bare libcurl POST of the same bytes. `./dev bench events` calls it.
#
# The event topic has one event subscription, so each event is on the disk before its request is
# answered. While events are published the webhook (tests/bench/webhook.c) is stopped, so nothing is
# delivered; the cell `deliver` has 50,000 events wait, lets the webhook go on and takes the time and
# the CPU until it has got them all. Nothing is pinned, as the store waits for the disk. Each run has a
# fresh server; the rounds' median counts.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# Cell | goal | arguments. Goals: rate=N requests or deliveries a second, at least; events=N events a
# second; times=N: server CPU, at most so many times that of requests-empty; posts=N: that of `post`.
readonly cells='
requests-empty  | -                   | requests --count 500 --rest health
publish         | rate=20000,times=3  | requests --count 500 --rest event --payload 256
publish-batch   | events=100000       | requests --count 50 --rest event --payload 256 --batch 100
post            | -                   | post
deliver         | rate=15000,posts=2.5 | deliver
'
readonly KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
readonly WAITING=50000 CONCURRENCY=200
# shellcheck source=tests/bench/serving.bash
source tests/bench/serving.bash
# shellcheck disable=SC2034 # used by brokers.bash
pinned=
read_options "$@"

configure <<END
event_grid:
  topics:
    - name: bench
      key1: $KEY
      eventSubscriptions:
        - name: sink
          properties:
            destination:
              endpointType: WebHook
              properties:
                endpointUrl: http://127.0.0.1:$WEBHOOK_PORT/events
                skipValidation: true
                maxConcurrentRequests: $CONCURRENCY
                requestTimeoutInSeconds: 230
            retryPolicy:
              probation: false
END

# measure CELL ARGUMENT...
measure() {
    local name=$1
    webhook_start
    if [[ $2 == post ]]; then
        measure_post "$name"
    else
        kill -STOP "$webhook_pid"
        "measure_$([[ $2 == deliver ]] && echo deliver || echo publish)" "$@"
    fi
    webhook_stop
}

measure_publish() {
    bench "$@" --keys "$broker_dir/keys" --event-key "$KEY"
}

# The events wait; then the webhook goes on.
measure_deliver() {
    local name=$1 scratch=$OUT/waiting.jsonl
    results=$scratch bench waiting requests --count 1 --messages $((WAITING / 100)) --rest event \
        --payload 256 --batch 100 --keys "$broker_dir/keys" --event-key "$KEY"
    python3 tests/bench/deliver.py "$name" "$webhook_pid" "$WEBHOOK_PORT" "$WAITING" \
        "$(process_tree "$broker_pid")" >>"$results"
}

measure_post() {
    cc -std=gnu11 -O2 -D_GNU_SOURCE -o "$OUT/post" tests/bench/post.c -lcurl
    (pin 0 && exec "$OUT/post" "$1" "http://127.0.0.1:$WEBHOOK_PORT/events" "$WAITING" \
        "$CONCURRENCY") >>"$results"
}

run_cells "$cells"
