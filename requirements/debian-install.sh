#!/bin/sh
# Installs the named Debian packages that are missing. Without root it installs nothing, says which ones are
# missing and fails, because what follows would fail less clearly.
set -eu

missing=""
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Debian packages are missing; install them as root and try again:" >&2
    echo "    apt-get install$missing" >&2
    exit 1
fi

echo "Installing Debian packages:$missing"
apt-get update -qq
# shellcheck disable=SC2086 # a list of names, on purpose
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
