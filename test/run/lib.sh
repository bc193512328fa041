# shellcheck shell=bash
# Shared by the scripts in test/run; source it, do not run it. It expects `set -euo pipefail`.
#
# Variables it sets
#   ROOT       the repository
#   PG_MAJOR   server version to work with; 15 unless the caller's environment says otherwise
#   PG_CONFIG  after find_server
#   WORK       after make_work_folder: private scratch folder, gone at exit (kept when KEEP=1)
#   BINDIR, PKGLIBDIR, PGXS_DIR   after find_server: where the installed server keeps its things
#   TEMP_BIN   after make_temp_install: bin folder of the private copy of the server; first in PATH
#
# Functions, in the order a script calls them
#   say / warn / die TEXT         progress on stdout; warnings on stderr; die ends the script
#   as_root CMD...                runs CMD with root rights, through sudo for ordinary users
#   install_missing PKG...        apt-get installs those packages that are not there
#   install_server                server, headers and compilers for PG_MAJOR, without creating a cluster
#                                 (does nothing about the server when PG_CONFIG is given)
#   fetch_squawk                  squawk by npm into WORK (after make_work_folder); sets SQUAWK, its program
#   find_server                   sets PG_CONFIG and the folders above
#   make_work_folder              sets WORK and registers the clean-up of everything in it
#   on_exit 'COMMAND'             runs COMMAND before WORK is removed, whatever ended the script
#   build_extension               builds in build/pg<major>; quick when nothing changed
#   build_folder                  prints that folder
#   make_temp_install             copies the server into WORK and installs the extension there, so
#                                 nothing in the system changes and no root is needed
#   as_tester CMD...              runs CMD as a user a server accepts: ourselves, or for root another one
#   waits CMD...                  runs CMD so that Ctrl-C and TERM end the script at once; no stdin
#   start_server NAME [SETTING...]  starts a server in WORK/NAME (initdb the first time; every SETTING is
#                                 a line of postgresql.conf) and exports PGHOST PGPORT PGUSER PGDATABASE;
#                                 unix socket only, trust, superuser postgres; log in WORK/NAME/log
#   stop_server NAME [MODE]       stops it (fast unless MODE says otherwise)
#
# A script that needs a server is therefore:
#   install_server; find_server; make_work_folder; build_extension; make_temp_install
#   start_server main "shared_preload_libraries = 'db_guard'"
#   psql -c 'CREATE EXTENSION db_guard'

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
PG_MAJOR=${PG_MAJOR:-15}
JOBS=$(nproc)
EXIT_COMMANDS=()
CHILD=

# A developer's own connection settings must not redirect what the tests do.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS PGDATA PGCLIENTENCODING
# Called from make, these would make our own make runs look for its job server.
unset MAKEFLAGS MFLAGS MAKELEVEL
export LC_ALL=C.UTF-8
# What we make for the tester, root's private copy of the server above all, must be readable to it.
umask 022

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() { warn "$*"; exit 1; }

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    warn "'$1' needs root, and sudo is not installed"
    return 1
  fi
}

# --- packages -------------------------------------------------------------------------------------

is_installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

install_missing() {
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || { warn "please install: ${missing[*]}"; return 1; }
  say "installing ${missing[*]}"
  apt_install "${missing[@]}"
}

# The index of a fresh machine is empty or old, so a failed install is tried again after an update.
apt_install() {
  local log
  log=$(mktemp)
  if apt_get install "$@" >"$log" 2>&1 ||
    { apt_get update >"$log" 2>&1 && apt_get install "$@" >>"$log" 2>&1; }; then
    rm -f "$log"
    return 0
  fi
  tail -n 25 "$log" >&2
  rm -f "$log"
  return 1
}

apt_get() {
  local command=$1
  shift
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "$command" -y -q \
    $([[ $command == install ]] && echo --no-install-recommends) "$@" </dev/null
}

install_server() {
  install_missing g++ make perl || return 1
  [[ -z ${PG_CONFIG:-} ]] || return 0
  is_installed "postgresql-$PG_MAJOR" || install_without_cluster "postgresql-$PG_MAJOR" || return 1
  install_missing "postgresql-client-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR"
}

# Debian's server package creates and starts a cluster. Somebody who only wants to run tests did not
# ask for one; the machine's own setting is back in force afterwards.
install_without_cluster() {
  local folder=/etc/postgresql-common/createcluster.d status=0
  install_missing postgresql-common || return 1
  as_root mkdir -p "$folder"
  as_root tee "$folder/db_guard_tests.conf" <<<'create_main_cluster = false' >/dev/null
  install_missing "$@" || status=$?
  as_root rm -f "$folder/db_guard_tests.conf"
  return "$status"
}

# One version, so that what is compared with it means the same for everybody.
fetch_squawk() {
  command -v npm >/dev/null || install_missing npm || return 1
  SQUAWK=$WORK/squawk/node_modules/.bin/squawk
  [[ ! -x $SQUAWK ]] || return 0
  mkdir -p "$WORK/squawk"
  say "fetching squawk"
  npm install --silent --no-fund --no-audit --prefix "$WORK/squawk" squawk-cli@2.66.0 >"$WORK/squawk.log" 2>&1 ||
    { tail -n 20 "$WORK/squawk.log" >&2; return 1; }
}

# --- server and build -----------------------------------------------------------------------------

find_server() {
  local debian=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config
  if [[ -z ${PG_CONFIG:-} ]]; then
    [[ -x $debian ]] && PG_CONFIG=$debian || PG_CONFIG=pg_config
  fi
  PG_CONFIG=$(command -v "$PG_CONFIG") || die "no pg_config found: set PG_CONFIG"
  PG_MAJOR=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
  BINDIR=$("$PG_CONFIG" --bindir)
  PKGLIBDIR=$("$PG_CONFIG" --pkglibdir)
  PGXS_DIR=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
  [[ -f $PGXS_DIR/src/makefiles/pgxs.mk ]] || die "$PG_CONFIG: the server's development files are missing"
  export PG_CONFIG
}

build_folder() { printf '%s\n' "$ROOT/build/pg$PG_MAJOR"; }

# SKIP_BITCODE leaves out what the server's JIT could inline: half of the compiling, none of the tests.
guard_make() {
  make -f "$ROOT/Makefile" PG_CONFIG="$PG_CONFIG" ${SKIP_BITCODE:+with_llvm=no} "$@"
}

# Objects of another compiler or another server of the same major version must not be linked again.
discard_foreign_objects() {
  local folder=$1 identity
  identity=$("$PG_CONFIG" --version --configure --bindir; g++ --version | head -n 1)
  [[ -f $folder/.identity && $(<"$folder/.identity") == "$identity" ]] && return 0
  rm -rf "$folder"
  mkdir -p "$folder"
  printf '%s\n' "$identity" >"$folder/.identity"
}

build_extension() {
  local folder
  folder=$(build_folder)
  discard_foreign_objects "$folder"
  say "building for $("$PG_CONFIG" --version) in ${folder#"$ROOT/"}"
  (cd "$folder" && guard_make WERROR=-Werror -j"$JOBS") >"$folder/build.log" 2>&1 || {
    tail -n 60 "$folder/build.log" >&2
    return 1
  }
  give_to_owner "$folder"
}

# After `sudo make check` the owner of the repository must still be able to build in it.
give_to_owner() {
  ((EUID == 0)) && [[ -d $ROOT/build ]] || return 0
  chown -R --reference="$ROOT" "$ROOT/build"
}

# A server finds its files relative to its own binary, with links resolved: hence real copies of the
# binaries. Libraries and shared files are opened by name, so links to them are enough.
make_temp_install() {
  local share
  share=$("$PG_CONFIG" --sharedir)
  TEMP_INSTALL=$WORK/inst
  TEMP_BIN=$TEMP_INSTALL$BINDIR
  mkdir -p "$TEMP_BIN" "$TEMP_INSTALL$PKGLIBDIR" "$TEMP_INSTALL$share"
  cp -L "$BINDIR"/* "$TEMP_BIN/" &&
    cp -rs "$PKGLIBDIR/." "$TEMP_INSTALL$PKGLIBDIR/" &&
    cp -rs "$share/." "$TEMP_INSTALL$share/" || return 1
  # What the system may have installed of us must not be tested by accident.
  find "$TEMP_INSTALL" -name 'db_guard*' -prune -exec rm -rf {} +
  (cd "$(build_folder)" && guard_make WERROR=-Werror DESTDIR="$TEMP_INSTALL" install) >"$WORK/install.log" 2>&1 || {
    tail -n 40 "$WORK/install.log" >&2
    return 1
  }
  export PATH=$TEMP_BIN:$PATH
}

# --- scratch folder and clean-up ------------------------------------------------------------------

tester() {
  if ((EUID != 0)); then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# A unix socket's path has at most 107 bytes, and the tester must be able to reach the folder.
scratch_parent() {
  local parent=${TMPDIR:-/tmp}
  if ((${#parent} > 40)) || ! WORK=/ as_tester test -w "$parent"; then
    parent=/tmp
  fi
  printf '%s\n' "$parent"
}

make_work_folder() {
  WORK=$(mktemp -d "$(scratch_parent)/dg.XXXXXX")
  mkdir "$WORK/tmp"
  ((EUID != 0)) || chown "$(tester):" "$WORK" "$WORK/tmp"
  export TMPDIR=$WORK/tmp
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

on_exit() { EXIT_COMMANDS+=("$1"); }

clean_up() {
  local status=$? command
  trap - EXIT
  trap '' INT TERM HUP
  [[ -z $CHILD ]] || kill_child
  for command in "${EXIT_COMMANDS[@]}"; do
    eval "$command" || true
  done
  stop_all_servers
  if [[ ${KEEP:-0} == 1 && $status -ne 0 ]]; then
    say "kept for you: $WORK"
  else
    rm -rf "$WORK"
  fi
  exit "$status"
}

kill_child() {
  kill -TERM -- "-$CHILD" 2>/dev/null || true
  wait "$CHILD" 2>/dev/null || true
}

# Also those started by pg_regress and the TAP tests: all keep their data under WORK.
stop_all_servers() {
  local file
  [[ -n ${TEMP_BIN:-} ]] || return 0
  while IFS= read -r -d '' file; do
    as_tester "$TEMP_BIN/pg_ctl" -D "$(dirname "$file")" -m immediate -w stop >/dev/null 2>&1 || true
  done < <(find "$WORK" -name postmaster.pid -print0 2>/dev/null)
}

as_tester() {
  local user
  if ((EUID != 0)); then
    (cd "$WORK" && exec "$@")
    return
  fi
  user=$(tester)
  (cd "$WORK" && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups \
    env HOME="$WORK" USER="$user" LOGNAME="$user" "$@")
}

# bash runs a trap only after the foreground command has ended, but at once during `wait`. The command
# gets a process group of its own, so that the clean-up reaches its children too.
waits() {
  local status=0
  set -m
  "$@" </dev/null &
  set +m
  CHILD=$!
  wait "$CHILD" || status=$?
  CHILD=
  return "$status"
}

# --- servers --------------------------------------------------------------------------------------

start_server() {
  local name=$1 folder=$WORK/$1
  shift
  [[ -d $folder/data ]] || init_server "$folder"
  if (($#)); then
    printf '%s\n' "$@" | as_tester tee -a "$folder/data/postgresql.conf" >/dev/null
  fi
  as_tester pg_ctl -D "$folder/data" -l "$folder/log" -w -s start </dev/null || {
    warn "server $name did not start"
    tail -n 20 "$folder/log" >&2
    return 1
  }
  export PGHOST=$folder PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

init_server() {
  local folder=$1
  as_tester mkdir -p "$folder"
  as_tester initdb -D "$folder/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$WORK/initdb.log" 2>&1 || {
    cat "$WORK/initdb.log" >&2
    return 1
  }
  as_tester tee -a "$folder/data/postgresql.conf" >/dev/null <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 60
max_worker_processes = 16
fsync = off
log_line_prefix = '%m [%p] %q%a '
SETTINGS
}

stop_server() {
  as_tester pg_ctl -D "$WORK/$1/data" -m "${2:-fast}" -w -s stop
}
