#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The monitors of a machine that really runs, from outside: QMP and the human monitor on
# sockets, on any /dev/kvm. Answers are held to the schema that the machine itself gives.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use IPC::Open3;
use Test::More;

# ---- values against the schema ----

my %types;

# What is wrong with value as a `type`; '' if nothing.
sub mismatch {
	my ($value, $type, $where) = @_;
	my $info = $types{$type} or return "$where: type $type is not described";
	my $meta = $info->{'meta-type'};

	if ($meta eq 'array') {
		return "$where: no array" if ref($value) ne 'ARRAY';
		my @bad = grep { $_ } map { mismatch($value->[$_], $info->{'element-type'}, "$where\[$_]") } 0 .. $#$value;
		return $bad[0] // '';
	}
	if ($meta eq 'object') {
		return "$where: no object" if ref($value) ne 'HASH';
		my %left = %$value;
		for my $m (@{ $info->{members} }) {
			if (!exists($left{ $m->{name} })) {
				return "$where: '$m->{name}' is missing" unless exists($m->{default});
				next;
			}
			my $bad = mismatch(delete($left{ $m->{name} }), $m->{type}, "$where.$m->{name}");
			return $bad if $bad;
		}
		return %left ? "$where: '" . (keys %left)[0] . "' is not described" : '';
	}
	if ($meta eq 'enum') {
		return (grep { $_ eq $value } @{ $info->{values} }) ? '' : "$where: $value is no $type";
	}
	my $is = ref($value) eq 'JSON::PP::Boolean' ? 'boolean' : ref($value) ? 'value'
		: $json->encode($value) =~ /^"/ ? 'string' : $json->encode($value) =~ /^-?\d+$/ ? 'int' : 'number';
	my $want = $info->{'json-type'};
	return $want eq 'value' || $want eq $is ? '' : "$where: a $is, not a $want";
}

# ---- a machine with two programs and a person attached ----

open(my $image, '>', "$dir/disk") or die;
truncate($image, 1 << 20);
close($image);
# A flat multiboot kernel that powers off: out 0x604, SLP_EN.
put_file("$dir/off", multiboot("\x66\xba\x04\x06\x66\xb8\x00\x20\x66\xef\xf4\xeb\xfd"));

my $pid = start('-S', '-no-shutdown', '-name', 'guest one', '-serial', 'null', '-balloon', 'virtio', '-kernel', "$dir/off",
	'-drive', "file=$dir/disk,if=virtio,format=raw,id=d0",
	'-qmp', "unix:$dir/a,server,nowait",
	'-chardev', "socket,id=b,path=$dir/b,server=on,wait=off", '-mon', 'chardev=b,mode=control,pretty=on',
	'-chardev', "socket,id=c,path=$dir/c,server=on,wait=off", '-mon', 'chardev=c,mode=control',
	'-monitor', "unix:$dir/m,server,nowait");
my $a = connect_to("$dir/a");
my $greeting = receive($a);
ok($greeting->{QMP}{version}{qemu}{major} && ref($greeting->{QMP}{capabilities}) eq 'ARRAY', 'QMP greets');
is((stat("$dir/a"))[2] & 07777, 0600, 'its socket is the owner\'s alone');

put($a, '{"execute": "query-status", "id": [1, {"x": null}]}');
my $answer = receive($a);
is($answer->{error}{class}, 'CommandNotFound', 'nothing before the negotiation');
is_deeply($answer->{id}, [1, { x => undef }], 'an id comes back as it was');
is_deeply(qmp($a, 'qmp_capabilities', enable => ['oob'])->{error}{class}, 'GenericError', 'an unknown capability');
is_deeply(qmp($a, 'qmp_capabilities'), { return => {} }, 'the negotiation');
is(qmp($a, 'qmp_capabilities')->{error}{class}, 'CommandNotFound', 'which happens once');

$types{ $_->{'meta-type'} . ':' . $_->{name} } = $_ for @{ qmp($a, 'query-qmp-schema')->{return} };
my %commands = map { $_->{name} => $_ } grep { $_->{'meta-type'} eq 'command' } values %types;
my %events = map { $_->{name} => $_ } grep { $_->{'meta-type'} eq 'event' } values %types;
%types = map { $_->{name} => $_ } grep { $_->{'meta-type'} !~ /^(command|event)$/ } values %types;

my @names = map { $_->{name} } @{ qmp($a, 'query-commands')->{return} };
is_deeply([sort @names], [sort keys %commands], 'query-commands and the schema agree');
for my $name (sort grep { /^query-/ && !grep { !exists($_->{default}) } @{ $types{ $commands{$_}{'arg-type'} }{members} } } @names) {
	my $got = qmp($a, $name);
	is(mismatch($got->{return}, $commands{$name}{'ret-type'}, $name), '', "$name answers what the schema says");
}
for my $c (values %commands) {
	ok($types{ $c->{'arg-type'} } && $types{ $c->{'ret-type'} }, "the types of $c->{name} are described");
}

is(qmp($a, 'nix')->{error}{class}, 'CommandNotFound', 'an unknown command');
is(qmp($a, 'stop', x => 1)->{error}{desc}, "Parameter 'x' is unexpected", 'an unknown argument');
is(qmp($a, 'block_resize', device => 'd0')->{error}{desc}, "Parameter 'size' is missing", 'a missing argument');
is(qmp($a, 'block_resize', device => 'd0', size => 'x')->{error}{desc},
	"Invalid parameter type for 'size', expected: integer", 'an argument of another type');
is(qmp($a, 'block_resize', device => 'nix', size => 512)->{error}{class}, 'DeviceNotFound', 'an unknown device');
for my $bad ('[1]', '{]', '{"execute": 1}', '{"exec": "stop"}', '{}', '{"execute":"stop","arguments":1}',
		'[' x 100000, '{"a":' x 200) {
	put($a, "$bad\n");
	my $first = receive($a);
	is($first->{error}{class}, 'GenericError', 'refused: ' . substr($bad, 0, 40));
}

my $b = connect_to("$dir/b");
put($b, "{'execute':'qmp_capabilities'}\n");
like(expect($b, qr/"return": \{\}\r\n\}\r\n/), qr/^    "/m, 'pretty answers take several lines') or diag($b->{text});
$b->{text} = '';

# ---- run states ----

is(qmp($a, 'query-status')->{return}{status}, 'prelaunch', '-S: not started yet');
is_deeply(qmp($a, 'cont'), { return => {} }, 'cont');
ok(event($a, 'RESUME'), 'RESUME arrives');
ok(defined(expect($b, qr/"RESUME"/)), 'at the other client as well');
my $shutdown = event($a, 'SHUTDOWN');
is_deeply($shutdown->{data}, { guest => JSON::PP::true, reason => 'guest-shutdown' }, 'the guest powers off');
is(mismatch($shutdown->{data}, $events{SHUTDOWN}{'arg-type'}, 'SHUTDOWN'), '', 'as the schema says');
ok(event($a, 'STOP'), 'and stops, as -no-shutdown wants');
is(qmp($a, 'query-status')->{return}{status}, 'shutdown', 'the status tells');
like(qmp($a, 'cont')->{error}{desc}, qr/^Resetting the Virtual Machine is required/, 'cont needs a reset');
is_deeply(qmp($a, 'system_reset'), { return => {} }, 'system_reset');
is(event($a, 'RESET')->{data}{reason}, 'host-qmp-system-reset', 'RESET tells who wanted it');
is(qmp($a, 'query-status')->{return}{status}, 'prelaunch', 'ready to start again');
is_deeply(qmp($a, 'cont'), { return => {} }, 'cont');
ok(event($a, 'SHUTDOWN'), 'and the guest runs once more');

# ---- people ----

my $m = connect_to("$dir/m");
like(expect($m, qr/\(qemu\) $/), qr/^kvmkit vmm \S+ monitor - type 'help'/, 'the human monitor greets');
is(hmp($m, 'info status'), "VM status: paused (shutdown)\n", 'info status');
is(hmp($m, 'info name'), "guest one\n", 'info name');
is(hmp($m, 'info kvm'), "kvm support: enabled\n", 'info kvm');
like(hmp($m, 'info version'), qr/kvmkit vmm/, 'info version');
like(hmp($m, 'info cpus'), qr/^\* CPU #0: thread_id=[1-9]\d*\n$/, 'info cpus');
like(hmp($m, 'info block'), qr/^d0 \(#block0\): \Q$dir\E\/disk \(raw\)\n    Attached to:      \/machine\/peripheral-anon\/device\[\d\]\/virtio-backend\n    Cache mode:       writeback\n$/, 'info block');
is(hmp($m, 'info blockstats'), "d0: rd_bytes=0 wr_bytes=0 rd_operations=0 wr_operations=0 flush_operations=0 wr_total_time_ns=0 rd_total_time_ns=0"
	. " flush_total_time_ns=0 rd_merged=0 wr_merged=0 idle_time_ns=0\n", 'info blockstats');
is_deeply([map { $_->{'node-name'} } @{ qmp($a, 'query-named-block-nodes')->{return} }], ['#block0'], 'query-named-block-nodes');
is_deeply(qmp($a, 'block_resize', 'node-name' => '#block0', size => 1 << 20), { return => {} }, 'an image by that name');
like(hmp($m, 'info block -v d0'), qr/^d0 \(#block0\): .*\n\nImages:\nimage: \Q$dir\E\/disk\nfile format: raw\nvirtual size: 1 MiB \(1048576 bytes\)\ndisk size: 0 B\n\z/s,
	'info block -v');
is(hmp($m, 'info block -n'), "#block0: $dir/disk (raw)\n    Cache mode:       writeback\n", 'info block -n');
is(hmp($m, 'info block nix'), "Error: Device 'nix' not found\n", 'info block of none');
like(hmp($m, 'info pci'), qr/device   0, function 0:\n    Host bridge: PCI device 8086:1237\n/, 'info pci');
like(hmp($m, 'info pci'), qr/SCSI controller: PCI device 1af4:1001\n/, 'the disk is on the bus');
like(hmp($m, 'info qtree'), qr/\Abus: main-system-bus\n  type System\n(?:.*\n)*    bus: pci\.0\n      type PCI\n(?:.*\n)*        bus: isa\.0\n/, 'info qtree: buses');
like(hmp($m, 'info qtree'), qr/^      dev: virtio-blk-pci, id ""\n(?:        .*\n)*        drive = "d0"\n        num-queues = 1 \(0x1\)\n(?:        .*\n)*        class SCSI controller, addr 00:\d\d\.0, pci id 1af4:1001 \(sub 1af4:0002\)\n        bar 0: i\/o at 0x/m,
	'devices with their properties');
like(hmp($m, 'info mtree'), qr/^    0000000000000000-000000000009ffff \(prio 0, ram\): pc\.ram/m, 'info mtree');
like(hmp($m, 'info chardev'), qr/^b: filename=unix:/m, 'info chardev');
like(hmp($m, 'info registers'), qr/^EIP=[0-9a-f]{8} EFL=/m, 'info registers');
is(hmp($m, 'print /d 0x10 + 1') =~ /Error|too much/ ? 1 : 0, 1, 'too many words are refused');
is(hmp($m, 'print /d 0x10+1'), "17\n", 'print');
is(hmp($m, 'xp /4xb 0xffff0000000'), "00000ffff0000000: Cannot access memory\n", 'xp where nothing is');
like(hmp($m, 'xp /2xw 0x100000'), qr/^0000000000100000: 0x[0-9a-f]{8} 0x[0-9a-f]{8}\n$/, 'xp');
like(hmp($m, 'nix'), qr/^unknown command: 'nix'/, 'an unknown command');
like(hmp($m, 'info blok'), qr/did you mean 'info block'\?/, 'and its nearest');
like(hmp($m, 'help'), qr/^stop\|s -- /m, 'help');
like(hmp($m, 'help info'), qr/^info block \[-n\] \[-v\] \[device\] -- /m, 'help info');
like(hmp($m, 'info memdev'), qr/^memory backend: pc\.ram\n  size:  67108864\n  merge: true\n/, 'info memdev');
like(hmp($m, 'info ramblock'), qr/^ +pc\.ram +4 KiB  0x0000000000[01][0-9a-f]0000 /m, 'info ramblock');
is(hmp($m, 'info memory_size_summary'), "base memory: 67108864\nplugged memory: 0\n", 'info memory_size_summary');
is(hmp($m, 'sum 0x1000 0'), "00000\n", 'sum');
like(hmp($m, 'sum 0xffff0000000 1'), qr/^Error: Invalid addr/, 'sum where nothing is');
is(hmp($m, "pmemsave 0x100000 32 $dir/p"), '', 'pmemsave');
is(hmp($m, "memsave 0x100000 32 $dir/v"), '', 'memsave');
is(do { local (@ARGV, $/) = "$dir/p"; <> }, do { local (@ARGV, $/) = "$dir/v"; <> }, 'without paging they save the same');
like(hmp($m, "memsave 0x100000 32 $dir/v 7"), qr/^Error: Parameter 'cpu-index' expects/, 'memsave on a CPU that is not there');
is(hmp($m, 'o /b 0x70 0x0d'), '', 'o');
is(hmp($m, 'i /b 0x71'), "portb[0x0071] = 0x80\n", 'i: register D of the clock');
like(hmp($m, 'i 0x10000'), qr/^Error: there is no port/, 'no port');
is(qmp($a, 'chardev-send-break', id => 'nix')->{error}{desc}, "Chardev 'nix' not found", 'an unknown one');
like(hmp($m, 'boot_set nc'), qr/^Error: the guest starts in its kernel/, 'boot_set without a BIOS');
is(hmp($m, 'info registers 7'), "Error: CPU#7 not available\n", 'info registers of another CPU');
is(hmp($m, 'trace-event boot on'), '', 'trace-event');
is(hmp($m, 'info trace-events b*'), "boot : state 1\n", 'info trace-events');
is(hmp($m, 'log none') . hmp($m, 'info trace-events b*'), "boot : state 0\n", 'log none');
like(hmp($m, 'trace-event nix off'), qr/^Error: unknown log class 'nix'/, 'an unknown one');
like(hmp($m, 'info history'), qr/^0: 'info status'\n/, 'info history');
is(hmp($m, "info $_->[0]"), $_->[1], "info $_->[0]")
	for ['snapshots', "no block device can store vmstate for snapshot\n"], ['migrate', ''], ['iothreads', ''], ['memory-devices', ''], ['numa', "0 nodes\n"];
like(hmp($m, 'system_wakeup'), qr/guest is not in suspended state/, 'system_wakeup');
like(hmp($m, 'qom-list /machine'), qr/^type \(string\)\nperipheral \(child<container>\)\n/, 'qom-list');
my ($disk) = grep { $_->{type} eq 'child<virtio-blk-pci>' } @{ qmp($a, 'qom-list', path => '/machine/peripheral-anon')->{return} };
my $path = "/machine/peripheral-anon/$disk->{name}";
is((grep { $_->{name} eq 'drive' } @{ qmp($a, 'qom-list', path => $path)->{return} })[0]{type}, 'str', 'properties of a device');
is(qmp($a, 'qom-get', path => $path, property => 'drive')->{return}, 'd0', 'qom-get: a text');
is(qmp($a, 'qom-get', path => $path, property => 'num-queues')->{return}, 1, 'a number');
is(qmp($a, 'qom-get', path => $path, property => 'type')->{return}, 'virtio-blk-pci', 'its type');
like(qmp($a, 'qom-get', path => $path, property => 'x')->{error}{desc}, qr/'virtio-blk-pci\.x' not found/, 'no such property');
is(qmp($a, 'qom-list', path => $_)->{error}{class}, 'DeviceNotFound', "no path $_")
	for '/machine/nix', '/machine/peripheral/nix', '/machine/peripheral-anon/device[99]', '/machinery', 'x', '';
is((grep { $_->{name} eq 'iobase' } @{ qmp($a, 'device-list-properties', typename => 'isa-debugcon')->{return} })[0]{type}, 'uint32',
	'device-list-properties');
is(qmp($a, 'device-list-properties', typename => 'nix')->{error}{class}, 'DeviceNotFound', 'of no device');
is(hmp($m, 'block_resize d0 2M'), '', 'block_resize');
is(-s "$dir/disk", 2 << 20, 'the image has grown');
is(qmp($a, 'human-monitor-command', 'command-line' => 'info name')->{return}, "guest one\r\n", 'HMP through QMP');
is(hmp($m, "inf\tstatu\t"), "info status \nVM status: paused (shutdown)\n", 'Tab completes info, too');
is(hmp($m, "info statu\t"), "info status \nVM status: paused (shutdown)\n", 'Tab completes');

# ---- hostile and absent clients ----

my ($level, $memory) = levels_off($pid, sub { qmp($a, 'query-status') for 1 .. 2500 });
is(qmp($a, 'query-status')->{return}{status}, 'shutdown', 'thousands of commands');
ok($level, 'leave memory as it was') or diag("kB: $memory");

my ($most, $notice) = (0, 0);
($level, $memory) = levels_off($pid, sub {
	for (1 .. 6) {
		my $c = connect_to("$dir/c");
		put($c, '{"execute":"qmp_capabilities"}{"execute":"query-qmp-sch');
		close($c->{socket});
	}
	my $flood = connect_to("$dir/c");
	$flood->{socket}->blocking(0);
	put($flood, '{"execute":"qmp_capabilities"}');
	# Until it is not read any more although another one was served so often.
	for (my ($sent, $served) = (0, 0); $sent < 1 << 20 && $served < 20;) {
		my $n = syswrite($flood->{socket}, '{"execute":"query-qmp-schema"}' x 100) // 0;

		$most = $sent if ($sent += $n) > $most;
		$served = $n ? 0 : $served + 1;
		$notice++ if !$n && qmp($a, 'query-status')->{return}{status} ne 'shutdown';
	}
	close($flood->{socket});
});
cmp_ok($most, '<', 1 << 20, 'a client that never reads is not read for ever');
is($notice, 0, 'others do not notice');
is(qmp(qmp_client("$dir/c"), 'query-name')->{return}{name}, 'guest one', 'and the next client is served');
ok($level, 'memory is what it was') or diag("kB: $memory");

# ---- the end ----

put($a, '{"execute":"quit"}');
is(event($a, 'SHUTDOWN')->{data}{reason}, 'host-qmp-quit', 'quit tells its reason');
my ($status, $said) = ended($pid);
is($status, 0, 'and ends vmm with 0');
ok(!-e "$dir/a" && !-e "$dir/m", 'whose sockets are gone');

# ---- what follows, decided while it runs ----

open(my $bios, '>:raw', "$dir/bios") or die;
print $bios "\0" x 65536;
close($bios);
$pid = start('-S', '-serial', 'null', '-kernel', "$dir/off", '-qmp', "unix:$dir/a,server,nowait");
$a = qmp_client("$dir/a");
is(qmp($a, 'set-action', shutdown => 'pause', panic => 'fly')->{error}{desc}, "Parameter 'panic' does not accept value 'fly'", 'set-action: a word of none');
is_deeply(qmp($a, 'set-action', shutdown => 'pause', reboot => 'reset', panic => 'none', watchdog => 'pause'), { return => {} }, 'set-action');
qmp($a, 'cont');
ok(event($a, 'SHUTDOWN') && event($a, 'STOP'), 'the guest ends, and the machine stays');
is_deeply(qmp($a, 'set-action', shutdown => 'poweroff'), { return => {} }, 'set-action');
qmp($a, 'system_reset');
qmp($a, 'cont');
($status, $said) = ended($pid);
is($status, 0, 'the next time it goes') or diag($said);

$pid = start('-S', '-serial', 'null', '-bios', "$dir/bios", '-monitor', "unix:$dir/m,server,nowait");
$m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
my $order = sub { hmp($m, 'o /b 0x70 0x3d') . hmp($m, 'i /b 0x71') };
is($order->(), "portb[0x0071] = 0x12\n", 'the boot order is disk, floppy, ...');
is(hmp($m, 'boot_set nd'), "boot device list now set to nd\n", 'boot_set');
is($order->(), "portb[0x0071] = 0x34\n", 'the BIOS will find it');
hmp($m, 'system_reset');
is($order->(), "portb[0x0071] = 0x34\n", 'after a reset, too');
is(hmp($m, 'boot_set nn'), "Error: 'n' is given twice\n", 'boot_set: twice');
is(hmp($m, 'boot_set ndca'), "Error: 'ndca' has more than 3 letters\n", 'boot_set: too many');
put($m, "quit\n");
ended($pid);

# ---- on standard input and output, and what is refused ----

my ($text) = do {
	my $p = open3(my $in, my $out, undef, @tied, $vmm, '-m', '64', '-display', 'none', '-S', '-monitor', 'stdio');
	print $in "info status\nquit\n";
	close($in);
	local $/;
	my $t = <$out>;
	waitpid($p, 0);
	is($? >> 8, 0, '-monitor stdio: quit ends with 0');
	$t;
};
like($text, qr/\(qemu\) info status\r\nVM status: paused \(prelaunch\)\r\n\(qemu\) quit\r\n\z/,
	'it is a monitor, and no prompt follows the end');

my @refused = (
	['-mon', 'chardev=nix', qr/^vmm: -mon: there is no chardev 'nix'; define it/, 2],
	['-mon', 'mode=control', qr/^vmm: -mon: chardev= is missing/, 2],
	['-qmp', 'nix', qr/^vmm: -qmp nix: 'nix' is no character device/, 2],
	['-monitor', 'unix:/nonexistent/x,server,nowait', qr/cannot bind/, 1],
);
for my $row (@refused) {
	my ($option, $value, $pattern, $code) = @$row;
	my ($status, $said) = ended(start('-serial', 'null', $option, $value));
	ok($said =~ $pattern && $said =~ /^[^\n]*\n\z/ && $status == $code, "refused: $option $value") or diag("$status: $said");
}

done_testing();
