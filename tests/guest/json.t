#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Machines as programs start and watch them: options in JSON, and events of peers of a
# network and of VNC clients.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use IO::Socket::UNIX;
use Test::More;

put_file("$dir/disk", 'disk' . "\0" x 65532);
put_file("$dir/cd", 'cd' . "\0" x 65534);
my $pid = start('-S', '-nodefaults', '-kernel', put_file("$dir/stop", multiboot("\xfa\xf4\xeb\xfc")),
	'-object', '{"qom-type":"memory-backend-ram","id":"ram","size":67108864,"prealloc":false}', '-M', 'pc,memory-backend=ram',
	'-object', "{'qom-type': 'rng-random', 'id': 'r0', 'filename': '/dev/urandom'}",
	'-netdev', qq({"type":"stream","id":"n0","server":true,"addr":{"type":"unix","path":"$dir/net,1"}}),
	'-device', '{"driver":"virtio-net-pci","netdev":"n0","id":"net0","mac":"52:54:00:11:22:33","bus":"pci.0","addr":"0x9"}',
	'-device', ' {"driver": "virtio-rng-pci", "rng": "r0", "id": "rng0"}' =~ s/^ //r,
	'-blockdev', qq({"driver":"file","filename":"$dir/disk","node-name":"libvirt-1-storage","auto-read-only":true,"discard":"unmap"}),
	'-blockdev', '{"node-name":"libvirt-1-format","read-only":false,"discard":"unmap","driver":"raw","file":"libvirt-1-storage"}',
	'-device', '{"driver":"virtio-blk-pci","bus":"pci.0","addr":"0x4","drive":"libvirt-1-format","id":"virtio-disk0","bootindex":1}',
	'-blockdev', "driver=file,node-name=cd,filename=$dir/cd,read-only=on", '-device', 'ide-cd,bus=ide.0,unit=0,drive=cd,id=cd0',
	'-vnc', "unix:$dir/vnc", '-qmp', "unix:$dir/q,server,nowait", '-monitor', "unix:$dir/m,server,nowait");
my $q = qmp_client("$dir/q");
my $m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
like(hmp($m, 'info memdev'), qr/^memory backend: ram\n  size:  67108864\n/, '-object: a number, a truth');
like(hmp($m, 'info network'), qr/^net0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:11:22:33\n \\ n0: .*net,1,link=down$/m, '-netdev: an object inside, and a comma');
like(hmp($m, 'info pci'), qr/device   9, function 0:\n    Ethernet controller: .*(\n      .*)*\n      id "net0"\n/, '-device: its place');
like(hmp($m, 'info qtree'), qr/dev: virtio-rng-pci, id "rng0"\n/, 'another one');

# ---- images as libvirt describes them ----

is(hmp($m, 'info block'), "libvirt-1-format: $dir/disk (raw)\n    Attached to:      /machine/peripheral/virtio-disk0/virtio-backend\n    Cache mode:       writeback\n\n"
	. "cd: $dir/cd (raw, read-only)\n    Attached to:      cd0\n    Removable device: not locked, tray closed\n    Cache mode:       writeback\n",
	'-blockdev: those that devices have') or diag(hmp($m, 'info block'));
is_deeply([map { [@$_{qw(device qdev)}, $_->{inserted}{'node-name'}] } @{ qmp($q, 'query-block')->{return} }],
	[['', '/machine/peripheral/virtio-disk0/virtio-backend', 'libvirt-1-format'], ['', 'cd0', 'cd']], 'query-block');
is_deeply([sort map { $_->{'node-name'} } @{ qmp($q, 'query-named-block-nodes')->{return} }], ['cd', 'libvirt-1-format', 'libvirt-1-storage'],
	'query-named-block-nodes has the one below, too');
is_deeply([map { $_->{'node-name'} } @{ qmp($q, 'query-blockstats')->{return} }], ['libvirt-1-format', 'cd'], 'query-blockstats');
is(qmp($q, 'blockdev-del', 'node-name' => 'libvirt-1-storage')->{error}{desc}, 'Node libvirt-1-storage is in use by libvirt-1-format', 'which is in use');
is(hmp($m, 'drive_del libvirt-1-storage'), "Error: Node libvirt-1-storage is in use by libvirt-1-format\n", 'for drive_del as well');
is_deeply(qmp($q, 'block_resize', 'node-name' => 'libvirt-1-format', size => 131072), { return => {} }, 'block_resize');
is(-s "$dir/disk", 131072, 'goes down to the file');
is_deeply(qmp($q, 'device_del', id => 'virtio-disk0'), { return => {} }, 'device_del');
is(event($q, 'DEVICE_DELETED')->{data}{device}, 'virtio-disk0', 'at once');
is_deeply(qmp($q, 'blockdev-del', 'node-name' => $_), { return => {} }, "blockdev-del $_") for 'libvirt-1-format', 'libvirt-1-storage';
is_deeply(qmp($q, 'blockdev-add', driver => 'file', filename => "$dir/disk", 'node-name' => 's'), { return => {} }, 'blockdev-add of a file');
is(qmp($q, 'blockdev-add', driver => 'raw', file => 's', 'node-name' => 's')->{error}{desc}, "id 's' is taken by another drive; choose another", 'a name twice');
is_deeply(qmp($q, 'blockdev-add', driver => 'raw', file => 's', 'node-name' => 'f', 'read-only' => JSON::PP::true), { return => {} }, 'above it, read-only');
is(qmp($q, 'blockdev-add', driver => 'raw', file => 's', 'node-name' => 'g')->{error}{desc}, "drive 's' is in use by f; each drive takes one device", 'another one');
is(qmp($q, 'blockdev-add', driver => 'qed', file => 'f', 'node-name' => 'g')->{error}{desc},
	"driver 'qed' is not supported above another node; use raw or qcow2", 'another format');
is_deeply(qmp($q, 'device_add', driver => 'virtio-blk-pci', drive => 'f', id => 'd'), { return => {} }, 'a disk on it');
like(hmp($m, 'info block'), qr/^f: \S+ \(raw, read-only\)\n    Attached to:      \/machine\/peripheral\/d\/virtio-backend\n/m, 'is read-only');

# ---- peers of a network ----

my $peer = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$dir/net,1") or die;
is_deeply(event($q, 'NETDEV_STREAM_CONNECTED')->{data}, { 'netdev-id' => 'n0', addr => { type => 'unix', path => '' } }, 'a peer comes');
close($peer);
is_deeply(event($q, 'NETDEV_STREAM_DISCONNECTED')->{data}, { 'netdev-id' => 'n0' }, 'and goes');
my $server = IO::Socket::IP->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
is_deeply(qmp($q, 'netdev_add', type => 'stream', id => 'n1', addr => { type => 'inet', host => '127.0.0.1', port => '' . $server->sockport }),
	{ return => {} }, 'a client of one');
my $connected = event($q, 'NETDEV_STREAM_CONNECTED');
is_deeply($connected->{data}, { 'netdev-id' => 'n1', addr => { type => 'inet', host => '127.0.0.1', port => '' . $server->sockport } },
	'where it went');

# ---- VNC clients ----

sub get {
	my ($s, $n) = @_;
	my $data = '';

	while (length($data) < $n) {
		sysread($s, $data, $n - length($data), length($data)) or return undef;
	}
	return $data;
}

my $viewer = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$dir/vnc") or die;
is(get($viewer, 12), "RFB 003.008\n", 'a VNC client');
syswrite($viewer, "RFB 003.008\n");
get($viewer, ord(get($viewer, 1)));
syswrite($viewer, "\1");
is(get($viewer, 4), "\0" x 4, 'is let in');
syswrite($viewer, "\1");
get($viewer, 20);
my $came = event($q, 'VNC_CONNECTED');
is_deeply([map { $came->{data}{server}{$_} } qw(host service family auth)], ['', "$dir/vnc", 'unix', 'none'], 'VNC_CONNECTED tells the server')
	or diag(explain($came));
is_deeply($came->{data}{client}, { host => '', service => '', family => 'unix', websocket => JSON::PP::false }, 'and the client');
is_deeply(event($q, 'VNC_INITIALIZED')->{data}, $came->{data}, 'which is in at once');
is_deeply(qmp($q, 'query-vnc-servers'), { return => [{ id => 'default', auth => 'none', clients => [$came->{data}{client}],
	server => [$came->{data}{server}] }] }, 'query-vnc-servers');
close($viewer);
is_deeply(event($q, 'VNC_DISCONNECTED')->{data}{client}, $came->{data}{client}, 'which goes');
put($q, '{"execute":"quit"}');
my ($status, $said) = ended($pid);
is($status, 0, 'quit') or diag($said);

# ---- what is refused ----

for (['-device', '{"driver":"virtio-rng-pci"', qr/^vmm: -device: JSON parse error, the object does not end$/],
		['-device', '{"driver":"virtio-rng-pci"} x', qr/^vmm: -device: JSON parse error, ' x' is behind the object$/],
		['-device', '{"driver":virtio}', qr/^vmm: -device: JSON parse error, invalid syntax$/],
		['-device', '{"id":"a"}', qr/^vmm: -device: Parameter 'driver' is missing$/],
		['-device', '{"driver":"virtio-rng-pci","id":null}', qr/^vmm: -device: Invalid parameter type for 'id'$/],
		['-device', '{"driver":"virtio-rng-pci","a,b":1}', qr/^vmm: -device: Parameter 'a,b' is unexpected$/],
		['-device', '{"driver":"virtio-rng-pci","nix":1}', qr/^vmm: -device virtio-rng-pci: unknown option 'nix'/],
		['-blockdev', '{"driver":"raw","node-name":"n","file":"x"}', qr/^vmm: -blockdev raw,node-name=n,file=x: Cannot find device='' nor node-name='x'$/, 1],
		['-blockdev', '{"driver":"file","filename":"/x"}', qr/^vmm: -blockdev file,filename=\/x: 'node-name' must be specified for the root node$/],
		['-blockdev', 'driver=nbd,node-name=n', qr/^vmm: -blockdev driver=nbd,node-name=n: file.driver must be file or host_device$/],
		['-object', '{' x 100, qr/^vmm: -object: JSON nesting too deep$/],
		['-netdev', '{"type":"nix","id":"n"}', qr/^vmm: -netdev nix,id=n: there is no type 'nix'/]) {
	my ($option, $value, $pattern, $code) = @$_;
	my ($status, $said) = ended(start('-serial', 'null', $option, $value));

	ok($status == ($code // 2) && $said =~ $pattern, 'refused: ' . substr("$option $value", 0, 60)) or diag("$status: $said");
}

done_testing();
