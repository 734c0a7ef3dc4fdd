#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Clients and programs that nobody here wrote: socat, nc, Python's qemu.qmp and its shell,
# the command lines of kvm-unit-tests' runner, of Packer and of libguestfs; and 24 clients
# at once that flood the monitors and vanish.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

sub kernel {
	my ($name, $code) = @_;

	return put_file("$dir/$name", multiboot($code));
}

# Standard output and error, and the exit status, of a shell command.
sub sh {
	my ($command) = @_;
	my $said = `timeout $limit sh -c '$command' 2>&1`;

	return ($? >> 8, $said);
}

sub have {
	my ($program) = @_;

	return scalar(grep { -x "$_/$program" } split(/:/, $ENV{PATH}));
}

# ---- socat and nc, as people use them ----

# Counts for ever, so that it can be seen to run.
my $count = kernel('count', "\x40\xa3\x00\x00\x20\x00\xeb\xf8"); # 1: inc %eax; mov %eax,0x200000; jmp 1b
my @monitors = map { ('-chardev', "socket,id=c$_,path=$dir/c$_,server=on,wait=off",
	'-mon', "chardev=c$_,mode=" . ($_ % 2 ? 'control' : 'readline')) } 1 .. 24;
my $pid = start('-kernel', $count, '-serial', 'null', '-name', 'shared', '-balloon', 'virtio', '-qmp', "unix:$dir/q,server,nowait",
	'-monitor', "unix:$dir/m,server,nowait",
	qw(-chardev socket,id=tcp,host=localhost,port=0,to=65535,server,nowait -mon chardev=tcp), @monitors);
my $q = qmp_client("$dir/q");
my ($port) = map { $_->{label} eq 'tcp' ? $_->{filename} =~ /:(\d+),/ : () } @{ qmp($q, 'query-chardev')->{return} };

for my $row (
	['socat', "printf \"info status\\ninfo name\\n\" | socat -t 5 - UNIX-CONNECT:$dir/m"],
	['nc', "printf \"info status\\ninfo name\\n\" | nc -N -U $dir/m"],
	['nc', "printf \"info status\\ninfo name\\n\" | nc -N localhost $port"],
) {
	my ($program, $command) = @$row;
	SKIP: {
		skip("$program is not installed", 1) unless have($program);
		my ($status, $said) = sh($command);
		ok($status == 0 && $said =~ /VM status: running\r?\n.*^shared\r?\n/ms, $command) or diag("$status: $said");
	}
}
SKIP: {
	skip('socat is not installed', 1) unless have('socat');
	my ($status, $said) = sh("printf \"{\\\"execute\\\":\\\"qmp_capabilities\\\"}{\\\"execute\\\":\\\"query-status\\\"}\" | socat -t 5 - UNIX-CONNECT:$dir/c1");
	ok($status == 0 && $said =~ /"QMP".*"return": \{\}.*"running"/s, 'two commands in one write, through socat') or diag($said);
}

# ---- qemu.qmp ----

SKIP: {
	my ($missing) = sh('python3 -c "import qemu.qmp"');
	skip('python3 has no qemu.qmp (pip install qemu-qmp, or PYTHONPATH)', 2) if $missing;
	open(my $out, '>', "$dir/client.py") or die;
	print $out <<'PYTHON';
import asyncio, sys
from qemu.qmp import QMPClient, ExecuteError
async def main():
    qmp = QMPClient('test')
    await qmp.connect(sys.argv[1])
    print((await qmp.execute('query-status'))['status'])
    print(len(await qmp.execute('query-commands')) > 50)
    try:
        await qmp.execute('query-block', {'nix': 1})
    except ExecuteError as err:
        print(err.error_class)
    with qmp.listener('STOP') as listener:
        await qmp.execute('stop')
        print((await listener.get())['event'])
    await qmp.execute('cont')
    await qmp.disconnect()
asyncio.run(main())
PYTHON
	close($out);
	my ($status, $said) = sh("python3 $dir/client.py $dir/c3");
	is($said, "running\nTrue\nGenericError\nSTOP\n", 'the library connects, executes, hears events') or diag($status);
	($status, $said) = sh("printf \"query-status\\nquery-balloon\\n\" | python3 -m qemu.qmp.qmp_shell $dir/c5");
	like($said, qr/"running".*"actual": 67108864/s, 'its shell completes commands and runs them');
}

# ---- 24 clients that connect, flood and vanish ----

sub kb {
	my ($key) = @_;

	return slurp("/proc/$pid/status") =~ /^$key:\s+(\d+)/m ? $1 : -1;
}

sub descriptors {
	opendir(my $d, "/proc/$pid/fd") or return -1;
	return scalar(readdir($d) && grep { !/^\./ } readdir($d));
}

sub counter {
	qmp($q, 'pmemsave', val => 0x200000, size => 4, filename => "$dir/counter");
	return unpack('V', slurp("$dir/counter"));
}

my %flooded = (clients => 24, served => 1);

sub flood {
	my @clients = map { connect_to("$dir/c$_") } 1 .. 24;
	my %sent;

	$_->{socket}->blocking(0) for @clients;
	for my $n (0 .. 399) {
		for my $c (@clients) {
			# Long answers fill what a client may leave unread; short ones make many commands.
			my $command = $c == $clients[4] ? '{"execute":"query-qmp-schema"}{"execute":"query-block"' : '{"execute":"query-kvm"}';
			my $text = $n ? $command : '{"execute":"qmp_capabilities"}';

			$text = "info qtree\nhelp\n\t\t\e[A" if $c == $clients[1] || $n % 7 == 3;
			$sent{$c} += syswrite($c->{socket}, $text x 20) // 0;
		}
	}
	my $flooding = grep { $sent{$_} > 0 } @clients;
	$flooded{clients} = $flooding if $flooding < $flooded{clients};
	$flooded{served} = 0 if (qmp($q, 'query-status')->{return}{status} // '') ne 'running';
	close($_->{socket}) for @clients;
}

flood();
my ($fds, $before) = (descriptors(), counter());
# Buffers reach their size in some round, sooner or later; what leaks grows in every one.
my @memory = (kb('RssAnon'));
my $most = $memory[0];
for (my $level = 0; $level < 10 && @memory < 100; ) {
	flood();
	push(@memory, kb('RssAnon'));
	$level = $memory[-1] > $most ? 0 : $level + 1;
	$most = $memory[-1] if $memory[-1] > $most;
}
is($flooded{clients}, 24, '24 clients flood in each round');
ok($flooded{served}, 'another one is served meanwhile');
cmp_ok(@memory, '<', 100, 'memory does not grow with every round (kB)') or diag("@memory");
is(qmp($q, 'query-name')->{return}{name}, 'shared', 'afterwards it answers as before');
my $end = time + $limit;
select(undef, undef, undef, 0.01) while counter() == $before && time < $end;
isnt(counter(), $before, 'the guest goes on');
my $c = connect_to("$dir/c2");
like(expect($c, qr/\(qemu\) $/), qr/monitor - type 'help'/, 'the next client is served');
close($c->{socket});
cmp_ok(descriptors(), '<=', $fds, 'so are descriptors');
put($q, '{"execute":"quit"}');
is((ended($pid))[0], 0, 'quit');

# ---- kvm-unit-tests' runner ----

my ($status, $said) = sh("$vmm -device \"?\" 2>&1 | grep -F -e \\\"testdev\\\" -e \\\"pc-testdev\\\"");
is($status, 0, 'the runner finds the test device') or diag($said);
like((sh("$vmm -device \"?\" 2>&1 | grep -F pci-testdev"))[1], qr/"pci-testdev"/, 'and the one on PCI');
is((sh("$vmm --help 2>/dev/null | grep -q QEMU"))[0], 0, 'and takes this for QEMU');
like((sh("$vmm -h | head -n 1"))[1], qr/^QEMU emulator version 7\.2\.0 /, 'of this version');
my @runner = qw(--no-reboot -nodefaults -global kvm-pit.lost_tick_policy=discard -device pc-testdev
	-device isa-debug-exit,iobase=0xf4,iosize=0x4 -vnc none -serial stdio -device pci-testdev -machine accel=kvm);
# It runs this to see whether a kernel would be looked for at all; the words are its script's.
is((sh("$vmm @runner -kernel _NO_FILE_4Uhere_ -smp 1 2>&1 | grep _NO_FILE_4Uhere_ | grep -q -e '[Cc]ould not \\(load\\|open\\) kernel' -e 'error loading' -e 'failed to load'"))[0],
	0, 'the runner knows a missing kernel from other troubles');
# The number of CPUs from fw_cfg, as their library reads it.
my $cpus = kernel('cpus', "\x66\xb8\x05\x00\x66\xba\x10\x05\x66\xef\x66\x42\xec\xe6\xf4\xf4");
is((sh("$vmm @runner -kernel $cpus -smp 3"))[0], 3 << 1 | 1, 'fw_cfg tells the number of CPUs');
# Their test of interrupts between CPUs wants no timer, whose port then answers nobody.
my $speaker = kernel('port', "\xe4\x61\xe6\xf4\xf4");
my %port61 = map { $_ => (sh("$vmm @runner -machine pit=$_ -kernel $speaker -smp 1"))[0] } qw(on auto off);
is($port61{off}, 0xff, 'pit=off');
isnt($port61{$_}, 0xff, "pit=$_") for qw(on auto);
# What is written to port 0xe0 is read bytewise at 0xe9 and goes to the exit port.
my $data = kernel('data', "\xb8\x78\x56\x34\x12\xe7\xe0\xe4\xe9\xe6\xf4\xf4");
is((sh("$vmm @runner -kernel $data -smp 1"))[0], (0x56 << 1 | 1) & 0xff, 'pc-testdev keeps what is written to its ports');
# Memory that is none; a flushed page is still the same.
my $memory = kernel('memory', "\xc7\x05\x10\x00\x00\xff\x2a\x00\x00\x00" # movl $42, 0xff000010
	. "\xa1\x10\x00\x00\xff\xa3\x00\x00\x20\x00"                     # mov 0xff000010,%eax; mov %eax,0x200000
	. "\xb8\x00\x00\x20\x00\xe7\xe4\xa1\x00\x00\x20\x00\xe6\xf4\xf4"); # mov $0x200000,%eax; out %eax,$0xe4; mov 0x200000,%eax; out
is((sh("$vmm @runner -kernel $memory -smp 1"))[0], 42 << 1 | 1, 'its memory, and a page that is flushed');

# ---- Packer ----

truncate($_, 1 << 20) for map { open(my $f, '>', "$dir/$_"); $f } qw(disk iso);
$pid = start(qw(-boot once=d -name vm -machine type=pc,accel=kvm -netdev user,id=user.0,hostfwd=tcp::0-:22
	-smp cpus=2,sockets=2 -display gtk -device virtio-net,netdev=user.0 -serial null -S), '-vnc', "unix:$dir/vnc",
	'-qmp', "unix:$dir/p,server,nowait", '-drive', "file=$dir/disk,if=virtio,cache=writeback,discard=ignore,format=raw",
	'-drive', "file=$dir/iso,media=cdrom");
$q = qmp_client("$dir/p");
my @cards;
for my $parent ('/machine/peripheral', '/machine/peripheral-anon') {
	for my $child (grep { $_->{type} =~ /^child</ } @{ qmp($q, 'qom-list', path => $parent)->{return} }) {
		my $path = "$parent/$child->{name}";
		my %p = map { $_->{name} => 1 } @{ qmp($q, 'qom-list', path => $path)->{return} };

		push(@cards, { map { $_ => qmp($q, 'qom-get', path => $path, property => $_)->{return} } qw(type netdev mac) })
			if $p{netdev};
	}
}
is_deeply([map { $_->{netdev} } @cards], ['user.0'], 'Packer finds the network card of its command line');
like($cards[0]{mac} // '', qr/^52:54:00:/, 'and its address');
put($q, '{"execute":"quit"}');
($status, $said) = ended($pid);
is($status, 0, 'quit') or diag($said);
like($said, qr/warning: -display gtk: there is no window; the screen is at -vnc/, 'what Packer logs');

# ---- libguestfs, debvm and their like ----

$pid = start(qw(-global virtio-blk-pci.scsi=off -no-user-config -nodefaults -machine accel=kvm:tcg,graphics=on -cpu max -m 64 -no-reboot
	-rtc driftfix=slew -no-hpet -global kvm-pit.lost_tick_policy=discard -global PIIX4_PM.disable_s3=1
	-object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-pci,rng=rng0
	-netdev user,id=net0 -device virtio-net-pci,netdev=net0 -msg timestamp=on -overcommit mem-lock=off -sandbox on
	-boot strict=on -no-fd-bootchk -audiodev none,id=snd -device virtio-serial-pci -serial null), '-kernel', $count,
	'-drive', "media=disk,format=raw,discard=unmap,file=$dir/disk,if=virtio,cache=unsafe",
	'-chardev', "socket,path=$dir/ch,id=channel0,server=on,wait=off", qw(-device virtserialport,chardev=channel0,name=org.libguestfs.channel.0),
	'-qmp', "unix:$dir/g,server=on,wait=off");
$q = qmp_client("$dir/g");
is(qmp($q, 'query-status')->{return}{status}, 'running', 'what libguestfs and others give by habit');
put($q, '{"execute":"quit"}');
($status, $said) = ended($pid);
is($status, 0, 'quit') or diag($said);

done_testing();
