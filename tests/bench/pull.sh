#!/bin/bash
# What pull delivery costs: receivers of one queue of a namespace, which take events in batches of 100
# and acknowledge each batch before they ask for the next. `./dev bench pull` calls it.
#
# All events are published before, and wait; an acknowledgement is answered when it is on the disk.
# Nothing is pinned, as the store waits for the disk. Each run has a fresh server; the rounds' median
# counts.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# Cell | goal | receivers. Goal: rate=N events a second, at least.
readonly cells='
one-receiver    | -          | 1
four-receivers  | rate=20000 | 4
'
readonly KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
readonly WAITING=100000
# shellcheck source=tests/bench/serving.bash
source tests/bench/serving.bash
# shellcheck disable=SC2034 # used by brokers.bash
pinned=
read_options "$@"

configure <<END
event_grid:
  namespaces:
    - name: bench
      key1: $KEY
      topics:
        - name: bench
          eventSubscriptions:
            - name: sink
              properties:
                deliveryConfiguration:
                  deliveryMode: Queue
END

# measure CELL RECEIVERS
measure() {
    python3 tests/bench/receive.py "$1" "$PORT" "$KEY" "$WAITING" "$2" \
        "$(process_tree "$broker_pid")" >>"$results"
}

run_cells "$cells"
