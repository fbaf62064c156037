#!/bin/bash
# The rows of Azure's published table for 100 units (spec/webpubsub.md 11) that are about groups, on
# this one machine with the generator on it. `./dev bench azure` calls it.
#
# Azure's figure is the highest rate with 99 % of the messages under a second. So a row is tried at
# Azure's rate, and if that is too much, the highest rate that passes is searched by halving. Messages
# have 2,048 bytes and go through json.webpubsub.azure.v1 over WebSocket; the loop is open: latency
# counts from when a message was due.
#
# What differs: a process here has 20,000 descriptors, so there are fewer connections than 100,000. The
# big groups have fewer members then, and are sent more messages, so that as many go out; small
# groups keep their ten members, and there are fewer of them with more messages each. A group's
# messages come from one connection beside its members. Nothing is pinned; broker, bridge and
# generator share the processors.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/bench/brokers.bash
source tests/bench/brokers.bash

connections=9000 seconds=10 warmup=4 probes=4 only=. lazy_us=2000
readonly payload=2048 limit_us=1000000

usage() {
    cat <<'END'
Usage: ./dev bench azure [OPTION]...
  --connections N   members of all groups together (9000)
  --workers N       of the broker (1)
  --processes N     of the bridge (1)
  --seconds S       measured time of a run (10)
  --probes N        runs of the search when Azure's rate is too much (4)
  --lazy-us US      least time between two turns of the generator (2000)
  --only REGEX      rows whose name matches: big, small
END
}

while (($# > 0)); do
    case $1 in
    --connections) connections=$2 && shift ;;
    --workers) workers=$2 && shift ;;
    --processes) processes=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --probes) probes=$2 && shift ;;
    --lazy-us) lazy_us=$2 && shift ;;
    --only) only=$2 && shift ;;
    --help) usage && exit ;;
    *) usage >&2 && die "unknown option $1" ;;
    esac
    shift
done

# field NAME LINE: a number of a run's line.
field() { sed -nE "s/.*\"$1\":([-0-9.]+).*/\\1/p" <<<"$2"; }

# run GROUPS MEMBERS OUT: one run at OUT deliveries a second; its line is in $line.
run() {
    local rate status=0
    rate=$(awk "BEGIN { print $3 / $2 }")
    broker_start pubgrid
    (generate pubgrid groups --count "$1" --group-size "$2" --rate "$rate" --payload "$payload" \
        --seconds "$seconds" --warmup "$warmup" --lazy-us "$lazy_us" --timeout 20 \
        --label "azure $3") >"$OUT/line.json" 2>"$OUT/error.log" || status=$?
    broker_stop
    ((status == 0 || status == 3)) || die "$(tail -n 1 "$OUT/error.log")"
    line=$(<"$OUT/line.json")
    printf '%s\n' "$line" >>"$results"
}

# passes OUT: as many came as were sent, none was lost, and 99 % within a second.
passes() {
    awk -v rate="$(field rate "$line")" -v p99="$(field p99_us "$line")" -v lost="$(field lost "$line")" \
        "BEGIN { exit !(rate >= 0.98 * $1 && p99 < $limit_us && lost == 0) }"
}

# print NAME MEMBERS ASKED: the run in $line.
print() {
    local verdict="too much"
    if passes "$3"; then
        verdict="99 % under 1 s"
    fi
    awk -v name="$1" -v members="$2" -v asked="$3" -v verdict="$verdict" -v size="$payload" \
        -v rate="$(field rate "$line")" -v p50="$(field p50_us "$line")" \
        -v p99="$(field p99_us "$line")" -v p999="$(field p999_us "$line")" \
        -v most="$(field max_us "$line")" -v server="$(field server_cpu_percent "$line")" \
        -v generator="$(field generator_cpu_percent "$line")" \
        -v others="$(field others_cpu_percent "$line")" -v lost="$(field lost "$line")" '
        BEGIN {
            printf "%-6s %8d %9d %9d %7.0f %8.0f %8.0f %8.0f %8.0f %8.0f%% %8.0f%% %6.0f%% %6.0f%%  %s%s\n",
                name, asked / members, asked, rate, rate * size / 1e6, p50 / 1e3, p99 / 1e3,
                p999 / 1e3, most / 1e3, server, generator, 100 * generator / (server + generator),
                others, verdict,
                (lost > 0 ? ", " lost " lost" : "")
        }'
}

# search NAME GROUPS MEMBERS OUT: prints the run at OUT, and those of the search for what passes.
search() {
    local low=0 high=$4 out=$4 probe
    run "$2" "$3" "$out"
    print "$1" "$3" "$out"
    if passes "$out"; then
        return
    fi
    for ((probe = 1; probe <= probes; probe++)); do
        out=$(((low + high) / 2))
        run "$2" "$3" "$out"
        print "$1" "$3" "$out"
        if passes "$out"; then
            low=$out
        else
            high=$out
        fi
    done
    printf '%-6s reached %d of %d a second (%d %%)\n' "$1" "$low" "$4" $((100 * low / $4))
}

mkdir -p "$OUT"
family=js pinned=''
results=$OUT/azure.jsonl
: >"$results"
cat <<END
Azure Web PubSub, 100 units, against this machine ($(nproc) processors, generator included).
$connections connections instead of 100,000, as a process may have $(ulimit -Hn) descriptors; messages of
$payload bytes; workers of the broker: $workers, processes of the bridge: $processes.

row        in/s     out/s   reached    MB/s   p50 ms      p99    p99.9      max    server generator  share others
END
if [[ big =~ $only ]]; then
    search big 10 $((connections / 10)) 300000
fi
if [[ small =~ $only ]]; then
    search small $((connections / 10)) 10 150000
fi
cat <<END

server, generator, others (all other programs): percent of one processor; share: the generator's part
of server and generator.
All runs, one JSON line each: $results
END
