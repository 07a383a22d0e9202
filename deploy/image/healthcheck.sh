#!/bin/bash
# Ends with 0 when the part in this container is ready (`/health/ready`, or what the first argument names), else with 1.
# The API answers at API_PORT, every other part at HEALTH_PORT; the one that takes the connection is asked. Nothing but
# bash is needed, and nothing is started: a probe every few seconds must not cost what a process of Bun costs.
set -uo pipefail

path=${1:-/health/ready}
host=${API_HOST:-127.0.0.1}
[[ $host != 0.0.0.0 && $host != :: ]] || host=127.0.0.1

for port in "${API_PORT:-8000}" "${HEALTH_PORT:-0}"; do
  [[ $port != 0 ]] || continue
  { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || continue
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" >&3
  IFS= read -r -t 4 status <&3 || exit 1
  [[ $status == "HTTP/1.1 200"* ]]
  exit
done
exit 1
