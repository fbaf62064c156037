# For tests in bash: ports that no other test gets (tests/ports.py).
#
#   . ports.sh
#   take_port NAME     sets this variable
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
coproc PORTS { exec python3 "$(dirname "${BASH_SOURCE[0]}")/../ports.py"; } # ends with this shell

take_port()
{
    echo >&"${PORTS[1]}"
    read -r "$1" <&"${PORTS[0]}"
}
