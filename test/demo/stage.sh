# shellcheck shell=bash disable=SC2034
# The stage of the demo: colours, verdicts, psql as its user sees it, and pgbench's load with what
# it goes through. Source it after test/run/lib.sh.

STAGE=$(dirname "${BASH_SOURCE[0]}")
passed=0
failed=0
psql_status=0
steps=()
pause_ms=0
load_pid=
load_log=

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  plain=$'\e[0m' bold=$'\e[1m' dim=$'\e[2m'
  red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' cyan=$'\e[36m'
else
  plain='' bold='' dim='' red='' green='' yellow='' cyan=''
fi

title() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }

# verdict CLAIM CMD...   the claim holds when the command succeeds
verdict() {
  local claim=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    printf '%sok%s      %s\n' "$green" "$plain" "$claim"
  else
    failed=$((failed + 1))
    printf '%sFAILED%s  %s\n' "$red$bold" "$plain" "$claim"
  fi
}

finish() {
  say "$passed passed, $failed failed"
  exit "$((failed > 0))"
}

ask() { psql -XAtqc "$1"; }
holds() { [[ $(ask "$1") == t ]]; }

# 1234567 becomes 1,234,567
grouped() {
  local rest=$1 out=
  while ((${#rest} > 3)); do
    out=,${rest: -3}$out
    rest=${rest:0:-3}
  done
  printf '%s' "$rest$out"
}

# wait_until SECONDS CMD...   asks again and again until the command succeeds
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

# --- psql, as somebody sees it who types the statements one by one --------------------------------

# run_session ON_ERROR_STOP STATEMENT...   one session, each statement a command of its own.
# Leaves WORK/session, psql_status and the moments `started` and `ended`. Nothing may take for ever.
run_session() {
  local arguments=(-v "ON_ERROR_STOP=$1") number=0 statement
  shift
  for statement in "$@"; do
    number=$((number + 1))
    arguments+=(-v "typed$number=$dim$PGDATABASE=# $plain$cyan$statement$plain")
    arguments+=(-c "\\echo :typed$number" -c "$statement")
  done
  psql_status=0
  started=$EPOCHREALTIME
  PGOPTIONS='-c statement_timeout=90s' waits stdbuf -oL psql -Xq \
    -c '\timing on' -c '\set QUIET off' "${arguments[@]}" >"$WORK/session" 2>&1 || psql_status=$?
  ended=$EPOCHREALTIME
}

show_session() {
  sed -E -e "s/^(ERROR:)/$red$bold\1$plain/" -e "s/^(WARNING:|DETAIL:)/$yellow\1$plain/" \
    -e "s/^(HINT:)/$green\1$plain/" -e "s/^(Time: .*)/$dim\1$plain/" "$WORK/session"
}

# Statements that should work; the session ends at the first error.
type_all() {
  run_session on "$@"
  show_session
}

# A statement that should be refused, and the question which SQLSTATE that was.
type_refused() {
  run_session off "$1" '\echo :SQLSTATE'
  show_session
}

sqlstate_is() { [[ $(tail -n 1 "$WORK/session") == "$1" ]]; }

# Like type_all, but shows a line a statement with its time: the text stands above, in the hint.
type_steps() {
  local number=0 time
  run_session on "$@"
  while read -r time; do
    number=$((number + 1))
    show_step "$time" "${!number}"
  done < <(awk '/^Time: / {print $2}' "$WORK/session")
  ((psql_status == 0)) || show_session | tail -n 5
}

# show_step MS STATEMENT   its first line that is no comment
show_step() {
  local text=$2 more=
  while [[ $text == --*$'\n'* ]]; do text=${text#*$'\n'}; done
  [[ $text != *$'\n'* ]] || more=' ...'
  text=${text%%$'\n'*}$more
  ((${#text} <= 84)) || text=${text:0:80}' ...'
  printf '%s%8.1f ms%s  %s\n' "$dim" "$1" "$plain" "$cyan$text$plain"
}

# The longest time psql printed, in whole milliseconds, rounded up.
typed_ms() {
  awk '/^Time: / && $2 > longest {longest = $2} END {printf "%d", longest + 0.999}' "$WORK/session"
}

# The statements of the hint just printed, into the array `steps`.
take_hint() { mapfile -t -d $'\036' steps < <(awk -f "$STAGE/hint.awk" "$WORK/session"); }

# --- the load -------------------------------------------------------------------------------------

# start_load RATE   four clients, so many transactions a second together
start_load() {
  pgbench -n -c 4 -j 1 -R "$1" -T 600 --progress=1 -l --log-prefix="$WORK/load" \
    >"$WORK/load.out" 2>&1 &
  load_pid=$!
  load_log=$WORK/load.$load_pid
  on_exit stop_load
  wait_until 30 unless_dead load_reached "$EPOCHREALTIME"
}

stop_load() {
  [[ -n $load_pid ]] || return 0
  kill "$load_pid" 2>/dev/null || true
  wait "$load_pid" 2>/dev/null || true
  load_pid=
}

load_alive() { kill -0 "$load_pid" 2>/dev/null; }

load_healthy() {
  load_alive && ! grep -Eq 'error|ERROR|FATAL|abort| [1-9][0-9]* failed' "$WORK/load.out"
}

# Did a transaction end after this moment? pgbench buffers its log, so the last line may be cut.
load_reached() {
  tail -n 2 "$load_log" 2>/dev/null |
    awk -v wanted="$1" 'NF >= 7 && $5 + $6 / 1000000 > wanted {found = 1} END {exit !found}'
}

# Has it worked off what piled up, so that transactions begin less than 50 ms late?
load_steady() {
  load_reached "$1" &&
    tail -n 40 "$load_log" | awk 'NF >= 7 && $7 > 50000 {late = 1} END {exit late}'
}

# Nobody waits for a dead load.
unless_dead() { "$@" || ! load_alive; }

shift_moment() { awk -v at="$1" -v by="$2" 'BEGIN {printf "%.6f", at + by}'; }

# What the load went through from half a second before the typed statements to half a second after.
watch_load() { draw_load "$(shift_moment "$started" -0.5)" "$(shift_moment "$ended" 0.5)"; }

# The coming two seconds, in which nothing is typed.
watch_load_alone() {
  local now=$EPOCHREALTIME
  started=0
  ended=0
  draw_load "$now" "$(shift_moment "$now" 2)"
}

# draw_load FROM TO   draws the load between these moments and leaves pause_ms, the longest time in
# which no transaction ended.
draw_load() {
  local step load span
  wait_until 60 unless_dead load_reached "$2" || true
  {
    read -r pause_ms step
    IFS= read -r load
    IFS= read -r span
  } < <(awk -v from="$1" -v to="$2" -v start="$started" -v end="$ended" \
    -f "$STAGE/load.awk" "$load_log")
  load=$(sed -E -e "s/(#+)/$green\1$plain/g" -e "s/(-+)/$red\1$plain/g" <<<"$load")
  printf '\nload       %s\n' "$load"
  [[ $span != *=* ]] || printf 'statement  %s\n' "$cyan$span$plain"
  printf '           %s\n\n' "${dim}a mark is $step s: # transactions ended, - none did$plain"
  wait_until 60 unless_dead load_steady "$EPOCHREALTIME" || true
}
