#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# The short form for `make test`: 4 cameras, 5 days, 3 kept.
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
"$1" "$dir" 4 5 3
