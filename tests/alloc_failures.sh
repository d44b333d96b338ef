#!/bin/sh
# A run in which each allocation fails in turn, in a folder of its own: sh tests/alloc_failures.sh PROGRAM [EVERY]
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" "$work" "${2:-4}"
