#!/usr/bin/env bash
# Twelve ranks of an elastic run are killed, one after the other. The first step after each change
# has the loss of an undisturbed one.
exec "$(dirname "$0")/../elastic_members.sh" 12
