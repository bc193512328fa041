# Reads pgbench's log of a load with a rate: a line a transaction, the fifth and sixth field say
# when it ended (seconds, microseconds), the seventh how late it began. Looks at the window from..to
# around a statement that ran start..end, all in seconds since the epoch. Prints
#   the longest time without an end of a transaction, in ms, and the seconds that a mark stands for
#   the load, a mark for each stretch of the window
#   the statement, in the same way

BEGIN {
  last = from
  longest = 0
  most_marks = 80
  step = 0.1
  while ((to - from) / step > most_marks) step += 0.1
}

NF >= 7 {
  at = $5 + $6 / 1000000
  if (at < from || at > to) next
  if (at - last > longest) longest = at - last
  last = at
  busy[int((at - from) / step)] = 1
}

END {
  if (to - last > longest) longest = to - last
  for (i = 0; i < int((to - from) / step); i++) {
    load = load (i in busy ? "#" : "-")
    span = span (from + (i + 1) * step > start && from + i * step < end ? "=" : " ")
  }
  printf "%.0f %.1f\n%s\n%s\n", longest * 1000, step, load, span
}
