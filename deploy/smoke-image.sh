# Sourced by build-image.sh, for $image: each part is started inside of the image, as its user, on servers that `bun start`
# brings; it must become ready by its own health check, do something, write nowhere but where it may, and drain.
# chroot isolation shares the network of this machine, so the parts find the servers at 127.0.0.1.
# shellcheck shell=bash disable=SC2154

say "servers for the smoke test"
bun=(npx -y "bun@$bun_version")
API_PORT=18100 MILLRACE_HOME="$scratch/home" "${bun[@]}" start >"$scratch/start.log" 2>&1 &
processes+=($!)
for ((waited = 0; ; waited++)); do
  [[ ! -f $scratch/home/run.json ]] || break
  kill -0 "${processes[0]}" 2>/dev/null || { cat "$scratch/start.log" && fail "the servers did not start"; }
  ((waited < 180)) || fail "the servers did not start within 3 minutes"
  sleep 1
done
told() { sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}$/\1/p" "$scratch/home/run.json"; }

container=$(buildah from --pull=never "$image")
containers+=("$container")
common=(
  --env "DATABASE_URL=$(told database_url)" --env "NATS_URL=$(told nats_url)"
  --env "NATS_MONITOR_URL=$(told nats_monitor_url)" --env API_HOST=127.0.0.1
)
run() { buildah run --isolation chroot "${common[@]}" "$@"; }
entry=/usr/local/bin/millrace-entry
descendants() {
  local child
  for child in $(pgrep -P "$1"); do echo "$child" && descendants "$child"; done
}

say "migrate, millrace, and what does not exist"
[[ $(run "$container" -- $entry migrate) == "schema is up to date" ]] || fail "migrate"
run "$container" -- $entry millrace --version || fail "millrace --version"
if run "$container" -- $entry nonsense 2>/dev/null; then fail "a part that does not exist was started"; fi
[[ $(run "$container" -- id -u) == 10001 ]] || fail "it runs as somebody else"

# Everything that is newer than this, outside of where it may write, was written by a part.
touch "$scratch/before"
root=$(buildah mount "$container")

port=18200
for part in api recorder scheduler worker; do
  say "$part"
  ports=(--env "HEALTH_PORT=$port" --env API_PORT=0)
  if [[ $part == api ]]; then
    ports=(--env "API_PORT=$port" --env HEALTH_PORT=0 --env JWT_SECRET=0123456789abcdef0123456789abcdef)
  fi
  run "${ports[@]}" "$container" -- $entry "$part" >"$scratch/$part.log" 2>&1 &
  runner=$!
  processes+=("$runner")
  for ((waited = 0; ; waited++)); do
    ! run "${ports[@]}" "$container" -- /usr/local/bin/millrace-healthcheck || break
    kill -0 "$runner" 2>/dev/null || { cat "$scratch/$part.log" && fail "$part ended"; }
    ((waited < 60)) || { cat "$scratch/$part.log" && fail "$part was not ready within a minute"; }
    sleep 1
  done
  curl -fsS "http://127.0.0.1:$port/metrics" >"$scratch/$part.metrics"
  grep -q '^millrace_' "$scratch/$part.metrics" || fail "$part has no metrics"
  if [[ $part == api ]]; then
    curl -fsS "http://127.0.0.1:$port/" | grep -q '<script' || fail "the image has no dashboard"
  fi
  if [[ $part == worker ]]; then
    grep -q '"file.process"' "$scratch/$part.log" || fail "the worker has no threads for files: does sharp load?"
  fi
  # The process in the image itself: buildah might pass the signal on, or not.
  main=$(for pid in $(descendants "$runner"); do
    [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") != "bun apps/$part/main.ts "* ]] || echo "$pid"
  done)
  [[ -n $main ]] || fail "$part has no process"
  kill -TERM "$main"
  wait "$runner" || fail "$part did not end with 0 when it was told to"
  ((port += 1))
done

written=$(find "$root" -xdev -newer "$scratch/before" -type f \
  -not -path "$root/tmp/*" -not -path "$root/var/lib/millrace/*" -not -path "$root/proc/*" \
  -not -path "$root/sys/*" -not -path "$root/dev/*" -not -path "$root/etc/*" -not -path "$root/run/*")
buildah umount "$container" >/dev/null
[[ -z $written ]] || fail "a read-only root would have been in the way of: $written"
say "every part of $image starts, is ready, and drains"
