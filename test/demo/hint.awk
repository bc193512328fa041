# Takes the SQL out of the HINT of an error that psql printed: its indented lines, as they are. A
# statement ends with a semicolon at the end of a line, unless a dollar quote is open. Each is
# followed by an ASCII record separator.

/^[A-Z][A-Z ]*:  / { in_hint = /^HINT:  /; next }

in_hint && /^  / {
  line = substr($0, 3)
  statement = statement (statement == "" ? "" : "\n") line
  while (match(line, /\$[A-Za-z_]*\$/)) {
    quoted = !quoted
    line = substr(line, RSTART + RLENGTH)
  }
  if (!quoted && /;$/) {
    printf "%s\036", statement
    statement = ""
  }
}

END { if (statement != "") printf "%s\036", statement }
