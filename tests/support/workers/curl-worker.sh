#!/bin/sh
# A worker written with curl alone: registers, leases one task after the other, beats, tells how far it is, completes.
# curl-worker.sh <base url> <api key> <worker id> <task type> <tasks>
set -eu
base=$1 key=$2 worker=$3 type=$4 wanted=$5

call() {
  curl -sS --fail-with-body -X POST -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$2" "$base$1"
}
# The first value of a name in a JSON text; enough for ids and tokens, which need no unescaping.
value() {
  printf '%s' "$2" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

call /api/workers/register "{\"worker_id\":\"$worker\",\"capabilities\":[\"$type\"],\"max_concurrent_tasks\":1,\"heartbeat_interval\":5}" >&2
done_=0
while [ "$done_" -lt "$wanted" ]; do
  call "/api/workers/$worker/heartbeat" '{"status":"active","system_info":{"cpu_usage":0.1,"memory_usage":0.2}}' >&2
  lease=$(call "/api/workers/$worker/lease" '{"max_tasks":1,"wait_seconds":10}')
  task=$(value task_id "$lease")
  [ -n "$task" ] || continue
  token=$(value lease_token "$lease")
  call "/api/workers/$worker/heartbeat" "{\"current_tasks\":[\"$task\"]}" >&2
  call "/api/tasks/$task/progress" "{\"lease_token\":\"$token\",\"progress\":0.5,\"note\":\"half\"}" >&2
  call "/api/tasks/$task/complete" "{\"lease_token\":\"$token\",\"result\":{\"by\":\"$worker\"}}" >&2
  # The answer may have got lost: saying it again changes nothing.
  call "/api/tasks/$task/complete" "{\"lease_token\":\"$token\",\"result\":{\"by\":\"$worker\"}}" >&2
  done_=$((done_ + 1))
  echo "$task"
done
curl -sS --fail-with-body -X DELETE -H "Authorization: Bearer $key" "$base/api/workers/$worker" >&2
