#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installation and manual: into a folder as packagers do it, the programs run from there,
# the pages are what groff accepts and name every option and key of the tables; uninstall
# leaves nothing.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find;
use File::Temp qw(tempdir);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $dest = tempdir('kvmkit-install.XXXXXX', TMPDIR => 1, CLEANUP => 1);
# Not the flags and the job server of a make that runs this test.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
$ENV{LC_ALL} = 'C.UTF-8';

sub make_target {
	my ($target) = @_;
	my $said = `make -C '$top' $target DESTDIR='$dest' PREFIX=/opt/kvm 2>&1`;

	ok($? == 0, "make $target") or diag($said);
}

sub installed {
	my @files;

	find({ no_chdir => 1, wanted => sub { push(@files, substr($_, length($dest))) if -f } }, $dest);
	return sort @files;
}

sub slurp {
	my ($path) = @_;

	open(my $in, '<:encoding(UTF-8)', $path) or die "$path: $!\n";
	local $/;
	return <$in>;
}

make_target('install');
my @programs = map { m{/([^/]+)$} } grep { m{^/opt/kvm/bin/} } installed();
is_deeply(\@programs, [qw(kvm-assign kvm-check kvm-tune vmm vmm-ctl vmm-img)], 'the programs are there');
# This one is for vmm, not for users.
like(`'$dest/opt/kvm/libexec/kvmkit/vmm-user-net' 2>&1`, qr/started by vmm -netdev user/, 'the helper says what it is');
my %files = map { $_ => 1 } installed();
for (map({ "man/man1/$_.1" } @programs), map({ "doc/kvmkit/$_" } qw(README.md LICENSE SPECIFICATION.md assigned.schema.json host.schema.json
		tuning.schema.json ansible-kvmkit.yml prometheus-alerts.yml)),
	map({ ("bash-completion/completions/$_", "zsh/site-functions/_$_") } @programs)) {
	ok($files{"/opt/kvm/share/$_"}, "$_ is there");
}
ok(!grep(!m{^/opt/kvm/}, keys %files), 'and nothing outside PREFIX');

for my $program (@programs) {
	my $path = "$dest/opt/kvm/bin/$program";
	my $page = "$dest/opt/kvm/share/man/man1/$program.1";

	like(`'$path' --version`, qr/(?:^|: )kvmkit \Q$program\E version \d/, "$program runs from there");
	my @rows = map { [split(/\t/, $_, -1)] } split(/\n/, `'$path' --dump-options`);
	ok(@rows > 5, "$program: its table has " . @rows . ' options');

	my $text = slurp($page);
	$text =~ s/\\-/-/g;
	my @missing;
	for (@rows) {
		my ($name, $alias, $arg, undef, $help) = @$_;
		for my $word ($name, $alias) {
			next if $word eq '';
			push(@missing, $word) if $text !~ /^(?:.*, )?\\fB--?\Q$word\E\\fR(?:,| |$)/m;
		}
		push(@missing, "help of $name") if index($text, $help) < 0;
		push(@missing, "argument of $name") if index($text, $arg) < 0;
	}
	ok(!@missing, "$program: its page has all of them") or diag("missing: @missing");
	# Of the help and of the page alike: the table is the only source.
	my @commands = $program =~ /^(?:kvm-tune|vmm-img)$/ ? map { (split)[0] } `'$path' --list-commands` : ('');
	my $help = join('', map { `'$path' $_ --help` } @commands);
	my %in_table = map { $_->[0] => 1 } @rows;
	my %in_help = map { $_ => 1 } $help =~ /^ {2,6}(?:-\w, )?--?([\w-]+)/mg;
	ok(!grep({ index($help, $_->[4]) < 0 } @rows), "$program: --help as well");
	is_deeply([sort keys %in_help], [sort keys %in_table], "$program: --help and the table have the same options");

	SKIP: {
		skip('groff is not installed', 1) if !`which groff 2>/dev/null`;
		my $said = `groff -man -Tutf8 -ww -z '$page' 2>&1`;
		is($said, '', "$program: groff has nothing to say about its page");
	}
	SKIP: {
		skip('man is not installed', 1) if !`which man 2>/dev/null`;
		my $shown = `MANWIDTH=80 man -l '$page' 2>&1`;
		like($shown, qr/^NAME\n +\Q$program\E - .*^OPTIONS\n.*^SEE ALSO\n/ms, "$program: man shows it");
	}
}

# Keys of devices and drives are in the page as well.
my $vmm_page = slurp("$dest/opt/kvm/share/man/man1/vmm.1");
$vmm_page =~ s/\\-/-/g;
for ('-drive help', '-chardev help', '-netdev help', '-object help', '-vnc help', '-M pc,help') {
	my @keys = map { /^  ([^\s=]+)/ } split(/\n/, `'$dest/opt/kvm/bin/vmm' $_`);
	ok(@keys && !grep({ $vmm_page !~ /^\\fB\Q$_\E\\fR/m } @keys), "the page has the keys of $_");
}
my @devices = `'$dest/opt/kvm/bin/vmm' -device help` =~ /^name "([^"]+)"/mg;
ok(@devices && !grep({ $vmm_page !~ /^\\fB\Q$_\E\\fR/m } @devices), 'and all devices');

make_target('uninstall');
is_deeply([installed()], [], 'uninstall leaves no file');
my @folders;
find(sub { push(@folders, $File::Find::name) if $_ eq 'kvmkit' }, $dest);
is_deeply(\@folders, [], 'and no folder of its own');

done_testing();
