#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Media, devices, drives and networks that come and go, from the monitors, on any /dev/kvm.
# The guest of the last part does what ACPI methods do: it ejects what shall be ejected.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;
use Time::HiRes ();

sub file {
	my ($name, $size, $text) = @_;

	open(my $f, '>:raw', "$dir/$name") or die;
	print $f $text // '';
	truncate($f, $size) if $size;
	close($f);
	return "$dir/$name";
}

my $disk = file('disk', 1 << 20);
my $one = file('one.iso', 1 << 20);
my $two = file('two.iso', 2 << 20);
# mov dx, 0xae04; in eax, dx; test eax, eax; jz back; mov dx, 0xae08;
# out dx, eax; jmp back.
my $kernel = put_file("$dir/eject", multiboot("\x66\xba\x04\xae\xed\x85\xc0\x74\xf7\x66\xba\x08\xae\xef\xeb\xf0"));

sub fds {
	return scalar(() = glob("/proc/$_[0]/fd/*"));
}

# ---- media ----

my $pid = start('-S', '-serial', 'null', '-kernel', $kernel, '-cdrom', $one,
	'-drive', 'if=none,id=cd0,media=cdrom', '-device', 'ide-cd,drive=cd0,id=second',
	'-drive', "if=none,id=d0,format=raw,file=$disk",
	'-qmp', "unix:$dir/q,server,nowait", '-qmp', "unix:$dir/q2,server,nowait", '-monitor', "unix:$dir/m,server,nowait");
my $q = qmp_client("$dir/q");
my $m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);

my $attached = "    Attached to:      /machine/peripheral-anon/device[0]\n";
my $cache = "    Cache mode:       writeback\n";
is(hmp($m, 'info block'), "ide1-cd0 (#block0): $one (raw, read-only)\n$attached"
	. "    Removable device: not locked, tray closed\n$cache"
	. "\ncd0: [not inserted]\n    Attached to:      second\n    Removable device: not locked, tray closed\n"
	. "\nd0 (#block1): $disk (raw)\n$cache", 'info block: a CD, an empty drive, a disk that nobody has')
	or diag(hmp($m, 'info block'));
is(hmp($m, 'eject ide1-cd0'), '', 'eject');
my $moved = event($q, 'DEVICE_TRAY_MOVED');
is_deeply($moved->{data}, { device => 'ide1-cd0', id => '/machine/peripheral-anon/device[0]', 'tray-open' => JSON::PP::true },
	'the event tells') or diag(explain($moved));
like(hmp($m, 'info block'), qr/^ide1-cd0: \[not inserted\]\n\Q$attached\E    Removable device: not locked, tray open\n\n/,
	'the tray is open and empty');
is(hmp($m, "change ide1-cd0 $two"), '', 'change');
is(event($q, 'DEVICE_TRAY_MOVED')->{data}{'tray-open'}, JSON::PP::false, 'the tray closes');
like(hmp($m, 'info block'), qr/^ide1-cd0 \(#block\d\): \Q$two\E \(raw, read-only\)\n\Q$attached\E    Removable device: not locked, tray closed\n/,
	'with the other medium');
like(hmp($m, 'change ide1-cd0 /nonexistent'), qr{^Error: cannot open the disk image /nonexistent}, 'a file that is not there');
like(hmp($m, 'info block'), qr/^ide1-cd0 \(#block\d\): \Q$two\E /, 'changes nothing');
is(hmp($m, "change cd0 $one raw read-only"), '', 'a medium for the empty drive, with format and mode');
like(hmp($m, "change cd0 $one raw upside-down"), qr/^Error: Invalid parameter 'upside-down'/, 'an unknown mode');
is(hmp($m, 'eject d0'), "Error: Device 'd0' is not removable\n", 'a disk has no tray');
is(hmp($m, 'eject nix'), "Error: Device 'nix' not found\n", 'an unknown drive');
is(qmp($q, 'eject')->{error}{desc}, "Need exactly one of 'device' and 'id'", 'no drive');
is(qmp($q, 'eject', device => 'cd0', id => 'second')->{error}{desc}, "Need exactly one of 'device' and 'id'", 'two of them');
is(qmp($q, 'eject', device => 'nix')->{error}{class}, 'DeviceNotFound', 'an unknown one');
is_deeply(qmp($q, 'blockdev-remove-medium', id => 'second')->{error}{desc}, "Tray of device 'cd0' is not open",
	'nothing leaves a closed tray');
is_deeply(qmp($q, 'blockdev-open-tray', id => 'second'), { return => {} }, 'blockdev-open-tray');
is_deeply(qmp($q, 'blockdev-remove-medium', id => 'second'), { return => {} }, 'blockdev-remove-medium');
is_deeply(qmp($q, 'blockdev-add', driver => 'raw', 'node-name' => 'n1', 'read-only' => JSON::PP::true,
	cache => { direct => JSON::PP::false }, file => { driver => 'file', filename => $one }), { return => {} }, 'blockdev-add');
is_deeply(qmp($q, 'blockdev-insert-medium', id => 'second', 'node-name' => 'n1'), { return => {} }, 'blockdev-insert-medium');
like(qmp($q, 'blockdev-del', 'node-name' => 'n1')->{error}{desc}, qr/^Node n1 is in use by cd0/, 'it is in use then');
is_deeply(qmp($q, 'blockdev-close-tray', id => 'second'), { return => {} }, 'blockdev-close-tray');

# Who moves a tray all the time fills nobody's queue, and hides no other tray; each one's
# last move is told.
my $listener = qmp_client("$dir/q2");
my $cd = '/machine/peripheral-anon/device[0]';
my $end;
for my $n (1 .. 200) {
	qmp($q, 'blockdev-open-tray', id => 'second');
	$end = Time::HiRes::time() if $n == 200;
	qmp($q, 'blockdev-close-tray', id => 'second');
}
qmp($q, 'blockdev-open-tray', id => $cd);
my ($moves, $closed, $opened) = 0;
until ($closed && $opened) {
	my $e = event($listener, 'DEVICE_TRAY_MOVED') // last;
	my ($id, $open) = @{ $e->{data} }{qw(id tray-open)};

	$moves++ if $id eq 'second';
	$opened = 1 if $id eq $cd && $open;
	$closed = 1 if $id eq 'second' && !$open && $e->{timestamp}{seconds} + $e->{timestamp}{microseconds} / 1e6 >= $end;
}
ok($closed && $opened, 'the last moves of two trays are told');
cmp_ok($moves, '<', 400, 'not each of many');
close($listener->{socket});
qmp($q, 'blockdev-close-tray', id => $cd);
delete $q->{events};
my ($cd0) = grep { $_->{device} eq 'cd0' } @{ qmp($q, 'query-block')->{return} };
is($cd0->{inserted}{file}, $one, 'query-block shows it');
is($cd0->{tray_open}, JSON::PP::false, 'and the tray');
is_deeply(qmp($q, 'eject', id => 'second', force => JSON::PP::true), { return => {} }, 'eject by the id of the device');
is_deeply(qmp($q, 'blockdev-del', 'node-name' => 'n1'), { return => {} }, 'blockdev-del: an inserted node is left');
is(qmp($q, 'blockdev-del', 'node-name' => 'n1')->{error}{desc}, "Failed to find node with node-name='n1'", 'once');
is_deeply(qmp($q, 'blockdev-change-medium', id => 'second', filename => $two, format => 'raw'), { return => {} },
	'blockdev-change-medium');

# ---- a copy of a CD that broke off ----

# A volume of 100 blocks of 2 KiB in a file of 20.
my $short = file('short.iso', 40960, "\0" x 0x8000 . "\1CD001\1" . "\0" x 73 . pack('VN', 100, 100));
like(hmp($m, "change cd0 $short"), qr{^Warning: the CD image \Q$short\E is truncated: its volume has 204800 bytes, the file 40960; copy it again$},
	'change warns of a truncated CD');
like(hmp($m, 'info block'), qr{^cd0 \(#block\d+\): \Q$short\E }m, 'which is in the drive');
is_deeply(qmp($q, 'blockdev-change-medium', id => 'second', filename => $short), { return => {} },
	'blockdev-change-medium takes it');
truncate($short, 204800);
is(hmp($m, "change cd0 $short"), '', 'a whole one is taken without a word');

my $held = fds($pid);
for (1 .. 20) {
	hmp($m, "change ide1-cd0 $one");
	hmp($m, 'eject ide1-cd0');
	hmp($m, "change ide1-cd0 $two");
}
is(fds($pid), $held, 'media that are taken out are closed');

# ---- before the guest starts ----

is(hmp($m, 'device_add virtio-blk-pci,drive=d0,id=v0'), '', 'device_add before the start');
like(hmp($m, 'info pci'), qr/SCSI controller: PCI device 1af4:1001\n.*BAR0: I\/O at 0x[c-f]\w{3} .*id "v0"/s, 'it has its addresses');
is(hmp($m, 'device_del v0'), '', 'and device_del');
is(event($q, 'DEVICE_DELETED')->{data}{path}, '/machine/peripheral/v0', 'takes it away at once');
unlike(hmp($m, 'info block'), qr/^d0 /m, 'its drive goes with it') or diag(hmp($m, 'info block'));

# ---- what is refused ----

for (
	['device_add nix', qr/^Error: there is no device 'nix'/],
	['device_add virtio-rng-pc', qr/did you mean 'virtio-rng-pci'/],
	['device_add isa-debugcon', qr/^Error: Bus 'isa\.0' does not support hotplugging/],
	['device_add ide-cd', qr/^Error: Bus 'ide\.0' does not support hotplugging/],
	['device_add VGA', qr/^Error: Device 'VGA' does not support hotplugging/],
	['device_add i440FX', qr/there is no device 'i440FX'/],
	['device_add virtio-rng-pci,bus=pci.7', qr/there is no bus 'pci\.7'/],
	['device_add virtio-rng-pci,addr=1', qr/01\.0 is taken by PIIX3/],
	['device_add virtio-rng-pci,id=second', qr/id 'second' is taken/],
	['device_add virtio-blk-pci,drive=nix', qr/there is no drive 'nix'/],
	['device_add virtio-blk-pci,drive=cd0', qr/'cd0' is in use by second/],
	['device_add virtserialport', qr/it needs a bus/],
	['device_del nix', qr/^Error: Device 'nix' not found/],
	['device_del second', qr/does not support hotplugging/],
	['drive_add 0 if=ide,file=x', qr/if=virtio, or if=none/],
	['drive_add 0 if=none,file=/nonexistent', qr/cannot open/],
	['drive_add 0 if=none,fil=x', qr/did you mean 'file'/],
	["drive_add 0 if=none,id=cd0,file=$disk,format=raw", qr/id 'cd0' is taken/],
	['drive_del nix', qr/^Error: Device 'nix' not found/],
	['netdev_add nix,id=n', qr/there is no type 'nix'/],
	['netdev_del nix', qr/^Error: Device 'nix' not found/],
) {
	my ($line, $want) = @$_;
	like(hmp($m, $line), $want, "refused: $line");
}
is(qmp($q, 'device_add', driver => 'virtio-rng-pci', nix => 1)->{error}{class}, 'GenericError', 'an unknown property');
is(qmp($q, 'device_add', driver => 'virtio-rng-pci', addr => [ [] ])->{error}{desc}, "Invalid parameter type for 'addr'",
	'a property of no type');
is(qmp($q, 'device_del', id => 'nix')->{error}{class}, 'DeviceNotFound', 'an unknown id');
like(qmp($q, 'blockdev-add', driver => 'raw', 'node-name' => 'n', file => 'other')->{error}{desc},
	qr/^Cannot find device='' nor node-name='other'$/, 'a reference to a node');
like(qmp($q, 'blockdev-add', driver => 'raw', 'node-name' => 'n', file => { driver => 'file', filename => $one },
	cache => { direct => JSON::PP::true, 'no-flush' => JSON::PP::true })->{error}{desc},
	qr/^cache.direct and cache.no-flush together/, 'two modes of the cache');
like(hmp($m, "device_\t"), qr/device_add.*device_del/s, 'completion');

# ---- objects ----

is(hmp($m, 'object_add rng-random,id=o1,filename=/dev/urandom'), '', 'object_add');
is_deeply(qmp($q, 'object-add', 'qom-type' => 'secret', id => 'o2', data => 'x'), { return => {} }, 'object-add');
like(hmp($m, 'object_add secret,id=o2,data=y'), qr/id 'o2' is taken/, 'an id that is taken');
is(hmp($m, 'device_add virtio-rng-pci,rng=o1,id=r1'), '', 'a device that uses one');
is(qmp($q, 'object-del', id => 'o1')->{error}{desc}, "object 'o1' is in use, can not be deleted", 'which stays then');
is(hmp($m, 'device_del r1'), '', 'the device goes');
is(event($q, 'DEVICE_DELETED')->{data}{device}, 'r1', 'at once');
is(hmp($m, "object_del $_"), '', 'object_del') for qw(o1 o2);
is(hmp($m, 'object_del o2'), "Error: object 'o2' not found\n", 'once');

# ---- a guest that ejects ----

my @others = qw(virtio-balloon-pci virtio-keyboard-pci virtio-mouse-pci virtio-rng-pci virtio-tablet-pci);

sub plug {
	my @steps = (
		['blockdev-add', driver => 'file', 'node-name' => 'n', filename => $disk],
		['device_add', driver => 'virtio-blk-pci', drive => 'n', id => 'b'],
		['netdev_add', type => 'stream', id => 'net', server => JSON::PP::true, addr => { type => 'unix', path => "$dir/net" }],
		['device_add', driver => 'virtio-net-pci', netdev => 'net', id => 'e'],
		['netdev_add', type => 'stream', id => 'net2', server => JSON::PP::true, addr => { type => 'unix', path => "$dir/net2" }],
		['device_add', driver => 'e1000', netdev => 'net2', id => 'e2'],
		['device_add', driver => 'virtio-serial-pci', id => 's'],
		['chardev-add', id => 'c', backend => { type => 'ringbuf', data => {} }],
		['device_add', driver => 'virtserialport', bus => 's.0', chardev => 'c', id => 'p'],
		map { ['device_add', driver => $_, id => $_] } @others,
	);

	for (@steps) {
		my $answer = qmp($q, @$_);
		return diag(explain($_, $answer)) && 0 if $answer->{error};
	}
	return 1;
}

sub unplug {
	my @ids = (qw(b e e2 s), @others);

	for my $id (@ids) {
		return 0 if qmp($q, 'device_del', id => $id)->{error};
	}
	my %gone = map { event($q, 'DEVICE_DELETED')->{data}{device} => 1 } 0 .. @ids;
	for (['chardev-remove', id => 'c'], ['netdev_del', id => 'net'], ['netdev_del', id => 'net2'], ['blockdev-del', 'node-name' => 'n']) {
		return 0 if qmp($q, @$_)->{error};
	}
	return join(' ', sort keys %gone) eq join(' ', sort(@ids, 'p'));
}

qmp($q, 'cont');
my $mtree = hmp($m, 'info mtree');
ok(plug(), 'a disk, a network, a bus with a port, and random numbers are plugged') or diag(hmp($m, 'info qtree'));
like(hmp($m, 'info qtree'), qr/dev: virtserialport, id "p"/, 'they are in the tree');
like(hmp($m, 'info network'), qr/ net: index=0,type=stream/, 'and the network');
ok(unplug(), 'and go, the port with its bus, when the guest lets them');
is(hmp($m, 'info mtree'), $mtree, 'the memory map is what it was');

is(hmp($m, 'device_add virtio-rng-pci,addr=10.1'), '', 'a function whose slot has no function 0 yet');
like(hmp($m, 'device_add virtio-rng-pci,addr=10'), qr/function 0 .* needs multifunction=on/, 'function 0 must say that there are more');
is(hmp($m, 'device_add virtio-rng-pci,addr=10,multifunction=on,id=f0'), '', 'when it comes the guest sees both');
like(hmp($m, 'device_add virtio-rng-pci,addr=10.2'), qr/already occupied by virtio-rng-pci, new func virtio-rng-pci cannot/, 'but none later');
is(hmp($m, 'device_del f0'), '', 'a slot is emptied');
is_deeply([map { event($q, 'DEVICE_DELETED')->{data}{path} } 1, 2], ['/machine/peripheral/f0', 'pci/00:10.1/virtio-rng-pci'],
	'as a whole');
is(hmp($m, 'netdev_add user,id=u,hostfwd=tcp:127.0.0.1:0-:22'), '', 'a user network, whose helper starts now');
like(hmp($m, 'info network'), qr/^u: index=0,type=user/m, 'is there');
is(hmp($m, 'netdev_del u'), '', 'and goes');
like(hmp($m, 'netdev_add bridge,id=b,br=br0'), qr/^Error: once the guest runs \S+ is not started; give it when vmm starts/, 'a bridge is refused with the reason');
mkdir("$dir/boot");
is(hmp($m, "netdev_add user,id=u,net=10.1.0.0/24,host=10.1.0.9,hostname=inner,restrict=on,tftp=$dir/boot,bootfile=x,"
	. "guestfwd=tcp:10.1.0.100:80-unix:$dir/none,hostfwd=tcp:127.0.0.1:0-:22"), '', 'one with all its keys');
like(hmp($m, 'info network'), qr/^u: index=0,type=user,net=10\.1\.0\.0,restrict=on/m, 'has them');
is(hmp($m, 'netdev_del u'), '', 'and goes');
is_deeply(qmp($q, 'netdev_add', type => 'user', id => 'u', hostfwd => [{ str => 'tcp:127.0.0.1:0-:22' }], ipv6 => JSON::PP::false),
	{ return => {} }, 'the same in QMP');
qmp($q, 'netdev_del', id => 'u');
for (
	['net=10.1.0.0/33', qr/the prefix must be 8 to 28/],
	["tftp=$dir/none", qr/tftp=\S+none: No such file/],
	['bootfil=x', qr/did you mean 'bootfile'/],
	['hostname=' . 'x' x 300, qr/at most 255 bytes/],
	['guestfwd=tcp:10.0.2.9:80-cmd:id', qr/let socat serve a Unix socket/],
) {
	my ($keys, $says) = @$_;

	like(hmp($m, "netdev_add user,id=u,$keys"), qr/^Error: .*$says/, 'refused: ' . substr($keys, 0, 40));
	unlike(hmp($m, 'info network'), qr/^u:/m, 'and not there');
}
like(hmp($m, 'netdev_add stream,id=t,server=on,addr.type=unix,addr.path=' . "$dir/t"), qr/^$/, 'netdev_add');
is(hmp($m, 'device_add virtio-net-pci,netdev=t,id=e2'), '', 'its card');
is(hmp($m, 'netdev_del t'), '', 'netdev_del of a network in use');
unlike(hmp($m, 'info network'), qr/^t:/m, 'closes it');
is(hmp($m, 'device_del e2'), '', 'the card can go');
is(event($q, 'DEVICE_DELETED')->{data}{device}, 'e2', 'and goes');

is(hmp($m, 'drive_add 0:6 if=virtio,id=x,format=raw,file=' . $disk), "OK pci/00:06.0/virtio-blk-pci\n", 'drive_add if=virtio');
like(hmp($m, "drive_add 0 if=virtio,id=y,format=raw,readonly=on,file=$one"), qr/^OK pci\/00:0\w\.0\/virtio-blk-pci\n/,
	'in any slot');
is(hmp($m, 'drive_del x'), '', 'drive_del of a disk in use');
unlike(hmp($m, 'info block'), qr/^x /m, 'closes it');
like(hmp($m, 'info qtree'), qr/dev: virtio-blk-pci, id "x"/, 'the device is still there');
is(hmp($m, "drive_add 0 if=none,id=x,format=raw,file=$disk"), "OK\n", 'name and file are free');
is(hmp($m, 'drive_del x'), '', 'drive_del of one that nobody has');
is(hmp($m, 'device_del x'), '', 'and then the device');
is(event($q, 'DEVICE_DELETED')->{data}{device}, 'x', 'goes as well');

my ($bad, $rounds, $fds) = (0, 0);
my ($level, $memory) = levels_off($pid, sub {
	for (1 .. 15) {
		$bad++ unless $bad || (plug() && unplug());
		$rounds++;
	}
	$fds //= fds($pid);
});
is($bad, 0, "$rounds rounds");
is(fds($pid), $fds, 'descriptors are what they were');
ok($level, 'and memory') or diag("kB: $memory");
is(hmp($m, 'info mtree'), $mtree, 'and the memory map');

# Asked while it does not look, the device goes with the reset.
qmp($q, 'stop');
qmp($q, 'device_add', driver => 'virtio-rng-pci', id => 'r');
is_deeply(qmp($q, 'device_del', id => 'r'), { return => {} }, 'a guest that is stopped is asked');
is(qmp($q, 'device_del', id => 'r')->{error}{desc}, 'Device r is already in the process of unplug', 'once');
qmp($q, 'system_reset');
is(event($q, 'DEVICE_DELETED')->{data}{device}, 'r', 'a reset takes the device away');
qmp($q, 'quit');
is((ended($pid))[0], 0, 'quit');

# ---- a helper that hangs ----

# Who asked waits for it; other monitors, and the machine, do not.
mkdir("$dir/slow");
open(my $script, '>', "$dir/slow/vmm-user-net") or die;
print $script "#!/bin/sh\nexec sleep 1000\n";
close($script);
chmod(0755, "$dir/slow/vmm-user-net");
{
	local $ENV{KVMKIT_HELPER_DIR} = "$dir/slow";
	$pid = start('-serial', 'null', '-kernel', $kernel, '-monitor', "unix:$dir/m,server,nowait", '-qmp', "unix:$dir/q,server,nowait");
}
$m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
$q = qmp_client("$dir/q");
put($m, "netdev_add user,id=slow\ninfo status\n");
my $seen;
for (1 .. 6000) {
	$seen = qmp($q, 'human-monitor-command', 'command-line' => 'info network')->{return};
	last if $seen =~ /slow/;
	select(undef, undef, undef, 0.01);
}
like($seen, qr/^slow: index=0,type=user/m, 'while a helper starts other monitors are served');
is_deeply(qmp($q, 'netdev_del', id => 'slow'), { return => {} }, 'and may change their mind');
my $told = expect($m, qr/VM status: running\r\n\(qemu\) $/);
like($told, qr/netdev_add user,id=slow\r\nError: it was removed before it was there\r\n\(qemu\) info status/, 'which who waits hears, and goes on with the next command');
# The client goes while its command waits.
put($m, "netdev_add user,id=slow\n");
for (1 .. 6000) {
	last if qmp($q, 'human-monitor-command', 'command-line' => 'info network')->{return} =~ /slow/;
	select(undef, undef, undef, 0.01);
}
close($m->{socket});
$m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
like(hmp($m, 'info status'), qr/running/, 'a client that leaves amid its command, and the next one');
put($m, "info usernet\n");
qmp($q, 'netdev_del', id => 'slow');
like(expect($m, qr/\(qemu\) $/), qr/info usernet\r\n/, 'info usernet ends when the network goes');
qmp($q, 'quit');
is((ended($pid))[0], 0, 'quit');

# ---- what is there without being asked for ----

SKIP: {
	skip('no SeaBIOS here', 3) unless -e '/usr/share/seabios/bios-256k.bin' || -e '/usr/share/seabios/bios.bin';
	for (
		[['-hda', $disk], qr/^ide1-cd0: \[not inserted\]/m, 'a drive for CDs'],
		[['-nodefaults', '-hda', $disk], qr/^(?!.*ide1-cd0)/s, 'none with -nodefaults'],
		[['-hda', $disk, '-device', 'ide-cd,id=mine'], qr/^(?!.*ide1-cd0).*^mine: \[not/ms, 'nor with a drive of one\'s own'],
	) {
		my ($args, $want, $name) = @$_;
		my $p = start('-S', '-serial', 'null', '-qmp', "unix:$dir/d,server,nowait", @$args);
		my $c = qmp_client("$dir/d");
		like(qmp($c, 'human-monitor-command', 'command-line' => 'info block')->{return}, $want, "firmware: $name");
		qmp($c, 'quit');
		ended($p);
	}
}

$pid = start('-S', '-serial', 'null', '-kernel', $kernel, '-qmp', "unix:$dir/q,server,nowait",
	'-global', 'PIIX4_PM.acpi-root-pci-hotplug=off');
$q = qmp_client("$dir/q");
like(qmp($q, 'device_add', driver => 'virtio-rng-pci')->{error}{desc}, qr/^Bus 'pci\.0' does not support hotplugging/,
	'acpi-root-pci-hotplug=off: a fixed bus');
unlike(qmp($q, 'human-monitor-command', 'command-line' => 'info mtree')->{return}, qr/acpi-pci-hotplug/, 'without registers');
qmp($q, 'quit');
ended($pid);

done_testing();
