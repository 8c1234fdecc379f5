#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Two hundred rounds of kill -9 under fifty cameras.
ROUNDS=200 CAMERAS=50 exec "$(dirname "$0")/../system/test_kill.py"
