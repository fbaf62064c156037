#!/bin/bash
# What it costs that an MQTT message at QoS 1 becomes an event of a queue, beside its delivery to one
# more durable subscriber at QoS 1. `./dev bench routing` calls it.
#
# us is server CPU, of broker and bridge, for each message that is published: to one durable
# subscriber; to two; to one, and routed to an event topic of a namespace whose queue nobody receives
# from, so that it waits there on the disk. `more` is what routing adds as a multiple of what the
# second subscriber adds. Nothing is pinned, as the store waits for the disk. Each run has a fresh
# server; the rounds' median counts.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# Cell | goal | arguments. Goal: more=N, at most.
readonly cells='
one-subscriber  | -      | pairs --count 1 --window 100 --qos 1 --durable
two-subscribers | -      | fan-out --count 2 --window 100 --qos 1 --durable
routed          | more=2 | pairs --count 1 --window 100 --qos 1 --durable
'
# shellcheck source=tests/bench/serving.bash
source tests/bench/serving.bash
# The server has bridges, and is asked over WebSocket whether it answers; what counts is plain MQTT.
# shellcheck disable=SC2034 # used by brokers.bash
pinned='' family=ws
read_options "$@"

# serve WORDS: of the namespace's MQTT.
serve() {
    configure <<END
access:
  - {publish: ["#"], subscribe: ["#"]}
event_grid:
  namespaces:
    - name: bench
      properties:
        topicSpacesConfiguration: {state: Enabled$1}
      topics:
        - name: bench
          eventSubscriptions:
            - name: sink
              properties:
                deliveryConfiguration:
                  deliveryMode: Queue
END
}

# measure CELL KIND OPTION...
measure() {
    local name=$1 kind=$2
    broker_stop
    if [[ $name == routed ]]; then
        serve ", routeTopicResourceId: namespaces/bench/topics/bench"
    else
        serve ""
    fi
    broker_start pubgrid
    # shellcheck disable=SC2154 # of brokers.bash and serving.bash
    "$BIN/pubgrid" bench "$kind" "unix:$broker_dir/mqtt.sock" "${@:3}" --seconds "$seconds" \
        --warmup "$warmup" --label "$name" --pid "$(process_tree "$broker_pid")" >>"$results"
}

serve ""
run_cells "$cells"
