# What the tables of the server's side share, server.sh, events.sh and pull.sh, which source this in the
# repository's folder: their options, the webhook (tests/bench/webhook.c), and going through the
# cells, each with a fresh server.
#
# The caller has a function `measure`, of a cell's name and arguments, which appends JSON lines to
# $results.
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0

# shellcheck source=tests/bench/brokers.bash
source tests/bench/brokers.bash

table=$(basename "$0" .sh) # its name
readonly table
rounds=3 seconds=2 warmup=0.5 only=.
readonly WEBHOOK_PORT=$((PORT + 5))
# Used by brokers.bash.
# shellcheck disable=SC2034
family=js

usage() {
    cat <<END
Usage: ./dev bench $table [OPTION]...
  --rounds N      rounds, of which the median counts (3)
  --seconds S     measured time of a run (2)
  --processes N   of the bridge (1)
  --only REGEX    cells whose name matches
END
}

# read_options ARGUMENT...
read_options() {
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
}

# configure: what is read from the standard input becomes the server's configuration.
configure() {
    mkdir -p "$OUT"
    serve_config=$PWD/$OUT/$table.yaml
    cat >"$serve_config"
}

# ---------------------------------------------------------------- the webhook

webhook_pid=
webhook_start() {
    cc -std=gnu11 -O2 -D_GNU_SOURCE -o "$OUT/webhook" tests/bench/webhook.c
    (pin 1 && exec "$OUT/webhook" "$WEBHOOK_PORT") &
    webhook_pid=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$WEBHOOK_PORT") 2>/dev/null; do
        kill -0 "$webhook_pid" 2>/dev/null || die "the webhook ended at once"
        sleep 0.02
    done
}
webhook_stop() {
    broker_stop
    if [[ $webhook_pid ]]; then
        kill -CONT "$webhook_pid" 2>/dev/null || true
        kill "$webhook_pid" 2>/dev/null || true
        wait "$webhook_pid" 2>/dev/null || true
        webhook_pid=
    fi
}
trap webhook_stop EXIT

# ---------------------------------------------------------------- cells

# bench CELL ARGUMENT...: one line of the generator, of that cell.
bench() {
    local name=$1 status=0
    shift
    (generate pubgrid "$@" --seconds "$seconds" --warmup "$warmup" --timeout 20 \
        --label "$name") >>"$results" 2>"$OUT/error.log" || status=$?
    ((status == 0)) || die "$name: $(tail -n 1 "$OUT/error.log")"
}

# run_cells CELLS: all rounds, and the table of what was found. CELLS has a row for each: name | goals
# | arguments.
run_cells() {
    local rows row name arguments round trimmed
    results=$OUT/$table.jsonl
    : >"$results"
    trimmed=$(sed -e '/^$/d' -e 's/ *| */|/g' <<<"$1")
    mapfile -t rows < <(grep -E "^[^|]*($only)[^|]*\|" <<<"$trimmed")
    for ((round = 1; round <= rounds; round++)); do
        for row in "${rows[@]}"; do
            IFS='|' read -r name _ arguments <<<"$row"
            broker_start pubgrid
            # shellcheck disable=SC2086 # the arguments are words
            measure "$name" $arguments
            broker_stop
        done
    done
    python3 tests/bench/server.py "$results" "$trimmed"
    printf '\nAll runs, one JSON line each: %s\n' "$results"
}
