#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# 1,000 kills of the logger while three clients append; nothing acknowledged may be lost, nothing may fork.
set -eu
cd "$(dirname "$0")/../system"
LETHE_KILLS=${LETHE_KILLS:-1000} exec python3 -c 'import os, test_log; test_log.test_kills(int(os.environ["LETHE_KILLS"])); test_log.finish()'
