#!/bin/sh
# Makes @NAME@.so. A panic has to unwind, so that it ends a call and not the engine.
set -eu
cd "$(dirname "$0")"
${RUSTC:-rustc} --edition 2021 --crate-type cdylib -O -C panic=unwind -o @NAME@.so module.rs
