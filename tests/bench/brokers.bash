# Starting and ending what is measured, for compare.sh, azure.sh and growth.sh, which source this in
# the repository's folder.
#
# The caller may set: durable (not empty: nothing is pinned, mosquitto has persistence), pinned
# (empty: nothing is pinned), family, workers, processes and configuration of Pubgrid.
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0

readonly BIN=${BIN:-$PWD/build/release/bin}
readonly PORT=${PUBGRID_BENCH_PORT:-21900}
readonly OUT=build/bench
readonly START_TRIES=3000 # of 20 ms; RabbitMQ takes 20 s

durable=    # the cell of the current run is one of the durable ones
pinned=1    # a processor for the server, another one for the generator
family=tcp  # or ws, js, sio
workers=1   # of Pubgrid's broker
processes=1 # of its bridge
serve_config=conf/pubgrid.yaml
declare -A commands=()

die() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

# ---------------------------------------------------------------- how to start each broker
# broker_NAME PORT DIR: becomes the broker, which listens on 127.0.0.1:PORT and may write to DIR.
# broker_NAME_FAMILY PORT DIR: the same for a family of cells that has its own; then
# endpoint_NAME_FAMILY PORT DIR prints where the generator goes.

# helper_NAME PORT DIR, if there is one: becomes a program that the broker needs beside it.

# The defaults, but one worker, as mosquitto has one thread.
broker_pubgrid() {
    exec "$BIN/pubgrid-broker" --set "listeners=tcp://127.0.0.1:$1" --set "workers=$workers" \
        --set "store.path=$2"
}

# What `pubgrid serve` and `pubgrid token` are told.
serve_options() {
    printf '%s\n' -c "$serve_config" --set "listeners=unix:$2/mqtt.sock" --set "workers=$workers" \
        --set "store.path=$2" --set "bridge.listeners=http://127.0.0.1:$1" \
        --set "bridge.processes=$processes"
}

broker_pubgrid_ws() {
    local options
    mapfile -t options < <(serve_options "$@")
    exec "$BIN/pubgrid" serve "${options[@]}"
}
broker_pubgrid_js() { broker_pubgrid_ws "$@"; }
broker_pubgrid_sio() { broker_pubgrid_ws "$@"; }

endpoint_pubgrid_ws() { echo "ws://127.0.0.1:$1/mqtt"; }
endpoint_pubgrid_js() {
    local options
    mapfile -t options < <(serve_options "$@")
    "$BIN/pubgrid" token "${options[@]}" --hub bench --role webpubsub.joinLeaveGroup \
        --role webpubsub.sendToGroup | grep -o 'ws://[^ "]*' | tail -n 1
}
endpoint_pubgrid_sio() { endpoint_pubgrid_js "$@"; }

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

broker_socketio_sio() { exec node tests/bench/sio_relay.mjs "$1"; }
endpoint_socketio_sio() { echo "ws://127.0.0.1:$1/socket.io/?EIO=4&transport=websocket"; }

# What the kernel alone costs; it tells MQTT, WebSocket and JSON apart by itself.
broker_floor() { exec "$OUT/floor" "$1"; }
endpoint_floor() { echo "ws://127.0.0.1:$1/"; }

floor_build() {
    if [[ ! -x $OUT/floor || -n $(find tests/bench -name 'floor*.[ch]' -newer "$OUT/floor") ]]; then
        cc -std=gnu11 -O2 -D_GNU_SOURCE -o "$OUT/floor" tests/bench/floor.c tests/bench/floor_websocket.c
    fi
}

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

# protocol NAME: that the generator speaks with it.
protocol() {
    case $family:$1 in
    sio:socketio) echo socketio ;;
    js:* | sio:*) echo json ;;
    *) echo mqtt ;;
    esac
}

# function_of broker|endpoint NAME: the one for the family, or the one for all.
function_of() {
    if declare -F "$1_$2_$family" >/dev/null; then
        echo "$1_$2_$family"
    elif [[ $2 == floor || $family == tcp ]] && declare -F "$1_$2" >/dev/null; then
        echo "$1_$2"
    fi
}

# pin PROCESSOR: binds this shell, and what it becomes, to it. Not on a machine with just one.
pin() {
    if (($(nproc --all) > 1)) && [[ $pinned && ! $durable ]]; then
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
    endpoint=$("$(function_of endpoint "$1")" "$PORT" "$broker_dir") &&
        "$BIN/pubgrid" bench latency "$endpoint" --protocol "$(protocol "$1")" --warmup 0 --messages 1 \
            --timeout 2 >/dev/null
}

# broker_start NAME: sets broker_pid once the port is open and a message gets through.
broker_start() {
    local name=$1 tries=$START_TRIES function
    function=$(function_of broker "$1")
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

# A process and its descendants, with commas between.
process_tree() {
    local child
    printf '%s' "$1"
    for child in $(ps -o pid= --ppid "$1"); do
        printf ',%s' "$(process_tree "$child")"
    done
}

# generate NAME CELL ARGUMENT...: becomes the generator, which measures the broker of the current run.
generate() {
    local name=$1 cell=$2 endpoint
    shift 2
    pin 1
    if [[ $family == tcp ]]; then
        exec "$BIN/pubgrid" bench "$cell" --host 127.0.0.1 --port "$PORT" --pid "$broker_pid" "$@"
    fi
    endpoint=$("$(function_of endpoint "$name")" "$PORT" "$broker_dir") || exit
    exec "$BIN/pubgrid" bench "$cell" "$endpoint" --protocol "$(protocol "$name")" \
        --pid "$(process_tree "$broker_pid")" "$@"
}
