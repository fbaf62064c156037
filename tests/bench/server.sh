#!/bin/bash
# What the server's side of Web PubSub costs: REST sends, and MQTT messages that are published over
# HTTP (at QoS 1, to nobody), beside the same server's empty route, events
# that go to a webhook and come back, and filters. `./dev bench server` calls it.
#
# Requests come over connections that are kept, one under way in each; what they send is delivered to
# browsers (json.webpubsub.azure.v1), each message verified. Pubgrid is what `pubgrid serve` starts:
# broker and bridge together on processor 0, the generator and the webhook (tests/bench/webhook.c,
# which echoes) on processor 1. Each run has a fresh server; the rounds' median counts.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# Cell | goal | arguments of `pubgrid bench`. Goals: rate=N a second, at least; times=N: server CPU, at
# most so many times that of requests-empty; browser-us=N: CPU that the filter adds for each browser.
readonly cells='
requests-empty  | -                     | requests --count 50 --rest health
rest-user       | rate=18000,times=2.5  | pairs --count 50 --window 1 --rest user
mqtt-publish    | rate=18000,times=2.5  | requests --count 50 --rest mqtt --payload 256
rest-group10    | rate=18000,times=2.5  | groups --count 50 --group-size 10 --window 1 --rest group
webhook-echo    | rate=25000            | echo --count 200 --window 1
hub10000        | -                     | fan-out --count 10000 --window 1 --rest hub
hub10000-filter | browser-us=0.3        | fan-out --count 10000 --window 1 --rest hub --filter FILTER
'
# A filter that takes them all, and has something to do.
readonly FILTER="startswith(connectionId,'-')+or+(length(groups)+ge+0+and+userId+ne+'bob')"
# shellcheck source=tests/bench/serving.bash
source tests/bench/serving.bash
read_options "$@"

# The hub of the cells has the webhook as its event handler.
configure <<END
hubs:
  - name: bench
    event_handlers:
      - url_template: http://127.0.0.1:$WEBHOOK_PORT/{event}
        user_event_pattern: "*"
END

# measure CELL ARGUMENT...
measure() {
    local name=$1 protocol=() argument
    local -a arguments=()
    shift
    for argument in "$@"; do
        arguments+=("${argument/FILTER/${FILTER//+/ }}")
    done
    [[ $1 != echo ]] || protocol=(--protocol json-event)
    [[ $* != *--rest* ]] || protocol=(--keys "$broker_dir/keys")
    bench "$name" "${arguments[@]}" "${protocol[@]}"
}

webhook_start
run_cells "$cells"
