#!/bin/bash
# Names the files of more than 800 lines and the functions of more than 100, and fails if any are.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

mapfile -t files < <(find broker bridge cli common tests -name '*.[ch]' -not -path '*/node_modules/*' | sort)
long_files=$(wc -l "${files[@]}" | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }')
long_functions=$(ctags -f - --fields=+ne --kinds-C=f --sort=no "${files[@]}" | awk -F '\t' '{
    for (i = 4; i <= NF; i++) {
        if ($i ~ /^line:/) { line = substr($i, 6) }
        if ($i ~ /^end:/) { end = substr($i, 5) }
    }
    if (end - line + 1 > 100) { print $2 ":" line ": " $1 " has " end - line + 1 " lines" }
}')
if [[ $long_files || $long_functions ]]; then
    printf '%s\n' "$long_files" "$long_functions" | sed '/^$/d'
    exit 1
fi
