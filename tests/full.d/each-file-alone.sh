#!/usr/bin/env bash
# Each file of the library and of the program compiles by itself, without a warning: it includes what it uses. The usual build joins files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake --preset release -B build/each-file-alone -D PINNATE_JOINED=OFF
cmake --build build/each-file-alone --parallel "$(nproc)" --target pinnate pinnate-cli
