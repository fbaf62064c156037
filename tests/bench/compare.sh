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
# The name of a cell says of which family it is: ws-* is MQTT over WebSocket and js-* Web PubSub's
# JSON, where Pubgrid is its broker and one bridge process together; the others are MQTT over TCP.
# Each family has its own peer.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly BIN=${BIN:-$PWD/build/release/bin}
readonly PORT=${PUBGRID_BENCH_PORT:-21900}
readonly OUT=build/bench
readonly START_TRIES=3000 # of 20 ms; RabbitMQ takes 20 s

rounds=3 seconds=1.2 warmup=0.4 only=. skip='^$' show=
names=(pubgrid mosquitto) # of the families without one below
declare -A commands=()
declare -A family_names=([ws]="pubgrid nats" [js]="pubgrid relay")

usage() {
    cat <<'END'
Usage: ./dev bench [OPTION]...
  --quick              one round of short runs, without 10,000 connections: two minutes
  --rounds N           rounds (3)
  --seconds S          measured time of a run (1.2)
  --only REGEX         cells whose name matches
  --skip REGEX         not these
  --brokers A,B,...    which of pubgrid, mosquitto, rabbitmq, nats (MQTT), relay (JSON), the one
                       they are compared with last (pubgrid, and mosquitto, nats or relay); cells
                       that one of them cannot run are left out
  --peer NAME=COMMAND  another broker: COMMAND (one, no pipeline) starts it in the foreground, with
                       {port} and {dir} replaced by its port and an empty folder
  --floor              also what a program costs that only passes the bytes on (the bench's relay)
  --list               the cells
END
}

die() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

# ---------------------------------------------------------------- how to start each broker
# broker_NAME PORT DIR: becomes the broker, which listens on 127.0.0.1:PORT and may write to DIR.
# broker_NAME_FAMILY PORT DIR: the same for a family of cells that has its own; then
# endpoint_NAME_FAMILY PORT DIR prints where the generator goes.

# helper_NAME PORT DIR, if there is one: becomes a program that the broker needs beside it.

# The defaults, but one worker, as mosquitto has one thread, and room for a backlog.
broker_pubgrid() {
    exec "$BIN/pubgrid-broker" --set "listeners=tcp://127.0.0.1:$1" --set workers=1 \
        --set "store.path=$2"
}

# What `pubgrid serve` and `pubgrid token` are told: one worker, one bridge process.
serve_options() {
    printf '%s\n' -c conf/pubgrid.yaml --set "listeners=unix:$2/mqtt.sock" --set workers=1 \
        --set "store.path=$2" --set "bridge.listeners=http://127.0.0.1:$1" --set bridge.processes=1
}

broker_pubgrid_ws() {
    local options
    mapfile -t options < <(serve_options "$@")
    exec "$BIN/pubgrid" serve "${options[@]}"
}
broker_pubgrid_js() { broker_pubgrid_ws "$@"; }

endpoint_pubgrid_ws() { echo "ws://127.0.0.1:$1/mqtt"; }
endpoint_pubgrid_js() {
    local options
    mapfile -t options < <(serve_options "$@")
    "$BIN/pubgrid" token "${options[@]}" --hub bench --role webpubsub.joinLeaveGroup \
        --role webpubsub.sendToGroup | grep -o 'ws://[^ "]*' | tail -n 1
}

# It has MQTT only with JetStream, whose streams QoS 0 does not use.
broker_nats_ws() {
    cat >"$2/nats.conf" <<END
server_name: bench
listen: "127.0.0.1:-1"
jetstream { store_dir: "$2" }
mqtt { listen: "127.0.0.1:-1" }
websocket { listen: "127.0.0.1:$1", no_tls: true }
END
    PATH=$PATH:/usr/sbin exec nats-server -c "$2/nats.conf"
}
endpoint_nats_ws() { echo "ws://127.0.0.1:$1/mqtt"; }

broker_relay_js() { exec node tests/bench/ws_relay.mjs "$1"; }
endpoint_relay_js() { echo "ws://127.0.0.1:$1/"; }

# Without limits, so that it loses nothing, and without Nagle, which would make small windows slow.
# With persistence it writes its file every half an hour and when it ends, not before it
# acknowledges.
broker_mosquitto() {
    cat >"$2/mosquitto.conf" <<END
listener $1 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 0
max_queued_bytes 0
persistence $([[ $durable ]] && echo true || echo false)
persistence_location $2/
user $(id -un)
log_type none
END
    PATH=$PATH:/usr/sbin exec mosquitto -c "$2/mosquitto.conf"
}

# Durable sessions are quorum queues: an acknowledgement means that the log is on the disk
# (fdatasync for a batch of messages), on this one node. Debian's scripts change to another user;
# what they call does not. It becomes the Erlang machine, which ends on SIGTERM.
broker_rabbitmq() {
    cat >"$2/rabbitmq.conf" <<END
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:$1
mqtt.allow_anonymous = true
mqtt.durable_queue_type = quorum
mqtt.prefetch = 1000
log.file = false
log.console = true
log.console.level = error
END
    echo '[rabbitmq_mqtt].' >"$2/enabled_plugins"
    exec env HOME="$2" RUNNING_UNDER_SYSTEMD=true ERL_EPMD_PORT="$(($1 + 1))" \
        RABBITMQ_NODENAME="bench$1@localhost" RABBITMQ_DIST_PORT="$(($1 + 2))" \
        RABBITMQ_CONF_ENV_FILE="$2/none" RABBITMQ_CONFIG_FILE="$2/rabbitmq" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$2/enabled_plugins" RABBITMQ_MNESIA_BASE="$2/mnesia" \
        RABBITMQ_LOG_BASE="$2/log" RABBITMQ_PID_FILE="$2/pid" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        /usr/lib/rabbitmq/bin/rabbitmq-server
}

# Erlang's port mapper: it would otherwise start one that stays.
helper_rabbitmq() { exec epmd -address 127.0.0.1 -port "$(($1 + 1))"; }

broker_peer() {
    local command=${commands[$3]}
    command=${command//\{port\}/$1}
    exec bash -c "exec env ${command//\{dir\}/$2}"
}

# ---------------------------------------------------------------- running

durable= # the cell of the current run is one of the durable ones
family=  # ws, js, or tcp for all others

protocol() { [[ $family == js ]] && echo json || echo mqtt; }

# pin PROCESSOR: binds this shell, and what it becomes, to it. Not on a machine with just one, and
# not in a durable cell.
pin() {
    if (($(nproc --all) > 1)) && [[ ! $durable ]]; then
        taskset -cp "$1" "$BASHPID" >/dev/null
    fi
}

broker_pid=
helper_pid=
broker_dir=
# Ends the broker of the current run.
broker_stop() {
    local pid
    for pid in $broker_pid $helper_pid; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [[ $broker_dir ]]; then
        rm -rf "$broker_dir"
    fi
    broker_pid='' helper_pid='' broker_dir=''
}
trap broker_stop EXIT
trap 'exit 130' INT TERM

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }

# answers NAME: does a message get through? A bridge may listen before it has its broker.
answers() {
    local endpoint
    [[ $family != tcp ]] || return 0
    endpoint=$("endpoint_$1_$family" "$PORT" "$broker_dir") &&
        "$BIN/pubgrid" bench latency "$endpoint" --protocol "$(protocol)" --warmup 0 --messages 1 \
            --timeout 2 >/dev/null
}

# broker_start NAME: sets broker_pid once the port is open and a message gets through.
broker_start() {
    local name=$1 tries=$START_TRIES function=broker_$1
    declare -F "broker_$1_$family" >/dev/null && function=broker_$1_$family
    port_open && die "port $PORT is in use: stop what listens there, or set PUBGRID_BENCH_PORT"
    [[ ${commands[$name]:-} ]] && function=broker_peer
    broker_dir=$(mktemp -d "$PWD/$OUT/run.XXXXXX") # on a disk, which /tmp may not be
    if declare -F "helper_$name" >/dev/null; then
        "helper_$name" "$PORT" "$broker_dir" >"$OUT/$name-helper.log" 2>&1 &
        helper_pid=$!
    fi
    (
        pin 0
        "$function" "$PORT" "$broker_dir" "$name"
    ) >"$OUT/$name.log" 2>&1 &
    broker_pid=$!
    until port_open; do
        kill -0 "$broker_pid" 2>/dev/null || broker_failed "$name" "ended at once"
        ((--tries > 0)) || broker_failed "$name" "has not opened port $PORT"
        sleep 0.02
    done
    until answers "$name" 2>"$OUT/error.log"; do
        ((--tries > 0)) || broker_failed "$name" "does not answer: $(tail -n 1 "$OUT/error.log")"
        sleep 0.02
    done
}

broker_failed() {
    tail -n 5 "$OUT/$1.log" >&2
    die "$1 $2; its output is in $OUT/$1.log"
}

# bench_run ARGUMENT...: becomes the generator.
bench_run() {
    exec "$BIN/pubgrid" bench --seconds "$seconds" --warmup "$warmup" "$@"
}

# A process and its descendants, with commas between.
process_tree() {
    local child
    printf '%s' "$1"
    for child in $(ps -o pid= --ppid "$1"); do
        printf ',%s' "$(process_tree "$child")"
    done
}

# bench_broker NAME CELL ARGUMENT...
bench_broker() {
    local name=$1 cell=$2 endpoint
    shift 2
    pin 1
    if [[ $family == tcp ]]; then
        bench_run "$cell" --host 127.0.0.1 --port "$PORT" --pid "$broker_pid" "$@"
    fi
    endpoint=$("endpoint_${name}_$family" "$PORT" "$broker_dir") || exit
    bench_run "$cell" "$endpoint" --protocol "$(protocol)" --pid "$(process_tree "$broker_pid")" "$@"
}

# The relay is part of the bench, which gives each its processor.
bench_floor() { shift && bench_run --self-test relay "$@"; }

family_of() {
    case $1 in
    ws-* | js-*) echo "${1%%-*}" ;;
    *) echo tcp ;;
    esac
}

# names_of FAMILY: the brokers that it is measured with, a line each.
names_of() { tr ' ' '\n' <<<"${family_names[$1]:-${names[*]}}"; }

# measure NAME CELL ARGUMENT...: one run; its line is added to the results.
measure() {
    local name=$1 cell=$2 status=0 run=bench_broker
    shift 2
    durable=$([[ $cell != durable* ]] || echo 1)
    if [[ $name == floor ]]; then
        run=bench_floor
    else
        broker_start "$name"
    fi
    ("$run" "$name" "$@" --label "$name $cell") >>"$results" 2>"$OUT/error.log" || status=$?
    broker_stop
    # Status 3 (loss, disorder) is in the line and shows in the table.
    if ((status != 0 && status != 3)); then
        printf '%s %s: %s\n' "$name" "$cell" "$(tail -n 1 "$OUT/error.log")" >&2
        failed=1
    fi
}

# The rows of cells.txt that are wanted, comments and padding removed.
cells() {
    sed -e '/^#/d' -e 's/ *| */|/g' tests/bench/cells.txt | grep -E "^[^|]*($only)[^|]*\|" |
        grep -vE "^[^|]*($skip)[^|]*\|"
}

measure_all() {
    local round cell arguments name count=0 total=0
    for row in "${rows[@]}"; do
        total=$((total + rounds * $(names_of "$(family_of "$row")" | wc -l)))
    done
    for ((round = 1; round <= rounds; round++)); do
        for row in "${rows[@]}"; do
            IFS='|' read -r cell _ arguments <<<"$row"
            family=$(family_of "$cell")
            for name in $(names_of "$family"); do
                count=$((count + 1))
                if [[ -t 2 ]]; then
                    printf '\r\033[K%d/%d %s %s' "$count" "$total" "$cell" "$name" >&2
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
can_start() {
    if [[ $family == tcp ]]; then
        [[ $1 == floor || ${commands[$1]:-} ]] || declare -F "broker_$1" >/dev/null
    else
        declare -F "broker_$1_$family" >/dev/null
    fi
}

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
    --quick) rounds=1 seconds=0.5 warmup=0.2 skip=10000 ;;
    --rounds) rounds=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --only) only=$2 && shift ;;
    --skip) skip=$2 && shift ;;
    --brokers) IFS=, read -ra names <<<"$2" && family_names=() && shift ;;
    --peer) add_peer "$2" && shift ;;
    --floor) add_name floor ;;
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
failed=''
results=$OUT/results.jsonl
: >"$results"
measure_all
python3 tests/bench/table.py "$results" tests/bench/cells.txt "tcp=$(names_of tcp | paste -sd,)" \
    "ws=$(names_of ws | paste -sd,)" "js=$(names_of js | paste -sd,)"
printf '\nAll runs, one JSON line each: %s\n' "$results"
[[ ! $failed ]]
