#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/compatibility.md is what the tables of vmm say, each of its options behaves as the
# page tells, and the names are those of an installed QEMU 7.2.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Open2;
use JSON::PP;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
chdir($top) or die "$top: $!\n";
my $build = $ENV{BUILD} // 'build';

sub slurp {
	my ($path) = @_;

	open(my $in, '<', $path) or die "$path: $!\n";
	local $/;
	return <$in>;
}

# Lines of a command, without its errors.
sub lines_of {
	my (@command) = @_;

	open(my $out, '-|', @command) or return ();
	my @lines = <$out>;
	close($out);
	chomp(@lines);
	return @lines;
}

my $page = slurp('docs/compatibility.md');
is(join('', map { "$_\n" } lines_of('scripts/gen-compat')), $page, 'the page is up to date (else: scripts/gen-compat >docs/compatibility.md)');
my ($options) = $page =~ /^## Options\n(.*?)^## /ms;
my %status = $options =~ /^\| `-(\S+)` \| (\w+) \|/mg;
cmp_ok(scalar(keys %status), '>', 100, 'it has options');

# ---- vmm does what the page says; -version behind the option ends it ----

# What it says of these words, and its exit status.
sub vmm {
	open(my $out, '-|', "$build/vmm @_ 2>&1") or die;
	local $/;
	my $said = <$out> // '';
	close($out);
	return ($said, $? >> 8);
}

# Whether an accepted option swallows the next word, whatever that is.
my %takes_word;
for my $name (grep { $status{$_} ne 'supported' } sort keys %status) {
	my ($said, $exit) = vmm("-$name", '-nosuch', '-version');

	if ($status{$name} eq 'refused') {
		ok($exit == 2 && $said =~ /^vmm: option -\Q$name\E is not supported: [^\n]+\n\z/, "-$name is refused with a reason")
			or diag("$exit: $said");
		next;
	}
	$takes_word{$name} = $exit == 0;
	($said, $exit) = vmm("-$name", '-version') unless $takes_word{$name};
	# Some of vmm's own look at their word.
	($said, $exit) = vmm("-$name", 'none', '-version') if $exit != 0;
	ok($exit == 0 && $said =~ /version/, "-$name is accepted") or diag("$exit: $said");
}

# ---- an installed QEMU ----

my ($version) = join("\n", lines_of('sh', '-c', 'qemu-system-x86_64 --version 2>/dev/null')) =~ /version (\d+\.\d+)/;
SKIP: {
	skip('qemu-system-x86_64 is not installed', 1) unless $version;
	skip("qemu-system-x86_64 is $version, the page is about 7.2", 1) unless $version eq '7.2';

	# What comes before column 16, where descriptions begin, is an argument.
	my %takes = map { /^-+([^\s,]{1,13}) \S/ ? map { s/^-+//r => 1 } split(m{/}, $1) : () } lines_of('qemu-system-x86_64', '-h');
	my %own = map { (split(/\t/))[0] => 1 } lines_of("$build/vmm", '-dump-options');
	for my $name (grep { !$own{$_} } sort keys %takes_word) {
		is($takes_word{$name} ? 1 : 0, $takes{$name} // 0, "-$name takes as many words as QEMU's");
	}

	my $json = JSON::PP->new;
	my $pid = open2(my $out, my $in, qw(qemu-system-x86_64 -M none -S -nodefaults -display none -qmp stdio));
	my $ask = sub {
		print $in $json->encode($_[0]), "\n";
		while (my $line = <$out>) {
			my $answer = $json->decode($line);
			return $answer->{return} if exists($answer->{return});
		}
		return undef;
	};
	$ask->({ execute => 'qmp_capabilities' });
	my %theirs = (
		option => [map { /^-+([^\s,]+)/ ? map { s/^-+//r } split(m{/}, $1) : () } lines_of('qemu-system-x86_64', '-h')],
		qmp => [map { $_->{name} } @{ $ask->({ execute => 'query-commands' }) }],
	);
	for my $list (['hmp', 'help', qr/^([a-z][\w|?-]*)  ?(?:\S.*)?-- /], ['info', 'help info', qr/^info (\S+) /]) {
		my ($kind, $line, $pattern) = @$list;
		my $text = $ask->({ execute => 'human-monitor-command', arguments => { 'command-line' => $line } });

		$theirs{$kind} = [map { $_ =~ $pattern ? split(/\|/, $1) : () } split(/\r?\n/, $text)];
	}
	$ask->({ execute => 'quit' });
	waitpid($pid, 0);
	for my $kind (sort keys %theirs) {
		my %known = map { $_ => 1 } lines_of('scripts/gen-compat', '--names', $kind);
		my %found = map { $_ => 1 } @{ $theirs{$kind} };

		cmp_ok(scalar(keys %found), '>', 50, "QEMU lists its names: $kind");
		is_deeply([grep { !$known{$_} } sort keys %found], [], 'and the page has each of them');
	}
}

done_testing();
