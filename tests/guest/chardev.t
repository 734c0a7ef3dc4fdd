#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Character devices of a machine that runs: monitors on TCP, a serial port and a monitor that
# share one socket, devices that come, go and change, the debug console.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

# Writes 'S' to the first serial port and 'D' to port 0xe9, then echoes what the port gets.
put_file("$dir/echo", multiboot("\x66\xba\xf8\x03\xb0S\xee\xe6\xe9" # mov $0x3f8,%dx; mov 'S'; out; out 0xe9
	. "\x66\xba\xfd\x03\xec\xa8\x01\x74\xf7"    # 1: mov $0x3fd,%dx; in; test $1; jz 1b
	. "\x66\xba\xf8\x03\xec\xee\xeb\xef"));     # mov $0x3f8,%dx; in; out; jmp 1b

# ---- the course's command line, and QMP over TCP ----

my $pid = start('-kernel', "$dir/echo", qw(-no-shutdown -serial), "unix:$dir/s0,server,nowait", '-debugcon', "file:$dir/debug",
	qw(-chardev socket,id=tcpmon0,port=0,host=localhost,server,nowait,to=65535 -mon chardev=tcpmon0),
	qw(-chardev socket,id=q,host=127.0.0.1,port=0,server=on,wait=off -mon chardev=q,mode=control),
	'-qmp', "unix:$dir/q,server,nowait",
	'-chardev', "socket,id=both,path=$dir/both,server=on,wait=off,mux=on,logfile=$dir/log",
	qw(-device isa-serial,chardev=both -mon chardev=both),
	'-chardev', 'ringbuf,id=ring,size=4k', qw(-device isa-serial,chardev=ring -S));
my $q = qmp_client("$dir/q");
my %devices = map { $_->{label} => $_->{filename} } @{ qmp($q, 'query-chardev')->{return} };
my ($port) = $devices{tcpmon0} =~ /^disconnected:tcp:\S+:(\d+),server=on$/;
ok($port, 'a TCP server tells its port') or diag($devices{tcpmon0});
my ($qmp_port) = $devices{q} =~ /:(\d+),/;
like($devices{ring}, qr/^ringbuf/, 'query-chardev names back ends');

for my $round (1 .. 3) {
	my $m = connect_to("localhost:$port");

	like(expect($m, qr/\(qemu\) $/), qr/type 'help'/, "client $round: the human monitor on TCP");
	is(hmp($m, 'info status'), "VM status: paused (prelaunch)\n", "client $round: answers");
	close($m->{socket});
}
my $tcp = connect_to("127.0.0.1:$qmp_port");
ok(receive($tcp)->{QMP}, 'QMP on TCP');
is_deeply(qmp($tcp, 'qmp_capabilities'), { return => {} }, 'and its negotiation');
close($tcp->{socket});

# ---- a serial port and a monitor on one socket ----

my $both = connect_to("$dir/both");
my $first = connect_to("$dir/s0");
is_deeply(qmp($q, 'cont'), { return => {} }, 'cont');
put($both, "\x01c");
ok(defined(expect($both, qr/monitor - type 'help'.*\(qemu\) $/s)), 'Ctrl-A c: the monitor');
is(hmp($both, 'info status'), "VM status: running\n", 'it answers');
put($both, "\x01h");
ok(defined(expect($both, qr/Ctrl-A c    switch between the serial port and the monitor/)), 'Ctrl-A h lists the keys');
put($first, 'a');
ok(defined(expect($first, qr/a/)), 'the guest is in its loop');
is(slurp("$dir/debug"), 'S', '-debugcon is at port 0xe9');
ok(index(slurp("$dir/log"), 'VM status: running') > 0, 'logfile= has what was shown');

# ---- what a ringbuf holds ----

is_deeply(qmp($q, 'ringbuf-write', device => 'ring', data => 'aGkK', format => 'base64'), { return => {} }, 'ringbuf-write');
is(qmp($q, 'ringbuf-read', device => 'ring', size => 2)->{return}, 'hi', 'ringbuf-read');
is(qmp($q, 'ringbuf-read', device => 'ring', size => 100, format => 'base64')->{return}, 'Cg==', 'the rest, in base64');
my $m = connect_to("localhost:$port");
expect($m, qr/\(qemu\) $/);
is(hmp($m, 'ringbuf_write ring a\\b'), '', 'ringbuf_write');
is(hmp($m, 'ringbuf_read ring 10'), "a\\\\b\n", 'ringbuf_read');
like(qmp($q, 'ringbuf-read', device => 'both', size => 1)->{error}{desc}, qr/is not a ringbuf device/, 'others are none');
like(qmp($q, 'ringbuf-read', device => 'nix', size => 1)->{error}{desc}, qr/^Device 'nix' not found/, 'or not there');
like(qmp($q, 'ringbuf-read', device => 'ring', size => 0)->{error}{desc}, qr/greater than zero/, 'no size');
like(qmp($q, 'ringbuf-write', device => 'ring', data => 'a', format => 'base64')->{error}{desc}, qr/not base64/, 'no base64');
like(qmp($q, 'ringbuf-read', device => 'ring', size => 1, format => 'x')->{error}{desc}, qr/utf8 or base64/, 'no format');

# ---- coming, going, changing ----

is_deeply(qmp($q, 'chardev-add', id => 'f', backend => { type => 'file', data => { out => "$dir/f" } }),
	{ return => {} }, 'chardev-add file');
ok(-e "$dir/f", 'opens the file');
like(qmp($q, 'chardev-add', id => 'f', backend => { type => 'null', data => {} })->{error}{desc}, qr/is taken/, 'an id is unique');
is_deeply(qmp($q, 'chardev-remove', id => 'f'), { return => {} }, 'chardev-remove');
is(qmp($q, 'chardev-remove', id => 'f')->{error}{desc}, "Chardev 'f' not found", 'once');
is(qmp($q, 'chardev-remove', id => 'both')->{error}{desc}, "Chardev 'both' is busy", 'one in use stays');
my $pty = qmp($q, 'chardev-add', id => 'p', backend => { type => 'pty', data => {} })->{return}{pty};
ok($pty && -c $pty, 'chardev-add pty tells its name');
is_deeply(qmp($q, 'chardev-add', id => 't', backend => { type => 'socket', data => {
	addr => { type => 'inet', data => { host => '127.0.0.1', port => '0' } }, nodelay => JSON::PP::true } }),
	{ return => {} }, 'chardev-add socket, inet');
like((grep { $_->{label} eq 't' } @{ qmp($q, 'query-chardev')->{return} })[0]{filename},
	qr/^disconnected:tcp:127\.0\.0\.1:[1-9]\d*,server=on$/, 'which is a server, as QMP has it');
is(hmp($m, "chardev-add socket,id=u,path=$dir/u,server=on"), '', 'the human monitor\'s chardev-add waits for nobody');
ok(-S "$dir/u", 'and is there');
my @bad = (
	[{ type => 'nix', data => {} }, qr/unknown back end 'nix'/], [{ type => 'null', x => 1 }, qr/unknown option 'x'/],
	[{ data => {} }, qr/'backend.type' is missing/], [[], qr/expected: object/], [{ type => 'null', data => 1 }, qr/'data', expected: object/],
	[{ type => 'file', data => { out => [] } }, qr/type for 'path'/], [{ type => 'file', data => {} }, qr/path= is missing/],
	[{ type => 'socket', data => { addr => { type => 'unix', data => { path => "$dir/w" } }, wait => JSON::PP::true } }, qr/use wait=off/],
);
like(qmp($q, 'chardev-add', id => 'x', backend => $_->[0])->{error}{desc}, $_->[1], "refused: $_->[1]") for @bad;

is_deeply(qmp($q, 'chardev-change', id => 'ring', backend => { type => 'file', data => { out => "$dir/r" } }),
	{ return => {} }, 'chardev-change under a serial port');
like(hmp($m, 'info chardev'), qr/^ring: filename=file:\Q$dir\E\/r$/m, 'info chardev shows it');
like(hmp($m, 'chardev-change both null'), qr/^Error: chardev 'both' has mux=on/, 'not where it is shared');
like(hmp($m, 'chardev-change q null'), qr/^Error: what uses chardev 'q'/, 'nor under a monitor');
put($q, '{"execute":"quit"}');
my ($status, $said) = ended($pid);
is($status, 0, 'quit') or diag($said);

# ---- the guest's echo, through a device that was changed ----

$pid = start('-kernel', "$dir/echo", '-qmp', "unix:$dir/q,server,nowait",
	'-chardev', "socket,id=s,path=$dir/s1,server=on,wait=off", '-serial', 'chardev:s', '-S');
$q = qmp_client("$dir/q");
my $s = connect_to("$dir/s1");
qmp($q, 'cont');
ok(defined(expect($s, qr/S/)), 'the guest writes');
put($s, 'a');
ok(defined(expect($s, qr/a/)), 'and echoes');
is_deeply(qmp($q, 'chardev-change', id => 's', backend => { type => 'socket', data => {
	addr => { type => 'unix', data => { path => "$dir/s2" } } } }), { return => {} }, 'chardev-change');
$s = connect_to("$dir/s2");
put($s, 'b');
ok(defined(expect($s, qr/b/)), 'the guest echoes through the new one');
ok(!-e "$dir/s1", 'and the old one is gone');
kill('TERM', $pid);
ended($pid);

# ---- refused ----

for my $row (
	[qw(-monitor tcp::0,server,nowait), qr/could be used by other hosts.*allow=insecure/, 1],
	[qw(-qmp tcp:0.0.0.0:0,server,nowait), qr/could be used by other hosts/, 1],
	[qw(-serial mon:telnet:0.0.0.0:0,server,nowait), qr/could be used by other hosts/, 1],
	[qw(-serial vc), qr/-serial: 'vc' is a console in a window/, 2],
	[qw(-debugcon nix), qr/-debugcon nix: 'nix' is no character device/, 2],
	[qw(-serial tcp:localhost), qr/write HOST:PORT/, 2],
	[qw(-monitor tcp:127.0.0.1:1), qr/cannot connect to 127\.0\.0\.1:1: .*; start its server/, 1],
) {
	my ($option, $value, $pattern, $code) = @$row;
	my ($status, $said) = ended(start(($option eq '-serial' ? () : ('-serial', 'null')), $option, $value));

	ok($said =~ $pattern && $said =~ /^[^\n]*\n\z/ && $status == $code, "refused: $option $value") or diag("$status: $said");
}

done_testing();
