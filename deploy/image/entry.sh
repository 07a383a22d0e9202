#!/bin/bash
# The image's entry point: runs the part that its first argument names, in this process, so that signals reach it.
set -euo pipefail

usage="usage: <image> api | recorder | scheduler | worker
       <image> migrate                 brings the database to the newest schema, and ends
       <image> millrace <command> …    the command-line client; MILLRACE_URL and MILLRACE_API_KEY say whom it talks to"

part=${1:---help}
(($# == 0)) || shift

case $part in
  api | recorder | scheduler | worker) main=apps/$part/main.ts ;;
  migrate) main=packages/store/migrate-main.ts ;;
  millrace) main=apps/cli/main.ts ;;
  -h | --help | help)
    echo "$usage"
    exit 0
    ;;
  *)
    echo "there is no part called $part" >&2
    echo "$usage" >&2
    exit 64 # EX_USAGE
    ;;
esac

# Images leave much less memory behind: apps/worker/files/README.md. Must be there before the process starts.
[[ $part != worker ]] || export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}

cd /app
exec bun "$main" "$@"
