#!/usr/bin/perl
# Who may include whom. A slice that reaches into another one, or a server header that reaches the pure
# code, is easy to add and hard to take out again.
use strict;
use warnings;
use Test::More;
use File::Basename qw(dirname);

# What a folder may include besides itself; a folder that is not named here is a slice.
my %MAY = (
    core       => [],
    rules      => [qw(core ddl-pure)],
    'ddl-pure' => [qw(core)],
    'ddl-wall' => [qw(core pg rules ddl-pure)],
    pg         => [qw(core)],
    effects    => [qw(core pg ddl-pure ddl-wall)],
    'policy-pure' => [qw(core rules)],
    'policy-wall' => [qw(core pg rules policy-pure)],
    'policy-sql'  => [qw(core pg rules policy-pure policy-wall)],
);
my @SLICE_MAY = qw(core pg rules ddl-pure ddl-wall effects policy-pure policy-wall);

my @PURE = qw(core rules ddl-pure policy-pure);
my $SERVER_FOLDERS = join '|', qw(access archive backup bootstrap catalog commands common datatype executor
    fe_utils foreign jit lib libpq mb nodes optimizer parser partitioning port portability postmaster
    regex replication rewrite snowball statistics storage tcop tsearch utils);

my @files = sort grep { -f } map { glob "src/$_" } qw(*.[ch]pp */*.[ch]pp);
my %includes = map { $_ => [ includes_of($_) ] } @files;

plan skip_all => 'no sources' unless @files;

# The includes of a file in order: [text, file in src or undef, true for a header of the server].
sub includes_of {
    my $file = shift;
    my @found;
    open my $in, '<', $file or die "$file: $!";
    while (my $line = <$in>) {
        next unless $line =~ /^\s*#\s*include\s*(["<])([^">]+)[">]/;
        my ($quote, $text) = ($1, $2);
        my ($own) = grep { -f } "src/$text", dirname($file) . "/$text";
        my $server = !$own && ($quote eq '"'
            || $text =~ m{^(?:(?:$SERVER_FOLDERS)/|(?:postgres\w*|c|fmgr|funcapi|miscadmin|pg_\w+|pgstat|pgtime)\.h$)});
        push @found, [ $text, $own, $server ];
    }
    return @found;
}

# What gives a room its SQL functions (*_sql.cpp) belongs to the wall, and so does a file of ddl or policy
# that includes the wall.
sub room_of {
    my $file = shift;
    my ($folder) = $file =~ m{^src/([^/]+)/} or return 'top';
    return "$folder-sql" if $file =~ /_sql\.cpp$/;
    return $folder if $folder !~ /^(?:ddl|policy)$/;
    return (grep { $_->[0] =~ m{^pg/} } @{ $includes{$file} || [] }) ? "$folder-wall" : "$folder-pure";
}

sub wrong_edges {
    my @wrong;
    for my $file (@files) {
        my $from = room_of($file);
        next if $from eq 'top';
        my %ok = map { $_ => 1 } $from, @{ $MAY{$from} || \@SLICE_MAY };
        for my $include (grep { $_->[1] } @{ $includes{$file} }) {
            my $to = room_of($include->[1]);
            next if $from eq "$to-sql";
            push @wrong, "$file ($from) includes $include->[0] ($to)" unless $ok{$to};
        }
    }
    return @wrong;
}

# The way from a file to a server header, as text, or nothing.
sub way_to_server {
    my ($file, $seen) = @_;
    return if $seen->{$file}++;
    for my $include (@{ $includes{$file} || [] }) {
        return "$file -> $include->[0]" if $include->[2];
        next unless $include->[1];
        my $way = way_to_server($include->[1], $seen);
        return "$file -> $way" if $way;
    }
    return;
}

sub reaches_prelude {
    my ($file, $seen) = @_;
    return 1 if $file eq 'src/pg/prelude.hpp';
    return 0 if $seen->{$file}++;
    return scalar grep { $_->[1] && reaches_prelude($_->[1], $seen) } @{ $includes{$file} || [] };
}

sub before_prelude {
    my @wrong;
    for my $file (grep { $_ ne 'src/pg/prelude.hpp' } @files) {
        my $prelude = 0;
        for my $include (@{ $includes{$file} }) {
            $prelude ||= $include->[1] && reaches_prelude($include->[1], {});
            push @wrong, "$file includes $include->[0] before pg/prelude.hpp" if $include->[2] && !$prelude;
        }
    }
    return @wrong;
}

sub none {
    my ($name, @wrong) = @_;
    ok(!@wrong, $name) or diag(join "\n", @wrong);
}

none('rooms include only what they may', wrong_edges());
for my $room (@PURE) {
    my @in_room = grep { room_of($_) eq $room } @files;
    none("no server header reaches $room", grep { defined } map { scalar way_to_server($_, {}) } @in_room);
}
none('pg/prelude.hpp comes before every header of the server', before_prelude());
none('sources lie at most one folder deep', glob('src/*/*/*.[ch]pp'));

done_testing();
