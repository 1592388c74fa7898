#!/usr/bin/env bash
# Installs Debian's Chromium for the browser tests, where there is none and it can be had without a
# question. Elsewhere those tests are skipped, and say so.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium for the browser tests ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
  echo "There is no Chromium: the browser tests will be skipped."
fi
