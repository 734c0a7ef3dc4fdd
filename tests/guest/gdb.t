#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The server for GDB: the protocol packet by packet, impolite clients, and GDB itself. An
# int3 takes hardware virtualization, and is skipped elsewhere; neither has the rig, whose
# emulated CPU leaves int3 and debug registers to the guest.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

my $hardware = `$build/kvm-check --json` =~ /"hardware": *true/;

# ---- the protocol ----

sub packet {
	my ($data) = @_;

	return sprintf('$%s#%02x', $data, unpack('%8C*', $data));
}

# What the next packet says, without its frame.
sub answer {
	my ($c) = @_;
	my $text = expect($c, qr/\$[^#]*#../) // die "no answer\n";
	my ($data, $sum) = $text =~ /\$([^#]*)#(..)\z/s;

	is(hex($sum), unpack('%8C*', $data), 'the check sum is right') if hex($sum) != unpack('%8C*', $data);
	$data =~ s/\}(.)/$1 ^ ' '/ges;
	return $data;
}

sub ask {
	my ($c, $data) = @_;

	put($c, packet($data));
	return answer($c);
}

sub pc_of {
	my ($c) = @_;

	return unpack('Q<', pack('H*', ask($c, 'p10')));
}

# inc %eax; mov %eax,0x200000; jmp back
my $count = put_file("$dir/count", multiboot(pack('H*', '40' . 'a300002000' . 'ebf8')));
my $pid = start('-kernel', $count, qw(-serial null -smp 2 -S), '-gdb', "unix:$dir/g", '-monitor', "unix:$dir/m,server,nowait");
my $m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
my $c = connect_to("$dir/g");

put($c, '$?#00');
is(expect($c, qr/[-+]/), '-', 'a wrong check sum is refused');
put($c, packet('?'));
like(expect($c, qr/\+\$T05thread:1;#../), qr/T05/, 'acknowledged and answered: it stands');
put($c, '-');
like(expect($c, qr/\$[^#]*#../), qr/T05thread:1;/, 'said again when asked');
is(ask($c, 'QStartNoAckMode'), 'OK', 'no acknowledgements from now on');
like(ask($c, 'qSupported:swbreak+;hwbreak+'), qr/^PacketSize=4000;qXfer:features:read\+/, 'what it can');
my ($xml, $at) = ('', 0);
while (1) {
	my $part = ask($c, sprintf('qXfer:features:read:target.xml:%x,7ff', $at));
	$xml .= substr($part, 1);
	$at = length($xml);
	last if $part !~ /^m/;
}
my @bits = $xml =~ /<reg [^>]*bitsize="(\d+)"/g;
my $bytes = 0;
$bytes += $_ / 8 for @bits;
is(length(ask($c, 'g')), 2 * $bytes, 'the registers are as long as their description says');
like($xml, qr/^<\?xml.*<\/target>$/s, 'the description is whole');
is(ask($c, 'P0=' . unpack('H*', pack('Q<', 41))), 'OK', 'a register is set');
is(ask($c, 'p0'), unpack('H*', pack('Q<', 41)), 'and read');
my $all = ask($c, 'g');
is(ask($c, 'G' . unpack('H*', pack('Q<', 40)) . substr($all, 16)), 'OK', 'all of them are set');
is(substr(ask($c, 'g'), 0, 16), unpack('H*', pack('Q<', 40)), 'and read');
is(ask($c, 'G' . $all . '00'), 'E16', 'more than there are: refused');
is(ask($c, $_), 'E16', "$_: refused") for ('p100', 'P0=12', 'pz', 'mzz', 'm1', 'M100000,4:12', 'Z9,1,1', 'Hg9', 'T9', 'vCont;x', 'vCont',
	'qThreadExtraInfo,0', 'qXfer:features:read:target.xml:fffff,10', 'qRcmd,1' . '41' x 2000, 'Qqemu.PhyMemMode:2');
is(ask($c, $_), '', "$_ is not there") for ('Z3,200000,4', 'vMustReplyEmpty', 'qOffsets', 'A', '');
is(ask($c, 'm100020,8'), '40a300002000ebf8', 'memory is read');
is(ask($c, 'mffffffffffff0000,8'), 'E0e', 'where there is none it says so');
is(ask($c, 'M200100,2:abcd'), 'OK', 'and written');
is(ask($c, "X200102,3:}\x04}\x03}]"), 'OK', 'also as bytes');
is(ask($c, 'm200100,5'), 'abcd24237d', 'with their escapes undone');
is(ask($c, 'mff,' . 'f' x 16), ask($c, 'mff,2000'), 'a length beyond all bounds is cut');
put($c, '$' . 'm' . '0' x 20000 . '#00');
is(answer($c), 'E07', 'a packet that is too long');
is(ask($c, 'Qqemu.PhyMemMode:1') . ask($c, 'qqemu.PhyMemMode') . ask($c, 'm200100,2'), 'OK1abcd', 'physical memory');
is(ask($c, 'Qqemu.PhyMemMode:0'), 'OK', 'virtual again');
is(ask($c, 'qfThreadInfo') . ask($c, 'qsThreadInfo') . ask($c, 'qsThreadInfo'), 'm1m2l', 'vCPUs are threads');
is(pack('H*', ask($c, 'qThreadExtraInfo,2')), 'CPU#1', 'with names');
put($c, packet('qRcmd,' . unpack('H*', 'info status')));
is(answer($c), 'O' . unpack('H*', "VM status: paused (prelaunch)\n"), "GDB's monitor command prints");
is(answer($c), 'OK', 'and ends');

is(join(' ', map { ask($c, "Z1,10002$_,1") } 1 .. 5), 'OK OK OK OK E1c', 'the processor has four breakpoints');
ask($c, "z1,10002$_,1") for 2 .. 4;
is(ask($c, 'c'), 'T05thread:1;hwbreak:;', 'one of them is reached');
is(pc_of($c), 0x100021, 'there');
is(hmp($m, 'info status'), "VM status: paused (debug)\n", 'the monitor knows');
is(ask($c, 'z1,100021,1'), 'OK', 'it is taken away');
is(ask($c, 'z1,100021,1'), 'OK', 'once more, too');
is(ask($c, 's'), 'T05thread:1;', 'a step');
is(pc_of($c), 0x100026, 'of one instruction');
put($c, packet('vCont;c'));
put($c, "\x03");
like(answer($c), qr/^T02thread:[12];$/, 'Ctrl-C');
put($c, packet('c'));
is(hmp($m, 'stop'), '', 'a monitor stops it');
like(answer($c), qr/^T02thread:/, 'and the debugger is told');
put($c, packet('c100021'));
is(ask($c, 'g'), 'E10', 'while it runs there are no registers');
put($c, "\x03");
like(answer($c), qr/^T02/, 'from an address that was given');
is(ask($c, 'Z0,100026,1') . ask($c, 'm100026,1'), 'OKeb', 'a breakpoint of software takes one of the processor');
is(join(' ', map { ask($c, "Z$_,4") } '2,200100', '3,200104', '4,200108', '2,20010c'), 'OK  OK OK', 'watchpoints take the others');
is(ask($c, 'Z4,200110,8'), 'OK', 'and this one as well');
is(ask($c, 'm100026,1'), 'cc', 'then it is an int3 in memory');
is(ask($c, 'Z2,200118,1'), 'E1c', 'there are no more');
is(ask($c, 'Z0,100020,1') . ask($c, 'm100020,1') . ask($c, 'z0,100020,1'), 'OKccOK', 'but of int3s');
ask($c, $_) for 'z2,200100,4', 'z4,200108,4', 'z2,20010c,4', 'z4,200110,8';
is(ask($c, 'z0,100026,1') . ask($c, 'm100026,1'), 'OKeb', 'all are taken away');
is(ask($c, 'Z2,200101,4') . ask($c, 'Z2,200100,3') . ask($c, 'Z2,200100,10'), 'E16E16E16', 'no watchpoint of that size');

# ---- clients that go ----

ask($c, "Z0,10002$_,1") for 0 .. 6;
is(ask($c, 'm100026,1'), 'cc', 'the last of seven is an int3');
close($c->{socket});
$c = connect_to("$dir/g");
ask($c, 'QStartNoAckMode');
is(ask($c, 'm100026,1'), 'eb', 'what a client leaves behind is undone');
is(ask($c, 'D'), 'OK', 'it lets go');
is(hmp($m, 'info status'), "VM status: running\n", 'and the machine runs');
close($c->{socket});
$c = connect_to("$dir/g");
ask($c, 'QStartNoAckMode');
like(ask($c, '?'), qr/^T02thread:/, 'the next one stops it');
for my $junk ("\$\$\$###", '$' x 70000, join('', map { chr(int(rand(256))) } 1 .. 100000)) {
	close($c->{socket});
	$c = connect_to("$dir/g");
	$c->{socket}->blocking(0);
	put($c, $junk);
}
close($c->{socket});
is(hmp($m, 'gdbserver none'), "Disabled gdbserver\n", 'it is closed');
ok(!-S "$dir/g", 'and its socket is gone');
like(hmp($m, "gdbserver tcp:0.0.0.0:0"), qr/other hosts could steer the machine.*allow=insecure/, 'not for other hosts');
is(hmp($m, "gdbserver unix:$dir/h"), "Waiting for gdb connection on device 'unix:$dir/h'\n", 'it is opened');
$c = connect_to("$dir/h");
ask($c, 'QStartNoAckMode');
put($c, packet('qRcmd,' . unpack('H*', 'gdbserver none')));
like(pack('H*', substr(answer($c), 1)), qr/not while the debugger itself asks/, 'not by its own hand');
answer($c);
put($c, packet('c'));
put($m, "quit\n");
is(answer($c), 'W00', 'the machine ends');
is((ended($pid))[0], 0, 'with 0');
$pid = start('-kernel', $count, qw(-serial null -S -gdb tcp:0.0.0.0:0));
like((ended($pid))[1], qr/^vmm: gdb on tcp:0\.0\.0\.0:0: other hosts could steer/, 'the option neither');

# ---- one CPU alone ----

# To 0x8000: incw 0x500; jmp back, in real mode. INIT and start-up IPIs send the other CPU
# there; this one counts at 0x200000.
my $two = put_file("$dir/two", multiboot(pack('H*', 'c70500800000ff060005' . '66c70504800000ebfa'
	. 'c7050003e0fe00450c00' . 'c7050003e0fe08460c00' . '40a300002000' . 'ebf8')));
$pid = start('-kernel', $two, qw(-serial null -S -smp 2), '-gdb', "unix:$dir/t");
$c = connect_to("$dir/t");
ask($c, 'QStartNoAckMode');
my $counted = '0000';
while ($counted eq '0000') {
	put($c, packet('c') . "\x03");
	die if answer($c) !~ /^T02/;
	$counted = ask($c, 'm500,2');
}
isnt(pc_of($c), 0, 'both CPUs run');
ask($c, 'Hg1');
my @alone = (ask($c, 'm500,2'), ask($c, 'm200000,4'));
ask($c, 'vCont;s:1') for 1 .. 300;
is(ask($c, 'm500,2'), $alone[0], 'one of them does not move');
isnt(ask($c, 'm200000,4'), $alone[1], 'while the other one makes its steps');
put($c, packet('k'));
is((ended($pid))[0], 0, 'GDB ends the machine');

# ---- int3 and watchpoints ----

# mov $0x90000,%esp; lidt 0x100038; int3 for ever. At 0x10002f what entry 3 leads to: incl
# 0x200004; iret. Then the IDT's limit and address, and itself.
my $int3 = put_file("$dir/int3", multiboot(pack('H*', 'bc00000900' . '0f011d38001000' . 'cc' . 'ebfd' . 'ff0504002000' . 'cf' . '0000'
	. '1f0040001000' . '0000' . '00' x 24 . '2f001000008e1000')));
SKIP: {
	skip('this KVM is software only, and has no int3 for debuggers', 8) unless $hardware;
	$pid = start('-kernel', $int3, qw(-serial null -S), '-gdb', "unix:$dir/i");
	$c = connect_to("$dir/i");
	ask($c, 'QStartNoAckMode');
	ask($c, 'qSupported:swbreak+;hwbreak+');
	ask($c, "Z1,20000$_,1") for 0 .. 3;
	is(ask($c, 'Z0,10002f,1'), 'OK', 'an int3 where the guest handles its own');
	is(ask($c, 'c'), 'T05thread:1;swbreak:;', 'it is reached by way of one of the guest');
	is(pc_of($c), 0x10002f, 'there');
	is(ask($c, 'z0,10002f,1') . ask($c, 'Z0,100035,1'), 'OKOK', 'another one, at the end');
	is(ask($c, 'c') . ask($c, 'm200004,4'), 'T05thread:1;swbreak:;01000000', 'the guest got its own');
	ask($c, 'z0,100035,1');
	ask($c, 'z1,200000,1');
	is(ask($c, 'Z2,200004,4'), 'OK', 'a watchpoint');
	is(ask($c, 'c'), 'T05thread:1;watch:200004;', 'is reached by a store');
	is(ask($c, 'm200004,4'), '02000000', 'that was done');
	put($c, packet('k'));
	ended($pid);
}

# ---- GDB itself ----

SKIP: {
	skip('gdb is not installed', 4) unless grep { -x "$_/gdb" } split(/:/, $ENV{PATH});
	$pid = start('-kernel', $count, qw(-serial null -S -smp 2), '-gdb', "unix:$dir/j");
	connect_to("$dir/j");
	my @watch = $hardware ? ('watch *(int *) 0x200000', 'continue', 'delete') : ();
	open(my $out, '>', "$dir/script") or die;
	print $out map { "$_\n" } ('set pagination off', "target remote $dir/j", 'info threads', 'set $eax = 6', @watch, 'break *0x100026', 'continue',
		'print $eax', 'x/i $pc', 'stepi', 'print/x $pc', 'info registers cs eflags cr0', 'print $xmm0.v4_float', 'monitor info name', 'detach');
	close($out);
	my $said = `timeout $limit gdb -nx -batch -x $dir/script 2>&1`;
	is($?, 0, 'a session of GDB') or diag($said);
	like($said, qr/Thread 1 \(CPU#0\).*Thread 2 \(CPU#1\).*Breakpoint \d, 0x0*100026 in.*=> 0x100026:\s+jmp .*= 0x100020\n/s,
		'threads, a breakpoint, code and a step') or diag($said);
	like($said, qr/cs +0x10 +16\neflags .*cr0 +0x\w+.*= \{0, 0, 0, 0\}\n/s, 'registers with their parts') or diag($said);
	like($said, qr/Hardware watchpoint 1: .*New value = 7\n/s, 'a watchpoint') or diag($said) if $hardware;
	kill('TERM', $pid);
	is((ended($pid))[0], 0, 'the machine went on');
}

done_testing();
