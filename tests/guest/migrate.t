#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Machines that move, with a guest that counts (movetest.pm): over each kind of channel nothing is lost and nothing comes twice; who differs is told;
# whatever fails, the guest goes on where it was.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use movetest;
use Fcntl;
use IO::Socket::UNIX;
use Test::More;

# ---- channels ----

sub moves {
	my ($what, $from, $to, @args) = @_;
	my $b = machine('b', @args, '-incoming', $to);
	my $a = machine('a', @args);

	like(mon($b, 'info status'), qr/^VM status: paused \(inmigrate\)/, "$what: waits");
	told($a, 2);
	is(mon($a, "migrate $from"), '', "$what: moves");
	like(mon($a, 'info status'), qr/^VM status: paused \(postmigrate\)/, "$what: the source is done");
	ok(told($b, 2), "$what: runs there");
	like(mon($b, 'info status'), qr/^VM status: running/, "$what: and says so");
	is_in_order($what, $a, $b);
	return ($a, $b);
}

my ($a, $b) = moves('unix', "unix:$dir/s", "unix:$dir/s", @kernel);
like(mon($a, 'info migrate'), qr{^Migration\ status:\ completed\ntotal\ time:\ \d+\ ms\ndowntime:\ \d+\ ms\nsetup:\ \d+\ ms\n
	transferred\ ram:\ \d+\ kbytes\nthroughput:\ [\d.]+\ mbps\nremaining\ ram:\ 0\ kbytes\ntotal\ ram:\ \d+\ kbytes\n}x, 'info migrate, as the course prints it');
is(mon($b, 'info migrate'), "Migration status: completed\n", 'and there');
ok(!-e "$dir/s", 'the socket is gone');
like(mon($a, "migrate unix:$dir/s"), qr/^Error: Can't migrate the vm that was paused due to previous migration/, 'it is not here any more');
quit($_) for $a, $b;

my $port = 20000 + $$ % 20000;
quit($_) for moves('tcp', "tcp:localhost:$port", "tcp:0:$port", @dirty);
SKIP: {
	skip('this host has no IPv6', 6) unless IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
	$port++;
	quit($_) for moves('IPv6', "tcp:[::1]:$port", "tcp:[::1]:$port", @kernel, qw(-smp 2));
}

# Into a file, and back, twice; the second time in the words of version 1, which are the
# same.
$a = machine('a', @dirty);
told($a, 2);
is(mon($a, "migrate file:$dir/saved"), '', 'file: saved');
is((stat("$dir/saved"))[2] & 0777, 0600, 'for its owner alone');
for my $round (1, 2) {
	$b = machine('b', @dirty, '-incoming', "file:$dir/saved");
	ok(told($b, 2), "file: comes back, round $round");
	is_in_order('file', $a, $b);
	quit($b);
	put_file("$dir/saved", substr(slurp("$dir/saved"), 0, 8) . pack('V', 1) . substr(slurp("$dir/saved"), 12));
}
quit($a);
# The same through a descriptor.
$a = machine('a', @kernel);
told($a, 1);
open(my $saved, '<', do { mon($a, "migrate file:$dir/saved"); "$dir/saved" }) or die;
fcntl($saved, F_SETFD, 0);
$b = machine('b', @kernel, '-incoming', 'fd:' . fileno($saved));
close($saved);
ok(told($b, 2), 'fd: comes back');
is_in_order('fd', $a, $b);
quit($_) for $a, $b;

# ---- paused, or waiting ----

$b = machine('b', @kernel, qw(-S -incoming defer));
$a = machine('a', @kernel);
like(mon($b, 'migrate_incoming exec:cat'), qr/^Error: exec:cat: vmm starts no programs/, 'exec: is refused, with the reason');
is(mon($b, "migrate_incoming unix:$dir/s"), '', 'defer, then migrate_incoming');
like(mon($b, "migrate_incoming unix:$dir/s"), qr/^Error: The incoming migration has already been started/, 'once');
like(mon($b, "migrate unix:$dir/t"), qr/^Error: Guest is waiting for an incoming migration/, 'nothing leaves before');
is(mon($b, 'system_reset'), '', 'there is nothing to reset');
told($a, 1);
mon($a, 'stop');
mon($a, 'cont');
is(mon($a, "migrate -d unix:$dir/s"), '', 'migrate -d');
wait_until(sub { mon($a, 'info migrate') =~ /completed/ && mon($b, 'info status') !~ /inmigrate/ });
like(mon($b, 'info status'), qr/^VM status: paused\n/, '-S: it waits for cont');
mon($b, 'cont');
ok(told($b, 1), 'and runs then');
quit($_) for $a, $b;
$b = machine('b', @kernel, '-incoming', "unix:$dir/s");
$a = machine('a', @kernel);
told($a, 1);
mon($a, 'stop');
mon($a, "migrate unix:$dir/s");
# The source is done a moment before the destination.
wait_until(sub { mon($b, 'info status') !~ /inmigrate/ });
like(mon($b, 'info status'), qr/^VM status: paused\n/, 'a machine that was stopped stays so');
is(mon($b, 'cont'), '', 'until cont');
ok(told($b, 1), 'it runs');
is_in_order('stopped', $a, $b);
quit($_) for $a, $b;
like(mon($a = machine('a', @kernel), 'migrate exec:cat'), qr/^Error: exec:cat: vmm starts no programs/, 'exec:');
like(mon($a, 'migrate nix:x'), qr/^Error: unknown migration protocol: nix:x/, 'no such protocol');
like(mon($a, "migrate unix:$dir/nobody"), qr/^Error: unix:\S+: cannot connect: No such file/, 'nobody is there');
like(mon($a, "migrate tcp:localhost:1"), qr/^Error: tcp:\S+: cannot connect: Connection refused/, 'nor there');
like(mon($a, 'info status'), qr/running/, 'the guest did not notice');
quit($a);

# ---- what fails on the way ----

sub slow_move {
	my $b = machine('b', @dirty, '-incoming', "unix:$dir/s");
	my $a = machine('a', @dirty);

	mon($b, 'info status');
	mon($a, 'migrate_set_parameter max-bandwidth 1k');
	told($a, 1);
	mon($a, "migrate -d unix:$dir/s");
	wait_until(sub { mon($a, 'info migrate') =~ /status: active\n.*dirty sync count: [1-9]/s });
	return ($a, $b);
}

($a, $b) = slow_move();
like(mon($a, 'device_add virtio-rng-pci'), qr/^Error: device_add not allowed while migrating/, 'device_add waits');
like(mon($a, "migrate unix:$dir/s"), qr/^Error: There's a migration process in progress/, 'one at a time');
is(mon($a, 'migrate_cancel'), '', 'migrate_cancel');
ok(wait_until(sub { mon($a, 'info migrate') =~ /^Migration status: cancelled\n/ }), 'cancelled');
goes_on($a, 'cancelled');
my ($status, $said) = ended($b->{pid});
ok($status == 1 && $said =~ /^vmm: -incoming: unix:\S+ the other side is gone\n\z/, 'the far end says why it ends') or diag("$status: $said");
# And again.
$b = machine('b', @dirty, '-incoming', "unix:$dir/s");
mon($b, 'info status');
mon($a, 'migrate_set_parameter max-bandwidth 100M');
is(mon($a, "migrate unix:$dir/s"), '', 'a second try');
ok(told($b, 1), 'succeeds');
is_in_order('again', $a, $b);
quit($_) for $a, $b;

($a, $b) = slow_move();
kill('KILL', $b->{pid});
ok(wait_until(sub { mon($a, 'info migrate') =~ /^Migration status: failed \(unix:/ }), 'the destination died');
goes_on($a, 'the destination died');
ended($b->{pid});
quit($a);
($a, $b) = slow_move();
kill('KILL', $a->{pid});
($status, $said) = ended($b->{pid});
ok($status == 1 && $said =~ /^vmm: -incoming: unix:\S+ the other side is gone\n\z/, 'the source died') or diag("$status: $said");
ended($a->{pid});
($a, $b) = slow_move();
for my $m ($b, $a) {
	kill('TERM', $m->{pid});
	is((ended($m->{pid}))[0], 0, 'a signal ends both');
}

# ---- what differs ----

for my $name ('one', 'two') {
	open(my $image, '>', "$dir/$name.img") or die;
	truncate($image, 1 << 20);
}
my $disk = "file=$dir/one.img,format=raw,if=none,id=d0";
my @disk = ('-drive', $disk, qw(-device virtio-blk-pci,drive=d0));
my @net = ('-netdev', "stream,id=n,server=on,addr.type=unix,addr.path=$dir/net");

for my $row (
	[[], ['-m', '65'], qr/the guest's memory differs: '64 MiB' at the source, '65 MiB' here/],
	[[], [qw(-smp 2)], qr/the number of CPUs differs: '1' at the source, '2' here/],
	[[qw(-cpu host,-pat)], [qw(-cpu host)], qr/the CPU feature pat is here, not at the source/],
	[[qw(-cpu host)], [qw(-cpu host,-pat)], qr/the CPU feature pat is at the source, not here/],
	[[], [qw(-device virtio-rng-pci)], qr{device pci/\S+ \(virtio-rng-pci\) is here, not at the source}],
	[[qw(-device virtio-rng-pci)], [], qr{device pci/\S+ \(virtio-rng-pci\) is at the source, not here}],
	[[qw(-device virtio-rng-pci,addr=5)], [qw(-device virtio-rng-pci,addr=6)], qr{device pci/00:05.0\S* \(virtio-rng-pci\) is at the source}],
	[[qw(-device virtio-rng-pci,id=x)], [qw(-device virtio-rng-pci,id=y)], qr{id of pci/\S+ differs: 'x' at the source, 'y' here}],
	[[@disk], ['-drive', $disk, qw(-device virtio-blk-pci,drive=d0,queue-size=64)], qr{queue-size of pci/\S+ differs: '\d+' at the source, '64' here}],
	[[@disk], ['-drive', "$disk,readonly=on", qw(-device virtio-blk-pci,drive=d0)], qr/readonly of disk d0 differs: 'off' at the source, 'on' here/],
	[[@disk], [], qr{: file of disk d0 \(\S+/one.img\) is at the source, not here; start both sides}],
	[[], [@disk], qr{: file of disk d0 \(\S+/one.img\) is here, not at the source; start both sides}],
	[[qw(-vga std)], [qw(-vga none)], qr{: device pci/\S+ \(VGA\) is at the source, not here; start both sides}],
	[[@disk], [map { s/one/two/r } @disk], qr{file of disk d0 is \S+/one.img at the source and \S+/two.img here, not the same file}],
	[[@net, qw(-device virtio-net-pci,netdev=n,mac=52:54:00:00:00:01)], [map { s/net\b(?=,|$)/net/r } map { s{/net$}{/net2}r } @net,
		qw(-device virtio-net-pci,netdev=n,mac=52:54:00:00:00:02)], qr/MAC address of \S+ differs|mac of \S+ differs: .*:01.*:02/],
) {
	my ($source, $there, $pattern) = @$row;
	my $a = machine('a', @kernel, @$source);

	mon($a, 'info status');
	my $b = machine('b', @kernel, @$there, '-incoming', "unix:$dir/s");
	mon($b, 'info status');
	like(mon($a, "migrate unix:$dir/s"), $pattern, "told to the source: $pattern");
	($status, $said) = ended($b->{pid});
	ok($status == 1 && $said =~ $pattern && $said =~ /^vmm: -incoming: [^\n]*\n\z/, 'and there') or diag("$status: $said");
	told($a, 1);
	is_in_order("@$there", $a);
	quit($a);
}

# ---- a disk changes hands ----

$a = machine('a', @kernel, @disk);
told($a, 1);
$b = machine('b', @kernel, @disk, '-incoming', "unix:$dir/s");
mon($b, 'info status');
is(mon($a, "migrate unix:$dir/s"), '', 'with a disk');
ok(told($b, 1), 'runs there');
like(mon($a, 'cont'), qr/^Error: \S+one.img is locked: another process/, 'the disk is there');
like(mon($a, 'info status'), qr/postmigrate/, 'and so is the machine');
quit($b);
is(mon($a, 'cont'), '', 'whoever must can go on with the old one');
ok(told($a, 1), 'when the new one is gone');
quit($a);

# A qcow2 image, whose tables the other side reads again.
is(system("$build/vmm-img", qw(create -q -f qcow2 -o lazy_refcounts=on), "$dir/q.img", '1M'), 0, 'a qcow2 image');
my @qcow = ('-drive', "file=$dir/q.img,if=none,id=d0", qw(-device virtio-blk-pci,drive=d0));
quit($_) for moves('qcow2', "unix:$dir/s", "unix:$dir/s", @kernel, @qcow);
is(system("$build/vmm-img check -q $dir/q.img >$dir/checked 2>&1"), 0, 'is whole afterwards') or diag(slurp("$dir/checked"));

# ---- QMP ----

$b = machine('b', @kernel, '-incoming', "unix:$dir/s");
$a = machine('a', @kernel, '-qmp', "unix:$dir/q,server,nowait");
mon($b, 'info status');
my $q = qmp_client("$dir/q");
is_deeply(qmp($q, 'query-migrate')->{return}, {}, 'query-migrate before any');
is_deeply(qmp($q, 'query-migrate-parameters')->{return}, { 'max-bandwidth' => 128 << 20, 'downtime-limit' => 300 }, 'the parameters that QEMU has');
is_deeply(qmp($q, 'migrate-set-parameters', 'max-bandwidth' => 1 << 30, 'downtime-limit' => 50)->{return}, {}, 'are set');
is_deeply(qmp($q, 'query-migrate-parameters')->{return}, { 'max-bandwidth' => 1 << 30, 'downtime-limit' => 50 }, 'and kept');
like(qmp($q, 'migrate-set-parameters', 'multifd-channels' => 2)->{error}{desc}, qr/'multifd-channels' is not supported/, 'others are refused by name');
like(qmp($q, 'migrate-set-parameters', 'downtime-limit' => 3000000)->{error}{desc}, qr/'downtime_limit' expects/, 'so are numbers');
like(qmp($q, 'migrate-set-capabilities', capabilities => [{ capability => 'postcopy-ram', state => JSON::PP::true }])->{error}{desc},
	qr/'postcopy-ram' is not supported/, 'and capabilities');
is_deeply(qmp($q, 'migrate-set-capabilities', capabilities => [{ capability => 'events', state => JSON::PP::true },
	{ capability => 'xbzrle', state => JSON::PP::false }])->{return}, {}, 'events');
told($a, 1);
is_deeply(qmp($q, 'migrate', uri => "unix:$dir/s")->{return}, {}, 'migrate answers at once');
my (@states, @passes);
while (@states < 4) {
	my $e = @{ $q->{events} // [] } ? shift(@{ $q->{events} }) : receive($q) // last;
	push(@states, $e->{data}{status}) if $e->{event} eq 'MIGRATION';
	push(@passes, $e->{data}{pass}) if $e->{event} eq 'MIGRATION_PASS';
}
is_deeply(\@states, [qw(setup active device completed)], 'its events');
ok(@passes > 2 && "@passes" eq join(' ', 1 .. @passes), 'each pass is one') or diag("@passes");
my $info = qmp($q, 'query-migrate')->{return};
ok($info->{status} eq 'completed' && $info->{ram}{total} > 60 << 20 && !$info->{ram}{remaining} && defined($info->{downtime}), 'query-migrate');
is($info->{ram}{'precopy-bytes'} + $info->{ram}{'downtime-bytes'}, $info->{ram}{transferred}, 'what was sent, before and after it stopped');
ok($info->{ram}{'downtime-bytes'} > 1000 && $info->{ram}{'precopy-bytes'} > 1000, 'is both something');
is($info->{ram}{'dirty-sync-count'}, scalar(@passes), 'the passes are counted');
is_deeply([sort(keys(%{ $info->{ram} }))], [qw(dirty-pages-rate dirty-sync-count dirty-sync-missed-zero-copy downtime-bytes duplicate mbps
	multifd-bytes normal normal-bytes page-size pages-per-second postcopy-bytes postcopy-requests precopy-bytes remaining skipped total
	transferred)], 'members as QEMU has them');
is(mon($a, 'info migrate_capabilities'), "events: on\n", 'info migrate_capabilities');
is(mon($a, 'migrate_set_capability events off'), '', 'migrate_set_capability');
is(mon($a, 'info migrate_capabilities'), "events: off\n", 'has been heard');
like(mon($a, 'migrate_set_capability postcopy-ram on'), qr/^Error: the migration capability 'postcopy-ram' is not supported/, 'others are refused by name');
quit($_) for $a, $b;

# ---- streams of anybody ----

my $stream = slurp("$dir/saved");
sub refuses {
	my ($what, $bytes, $pattern) = @_;
	my $m = machine('b', @kernel, '-incoming', 'file:' . put_file("$dir/bad", $bytes));
	my ($status, $said) = ended($m->{pid});

	ok($status == 1 && $said =~ $pattern && $said =~ /^[^\n]*\n\z/, "$what is refused") or diag("$status: $said");
}
refuses('nothing', '', qr/it ends too early/);
refuses('another file', 'x' x 4096, qr/is no machine that vmm moves/);
refuses('another version', substr($stream, 0, 8) . pack('V', 99) . substr($stream, 12), qr/version 99, this vmm reads 2/);
refuses('version 0', substr($stream, 0, 8) . pack('V', 0) . substr($stream, 12), qr/version 0, this vmm reads 2/);
refuses('a part', substr($stream, 0, length($stream) / 2), qr/it ends too early/);
refuses('all but the end', substr($stream, 0, -1), qr/it ends too early/);
for my $at (20, 60, 16 + 24 + 900, map { int(length($stream) * $_ / 7) } 1 .. 6) {
	my $bytes = $stream;
	substr($bytes, $at, 1) ^= "\x10";
	refuses("byte $at", $bytes, qr/^vmm: -incoming: /);
}

done_testing();
