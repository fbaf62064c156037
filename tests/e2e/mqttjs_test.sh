#!/bin/bash
# Starts a broker and runs mqttjs_test.mjs against it.
#
#   BIN=build/dev/bin tests/e2e/mqttjs_test.sh
#
# SPDX-License-Identifier: Apache-2.0
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/broker.sh
. "$here/broker.sh"
if ! command -v node >/dev/null || [ ! -d "$here/node_modules/mqtt" ]; then
    echo "left out: node or MQTT.js is missing (npm --prefix tests/e2e ci)"
    exit 77
fi
start_broker workers=2
timeout 60 node "$here/mqttjs_test.mjs" "$port"
status=$?
stop_broker || status=1
exit $status
