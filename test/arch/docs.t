#!/usr/bin/perl
# docs/rules is made from the rules (make docs) and committed, so that people can read it without building.
use strict;
use warnings;
use Test::More;
use File::Temp qw(tempdir);

plan skip_all => 'no documentation tool' unless -f 'test/docs/rule_docs.cpp';

my $fresh = tempdir(CLEANUP => 1);
my $output = qx(test/run/docs '$fresh' 2>&1);
is($?, 0, 'the pages can be written') or diag($output);

my $difference = qx(diff -ru docs/rules '$fresh' 2>&1);
is($?, 0, 'docs/rules is in step with the rules (make docs)') or diag(substr($difference, 0, 4000));

done_testing();
