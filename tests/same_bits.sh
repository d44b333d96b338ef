#!/bin/sh
# The same bits where an adversary shares out every parallel loop. There are more threads than cores, so that none may spin.
#
#   sh tests/same_bits.sh PROGRAM
OMP_WAIT_POLICY=passive exec "$1"
