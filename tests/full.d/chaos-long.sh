#!/usr/bin/env bash
# A long run of tests/chaos: 200 rounds of kill -9, and some of every other fault; SIGSTOP lasts 30 s.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../chaos/run.sh" --long
