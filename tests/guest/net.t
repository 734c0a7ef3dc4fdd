#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Networks from the command line: what is refused and how, what the monitor shows, a
# helper that ends with vmm whatever happens to it.

use strict;
use warnings;
no warnings 'qw'; # commas are options'
use FindBin;
use lib $FindBin::Bin;
use IO::Socket::INET;
use IPC::Open3;
use Test::More;
use File::Copy qw(copy);
use files;
use vmmtest;

plan skip_all => 'no /dev/kvm' unless $kvm;

my $build = $ENV{BUILD} // "$top/build";
$build = "$top/$build" unless $build =~ m{^/};
my $helper = "$dir/vmm-user-net";

sub monitor {
	my ($commands, @args) = @_;

	put_file('commands', join('', map { "$_\n" } @$commands, 'quit'));
	my ($status, $out, $err) = say_of(['sh', '-c', 'exec "$@" <commands', 'sh'], {}, '-S',
		qw(-m 32 -display none -serial none -monitor stdio), @args);
	$out =~ s/\r|\e\[\d*[A-Z]//g;
	return ($status, $out, $err);
}

# Its pid, of the vmm with this one.
sub helper_of {
	my ($pid) = @_;
	my %child = map { my $child = $_; do { open(my $f, '<', "/proc/$child/comm") or die; <$f> } => $child }
		split(' ', do { open(my $f, '<', "/proc/$pid/task/$pid/children") or die; <$f> } // '');
	return $child{"vmm-user-net\n"};
}

# Without the helper.
my ($status, $out, $err) = say_of([], {}, qw(-nic user));
is($status, 1, '-nic user without vmm-user-net is refused');
like($err, qr/^vmm: -nic user: vmm-user-net is not there; install it[^\n]*\n\z/, 'and says what to do');
($status, $out) = monitor(['info network']);
is($status, 0, 'without options it runs');
unlike($out, qr/virtio-net-pci/, 'and has no card');

copy("$build/vmm-user-net", $helper) or die "$helper: $!\n";
chmod(0755, $helper);

# What is wrong with the words: exit 2, one line.
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
my $port = $taken->sockport;
for (
	['-netdev usr,id=n', qr/did you mean 'user'/],
	['-netdev user', qr/id= is missing/],
	['-netdev user,id=n,hostfw=x', qr/did you mean 'hostfwd'/],
	['-netdev user,id=n,hostfwd=tcp::x-:22', qr/hostfwd=tcp::x-:22: must be like/],
	['-netdev user,id=n -netdev user,id=n', qr/id 'n' is taken/],
	['-device virtio-net-pci', qr/add netdev=ID/],
	['-device virtio-net-pci,netdev=n', qr/there is no netdev 'n'/],
	['-nic user,mac=ff:ff:ff:ff:ff:ff', qr/multicast/],
	['-nic user,model=ne2k_pci', qr/use model=virtio or model=e1000/],
	['-nic user,model=virtio-rng-pci', qr/use model=virtio or model=e1000/],
	['-nic usr', qr/did you mean 'user'/],
	['-net nic', qr/add -net user/],
	['-net user', qr/add -net nic/],
) {
	my ($args, $says) = @$_;
	my ($status, undef, $err) = say_of([], {}, split(/ /, $args));

	is($status, 2, "$args: wrong words");
	like($err, qr/^vmm: -[^\n]*$says[^\n]*\n\z/, 'in one line that says why');
}
($status, undef, $err) = say_of([], {}, '-nic', "user,hostfwd=tcp:127.0.0.1:$port-:22");
is($status, 1, 'a port in use');
like($err, qr/^vmm: [^\n]*port $port: Address already in use; choose a free[^\n]*\n\z/, 'is named');

# What there is.
for (
	[[], qr{^virtio-net-pci\.0: index=0,type=nic,.*macaddr=52:54:00:12:34:56\n \\ nic0: index=0,type=user}m],
	[[qw(-nodefaults -serial none)], undef],
	[[qw(-nic none)], undef],
	[[qw(-net none)], undef],
	[[qw(-nic user,id=u,mac=52:54:00:00:00:01)], qr{:00:01\n \\ u: index=0,type=user}],
	[[qw(-net nic,macaddr=52:54:00:00:00:02 -net user)], qr{:00:02\n \\ nic0: index=0,type=user}],
	[[qw(-net nic,name=c -net user)], qr{^c: index=0,.*\n \\ nic0: }m],
	[[qw(-netdev user,id=a -device virtio-net-pci,netdev=a,id=c)], qr{c: index=0,.*\n \\ a: }],
	[[qw(-net nic,model=e1000 -net user)],
		qr{e1000\.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\n \\ nic0: }],
	[[qw(-nic user -nic user,model=e1000)], qr{model=virtio-net-pci,.*:56\n.*\n.*model=e1000,.*:57\n}],
	[[qw(-netdev user,id=a)], qr{^a: index=0,type=user}m],
) {
	my ($args, $shows) = @$_;
	my ($status, $out, $err) = monitor(['info network'], @$args);

	is($status, 0, "@$args") or diag($err);
	$shows ? like($out, $shows, 'has the network') : unlike($out, qr/index=0/, 'has no network');
}
($status, $out) = monitor(["set_link n off", 'info network', "hostfwd_add tcp:127.0.0.1:$port-:1",
	'hostfwd_add n tcp:127.0.0.1:0-:22', 'info usernet', 'info netstats', 'set_link x on'],
	qw(-netdev user,id=n));
like($out, qr/^n: .*link=down/m, 'set_link');
like($out, qr/Error: .*port $port: Address already in use/, 'a port that cannot be had');
like($out, qr/TCP\[HOST_FORWARD\]/, 'hostfwd_add, info usernet');
like($out, qr/^n: rx_frames=0 .*tx_dropped=0/m, 'info netstats');
like($out, qr/Error: Device 'x' not found/, 'no such network');

($status, $out) = monitor(['hostfwd_add b tcp:127.0.0.1:0-:22', 'hostfwd_add c tcp:127.0.0.1:0-:22', 'info usernet'],
	qw(-netdev user,id=a -netdev user,id=b));
my ($of_a, $of_b) = $out =~ /\(a\):\n(.*)\(b\):\n(.*)/s;
ok($of_b && $of_b =~ /HOST_FORWARD/ && $of_a !~ /HOST_FORWARD/, 'hostfwd_add of the network that is named') or diag($out);
like($out, qr/Error: there is no netdev 'c'/, 'which must be there');

# As QEMU shows them: networks without a card first, and a queue a line.
($status, $out) = monitor(['info network', 'announce_self'], qw(-netdev user,id=a
	-device virtio-net-pci,netdev=a -netdev user,id=b,net=10.9.0.0/16,restrict=on
	-netdev user,id=c -device virtio-net-pci,netdev=c,id=card -netdev user,id=d
	-device e1000,netdev=d));
like($out, qr{^b: index=0,type=user,net=10\.9\.0\.0,restrict=on
virtio-net-pci\.0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56
 \\ a: index=0,type=user,net=10\.0\.2\.0,restrict=off
card: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:57
 \\ c: index=0,type=user,net=10\.0\.2\.0,restrict=off
e1000\.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:58
 \\ d: index=0,type=user,net=10\.0\.2\.0,restrict=off
}m, 'info network is as QEMU prints it');

# What cards hear, through QMP.
put_file('qmp', join('', map { "$_\n" } '{"execute":"qmp_capabilities"}',
	'{"execute":"query-rx-filter"}', '{"execute":"query-rx-filter","arguments":{"name":"x"}}',
	'{"execute":"query-rx-filter","arguments":{"name":"e"}}',
	'{"execute":"announce-self","arguments":{"rounds":2}}',
	'{"execute":"announce-self","arguments":{"rounds":0}}',
	'{"execute":"announce-self","arguments":{"initial":4294967296}}',
	'{"execute":"announce-self","arguments":{"interfaces":["c","x"],"id":"one"}}',
	'{"execute":"announce-self","arguments":{"interfaces":[1]}}',
	(map { qq({"execute":"announce-self","arguments":{"id":"$_"}}) } 1 .. 16), '{"execute":"quit"}'));
($status, $out) = say_of(['sh', '-c', 'exec "$@" <qmp', 'sh'], {}, '-S', qw(-m 32 -display none
	-serial none -qmp stdio -netdev user,id=a -device virtio-net-pci,netdev=a,id=c
	-netdev user,id=b -device e1000,netdev=b,id=e));
my @answers = grep { /"return"|"error"/ } split(/\n/, $out);
like($answers[1], qr/"name": "c", "promiscuous": true, "multicast": "normal", "unicast": "normal"/,
	'query-rx-filter');
like($answers[1], qr/"main-mac": "52:54:00:12:34:56", "vlan-table": \[\]/, 'with the address');
like($answers[2], qr/invalid net client name: x/, 'no such card');
like($answers[3], qr/'e' has no filter/, 'a card that tells nothing');
like($answers[4], qr/"return": \{\}/, 'announce-self');
like($answers[$_], qr/at most/, 'with numbers that are possible') for 5, 6;
like($answers[7], qr/"return": \{\}/, 'of some cards, under a name');
like($answers[8], qr/'interfaces', expected: string/, 'a card is a string');
like($answers[22], qr/"return": \{\}/, 'several at once');
like($answers[24], qr/16 announcements are under way/, 'but not any number');

# A helper that hangs: the monitor says so soon.
my @tied = qw(setpriv --pdeathsig KILL);
my $hung = open3(my $keys, my $screen, undef, @tied, $vmm, qw(-S -m 32 -display none -serial none
	-monitor stdio -nic user));
while (<$screen>) {
	last if /monitor/;
}
my ($end, $sent) = (time + 60, 0);
print $keys "announce_self\n";
while (!$sent && time < $end) {
	print $keys "info netstats\n";
	while (defined($_ = <$screen>)) {
		next unless /tx_frames=(\d+)/;
		$sent = $1;
		last;
	}
}
cmp_ok($sent, '>', 0, 'announce_self sends frames');
my $stopped = helper_of($hung);
kill('STOP', $stopped);
for (my $end = time + 60; time < $end; select(undef, undef, undef, 0.01)) {
	last if do { local (@ARGV, $/) = "/proc/$stopped/stat"; <> } =~ /\) T /;
}
print $keys "info usernet\nhostfwd_add tcp:127.0.0.1:0-:22\n";
my $said_so = 0;
eval {
	local $SIG{ALRM} = sub { die "no answer\n" };
	alarm(120);
	while ($said_so < 2 && defined($_ = <$screen>)) {
		$said_so++ if /vmm-user-net did not answer within 1000 ms/;
	}
	alarm(0);
};
is($said_so, 2, 'a helper that hangs is not waited for');
kill('CONT', $stopped);
# It has its chance to be slow again, on a machine that is.
my $table = '';
for (1 .. 60) {
	print $keys "info usernet\n";
	while (defined($_ = <$screen>)) {
		$table = $_ if /HOST_FORWARD/;
		last if /did not answer|HOST_FORWARD/;
	}
	last if $table;
}
like($table, qr/TCP\[HOST_FORWARD\]/, 'one that goes on answers again, and has done what it was told');
print $keys "quit\n";
1 while <$screen>;
waitpid($hung, 0);

# Killed, vmm takes its helper along.
my $pid = open3(my $in, my $said, undef, @tied, $vmm, qw(-S -m 32 -display none -serial none -monitor stdio),
	qw(-nic user));
while (<$said>) {
	last if /monitor/;
}
my $child = helper_of($pid);
ok($child && kill(0, $child), 'the helper runs, under its name');
my %held = map { m{(\d+)$} => readlink($_) // '' } glob("/proc/$child/fd/*");
is_deeply([@held{0, 1}], [('/dev/null') x 2], 'without a terminal');
delete @held{0 .. 2};
ok(keys(%held) == 2 && !(grep { !/^socket:/ } values(%held)), 'it holds two sockets and nothing else')
	or diag(explain(\%held));
kill('KILL', $pid);
waitpid($pid, 0);
# The helper holds the same standard error.
my $gone = eval {
	local $SIG{ALRM} = sub { die "no end\n" };
	alarm(120);
	1 while <$said>;
	alarm(0);
	1;
};
ok($gone, 'killed, vmm takes it along');
done_testing();
