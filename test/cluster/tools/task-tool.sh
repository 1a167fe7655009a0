#!/bin/sh
# A third party's tool for Tasks, with the arguments and variables of samples 17 and 18: it dumps PostgreSQL, or where it is told of
# --sanitize the cluster, into restic, and plays a dump of PostgreSQL back.
set -euo pipefail

fail() {
  echo "ToolFailed: $1" > /dev/termination-log
  echo "$1" >&2
  exit 1
}

verb=$1
shift
database='' tool=postgresql provider='' host='' path='' output='' labels=''
for argument; do
  value=${argument#*=}
  case $argument in
    --sanitize=*) tool=cluster ;;
    --database=*) database=$value ;;
    --provider=*) provider=$value ;;
    --hostname=*) host=$value ;;
    --path=*) path=$value ;;
    --output-dir=*) output=$value ;;
    --metrics.labels=*) labels=$value ;;
    --retention-policy.policy=* | --retention-policy.value=* | --metrics.enabled=* | --metrics.pushgateway-url=*) ;;
    *) fail "unknown argument $argument" ;;
  esac
done
[ "$provider" = local ] || fail "the provider is $provider, and not local"
case $RESTIC_REPOSITORY in
  */"$path") ;;
  *) fail "the repository $RESTIC_REPOSITORY is not at $path" ;;
esac
export RESTIC_PASSWORD_FILE=/etc/secrets/storage-secret/RESTIC_PASSWORD
export PGHOST=${DB_HOST:-} PGUSER=${DB_USER:-}
restic() { command restic "$@" --json --retry-lock=5m; }

case $tool-$verb in
  postgresql-backup)
    export PGDATABASE=${database:-postgres}
    if [ -n "$database" ]; then dump='pg_dump --create'; else dump=pg_dumpall; fi
    # A dump that fails leaves no snapshot this way.
    command restic backup --json --retry-lock=5m --host="$host" --stdin-from-command \
      --stdin-filename="/${database:-all}.sql" -- $dump > "$output/output.json"
    ;;
  cluster-backup)
    mkdir "$output/cluster"
    kubectl get configmaps,services --namespace="$POD_NAMESPACE" --output=yaml > "$output/cluster/objects.yaml"
    restic backup --host="$host" "$output/cluster" > "$output/output.json"
    ;;
  postgresql-restore)
    # Of this target, as the last step of its backup tagged it: workload-kind=KIND,workload-name=NAME in quotes.
    target=$(echo "$labels" | sed 's/"//g; s/^workload-kind=\(.*\),workload-name=\(.*\)$/\1\/\2/')
    found=$(restic snapshots --latest=1 --host="$host" --tag="target=$POD_NAMESPACE/$target")
    id=$(echo "$found" | sed -n 's/.*"short_id":"\([0-9a-f]*\)".*/\1/p')
    file=$(echo "$found" | sed -n 's/.*"paths":\["\([^"]*\)"\].*/\1/p')
    [ -n "$id" ] || fail "there is no snapshot of $target"
    # Whole, before any of it is played.
    restic dump "$id" "$file" > "$output/dump.sql"
    PGDATABASE=postgres psql --quiet --set=ON_ERROR_STOP=1 --output=/dev/null --file="$output/dump.sql"
    bytes=$(wc -c < "$output/dump.sql")
    echo '{"message_type":"summary","snapshot_id":"'"$id"'","directory":"'"$file"'","bytes_restored":'"$bytes"',"files_restored":1}' \
      > "$output/output.json"
    ;;
  *) fail "unknown command $verb" ;;
esac
