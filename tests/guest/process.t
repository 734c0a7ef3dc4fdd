#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm as a process: in the background, with a pid file, as another user; options from files;
# properties of all devices of a kind; what a guest's panic does; the machine's UUID.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use IPC::Open3;
use Test::More;

sub kernel {
	my ($name, $code) = @_;

	return ('-kernel', put_file("$dir/$name", multiboot($code)));
}
my @halt = kernel('halt', "\xfa\xf4\xeb\xfd");
my @print = kernel('print', "\xb0L\x66\xba\x00\x04\xee\xfa\xf4\xeb\xfd"); # 'L' to port 0x400
my @panic = kernel('panic', "\xb0\x01\x66\xba\x05\x05\xee\xfa\xf4\xeb\xfd");
my @small = (qw(-m 16 -display none -serial null));

# Runs vmm until its caller's process ends; status and what it said. Its output is a file:
# a process in the background must not keep a pipe open.
sub run {
	my (@args) = @_;
	my $pid = fork() // die;

	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$dir/said");
		open(STDERR, '>&', \*STDOUT);
		exec(@tied, 'timeout', $limit, $vmm, @args);
		exit(126);
	}
	waitpid($pid, 0);
	return ($? >> 8, slurp("$dir/said"));
}

# The process is not our child: its going shows in /proc.
sub gone {
	my ($pid) = @_;
	my $end = time + $limit;

	while (-e "/proc/$pid/exe" && readlink("/proc/$pid/exe") && time < $end) {
		select(undef, undef, undef, 0.01);
	}
	return !readlink("/proc/$pid/exe");
}

# ---- without standard input, output or errors ----

# What vmm opens must not take their places: the guest's output would go there.
for my $closed ('<&-', '>&-', '2>&-', '<&- >&- 2>&-') {
	is(system(@tied, 'timeout', '-s', 'KILL', $limit, 'sh', '-c', "exec \"\$0\" >$dir/said 2>&1 </dev/null $closed", $vmm), 0,
		"$closed: the built-in guest comes to its end");
}

# ---- in the background ----

my ($status, $said) = run(@small, @halt, '-daemonize', '-pidfile', "$dir/pid", '-qmp', "unix:$dir/q,server,nowait");
is($status, 0, '-daemonize: the caller goes on') or diag($said);
is($said, '', 'and nothing is said');
my ($pid) = slurp("$dir/pid") =~ /^(\d+)\n\z/;
ok($pid && -e "/proc/$pid", '-pidfile: the process in the background');
my $c = IO::Socket::UNIX->new(Peer => "$dir/q");
ok($c, 'the monitor is there at once');
my $q = qmp_client("$dir/q") if $c && close($c);
is(qmp($q, 'query-status')->{return}{status}, 'running', 'and the guest runs');
is(readlink("/proc/$pid/fd/$_"), '/dev/null', "its descriptor $_ is the caller's no more") for 0 .. 2;
is((split(' ', slurp("/proc/$pid/stat") =~ s/.*\) //r))[3], $pid, 'it has a session of its own');
# Whoever reads what the command says until its end comes to that end, helpers or not.
my $limited = eval {
	local $SIG{ALRM} = sub { die "no end\n" };
	alarm($limit);
	my $out = `$vmm -m 16 -display none -vnc :77,to=120 -daemonize -pidfile $dir/pid2 2>&1`;
	alarm(0);
	$out;
};
like($limited, qr/^(vmm: VNC on [^\n]*\n)?\z/, 'nobody holds its output');
my ($second) = slurp("$dir/pid2") =~ /^(\d+)/;
is(join(' ', map { my $d = $_; grep { ($_ // '') =~ /^pipe:/ } map { readlink("/proc/$d/fd/$_") } 0 .. 2 }
	grep { /^\d+$/ } split(' ', slurp("/proc/$second/task/$second/children"))), '', 'nor do the processes that it started');
kill('TERM', $second);
ok(gone($second), 'it ends');
($status, $said) = run(@small, @halt, '-pidfile', "$dir/pid");
ok($status == 1 && $said =~ /^vmm: -pidfile: \S+ belongs to a vmm that runs; choose another file\n\z/, 'a pid file has one owner') or diag($said);
is(slurp("$dir/pid"), "$pid\n", 'and is left alone');
kill('TERM', $pid);
ok(gone($pid), 'SIGTERM ends it');
ok(!-e "$dir/pid" && !-e "$dir/q", 'and nothing is left behind');

for my $row (
	[2, qr/^vmm: unknown option -foo/, '-daemonize', '-foo'],
	[2, qr/^vmm: -device: there is no device 'nix'|^vmm: there is no device 'nix'/, '-daemonize', '-device', 'nix'],
	[1, qr/^vmm: -qmp unix:\S+: cannot bind/, '-daemonize', '-pidfile', "$dir/pid", '-qmp', 'unix:/nonexistent/x,server,nowait'],
	[2, qr/^vmm: -nographic wants the terminal that -daemonize leaves/, '-daemonize', '-nographic'],
	[2, qr/^vmm: -monitor stdio wants the terminal/, '-daemonize', '-monitor', 'stdio'],
	[2, qr/^vmm: -chardev stdio,id=x wants the terminal/, '-daemonize', '-chardev', 'stdio,id=x'],
	[1, qr/^vmm: -pidfile: cannot open \/nonexistent\/pid/, '-pidfile', '/nonexistent/pid'],
	[2, qr/^vmm: there is no user 'nobody-of-that-name'; give a name/, '-runas', 'nobody-of-that-name'],
	[2, qr/^vmm: -run-with: unknown option 'usr', did you mean 'user'/, '-run-with', 'usr=x'],
	[2, qr/^vmm: -uuid: '123' is no UUID/, '-uuid', '123'],
	[2, qr/^vmm: -uuid: .* is no UUID/, '-uuid', '550e8400-e29b-41d4-a716-44665544000g'],
	[2, qr/^vmm: -action: .*expected reset\|shutdown/, '-action', 'reboot=x'],
	[2, qr/^vmm: -global nix\.x=1: there is no device 'nix'/, '-global', 'nix.x=1'],
	[2, qr/^vmm: -global isa-debugcon\.nix=1: isa-debugcon has no property 'nix'/, '-global', 'isa-debugcon.nix=1'],
	[2, qr/^vmm: -global isa-debugcon: write DRIVER\.PROPERTY=VALUE|^vmm: -global isa-debugcon: unknown/, '-global', 'isa-debugcon'],
	[2, qr/^vmm: -sandbox: enable=x is not valid; expected on\|off/, '-sandbox', 'x'],
	[2, qr/^vmm: -sandbox: unknown option 'spwn', did you mean 'spawn'/, '-sandbox', 'on,spwn=deny'],
	[2, qr/^vmm: -sandbox: .*expected allow\|deny\|children/, '-sandbox', 'on,elevateprivileges=maybe'],
) {
	my ($want, $pattern, @args) = @$row;
	my ($status, $said) = run(@small, @halt, @args);

	ok($status == $want && $said =~ $pattern && $said =~ /^[^\n]*\n\z/, "exit $want: @args") or diag("$status: $said");
}
ok(!-e "$dir/pid", 'a failed start leaves no pid file');

# ---- another user ----

SKIP: {
	skip('only root can become another user', 2) if $>;
	chmod(0755, $dir);
	my $pid = start(@small, @halt, qw(-runas 65534:65534), '-qmp', "unix:$dir/q,server,nowait");
	my $q = qmp_client("$dir/q");
	is(qmp($q, 'query-status')->{return}{status}, 'running', '-runas: the guest runs');
	like(slurp("/proc/$pid/status"), qr/^Uid:(\t65534){4}\nGid:(\t65534){4}\n.*^Groups:\t65534 ?$/ms, 'as that user, with that group alone');
	put($q, '{"execute":"quit"}');
	ended($pid);
	unlink("$dir/q");
}

# ---- UUID, options from files, properties ----

my $uuid = '550e8400-e29b-41d4-a716-446655440000';
my $options = put_file("$dir/options", <<"END");
# one option a line
-display none
-m 16
--serial null

  -uuid   $uuid
-kernel $dir/print
-chardev file,id=con,path=$dir/con
-device isa-debugcon,chardev=con
END
put_file("$dir/config", <<"END");
# as QEMU writes it
[memory]
  size = "16"

[chardev "m"]
  backend = "socket"
  path = "$dir/q2"
  server = "on"
  wait = "off"

[mon "mon"]
  chardev = "m"
  mode = "control"

[name]
  guest = "one, two"
END
$pid = start('-options', $options, qw(-global isa-debugcon.iobase=0x401 -global isa-debugcon.iobase=0x400),
	'-monitor', "unix:$dir/m,server,nowait", '-msg', 'timestamp=on');
my $m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
is(hmp($m, 'info uuid'), "$uuid\n", '-options: the options of a file; info uuid');
is(hmp($m, "pmemsave 0xf0000 65536 $dir/rom"), '', 'the tables of firmware');
ok(index(slurp("$dir/rom"), pack('H*', '00840e559be2d441a716446655440000')) > 0, 'SMBIOS has it');
wait_until(sub { -s "$dir/con" });
is(slurp("$dir/con"), 'L', '-global: the last one wins, devices without the property have it');
kill('TERM', $pid);
($status, $said) = ended($pid);
like($said, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z vmm: terminating on signal/m, '-msg timestamp=on');

$pid = start('-serial', 'null', @halt, '-readconfig', "$dir/config");
$q = qmp_client("$dir/q2");
is(qmp($q, 'query-name')->{return}{name}, 'one, two', '-readconfig: sections');
is(qmp($q, 'query-uuid')->{return}{UUID}, '00000000-0000-0000-0000-000000000000', 'query-uuid without one');
is(qmp($q, 'query-memory-size-summary')->{return}{'base-memory'}, 16 << 20, 'the last option wins, wherever it comes from');
put($q, '{"execute":"quit"}');
ended($pid);

for my $row (
	["-m 16\n-nix 5\n", qr/options:2: '-nix' is no option that a file can have/], ["m 16\n", qr/options:1: 'm' is no option/],
	["-m\n", qr/options:1: option -m needs an argument/], ["-S yes\n", qr/options:1: option -S takes none: yes/],
	["-m x\n", qr/options:1: -m: 'x' is not a size/], ["-options $dir/options\n", qr/names no other one/], ["-h\n", qr/no option that a file/],
) {
	my ($text, $pattern) = @$row;
	my ($status, $said) = run('-options', put_file("$dir/bad", $text) && rename("$dir/bad", "$dir/options") && "$dir/options");

	ok($status == 2 && $said =~ $pattern && $said =~ /^[^\n]*\n\z/, "-options: $pattern") or diag("$status: $said");
}
for my $row (
	["x = \"1\"\n", qr/config:1: expected KEY/], ["[nix]\n", qr/config:1: there is no section \[nix\]/], ["[memory]\nsize = 16\n", qr/config:2: expected KEY/],
	["[memory\n", qr/config:1: a section is/], ["[drive \"]\n", qr/config:1: a section is/], ["[memory]\nsize = \"x\"\n", qr/config:1: -m: /],
	["[nographic]\n", qr/no section/],
) {
	my ($text, $pattern) = @$row;
	my ($status, $said) = run('-readconfig', put_file("$dir/config", $text));

	ok($status == 2 && $said =~ $pattern && $said =~ /^[^\n]*\n\z/, "-readconfig: $pattern") or diag("$status: $said");
}
($status, $said) = run('-readconfig', '/nonexistent');
ok($status == 1 && $said =~ /^vmm: -readconfig: cannot read \/nonexistent: /, 'a file that is not there') or diag("$status: $said");

# ---- a panic ----

for my $row (['pause', 'guest-panicked', 'pause'], ['none', 'running', 'run']) {
	my ($action, $state, $name) = @$row;
	my $pid = start(@small, @panic, qw(-device pvpanic -S -action), "panic=$action", '-qmp', "unix:$dir/q,server,nowait");
	my $q = qmp_client("$dir/q");

	qmp($q, 'cont');
	is(event($q, 'GUEST_PANICKED')->{data}{action}, $name, "-action panic=$action: the event tells");
	is(qmp($q, 'query-status')->{return}{status}, $state, "and the machine is $state");
	put($q, '{"execute":"quit"}');
	ended($pid);
}
($status, $said) = run(@small, @panic, qw(-device pvpanic -action panic=exit-failure));
is($status, 1, '-action panic=exit-failure');
($status, $said) = run(@small, kernel('panics', "\xb9\xd0\x07\x00\x00" # 2000 times
	. "\xb0\x01\x66\xba\x05\x05\xee\xe2\xf7"
	. "\xb0\x00\x66\xba\x01\x05\xee\xf4"), qw(-device pvpanic -device isa-debug-exit -action panic=none));
my $told = () = $said =~ /panicked/g;
ok($status == 1 && $told && $told < 1000, "a guest that panics all the time does not fill the log") or diag("$status, $told times");

# ---- what a guest does to its clock and disk ----

my @clock = kernel('clock', "\xb0\x0b\xe6\x70\xb0\x82\xe6\x71" # register B: stop and set
	. "\xb0\x09\xe6\x70\xb0\x30\xe6\x71"                     # year 30
	. "\xb0\x0b\xe6\x70\xb0\x02\xe6\x71\xf4\xeb\xfd");       # go on
$pid = start(qw(-m 16 -serial null -S -rtc), 'base=2020-06-15T12:00:00', @clock, '-qmp', "unix:$dir/q,server,nowait");
$q = qmp_client("$dir/q");
qmp($q, 'cont');
my $offset = event($q, 'RTC_CHANGE')->{data}{offset};
cmp_ok(abs($offset - 3652 * 86400), '<=', 300, 'RTC_CHANGE: ten years behind what -rtc base= says') or diag($offset);
put($q, '{"execute":"quit"}');
ended($pid);

# A thousand times, and then another year: the events of a second are one, and the last is told.
my $set = "\xb0\x0b\xe6\x70\xb0\x82\xe6\x71\xb0\x09\xe6\x70\xb0%s\xe6\x71\xb0\x0b\xe6\x70\xb0\x02\xe6\x71";
$pid = start(qw(-m 16 -serial null -S -rtc), 'base=2020-06-15T12:00:00', '-qmp', "unix:$dir/q,server,nowait",
	kernel('clocks', "\xb9\xe8\x03\x00\x00" . sprintf($set, "\x30") . "\xe2\xe6" . sprintf($set, "\x31") . "\xf4\xeb\xfd"));
$q = qmp_client("$dir/q");
qmp($q, 'cont');
my $changes = 0;
do {
	$offset = (event($q, 'RTC_CHANGE') // last)->{data}{offset};
	$changes++;
} while (abs($offset - 4017 * 86400) > 86400);
cmp_ok(abs($offset - 4017 * 86400), '<=', 86400, 'the last change of many is told') or diag($offset);
cmp_ok($changes, '<', 200, 'and few before it');
put($q, '{"execute":"quit"}');
ended($pid);

open(my $image, '>', "$dir/image") or die;
truncate($image, 128 << 20);
close($image);
# ATA: write one sector to LBA 0x3e000 by PIO.
my @write = kernel('write', "\x66\xba\xf6\x01\xb0\xe0\xee\x66\xba\xf2\x01\xb0\x01\xee\x66\xba\xf3\x01\xb0\x00\xee\x66\x42\xb0\xe0\xee"
	. "\x66\x42\xb0\x03\xee\x66\xba\xf7\x01\xb0\x30\xee\xec\xa8\x08\x74\xfb\x66\xba\xf0\x01\xb9\x00\x01\x00\x00"
	. "\xbe\x00\x00\x10\x00\xf3\x66\x6f\xf4\xeb\xfd");
# No file may be written beyond 96 MiB.
$pid = fork() // die;
if (!$pid) {
	open(STDOUT, '>', '/dev/null');
	open(STDERR, '>', '/dev/null');
	exec(@tied, 'bash', '-c', 'ulimit -f 98304; exec "$@"', 'bash', $vmm, qw(-m 16 -display none -serial null -S), @write,
		'-drive', "file=$dir/image,format=raw,id=d", '-qmp', "unix:$dir/q,server,nowait");
	exit(126);
}
$q = qmp_client("$dir/q");
qmp($q, 'cont');
my $failed = event($q, 'BLOCK_IO_ERROR')->{data};
is_deeply([@$failed{qw(device operation action)}], [qw(d write report)], 'BLOCK_IO_ERROR names the drive');
like($failed->{reason}, qr/too large/, 'and the reason');
is(qmp($q, 'query-status')->{return}{status}, 'running', 'the guest goes on');
put($q, '{"execute":"quit"}');
waitpid($pid, 0);

done_testing();
