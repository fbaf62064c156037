#!/bin/bash
# What ./dev says without installing or building anything: its commands, the examples, and what is not there.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 2
passed=0 failed=0

# check WHAT STATUS PATTERN COMMAND...: the command ends so, and its output has a line of the pattern.
check() {
    local what=$1 wanted=$2 pattern=$3 said status=0
    shift 3
    said=$("$@" 2>&1 </dev/null) || status=$?
    if [[ $status == "$wanted" ]] && grep -qE "$pattern" <<<"$said"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'failed: %s (status %s)\n%s\n' "$what" "$status" "$said"
    fi
}

while read -r name; do
    check "help names $name" 0 "^  $name( |\$)" ./dev help
done < <(sed -nE 's/^cmd_([a-z-]+)\(\) \{$/\1/p' dev | grep -vx help)
check "a command that is not there" 1 "no command 'nonsense'" ./dev nonsense

for folder in examples/*/index.html; do
    name=$(basename "${folder%/*}")
    check "demo lists $name with its title" 0 "^  ./dev demo $name +[A-Z].{10}" ./dev demo
done
check "an example that is not there" 1 "no example 'nonsense'" ./dev demo nonsense
check "a way out of examples/" 1 "no example" ./dev demo ..

echo "$passed passed, $failed failed"
((failed == 0))
