#!/bin/bash
# Carries out the Dockerfile without Docker: each stage is a bare Debian folder (debootstrap), RUN
# is a chroot, COPY is a copy. Then it starts the server as the image would, waits until the health
# check passes and the bridge answers, and demands that both run as the image's user and stop in order;
# and once more with the options of the `docker run` that the Dockerfile recommends for a try.
#
# It knows the instructions that our Dockerfile uses, written as it writes them, and stops at any
# other. Needs root, debootstrap, and the network to Debian's mirror; takes a few minutes.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/../.."

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
work=${DOCKER_CHECK_FOLDER:-/tmp/pubgrid-docker-check}
bare=$work/bare
declare -A stage_root
declare -a arguments=()
stage='' user=root folder=/ health='' entry='' server=''

say() { printf '%s\n' "$*"; }

# unmount ROOT: what is mounted in a stage's folder, also what a run that was killed has left.
unmount() { umount -q "$1/proc" "$1/dev/null" "$1/dev/urandom" 2>/dev/null || true; }

cleanup() {
    if [[ $server ]] && kill -0 "$server" 2>/dev/null; then
        kill -KILL "$server" || true
    fi
    local root
    for root in "${stage_root[@]}"; do
        unmount "$root"
    done
}
trap cleanup EXIT

# become USER COMMAND: this process becomes the command, by a shell, in the current stage and folder.
become() {
    exec chroot "--userspec=$1" "$stage" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/ "${arguments[@]}" /bin/sh -c "cd '$folder' && $2"
}

in_stage() { (become "$@"); }

do_from() {
    local name=${3:-final}
    say "FROM $*"
    stage=$work/$name user=root folder=/ arguments=()
    stage_root[$name]=$stage
    unmount "$stage"
    rm -rf --one-file-system "$stage"
    cp -a "$bare" "$stage"
    mount -t proc proc "$stage/proc"
    cp /etc/resolv.conf "$stage/etc/resolv.conf"
    # Some machines reach the npm registry through a proxy with a certificate of their own.
    mkdir -p "$stage/usr/local/share/ca-certificates"
    cp -r /usr/local/share/ca-certificates/. "$stage/usr/local/share/ca-certificates" 2>/dev/null || true
}

# ARG NAME=DEFAULT; the environment has the part of --build-arg.
do_arg() {
    local name=${1%%=*}
    arguments+=("$name=${!name-${1#*=}}")
}

do_run() {
    say "RUN $(cut -c 1-90 <<<"$*")"
    if ! in_stage "$user" "$*" >"$work/run.log" 2>&1 </dev/null; then
        tail -n 40 "$work/run.log"
        say "failed: RUN $*"
        exit 1
    fi
}

do_copy() {
    say "COPY $*"
    if [[ $1 == --from=* ]]; then
        cp -a "${stage_root[${1#--from=}]}$2/." "$stage$3"
    elif [[ $1 != . ]]; then
        cp "$1" "$stage$2"
    else
        mkdir -p "$stage$2"
        git ls-files -z | xargs -0 cp --parents -t "$stage$2"
    fi
}

# "["a", "b"]" as words for a shell.
json_words() { tr -d '[],"' <<<"$*"; }

instruction() {
    local word=$1 rest
    shift
    rest=$*
    case $word in
    FROM) do_from "$@" ;;
    ARG) do_arg "$@" ;;
    RUN) do_run "$*" ;;
    COPY) do_copy "$@" ;;
    WORKDIR) folder=$1 && mkdir -p "$stage$1" ;;
    USER) user=$1 ;;
    VOLUME) [[ -d $stage$1 ]] ;;
    EXPOSE) ;;
    HEALTHCHECK) health=${rest##*CMD } ;;
    ENTRYPOINT) entry=$(json_words "$*") ;;
    *) say "this check does not know $word" && exit 1 ;;
    esac
}

read_dockerfile() {
    local line whole=''
    while IFS= read -r line <&3; do
        if [[ $line == '#'* || -z $line ]]; then
            continue
        fi
        whole+=${line%\\}
        if [[ $line != *\\ ]]; then
            set -f
            # shellcheck disable=SC2086 # an instruction is its words
            instruction $whole
            set +f
            whole=''
        fi
    done 3<Dockerfile
}

# Until the command succeeds; the end, with what it said, if it does not or the server has ended.
wait_until() {
    local what=$1 tries=100
    shift
    until "$@" >"$work/wait.log" 2>&1; do
        if ! kill -0 "$server" 2>/dev/null || ((--tries == 0)); then
            cat "$work/server.log" "$work/wait.log"
            say "$what"
            exit 1
        fi
        sleep 0.2
    done
}

# status PATH: of the bridge's answer.
status() (
    exec 3<>/dev/tcp/127.0.0.1/8080
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n' "$1" >&3
    head -n 1 <&3 | cut -d ' ' -f 2
)

is_ready() { [[ $(status /readyz) == 200 ]]; }

# expect WHAT PATTERN COMMAND...: what the command says has the pattern.
expect() {
    local what=$1 pattern=$2 said
    shift 2
    said=$("$@" 2>&1) || true
    [[ $said =~ $pattern ]] || { say "$what: not '$pattern' but: $said" && exit 1; }
    say "$what"
}

# The server's processes, it the first.
processes() { pgrep --parent "$server" | cat <(echo "$server") -; }

# start OPTION...: the server, until it is healthy and ready.
start() {
    become "$user" "exec $entry $*" >"$work/server.log" 2>&1 </dev/null &
    server=$!
    wait_until "the health check does not pass" in_stage "$user" "$health"
    say "HEALTHCHECK passes: uptime $(cat "$work/wait.log")"
    wait_until "the bridge is not ready" is_ready
}

stop() {
    kill -TERM "$server"
    wait "$server" || { cat "$work/server.log" && say "the server did not stop in order" && exit 1; }
    server=''
}

check_running() {
    local pid owner names
    start
    names=$(processes | xargs ps -o comm= -p | sort | paste -sd ' ')
    [[ $names == "pubgrid pubgrid-bridge pubgrid-broker" ]] || { say "there run: $names" && exit 1; }
    for pid in $(processes); do
        owner=$(stat -c %u "/proc/$pid")
        [[ $owner != 0 ]] || { say "process $pid runs as root" && exit 1; }
    done
    expect "there is no console unless somebody says so" '^404$' status /console/
    stop
    say "runs as user $owner, stops in order; $(du -sm --exclude=proc "$stage" | cut -f 1) MB in all"
}

# The Dockerfile's lines `docker run --name try ...` and `docker exec try ...`.
check_try() {
    local options keys
    options=$(sed -nE 's/^# +docker run --name try .* pubgrid (--set .*)$/\1/p' Dockerfile)
    keys=$(sed -nE 's/^# +docker exec try (.*)$/\1/p' Dockerfile)
    [[ $options && $keys ]] || { say "the Dockerfile does not say how to try it" && exit 1; }
    start "$options"
    expect "with $options: a console" '^200$' status /console/
    expect "and its charts" '^200$' status /console/uPlot.esm.js
    expect "$keys: a connection string" 'Endpoint=http://127\.0\.0\.1:8080;AccessKey=' in_stage "$user" "$keys"
    expect "a client may publish" '^$' in_stage "$user" "pubgrid pub -h 127.0.0.1 -q 1 -t try -m 1"
    stop
}

((EUID == 0)) || { say "needs root: it makes chroots" && exit 1; }
mkdir -p "$work"
if [[ ! -d $bare/usr ]]; then
    say "debootstrap (once)"
    debootstrap --variant=minbase bookworm "$bare" "$mirror" >"$work/debootstrap.log" 2>&1 ||
        { tail "$work/debootstrap.log" && exit 1; }
fi
read_dockerfile
check_running
check_try
