#!/bin/bash
# Runs one test of this folder with Node.js; 77 (left out) if that or the npm packages are missing.
#
#   BIN=build/dev/bin tests/sdk/run.sh tests/sdk/parser_test.mjs
#
# SPDX-License-Identifier: Apache-2.0
set -u
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v node >/dev/null || [ ! -d "$here/node_modules/@azure/web-pubsub-express" ]; then
    echo "left out: node or the npm packages are missing (npm --prefix tests/sdk ci)"
    exit 77
fi
exec node "$@"
