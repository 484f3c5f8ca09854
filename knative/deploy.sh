#!/bin/sh
# knative/deploy.sh <overlay>: brings a cluster to what the overlay says. What functions need comes first, then the migrations, then the
# functions; at the end it asks the platform whether it works, and with SMOKE_ACCOUNTS pays one rupiah (knative/smoke-test.ts). May be run
# again at any time.
set -eu
overlay=${1:?"which overlay? development, staging or production"}
here=$(cd "$(dirname "$0")" && pwd)
# The project's own Node: an older one does not read TypeScript.
PATH="$here/../node_modules/.bin:$PATH"
[ -x "$here/../node_modules/.bin/node" ] || { echo "The packages are not installed: run make check once." >&2; exit 1; }
cd "$here/overlays/$overlay"
namespace=$(sed -n 's/^namespace: //p' kustomization.yaml)
rendered=$(mktemp)
proven=$(mktemp)
trap 'rm -f "$rendered" "$proven"' EXIT
kubectl kustomize . > "$rendered"
node "$here/lint/lint.ts" "$PWD"

# Each step takes from the rendered file what belongs to it: kubectl leaves the rest alone.
apply() { kubectl apply --server-side --field-manager=one-gate -f "$rendered" -l "$1"; }

apply 'deploy.one-gate/step=ground'
kubectl -n "$namespace" wait --for=condition=Ready --timeout=900s cluster.postgresql.cnpg.io/one-gate-postgres
kubectl -n "$namespace" wait --for=condition=Ready --timeout=900s kafka.kafka.strimzi.io/one-gate

# A source of events is no Secret: its proof is put in here, the first of two while they are exchanged. As a variable, since what stands on
# the command line is seen by everybody on the machine.
kubectl -n "$namespace" wait --for=condition=Ready --timeout=300s externalsecret/one-gate-proofs
proof=$(kubectl -n "$namespace" get secret one-gate-proofs -o 'jsonpath={.data.source}' | base64 -d)
[ -n "$proof" ] || { echo "The Secret one-gate-proofs holds no proof of the sources (knative/cluster/README.md)." >&2; exit 1; }
SOURCE_PROOF=${proof%%,*} awk '{ gsub(/\$\{SOURCE_PROOF\}/, ENVIRON["SOURCE_PROOF"]); print }' "$rendered" > "$proven"

# A Job is never changed: the last one goes, its successor runs the migrations that are new.
kubectl -n "$namespace" delete job one-gate-migrations --ignore-not-found
apply 'deploy.one-gate/step=migrations'
kubectl -n "$namespace" wait --for=condition=Complete --timeout=900s job/one-gate-migrations

kubectl apply --server-side --field-manager=one-gate -f "$proven"
kubectl -n "$namespace" wait --for=condition=Ready --timeout=600s service.serving.knative.dev --all
kubectl -n "$namespace" rollout status --timeout=300s deployment/one-gate-gateway

address=$(kubectl -n "$namespace" get configmap one-gate -o jsonpath='{.data.public-url}')
# Kong says what is left of a limit only where it has counted, and lets requests pass when its Redis refuses it.
curl --fail --silent --show-error --max-time 30 --dump-header - --output /dev/null "$address/.well-known/jwks.json" |
  grep -qi '^ratelimit-limit:' ||
  { echo "The gateway counts no limits: see its log for what Redis answers." >&2; exit 1; }
node "$here/smoke-test.ts" "$address"
echo "$overlay is up at $address"
