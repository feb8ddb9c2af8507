#!/usr/bin/env bash
# The browser that takes the pictures of the pages.
set -euo pipefail
cd "$(dirname "$0")"
. ./debian.sh

need "The pictures" chromium=chromium
