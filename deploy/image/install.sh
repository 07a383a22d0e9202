#!/bin/bash
# `bun install` for the image: by the lock file, without what only tests and compilers need, and without running a script
# of any package (sharp's native module comes ready, in a package of its own). Arguments: which workspaces.
set -euo pipefail

# An authority that only the builder trusts, if there is one.
[[ ! -s /run/secrets/ca ]] || export NODE_EXTRA_CA_CERTS=/run/secrets/ca
[[ -n ${NPM_CONFIG_REGISTRY:-} ]] || unset NPM_CONFIG_REGISTRY
# In files of their own: links into a cache would keep what another installation left there.
exec bun install --frozen-lockfile --production --ignore-scripts --no-progress --backend=copyfile "$@"
