#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A look inside a machine that runs: memory through the guest's page tables, registers in
# expressions, interrupt chips, KVM's statistics, the log; and machine checks.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

# Fills registers of the FPU and of SSE from 0x101000, maps its first 4 MiB at 0 and at
# 2^64 - 2^47 in long mode, puts the stack there, writes 'P', spins.
sub long_mode {
	my $half = 0xffff8000;
	my $code = join('', map { "\xc7\x05" . pack('VV', @$_) } # movl $value, address
			[0x200000, 0x201003], [0x200800, 0x201003], [0x201000, 0x202003], [0x202000, 0x83], [0x202008, 0x200083])
		. "\x0f\x20\xe0\x0d\x20\x06\x00\x00\x0f\x22\xe0"         # CR4.PAE, OSFXSR, OSXMMEXCPT
		. "\x0f\xae\x0d\x00\x10\x10\x00"                       # fxrstor 0x101000
		. "\xb8\x00\x00\x20\x00\x0f\x22\xd8"                     # CR3 = 0x200000
		. "\xb9\x80\x00\x00\xc0\x0f\x32\x0d\x00\x01\x00\x00\x0f\x30" # EFER.LME
		. "\x0f\x20\xc0\x0d\x00\x00\x00\x80\x0f\x22\xc0";        # CR0.PG
	my $tail = "\x48\xbc" . pack('VV', 0x180000, $half)              # mov $0xffff800000180000, %rsp
		. "\x66\xba\xf8\x03\xb0P\xee\xfa\xeb\xfe";               # 'P' to the first port; cli; jmp .
	my $at = 0x100020 + length($code) + 14;                          # of the tail

	return $code . "\x0f\x01\x15" . pack('V', $at + length($tail))   # lgdt
		. "\xea" . pack('Vv', $at, 8) . $tail                    # ljmp $8
		. pack('vV', 15, $at + length($tail) + 6) . pack('VVVV', 0, 0, 0xffff, 0x00af9b00);
}

my $kernel = multiboot(long_mode());
# Its control and status, MXCSR, 1.0 and a vector.
put_file("$dir/paging", $kernel . "\0" x (0x1000 - length($kernel)) . pack('v3x18V2', 0x37f, 0x3800, 0x80, 0x1f80, 0xffff)
	. pack('VVv', 0, 0x80000000, 0x3fff) . "\0" x 118 . pack('V4', 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c) . "\0" x 336);

my $pid = start('-smp', 2, '-kernel', "$dir/paging", '-no-reboot', '-no-shutdown', '-S', '-qmp', "unix:$dir/q,server,nowait",
	'-monitor', "unix:$dir/m,server,nowait", '-serial', "unix:$dir/s,server,nowait");
my $q = qmp_client("$dir/q");
my $s = connect_to("$dir/s");
my $m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
qmp($q, 'cont');
ok(defined(expect($s, qr/P/)), 'the guest has paging on');

is(hmp($m, 'x /4xb 0xffff800000100000'), "ffff800000100000: 0x02 0xb0 0xad 0x1b\n", 'x: through the page tables');
is(hmp($m, 'xp /4xb 0x100000'), "0000000000100000: 0x02 0xb0 0xad 0x1b\n", 'xp: the same');
is(hmp($m, 'x /2xw 0xffff8000003ffffc'), "ffff8000003ffffc: 0x00000000 Cannot access memory\n", 'x: up to what is not mapped');
is(hmp($m, 'x /1xb 0x80000000'), "0000000080000000: Cannot access memory\n", 'x: where nothing is mapped');
is(hmp($m, 'gva2gpa 0xffff800000100123'), "gpa: 0x100123\n", 'gva2gpa');
is(hmp($m, 'gva2gpa 0x80000000'), "Unmapped\n", 'gva2gpa where nothing is mapped');
like(hmp($m, 'gpa2hva 0x100000'), qr/^Error: .*not told; use xp/, 'gpa2hva is refused');
is(hmp($m, 'print /x $rsp'), "0xffff800000180000\n", 'a register');
is(hmp($m, 'p/x ($rsp-0xffff800000000000)/2+0x10'), "0xc0010\n", 'in an expression');
like(hmp($m, 'x /1xw $cr3+0xffff800000000000'), qr/^ffff800000200000: 0x002010[02]3\n$/, 'as an address');
is(hmp($m, 'p $nix'), "Error: val: there is no register \$nix\n", 'an unknown register');
is(hmp($m, 'p 1/0'), "Error: val: a division by zero\n", 'a division by zero');
like(hmp($m, 'info registers'), qr/^RIP=[0-9a-f]{16} RFL=[0-9a-f]{8} \[[-DOSZAPC]{7}\] CPL=0 II=0 A20=1 SMM=0 HLT=[01]\n/m, 'info registers: flags');
like(hmp($m, 'info registers'), qr/^CS =[0-9a-f]{4} [0-9a-f]{16} [0-9a-f]{8} [0-9a-f]{8} DPL=0 CS64 \[-RA\]\n(?:.*\n)*TR .*TSS64-busy\n(?:.*\n)*DR6=/m, 'segments');
like(hmp($m, 'info registers'), qr/^FCW=037f FSW=3800 \[ST=7\] FTW=80 MXCSR=00001f80\nFPR0=8000000000000000 3fff FPR1=0{16} 0000\n(?:FPR.*\n){3}XMM00=0f0e0d0c0b0a0908 0706050403020100 XMM01=0{16} 0{16}\n(?:XMM.*\n){7}\z/m,
	'info registers: floating point and vectors');
like(hmp($m, 'info registers -a'), qr/^\nCPU#0\nRAX=.*^\nCPU#1\nEAX=[0-9a-f]{8} .*^CS =[0-9a-f]{4} [0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{8}.*^XMM06=/ms, 'info registers -a');
unlike(hmp($m, 'info registers'), qr/CPU#1/, 'without -a of one CPU');

my @mapped = map { [/^([0-9a-f]{16}): ([0-9a-f]{16}) --P[-D][-A]---W$/] } split(/\n/, hmp($m, 'info tlb'));
is_deeply(\@mapped, [map { [split] } '0000000000000000 0000000000000000', '0000000000200000 0000000000200000',
	'ffff800000000000 0000000000000000', 'ffff800000200000 0000000000200000'], 'info tlb');
my $high = "ffff800000000000-ffff800000400000 0000000000400000 -rw\n";
is(hmp($m, 'info mem'), "0000000000000000-0000000000400000 0000000000400000 -rw\n$high", 'info mem');
is(hmp($m, 'info mem 0xffff800000000000'), $high, 'from an address on');
like(hmp($m, 'x /2i 0xffff800000100000'), qr/^0xffff800000100000: Asm output not supported.*\nffff800000100000: 0x02 0xb0 0xad 0x1b .*\nffff800000100010: (0x[0-9a-f]{2} ?){14}\n\z/, 'x/i: the bytes');
is(hmp($m, 'cpu 1'), '', 'cpu');
like(hmp($m, 'info cpus'), qr/^  CPU #0: thread_id=\d+\n\* CPU #1: thread_id=\d+\n\z/, 'info cpus marks it');
like(hmp($m, 'info lapic 0'), qr/^dumping local APIC state for CPU 0/, 'info lapic of another one');
like(hmp($m, 'info lapic 2'), qr/^Error: there is no CPU 2/, 'of none');
is(hmp($m, 'info mem'), "PG disabled\n", 'info mem of a CPU without paging');
is(hmp($m, 'p/x $cr0&1'), "0\n", 'registers are those of the chosen CPU');

like(hmp($m, 'info pic'), qr/^ioapic0: .*\n  pin 0 .*masked.*^  IRR      \(none\)\n  Remote IRR \(none\)\npic1: irr=.*^pic0: /ms, 'info pic');
like(hmp($m, 'info lapic'), qr/^dumping local APIC state for CPU 1\n.*^LVT0\t 0x000\d{5} .*^ISR\t \(none\)$/ms, 'info lapic');
like(hmp($m, 'info irq'), qr/^raised lines:/m, 'info irq');
like(hmp($m, 'info uptime'), qr/^0:\d\d:\d\d since/, 'info uptime');

is(hmp($m, 'i /b 0x3fd'), "portb[0x03fd] = 0x60\n", 'the serial port');
is(hmp($m, 'chardev-send-break serial0'), '', 'chardev-send-break');
is(hmp($m, 'i /b 0x3fd'), "portb[0x03fd] = 0x71\n", 'gets a break');

my $stats = qmp($q, 'query-stats');
SKIP: {
	skip("the kernel does not show KVM's statistics: $stats->{error}{desc}", 16) if ($stats->{error}{desc} // '') =~ /5\.14/;
	my @cpus = @{ $stats->{return} };

	is(scalar(@cpus), 2, 'query-stats: each vCPU');
	my %first = map { $_->{name} => $_->{value} } @{ $cpus[0]{stats} };
	cmp_ok($first{exits}, '>', 0, 'which has left the guest');
	like($cpus[1]{'qom-path'}, qr{^/machine/unattached/device\[\d+\]$}, 'of which it tells the path');
	is(qmp($q, 'qom-get', path => $cpus[1]{'qom-path'}, property => 'type')->{return}, 'kvm-vcpu', 'that is there');
	is_deeply([map { $_->{'qom-path'} } @{ qmp($q, 'query-cpus-fast')->{return} }], [map { $_->{'qom-path'} } @cpus], 'also as query-cpus-fast says');
	my $one = qmp($q, 'query-stats', target => 'vcpu', vcpus => [$cpus[1]{'qom-path'}], providers => [{ provider => 'kvm', names => ['exits', 'halt_exits'] }]);
	is_deeply([map { $_->{'qom-path'} } @{ $one->{return} }], [$cpus[1]{'qom-path'}], 'query-stats of one vCPU');
	is_deeply([sort(map { $_->{name} } @{ $one->{return}[0]{stats} })], ['exits', 'halt_exits'], 'and of some names');
	my ($vm, $vcpu) = @{ qmp($q, 'query-stats-schemas')->{return} };
	is_deeply([map { [@$_{qw(provider target)}] } $vm, $vcpu], [['kvm', 'vm'], ['kvm', 'vcpu']], 'query-stats-schemas');
	my %kinds = map { $_->{name} => $_ } @{ $vcpu->{stats} };
	is_deeply($kinds{exits}, { name => 'exits', type => 'cumulative', exponent => 0 }, 'what one is');
	is($kinds{halt_wait_ns}{unit} // 'seconds', 'seconds', 'and its unit');
	like(hmp($m, 'info stats vcpu exits,halt_wait_ns'), qr/^provider: kvm\n(    (exits \(cumulative\)|halt_wait_ns \(cumulative, ns\)): \d+\n)+\z/, 'info stats');
	like(hmp($m, 'info stats vm'), qr/^provider: kvm\n    \S+ \(\S+\): \d/, 'info stats vm');
	like(hmp($m, 'info stats vm * nix'), qr/^Error: there is no provider 'nix'/, 'no such provider');
}
like(hmp($m, 'info stats x'), qr/^Error: target 'x'/, 'no such target');

is(hmp($m, "logfile $dir/log"), '', 'logfile');
is(hmp($m, 'log kvm'), '', 'log');
is(hmp($m, 'stop'), '', 'stop');
is(hmp($m, 'cont'), '', 'cont');
is(hmp($m, "logfile $dir/log2"), '', 'logfile once more');
is(hmp($m, 'stop'), '', 'stop');
is(hmp($m, 'cont'), '', 'cont');
for my $file ('log', 'log2') {
	open(my $in, '<', "$dir/$file") or die;
	is(join('', <$in>), "vmm: 2 vCPUs run\n", "$file has what was logged then");
}
like(hmp($m, 'logfile /nonexistent/x'), qr/^Error: cannot open the log file/, 'a file that cannot be written');

# ---- machine checks ----

is(hmp($m, 'mce 0 1 0x9400000000000000 0 0 0'), '', 'mce: a corrected error');
is(qmp($q, 'query-status')->{return}{status}, 'running', 'which no guest dies of');
like(hmp($m, 'mce 0 200 0x9400000000000000 0 0 0'), qr/^Error: KVM refuses.*bank 200/, 'mce: no such bank');
like(hmp($m, 'mce 0 1 0 0 0 0'), qr/^Error: KVM refuses.*bit 63/, 'mce: no error');
like(hmp($m, 'mce 7 1 0 0 0 0'), qr/^Error: there is no CPU 7/, 'mce: no such CPU');
like(hmp($m, 'mce 0 256 0 0 0 0'), qr/^Error: there is no bank 256/, 'mce: a bank beyond all');
is(hmp($m, 'mce -b 0 1 0xb200000000000000 5 0 0'), '', 'mce: an uncorrected one, to a guest that does not handle them');
is(event($q, 'SHUTDOWN')->{data}{reason}, 'guest-reset', 'ends in a triple fault');
put($q, '{"execute":"quit"}');
my ($status, $said) = ended($pid);
is($status, 0, 'quit') or diag($said);

done_testing();
