#!/usr/bin/perl
# Names, the list of rules, and the format of the source text.
use strict;
use warnings;
use Test::More;
use File::Basename qw(basename);

my @sources = sort grep { -f } map { glob "src/$_" } qw(* */*);
@sources = grep { !/\.(?:o|d|bc|so)$/ } @sources;
my @cpp = grep { /\.[ch]pp$/ } @sources, sort glob('test/*/*.[ch]pp');
plan skip_all => 'no sources' unless @cpp;

sub slurp {
    my $file = shift;
    open my $in, '<', $file or die "$file: $!";
    local $/;
    return scalar <$in>;
}

sub none {
    my ($name, @wrong) = @_;
    ok(!@wrong, $name) or diag(join "\n", @wrong);
}

# Objects of equal names would overwrite each other in some builds, and people look files up by name.
sub shared_names {
    my %paths;
    push @{ $paths{ basename($_) } }, $_ for @sources;
    return map { join ' and ', @{ $paths{$_} } } grep { @{ $paths{$_} } > 1 } sort keys %paths;
}

sub listed_rules {
    return map { /^DB_GUARD_RULE\((\w+)\)$/ ? $1 : () } split /\n/, slurp('src/rules/list.inc');
}

# Every file of src/rules that defines a rule, and the name it defines.
sub defined_rules {
    my %defined;
    for my $file (glob 'src/rules/*.cpp') {
        my $text = slurp($file);
        $defined{$1} = $file while $text =~ /^(?:\w+ )*\bRule (\w+)\s*[={]/mg;
    }
    return %defined;
}

sub wrong_rules {
    my %defined = defined_rules();
    my %listed = map { $_ => 1 } listed_rules();
    my @wrong = map { "src/rules/list.inc names $_, but no file defines it" } grep { !$defined{$_} } sort keys %listed;
    for my $rule (sort keys %defined) {
        (my $slug = $rule) =~ tr/_/-/;
        my $file = "src/rules/$rule.cpp";
        push @wrong, "$defined{$rule} defines $rule, which src/rules/list.inc does not name" unless $listed{$rule};
        push @wrong, "$rule is defined in $defined{$rule}, not in $file" if $defined{$rule} ne $file;
        push @wrong, "$defined{$rule} has no slug \"$slug\"" unless slurp($defined{$rule}) =~ /"\Q$slug\E"/;
    }
    return @wrong;
}

none('file names are unique in src', shared_names());
none('file names are snake_case', grep { basename($_) !~ /^[a-z][a-z0-9_]*\.[a-z]+$/ } @sources, @cpp);

SKIP: {
    skip 'no rules', 2 unless -f 'src/rules/list.inc';
    my @listed = listed_rules();
    is_deeply(\@listed, [ sort @listed ], 'src/rules/list.inc is sorted');
    none('every rule has its line, its file and its slug', wrong_rules());
}

my $unfinished = join '|', 'TO' . 'DO', 'FIX' . 'ME';
none('nothing is marked as unfinished', grep { slurp($_) =~ /\b(?:$unfinished)\b/ } @sources, @cpp);
none('lines end without blanks', grep { slurp($_) =~ /[ \t]+$/m } @sources, @cpp);

SKIP: {
    my $clang_format = 'clang-format-14';
    skip "$clang_format is not wanted here", 1 if $ENV{SKIP_STYLE};
    skip "$clang_format is not installed", 1 if system("command -v $clang_format >/dev/null 2>&1");
    none('every C++ file is as clang-format wants it (make format)',
        grep { system("$clang_format --dry-run -Werror '$_' >/dev/null 2>&1") } @cpp);
}

done_testing();
