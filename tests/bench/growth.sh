#!/bin/bash
# How the cost of a delivery grows: with the subscribers of a message, with the filters, with idle
# connections, and from one worker to two. Prints Pubgrid's CPU per delivery at each step and the
# factor to the cheapest one. `./dev bench growth` calls it.
#
# As in compare.sh each run has a fresh broker on processor 0, and the generator has processor 1; where
# workers are compared nothing is pinned, and two generators have half of the clients each: workers
# that write to the sockets of one process share the lock of its epoll set, which clients do not.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/bench/brokers.bash
source tests/bench/brokers.bash

rounds=3 seconds=1.2 warmup=0.4 only=.

# Series | step | workers | arguments of `pubgrid bench`. The subscribers get four messages at a time
# whatever their number, so that a write has as much to gather at each step. The
# generators of a comparison of workers have these each. A process may have 20,000 descriptors.
readonly steps='
subscribers       | 10      | 1 | fan-out --count 10 --window 4 --lazy-us 400
subscribers       | 100     | 1 | fan-out --count 100 --window 4 --lazy-us 400
subscribers       | 1000    | 1 | fan-out --count 1000 --window 4 --lazy-us 400
subscribers       | 10000   | 1 | fan-out --count 10000 --window 4 --lazy-us 400
filters           | 1000    | 1 | match --filters 1000
filters           | 10000   | 1 | match --filters 10000
filters           | 100000  | 1 | match --filters 100000
filters           | 1000000 | 1 | match --filters 1000000
connections       | 100     | 1 | pairs --count 50 --window 4
connections       | 1000    | 1 | pairs --count 50 --window 4 --idle 900
connections       | 10000   | 1 | pairs --count 50 --window 4 --idle 9900
connections       | 19000   | 1 | pairs --count 50 --window 4 --idle 18900
workers-pairs-q0  | 1       | 1 | pairs --count 25 --window 50 --lazy-us 400
workers-pairs-q0  | 2       | 2 | pairs --count 25 --window 50 --lazy-us 400
workers-pairs-q1  | 1       | 1 | pairs --count 25 --window 50 --lazy-us 400 --qos 1
workers-pairs-q1  | 2       | 2 | pairs --count 25 --window 50 --lazy-us 400 --qos 1
workers-fan-q0    | 1       | 1 | fan-out --count 500 --window 4 --lazy-us 400
workers-fan-q0    | 2       | 2 | fan-out --count 500 --window 4 --lazy-us 400
workers-fan-q1    | 1       | 1 | fan-out --count 500 --window 4 --lazy-us 400 --qos 1
workers-fan-q1    | 2       | 2 | fan-out --count 500 --window 4 --lazy-us 400 --qos 1
workers-fanin-q1  | 1       | 1 | fan-in --count 50 --window 25 --lazy-us 400 --qos 1
workers-fanin-q1  | 2       | 2 | fan-in --count 50 --window 25 --lazy-us 400 --qos 1
'

usage() {
    cat <<'END'
Usage: ./dev bench growth [OPTION]...
  --rounds N      rounds, of which the median counts (3)
  --seconds S     measured time of a run (1.2)
  --only REGEX    series whose name matches: subscribers, filters, connections, workers-...
END
}

while (($# > 0)); do
    case $1 in
    --rounds) rounds=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --only) only=$2 && shift ;;
    --help) usage && exit ;;
    *) usage >&2 && die "unknown option $1" ;;
    esac
    shift
done

# measure SERIES STEP ARGUMENT...
measure() {
    local series=$1 step=$2 status=0 generators=1 i
    local -a running=()
    shift 2
    pinned=$([[ $series == workers* ]] || echo 1)
    [[ $pinned ]] || generators=2
    broker_start pubgrid
    for ((i = 1; i <= generators; i++)); do
        (generate pubgrid "$1" --seconds "$seconds" --warmup "$warmup" --timeout 20 "${@:2}" \
            --label "$series $step") >"$OUT/growth.$i" 2>"$OUT/error.log" &
        running+=($!)
    done
    for i in "${running[@]}"; do
        wait "$i" || status=$?
    done
    broker_stop
    cat "$OUT"/growth.[1-"$generators"] >>"$results"
    ((status == 0 || status == 3)) || die "$series $step: $(tail -n 1 "$OUT/error.log")"
}

mkdir -p "$OUT"
results=$OUT/growth.jsonl
: >"$results"
mapfile -t rows < <(sed -e '/^$/d' -e 's/ *| */|/g' <<<"$steps" | grep -E "^[^|]*($only)[^|]*\|")
for ((round = 1; round <= rounds; round++)); do
    for row in "${rows[@]}"; do
        IFS='|' read -r series step workers arguments <<<"$row"
        if [[ -t 2 ]]; then
            printf '\r\033[K%d/%d %s %s' "$round" "$rounds" "$series" "$step" >&2
        fi
        # shellcheck disable=SC2086 # the arguments are words
        measure "$series" "$step" $arguments
    done
done
if [[ -t 2 ]]; then
    printf '\r\033[K' >&2
fi
python3 tests/bench/growth.py "$results"
printf '\nAll runs, one JSON line each: %s\n' "$results"
