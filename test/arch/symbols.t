#!/usr/bin/perl
# What the built library shows to the server's other libraries, and what it would run when it is loaded.
use strict;
use warnings;
use Test::More;

my $library = ($ENV{BUILD_DIR} || '.') . '/db_guard.so';
plan skip_all => "$library is not built" unless -f $library;

sub nm { return map { chomp; $_ } qx(nm @_ '$library') }

my @exported = map { (split)[2] } nm('-D', '--defined-only');
my @surplus  = grep { !/^(?:Pg_magic_func|_PG_init|(?:pg_finfo_)?db_guard_\w+)$/ } @exported;
ok(!@surplus, 'only the magic function, _PG_init and db_guard_* are exported') or diag(join "\n", @surplus);
ok((grep { $_ eq 'Pg_magic_func' } @exported), 'the server finds the magic function');

my @all = nm();
my @initialisers = grep { /_GLOBAL__(?:sub_)?[ID]_/ } @all;
ok(!@initialisers, 'no static initialisers: an exception there ends the backend') or diag(join "\n", @initialisers);

my @guards = grep { /__cxa_guard_acquire/ } @all;
ok(!@guards, 'no function-local statics with dynamic initialisers') or diag(join "\n", @guards);

my @streams = grep { /ios_base4Init/ } @all;
ok(!@streams, 'no iostream') or diag(join "\n", @streams);

my @threads = grep { /\bU (?:pthread_create|_ZNSt6thread)/ } @all;
ok(!@threads, 'no threads') or diag(join "\n", @threads);

done_testing();
