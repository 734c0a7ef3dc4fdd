#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tree keeps its style; and scripts/check-style sees each violation that it exists for,
# shown on small trees made for the purpose.

use strict;
use warnings;
use FindBin;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $top = "$FindBin::Bin/../..";
my $c = "// SPDX-License-Identifier: GPL-2.0-or-later\n/* A file. */\n";
my $h = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* A header. */\n";
my $t = "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-or-later\n";

sub check {
	my ($tree) = @_;
	my $said = `'$top/scripts/check-style' '$tree' 2>&1`;
	return ($? >> 8, $said);
}

sub tree_with {
	my ($file, $text) = @_;
	my $tree = tempdir(CLEANUP => 1);
	(my $folder = "$tree/$file") =~ s{/[^/]*$}{};

	make_path($folder);
	open(my $out, '>', "$tree/$file") or die "$file: $!";
	print $out $text;
	close($out);
	system('cp', "$top/.clang-format", $tree);
	return $tree;
}

sub body {
	my ($statement) = @_;
	return "${c}void f(void)\n{\n\t$statement\n}\n";
}

my ($status, $said) = check($top);
is($status, 0, 'the tree keeps its style') or diag($said);
like($said, qr/ 0 violations in [1-9]\d+ files/, 'and files were looked at');
diag($1) if $said =~ /(formatting not checked.*)/;

# What must be refused: name, file, text, what the message says.
my @bad = (
	['licence of a .c', 'a/a.c', "/* A file. */\nint a;\n", qr/must open with/],
	['licence of a .h', 'a/a.h', "// SPDX-License-Identifier: GPL-2.0-or-later\n", qr/must open with/],
	['licence of a script', 'scripts/x', "#!/bin/sh\necho\n", qr/must open with/],
	['top comment', 'a/a.c', "// SPDX-License-Identifier: GPL-2.0-or-later\nint a;\n", qr/second line/],
	['length of a file', 'a/a.c', $c . "int a;\n" x 799, qr/more than 800 lines/],
	['length of a function', 'a/a.c', "${c}void f(void)\n{\n" . "\tg();\n" x 59 . "}\n", qr/f\(\) has 61 lines/],
	['length of the VMM', 'vmm/a.c', $c . "int a;\n" x 40001, qr/40001 lines of code/],
	['guard', 'a/b-c.h', "$h#ifndef B_C_H\n#define B_C_H\n\n#endif\n", qr/must be A_B_C_H/],
	['strtoul', 'a/a.c', body('x = strtoul(p, 0, 0);'), qr/strtoul\(\): use opt_parse/],
	['atoi', 'a/a.c', body('x = atoi(p);'), qr/atoi\(\)/],
	['usleep', 'a/a.c', body('usleep(1);'), qr/wait for the event/],
	['sleep in a test', 'tests/a/a.t', "${t}sleep 1\n", qr/wait for the event/],
	['pipe', 'a/a.c', body('pipe(p);'), qr/takes CLOEXEC/],
	['condition in a body', 'a/a.c', "${c}void f(void)\n{\n#ifdef A\n\tg();\n#endif\n}\n",
		qr/a\.c:5: preprocessor condition inside f/],
	['marker', 'a/a.c', "$c/* TO" . "DO */\n", qr/do it or file it/],
	['marker in a manual', 'a/a.md', 'FIX' . "ME\n", qr/do it or file it/],
	['machine path', 'a/a.c', $c . 'const char *p = "/ho' . "me/me\";\n", qr/path of one machine/],
	['blank at the end', 'a/a.c', "${c}int a; \n", qr/blank at the end/],
	['last line', 'a/a.c', "${c}int a;", qr/no end of line/],
	map { ["close-on-exec: $_", 'a/a.c', body("x = $_;"), qr/without close-on-exec/] }
		('open(p, O_RDONLY)', 'openat(d, p, O_RDWR | O_NONBLOCK)', 'eventfd(0, EFD_NONBLOCK)',
			'epoll_create1(0)', 'socket(AF_UNIX, SOCK_STREAM, 0)',
			'timerfd_create(CLOCK_MONOTONIC, 0)', 'fopen(p, "r")', 'memfd_create("x", 0)'),
);
for my $row (@bad) {
	my ($name, $file, $text, $message) = @$row;
	my ($status, $said) = check(tree_with($file, $text));
	ok($status == 1 && $said =~ $message, "refused: $name") or diag($said);
}

# What must pass.
my @good = (
	['a clean .c', 'a/a.c', "${c}int a;\n"],
	['a clean header', 'a/b-c.h', "$h#ifndef A_B_C_H\n#define A_B_C_H\n\nint a;\n\n#endif\n"],
	['a function of 60 lines', 'a/a.c', "${c}void f(void)\n{\n" . "\tg();\n" x 58 . "}\n"],
	['close-on-exec given', 'a/a.c', body('x = open(p, O_RDONLY | O_CLOEXEC);')],
	['flags from elsewhere', 'a/a.c', body('x = open(p, flags);')],
	['members named like calls', 'a/a.c', body('x->open(p, O_RDONLY);')],
	['names in comments and strings', 'a/a.c', body('g("atoi(1)"); /* usleep(1) */')],
	['the one home of strtoull', 'common/opts.c', body('x = strtoull(p, 0, 0);')],
	['a condition between functions', 'a/a.c', "$c#ifdef A\nint a;\n#endif\n"],
);
for my $row (@good) {
	my ($name, $file, $text) = @$row;
	my ($status, $said) = check(tree_with($file, $text));
	is($status, 0, "accepted: $name") or diag($said);
}

SKIP: {
	skip('clang-format 14 is not there', 1) if `clang-format --version 2>&1` !~ /version 14\./;
	my ($status, $said) = check(tree_with('a/a.c', "${c}int  a;\n"));
	ok($status == 1 && $said =~ /not as clang-format/, 'refused: format') or diag($said);
}

done_testing();
