#!/bin/bash
# Measures brokers in turn (A B A B ...) with `pubgrid bench` and prints their server CPU per
# delivered message side by side. `./dev bench` calls it.
#
# What counts is the ratio of two brokers in the same run: the absolute figures move with the
# machine and its hour. So every cell runs on all brokers before the next cell, rounds are repeated,
# and the median is taken. Each run has a fresh broker, pinned to processor 0; the generator has
# processor 1. In the durable cells nothing is pinned: there a broker waits for the disk, and what
# its other threads do meanwhile counts.
#
# The name of a cell says of which family it is: ws-* is MQTT over WebSocket, js-* and sio-* Web
# PubSub's JSON, where Pubgrid is its broker and one bridge process together; the others are MQTT over
# TCP. Each family has its own peer. Then there is the floor, which is what the kernel alone costs.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/bench/brokers.bash
source tests/bench/brokers.bash

rounds=3 seconds=1.2 warmup=0.4 only=. skip='^$' show='' with_floor=1 failed=''
names=(pubgrid mosquitto) # of the families without one below
declare -A family_names=([ws]="pubgrid nats" [js]="pubgrid relay" [sio]="pubgrid socketio")

usage() {
    cat <<'END'
Usage: ./dev bench [OPTION]...
       ./dev bench azure|growth|server [OPTION]...   other tables; --help says what about
  --quick              one round of short runs, without the largest cells: three minutes
  --rounds N           rounds (3)
  --seconds S          measured time of a run (1.2)
  --only REGEX         cells whose name matches
  --skip REGEX         not these
  --brokers A,B,...    which of pubgrid, mosquitto, rabbitmq, nats (MQTT), relay, socketio (JSON),
                       the one they are compared with last (pubgrid, and mosquitto, nats, relay or
                       socketio); cells that one of them cannot run are left out
  --peer NAME=COMMAND  another broker: COMMAND (one, no pipeline) starts it in the foreground, with
                       {port} and {dir} replaced by its port and an empty folder
  --no-floor           without tests/bench/floor.c, which only passes the bytes on; that takes a
                       third of the time
  --list               the cells
END
}

family_of() {
    case $1 in
    ws-* | js-* | sio-*) echo "${1%%-*}" ;;
    *) echo tcp ;;
    esac
}

# names_of FAMILY: the brokers that it is measured with, a line each.
names_of() { tr ' ' '\n' <<<"${family_names[$1]:-${names[*]}}"; }

# measure NAME CELL ARGUMENT...: one run; its line is added to the results.
measure() {
    local name=$1 cell=$2 status=0
    shift 2
    durable=$([[ $cell != durable* ]] || echo 1)
    broker_start "$name"
    (generate "$name" "$1" --seconds "$seconds" --warmup "$warmup" "${@:2}" --label "$name $cell") \
        >>"$results" 2>"$OUT/error.log" || status=$?
    broker_stop
    # Status 3 (loss, disorder) is in the line and shows in the table.
    if ((status != 0 && status != 3)); then
        printf '%s %s: %s\n' "$name" "$cell" "$(tail -n 1 "$OUT/error.log")" >&2
        failed=1
    fi
}

# The floor passes on; it does not search, store or remember.
floor_can() { [[ $with_floor && $1 != durable* && $1 != *0000 && $2 != match* && $2 != retained* ]]; }

# The rows of cells.txt that are wanted, comments and padding removed.
cells() {
    sed -e '/^#/d' -e 's/ *| */|/g' tests/bench/cells.txt | grep -E "^[^|]*($only)[^|]*\|" |
        grep -vE "^[^|]*($skip)[^|]*\|"
}

# runners CELL ARGUMENTS: what is measured in it, a line each.
runners() {
    names_of "$family"
    if floor_can "$@"; then
        echo floor
    fi
}

measure_all() {
    local round cell arguments name count=0
    for ((round = 1; round <= rounds; round++)); do
        for row in "${rows[@]}"; do
            IFS='|' read -r cell _ arguments <<<"$row"
            family=$(family_of "$cell")
            count=$((count + 1))
            for name in $(runners "$cell" "$arguments"); do
                if [[ -t 2 ]]; then
                    printf '\r\033[K%d/%d %s %s' "$count" $((rounds * ${#rows[@]})) "$cell" "$name" >&2
                fi
                # shellcheck disable=SC2086 # the arguments of a cell are words
                measure "$name" "$cell" $arguments
            done
        done
    done
    if [[ -t 2 ]]; then
        printf '\r\033[K' >&2
    fi
}

# can_start NAME: in cells of the current family.
can_start() { [[ ($family == tcp && ${commands[$1]:-}) || $(function_of broker "$1") ]]; }

# Of the brokers that it is measured with; --brokers may name some that have not all families.
all_can_start() {
    local name
    for name in $(names_of "$family"); do
        can_start "$name" || return
    done
}

# The last one stays the one that the others are compared with.
add_name() { names=("${names[@]:0:${#names[@]}-1}" "$1" "${names[-1]}"); }

add_peer() {
    [[ $1 == ?*=?* ]] || die "--peer wants NAME=COMMAND"
    commands[${1%%=*}]=${1#*=}
    add_name "${1%%=*}"
}

while (($# > 0)); do
    case $1 in
    --quick) rounds=1 seconds=0.5 warmup=0.2 skip='10000|1m' ;;
    --rounds) rounds=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --only) only=$2 && shift ;;
    --skip) skip=$2 && shift ;;
    --brokers) IFS=, read -ra names <<<"$2" && family_names=() && shift ;;
    --peer) add_peer "$2" && shift ;;
    --no-floor) with_floor='' ;;
    --list) show=1 ;;
    --help) usage && exit ;;
    *) usage >&2 && die "unknown option $1" ;;
    esac
    shift
done
if [[ $show ]]; then
    cells | tr '|' '\t'
    exit
fi

[[ -x $BIN/pubgrid ]] || die "$BIN/pubgrid is missing: run ./dev build"
rows=()
while read -r row; do
    family=$(family_of "$row")
    if all_can_start; then
        rows+=("$row")
    fi
done < <(cells)
((${#rows[@]} > 0)) || die "no cell matches $only that all of these can run: ${names[*]}"
mkdir -p "$OUT"
if [[ $(stat -f -c %T "$OUT") == tmpfs ]] && printf '%s\n' "${rows[@]}" | grep -q ^durable; then
    die "$OUT is in memory (tmpfs): durable cells need a disk; choose other cells with --only"
fi
floor_build
results=$OUT/results.jsonl
: >"$results"
measure_all
python3 tests/bench/table.py "$results" tests/bench/cells.txt "tcp=$(names_of tcp | paste -sd,)" \
    "ws=$(names_of ws | paste -sd,)" "js=$(names_of js | paste -sd,)" \
    "sio=$(names_of sio | paste -sd,)"
printf '\nAll runs, one JSON line each: %s\n' "$results"
[[ ! $failed ]]
