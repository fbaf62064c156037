#!/bin/bash
# What the server's side of Web PubSub costs: REST sends beside the same server's empty route, events
# that go to a webhook and come back, and filters. `./dev bench server` calls it.
#
# Requests come over connections that are kept, one under way in each; what they send is delivered to
# browsers (json.webpubsub.azure.v1), each message verified. Pubgrid is what `pubgrid serve` starts:
# broker and bridge together on processor 0, the generator and the webhook (tests/bench/webhook.c,
# which echoes) on processor 1. Each run has a fresh server; the rounds' median counts.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/bench/brokers.bash
source tests/bench/brokers.bash

rounds=3 seconds=2 warmup=0.5 only=.
readonly WEBHOOK_PORT=$((PORT + 5))
# Used by brokers.bash.
# shellcheck disable=SC2034
family=js

# Cell | goal | arguments of `pubgrid bench`. Goals: rate=N a second, at least; times=N: server CPU, at
# most so many times that of requests-empty; browser-us=N: CPU that the filter adds for each browser.
readonly cells='
requests-empty  | -                     | requests --count 50 --rest health
rest-user       | rate=18000,times=2.5  | pairs --count 50 --window 1 --rest user
rest-group10    | rate=18000,times=2.5  | groups --count 50 --group-size 10 --window 1 --rest group
webhook-echo    | rate=25000            | echo --count 200 --window 1
hub10000        | -                     | fan-out --count 10000 --window 1 --rest hub
hub10000-filter | browser-us=0.3        | fan-out --count 10000 --window 1 --rest hub --filter FILTER
'
# A filter that takes them all, and has something to do.
readonly FILTER="startswith(connectionId,'-')+or+(length(groups)+ge+0+and+userId+ne+'bob')"

usage() {
    cat <<'END'
Usage: ./dev bench server [OPTION]...
  --rounds N      rounds, of which the median counts (3)
  --seconds S     measured time of a run (2)
  --processes N   of the bridge (1)
  --only REGEX    cells whose name matches
END
}

while (($# > 0)); do
    case $1 in
    --rounds) rounds=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --processes) processes=$2 && shift ;;
    --only) only=$2 && shift ;;
    --help) usage && exit ;;
    *) usage >&2 && die "unknown option $1" ;;
    esac
    shift
done

# The hub of the cells has the webhook as its event handler.
readonly CONFIG=$PWD/$OUT/server.yaml
mkdir -p "$OUT"
cat >"$CONFIG" <<END
hubs:
  - name: bench
    event_handlers:
      - url_template: http://127.0.0.1:$WEBHOOK_PORT/{event}
        user_event_pattern: "*"
END
serve_config=$CONFIG

webhook_pid=
webhook_start() {
    cc -std=gnu11 -O2 -D_GNU_SOURCE -o "$OUT/webhook" tests/bench/webhook.c
    (pin 1 && exec "$OUT/webhook" "$WEBHOOK_PORT") &
    webhook_pid=$!
}
webhook_stop() {
    broker_stop
    if [[ $webhook_pid ]]; then
        kill "$webhook_pid" 2>/dev/null || true
        wait "$webhook_pid" 2>/dev/null || true
    fi
}
trap webhook_stop EXIT

# measure CELL ARGUMENT...
measure() {
    local name=$1 status=0 protocol=() argument
    local -a arguments=()
    shift
    for argument in "$@"; do
        arguments+=("${argument/FILTER/${FILTER//+/ }}")
    done
    [[ $1 != echo ]] || protocol=(--protocol json-event)
    [[ $* != *--rest* ]] || protocol=(--keys "$broker_dir/keys")
    (generate pubgrid "${arguments[@]}" --seconds "$seconds" --warmup "$warmup" --timeout 20 \
        "${protocol[@]}" --label "$name") >>"$results" 2>"$OUT/error.log" || status=$?
    ((status == 0)) || die "$name: $(tail -n 1 "$OUT/error.log")"
}

results=$OUT/server.jsonl
: >"$results"
webhook_start
mapfile -t rows < <(sed -e '/^$/d' -e 's/ *| */|/g' <<<"$cells" | grep -E "^[^|]*($only)[^|]*\|")
for ((round = 1; round <= rounds; round++)); do
    for row in "${rows[@]}"; do
        IFS='|' read -r name _ arguments <<<"$row"
        broker_start pubgrid
        # shellcheck disable=SC2086 # the arguments are words
        measure "$name" $arguments
        broker_stop
    done
done
python3 tests/bench/server.py "$results" "$(sed -e '/^$/d' -e 's/ *| */|/g' <<<"$cells")"
printf '\nAll runs, one JSON line each: %s\n' "$results"
