#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How vmm explains a host with what kvm-check found (host.json): only where that is of this
# boot, about this trouble and from somebody to trust; never where nothing is to explain.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use vmmtest;
use JSON::PP;
use Test::More;

plan skip_all => 'no mount namespaces for this user' if !$spaces;

my $state = "$dir/state";
mkdir($state);
my $json = JSON::PP->new->canonical;
open(my $in, '<', '/proc/sys/kernel/random/boot_id') or die "boot_id: $!\n";
chomp(my $boot_id = <$in>);
close($in);

sub check {
	my ($id, $status, $value, $remedy) = @_;
	my ($category) = $id =~ /^([^.]*)/;

	return { id => $id, category => $category, status => $status, value => $value,
		source => 'x', remedy => $remedy };
}

# A report with these checks.
sub report {
	my ($checks, %more) = @_;

	return { version => 1, program => 'kvm-check', program_version => '1', backend => 'none',
		hardware => JSON::PP::false, verdict => 'fail', exit_ns => undef,
		instructions_per_s => undef, checks => $checks,
		facts => { host => { boot_id => $boot_id }, user => { uid => $> } }, %more };
}

sub hand_off {
	my ($what, $mode) = @_;

	put_file("$state/host.json", ref($what) ? $json->encode($what) : $what);
	chmod($mode // 0644, "$state/host.json");
}

my $no_kvm = in_space('mount -t tmpfs none /dev');
my %where = (KVMKIT_STATE_DIR => $state);
my $plain = qr{\Avmm: there is no /dev/kvm: [^;\n]*; run kvm-check to see why and what to do\n\z};

# ---- what is used, and what is not ----

my $firmware = check('cpu.firmware', 'fail', 'SVM is switched off', 'switch it on in the setup');
my $passed = check('kvm.vm', 'pass', 'created', undef);
my $slow = check('kvm.hardware', 'fail', 'guests are interpreted', 'use another machine');

for (
	['a failed check and its remedy', report([check('cpu.vendor', 'pass', 'x', undef), $firmware]),
		qr{\Avmm: there is no /dev/kvm: [^\n]*; kvm-check found: SVM is switched off; switch it on in the setup\n\z}],
	['the first one', report([$firmware, check('module.kvm', 'fail', 'other', 'other')]), qr/found: SVM is/],
	['one without a remedy', report([check('kvm.api', 'fail', 'too old', undef)]), qr/; kvm-check found: too old\n\z/],
	['a warning is no cause', report([check('cpu.virt', 'warn', 'x', 'y')]), $plain],
	['nor is a missing IOMMU', report([check('iommu.table', 'fail', 'x', 'y')]), $plain],
	['nor what failed although a guest could run', report([$passed, $slow]),
		qr/; kvm-check could use KVM earlier since this boot; run it again to see what changed\n\z/],
	['another boot', report([$firmware], facts => { host => { boot_id => 'x' } }), $plain],
	['no boot', report([$firmware], facts => {}), $plain],
	['another version', report([$firmware], version => 2), $plain],
	['no version', report([$firmware], version => undef), $plain],
	['values of other types', report([{ %$firmware, status => 1 }, { %$firmware, value => [] }, 7, undef]), $plain],
	['checks that are no array', report({}), $plain],
	['facts that are no object', report([$firmware], facts => 'x'), $plain],
	['no backend', report([$firmware], backend => 3), $plain],
	['no object', [1], $plain],
	['a damaged file', '{"version": 1, ', $plain],
	['an empty file', '', $plain],
	['too much', ' ' x (2 << 20), $plain],
	['control characters', report([check('cpu.x', 'fail', "a\e[31m\nvmm: b", "c\rd")]),
		qr/found: a\?\[31m\?vmm: b; c\?d\n\z/],
	['endless sentences', report([check('cpu.x', 'fail', 'a' x 5000, 'b' x 5000)]), qr/\A[^\n]{300,999}\n\z/],
) {
	my ($what, $report, $want) = @$_;

	hand_off($report);
	my ($status, $out, $err) = say_of($no_kvm, \%where);
	ok($status == 1 && $out eq '' && $err =~ $want, $what) or diag("exit $status: $err");
}

hand_off(report([$firmware]), 0666);
like((say_of($no_kvm, \%where))[2], $plain, 'a file that others may write');
hand_off(report([$firmware]));
chmod(0777, $state);
like((say_of($no_kvm, \%where))[2], $plain, 'a folder that others may write');
chmod(0755, $state);
like((say_of($no_kvm, {}, '-state-dir', $state))[2], qr/found: SVM/, '-state-dir names the folder');
like((say_of($no_kvm, \%where, '-state-dir', "$dir/nowhere"))[2], $plain, 'and wins over the environment');

# ---- -d tells what was read ----

like((say_of($no_kvm, \%where, qw(-d kvm)))[2],
	qr{\Avmm: \Q$state\E/host.json: backend none, hardware no, .*cause: SVM is switched off, remedy: switch}, '-d kvm shows it');
hand_off(report([$firmware], facts => { host => { boot_id => 'x' } }));
like((say_of($no_kvm, \%where, qw(-d kvm)))[2], qr{findings are not used: \Q$state\E/host.json is of another boot\n},
	'or why it is not used');

# ---- what kvm-check itself writes ----

unlink("$state/host.json");
{
	my @run = (@$no_kvm, 'sh', '-c', 'exec "$@" >/dev/null', 'sh', "$vmmtest::build/kvm-check",
		qw(--no-trial --write --state-dir), $state);
	system(@run);
	my ($status, undef, $err) = say_of($no_kvm, \%where);
	my $said = $json->decode(do { local (@ARGV, $/) = "$state/host.json"; <> });
	my ($cause) = grep { $_->{status} eq 'fail' && $_->{category} ne 'iommu' } @{ $said->{checks} };
	ok($cause && index($err, "kvm-check found: $cause->{value}") > 0, 'kvm-check\'s own file explains')
		or diag($err);
}

# ---- users and causes that are gone ----

SKIP: {
	skip('only root can make device nodes', 2) if $>;
	my $closed = in_space('mount -t tmpfs none /dev && mknod -m 600 /dev/kvm c 10 232', @nobody);
	my $denied = check('kvm.access', 'fail', 'root may not', 'x');
	hand_off(report([$denied]));
	like((say_of($closed, \%where))[2], qr{\Avmm: no permission to open /dev/kvm; run kvm-check to see},
		'what another user may not do is not told');
	hand_off(report([$denied], facts => { host => { boot_id => $boot_id }, user => { uid => 65534 } }));
	like((say_of($closed, \%where))[2], qr{; kvm-check found: root may not; x\n}, 'what this one may not, is');
}

SKIP: {
	skip('no access to /dev/kvm', 2) if !$kvm;
	skip('vmm is built with a sanitizer, which must be loaded first', 2) if !$fakes;
	my %fake = (%where, compile_fake(), FAKE_API => 11);
	hand_off(report([check('kvm.node', 'fail', 'no node', 'make one')]));
	like((say_of([], \%fake))[2], qr/another kernel is needed; run kvm-check to see why/, 'a cause that is gone');
	hand_off(report([check('kvm.api', 'fail', 'version 11', 'update')]));
	like((say_of([], \%fake))[2], qr/another kernel is needed; kvm-check found: version 11; update\n/, 'one that is not');
}

SKIP: {
	skip('no access to /dev/kvm', 4) if !$kvm;
	# Ends with status 33; the first fits into 1 MiB, the second is as large as a system.
	my $end = multiboot("\x66\xba\xf4\x00\xb0\x10\xee\xf4");
	put_file('small', $end);
	put_file('large', $end . "\0" x (2 << 20));
	my @run = (qw(-m 16 -nodefaults -display none -device), 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel');

	hand_off(report([$passed, $slow], backend => 'software'));
	# Whether a read shows in the access time here.
	utime(1, 1, "$state/host.json");
	do { local (@ARGV, $/) = "$state/host.json"; <> };
	my $shows = (stat("$state/host.json"))[8] != 1;
	utime(1, 1, "$state/host.json");
	my ($status, $out, $err) = say_of([], \%where, @run, 'small');
	ok($status == 33 && $err eq '', 'a small guest: nothing to say') or diag("exit $status: $err");
	SKIP: {
		skip('this file system keeps no access times', 1) if !$shows;
		is((stat("$state/host.json"))[8], 1, 'and nothing is read');
	}
	my ($interpreted) = !do { local (@ARGV, $/) = '/proc/cpuinfo'; <> =~ /^flags.* (?:vmx|svm)\b/m };
	($status, $out, $err) = say_of([], \%where, @run, 'large');
	if ($interpreted) {
		is($err, "vmm: warning: this host's KVM is software only: guests are interpreted; use another machine\n",
			'a system on software KVM: a warning, with the cause');
		like((say_of([], {}, @run, 'large'))[2], qr/\Avmm: warning: the CPU shows no virtualization, [^\n]*run kvm-check/,
			'without findings: the advice');
	} else {
		is($err, '', 'a system on hardware KVM: nothing to say');
		is($status, 33, 'it runs');
	}
}

done_testing();
