#!/bin/sh
# A worker written with curl alone that leases one task, says so, and never ends it: beats until somebody kills it.
# mortal-worker.sh <base url> <api key> <worker id> <task type>
set -eu
base=$1 key=$2 worker=$3 type=$4

call() {
  curl -sS --fail-with-body -X POST -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$2" "$base$1"
}

call /api/workers/register "{\"worker_id\":\"$worker\",\"capabilities\":[\"$type\"],\"max_concurrent_tasks\":1,\"heartbeat_interval\":1}" >&2
call "/api/workers/$worker/heartbeat" '{"status":"active"}' >&2
call "/api/workers/$worker/lease" '{"max_tasks":1,"wait_seconds":30}'
echo
while :; do
  call "/api/workers/$worker/heartbeat" '{"status":"active"}' >&2
  sleep 0.5
done
