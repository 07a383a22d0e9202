# Sourced by build-image.sh, for $image: every part is started inside of the image, as its user, on a NATS and a PostgreSQL
# of this project's tests; together they take in a task, events and files, and do them. Each part must become ready by the
# image's own health check, write nowhere but where it may, and drain when it is told to.
# chroot isolation shares the network of this machine, so the parts find the servers at 127.0.0.1.
# shellcheck shell=bash disable=SC2154

say "servers"
# The program itself: signals would end at npx.
bun=$(NPM_CONFIG_LOGLEVEL=error npx -y "bun@$bun_version" -e 'console.log(process.execPath)')
"$bun" install --frozen-lockfile --silent >/dev/null
"$bun" tests/support/servers-main.ts >"$scratch/servers" 2>"$scratch/servers.log" &
servers=$!
processes+=("$servers")
for ((waited = 0; ; waited++)); do
  ! grep -q '^NATS_MONITOR_URL=' "$scratch/servers" || break
  kill -0 "$servers" 2>/dev/null || { cat "$scratch/servers.log" && fail "the servers did not start"; }
  ((waited < 180)) || fail "the servers did not start within 3 minutes"
  sleep 1
done

free_port() { "$bun" -e 'const s = Bun.listen({hostname:"127.0.0.1",port:0,socket:{data(){}}}); console.log(s.port); s.stop()'; }
parts=(api recorder scheduler worker)
declare -A port_of=() runner_of=()
for part in "${parts[@]}"; do port_of[$part]=$(free_port); done
url=http://127.0.0.1:${port_of[api]}
key=smoke-0123456789abcdef0123456789

common=(--env API_HOST=127.0.0.1)
while IFS= read -r line; do common+=(--env "$line"); done <"$scratch/servers"
run() { buildah run --isolation chroot "${common[@]}" "$@"; }
entry=/usr/local/bin/millrace-entry
# What the person at a terminal does.
millrace() { run --env "MILLRACE_URL=$url" --env "MILLRACE_API_KEY=$key" "$container" -- $entry millrace "$@"; }
descendants() {
  local child
  for child in $(pgrep -P "$1"); do echo "$child" && descendants "$child"; done
}

say "migrate, millrace, and what does not exist"
run "$container" -- $entry migrate || fail "migrate"
[[ $(run "$container" -- $entry migrate) == "schema is up to date" ]] || fail "migrate did not see what it had done"
run "$container" -- $entry millrace --version || fail "millrace --version"
if run "$container" -- $entry nonsense 2>/dev/null; then fail "a part that does not exist was started"; fi
# shellcheck disable=SC2016 # bash of the image expands it.
[[ $(run "$container" -- bash -c 'echo $EUID') == 10001 ]] || fail "it runs as somebody else"

# As that user it can write nowhere else, with or without a root that is read-only.
root=$(buildah mount "$container")
writable=$(find "$root" -xdev \( -user 10001 -o -perm -0002 \) -not -type l -printf '/%P ' | tr ' ' '\n' | sort | tr '\n' ' ')
[[ $writable == " /srv/millrace /tmp /var/lib/millrace " || $writable == "/srv/millrace /tmp /var/lib/millrace " ]] ||
  fail "these can be written to: $writable"
touch "$scratch/before"

start_part() {
  local part=$1 ports=(--env "HEALTH_PORT=${port_of[$1]}" --env API_PORT=0)
  if [[ $part == api ]]; then
    ports=(
      --env "API_PORT=${port_of[api]}" --env HEALTH_PORT=0 --env JWT_SECRET=0123456789abcdef0123456789abcdef
      --env ADMIN_EMAIL=smoke@millrace.example --env ADMIN_PASSWORD=only-for-this-test --env "ADMIN_API_KEY=$key"
    )
  fi
  run "${ports[@]}" --env STORAGE_URL=file:///srv/millrace "$container" -- $entry "$part" >"$scratch/$part.log" 2>&1 &
  runner_of[$part]=$!
  processes+=("$!")
  for ((waited = 0; ; waited++)); do
    ! run "${ports[@]}" "$container" -- /usr/local/bin/millrace-healthcheck 2>/dev/null || break
    kill -0 "${runner_of[$part]}" 2>/dev/null || { cat "$scratch/$part.log" && fail "$part ended"; }
    ((waited < 60)) || { cat "$scratch/$part.log" && fail "$part was not ready within a minute"; }
    sleep 1
  done
  curl -fsS "http://127.0.0.1:${port_of[$part]}/metrics" >"$scratch/$part.metrics"
  grep -q '^millrace_' "$scratch/$part.metrics" || fail "$part has no metrics"
  say "$part is ready, by its health check: $(curl -fsS "http://127.0.0.1:${port_of[$part]}/health/ready")"
}
for part in "${parts[@]}"; do start_part "$part"; done

say "a task, by the command-line client of the image"
millrace submit simulate --payload '{"duration_ms":10,"failure_rate":0}' --wait --wait-seconds 60 || fail "a task"

say "files: text in one request, an image by sharp in a thread, 9 MB in chunks"
# A PNG of one pixel.
base64 -d <<<'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==' >"$scratch/dot.png"
head -c 9000000 /dev/zero >"$scratch/zeros.bin"
in=(--volume "$scratch:/in:ro")
chmod 0755 "$scratch"
upload() {
  run "${in[@]}" --env "MILLRACE_URL=$url" --env "MILLRACE_API_KEY=$key" "$container" -- \
    $entry millrace files upload "$@" --wait --wait-seconds 60
}
upload /app/LICENSE text-stats || fail "a text"
upload /in/dot.png thumbnail || { cat "$scratch/worker.log" && fail "an image: does sharp load?"; }
upload /in/zeros.bin checksum || fail "a file in chunks"

say "an event, stored by the recorder"
receipt=$(curl -fsS "$url/api/events" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
  -d '{"type":"smoke","message":"out of the image"}' | sed -n 's/.*"receipt":"\([^"]*\)".*/\1/p')
for ((waited = 0; ; waited++)); do
  state=$(curl -fsS "$url/api/events/receipts/$receipt" -H "Authorization: Bearer $key")
  [[ $state != *'"state":"stored"'* ]] || break
  ((waited < 60)) || fail "the event was not stored within a minute: $state"
  sleep 1
done

say "the page, and its parts; the documentation"
page=$(curl -fsS "$url/")
[[ $page == *'<script'* ]] || fail "the image has no dashboard"
while IFS= read -r asset; do
  curl -fsS -o /dev/null "$url/${asset#/}" || fail "the page asks for $asset"
done < <(grep -oE '(src|href)="[^":]+\.(js|css|svg)"' <<<"$page" | sed 's/.*"\(.*\)"/\1/')
curl -fsS "$url/docs" | grep -qi swagger || fail "/docs"
curl -fsS "$url/docs/json" >/dev/null || fail "/docs/json"

say "every part drains"
for part in "${parts[@]}"; do
  # The process in the image itself: buildah might pass the signal on, or not.
  main=$(for pid in $(descendants "${runner_of[$part]}"); do
    [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") != "bun apps/$part/main.ts "* ]] || echo "$pid"
  done)
  [[ -n $main ]] || fail "$part has no process"
  kill -TERM "$main"
  wait "${runner_of[$part]}" || { tail -n 5 "$scratch/$part.log" && fail "$part did not end with 0 when it was told to"; }
done

written=$(find "$root" -xdev -newer "$scratch/before" -type f \
  -not -path "$root/tmp/*" -not -path "$root/var/lib/millrace/*" -not -path "$root/srv/millrace/*" \
  -not -path "$root/proc/*" -not -path "$root/sys/*" -not -path "$root/dev/*" -not -path "$root/etc/*" \
  -not -path "$root/run/*")
buildah umount "$container" >/dev/null
[[ -z $written ]] || fail "a read-only root would have been in the way of: $written"
kill -TERM "$servers" && wait "$servers" || true
say "every part of $image starts, is ready, works, and drains"
