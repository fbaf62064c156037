# For tests in bash: a broker on a port of its own, with a folder of its own in $work.
#
#   . broker.sh
#   start_broker [OPTION=VALUE...]     sets $port
#   stop_broker                        false if the broker did not end well
#
# Whatever happens, the broker and $work are gone when the script ends.
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck source=tests/e2e/ports.sh
. "$(dirname "${BASH_SOURCE[0]}")/ports.sh"
BIN=${BIN:-$(dirname "${BASH_SOURCE[0]}")/../../build/dev/bin}
work=$(mktemp -d)
port='' broker_pid=''

end_broker()
{
    if [ -n "$broker_pid" ]; then
        kill "$broker_pid" 2>/dev/null
        wait "$broker_pid"
    fi
    rm -rf "$work"
}
trap end_broker EXIT

# Copies the log into a file; true as soon as it says that the broker listens.
wait_for_start()
{
    local line

    while read -r line <&"$log"; do
        echo "$line" >>"$work/broker.log"
        case $line in
        *started*)
            cat <&"$log" >>"$work/broker.log" &
            return 0
            ;;
        esac
    done
    return 1
}

start_broker()
{
    local option options=() log

    for option in "store.path=$work/store" "$@"; do
        options+=(--set "$option")
    done
    mkfifo "$work/log"
    take_port port
    "$BIN/pubgrid-broker" --set "listeners=tcp://127.0.0.1:$port" "${options[@]}" 2>"$work/log" &
    broker_pid=$!
    exec {log}<"$work/log"
    if ! wait_for_start; then
        cat "$work/broker.log"
        exit 1
    fi
    exec {log}<&-
}

stop_broker()
{
    kill -TERM "$broker_pid"
    wait "$broker_pid"
    local status=$?

    broker_pid=
    [ $status -eq 0 ] || cat "$work/broker.log"
    return $status
}
