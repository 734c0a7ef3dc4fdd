#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What vmm's options accept, spelt as QEMU's users spell them, and what then happens.
# (What they refuse: bad-input.t.)

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use vmmtest;
use IO::Handle;
use IO::Socket::UNIX;
use Test::More;

# Both write 'L' to the first serial port; then the one halts, the other ends with status 33.
my $hello = "\x66\xba\xf8\x03\xb0L\xee";
put_file('halt', multiboot($hello . "\xfa\xf4\xeb\xfd"));
put_file('end', multiboot($hello . "\x66\xba\xf4\x00\xb0\x10\xee\xf4"));
put_file('disk', "\0" x 65536);
put_file('text', 'io.systemd.credential:x=y');
put_file('disk2', "\0" x 65536);
my @end = ('-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', 'end');

sub gives {
	my ($want, $pattern, @args) = @_;
	my ($status, $out, $err) = say_of([], {}, @args);

	$out =~ s/\r//g;
	# A small or software-only host has fewer CPUs and features than a row may ask for.
	$err =~ s/^vmm: warning: (?:-smp \d+: KVM recommends|host doesn't support requested feature).*\n//mg;
	ok($status == $want && $out =~ $pattern && $err eq '', "exit $want: @args")
		or diag("exit $status, said: $out$err");
}

# ---- questions, which need no KVM ----

gives(0, qr/^QEMU emulator version 7\.2\.0 compatible: kvmkit vmm version \d[^\n]*\n\z/, $_) for qw(-version --version);
gives(0, qr/\AQEMU emulator version 7.*^Usage: vmm .*^  -smp /ms, $_) for qw(-h -help --help);
for my $help (qw(help ?)) {
	gives(0, qr/^pc +i440FX PC/m, '-M', $help);
	gives(0, qr/^pc /m, '-machine', $help);
	gives(0, qr/^kvm$/m, '-accel', $help);
	gives(0, qr/^x86 qemu64 .*^x86 Haswell .*^  vendor=.*\bavx2\b/ms, '-cpu', $help);
	gives(0, qr/^name "virtio-blk-pci", bus pci/m, '-device', $help);
	gives(0, qr/^  drive=<str>/m, '-device', "virtio-blk-pci,$help");
	gives(0, qr/^  cache=<writeback\|.*^  if=|^  if=.*^  cache=<writeback/ms, '-drive', $help);
	gives(0, qr/^stdio: /m, '-chardev', $help);
	gives(0, qr/^memory-backend-file: .*^  mem-path=.*^rng-random: /ms, '-object', $help);
	gives(0, qr/^memory-backend-ram: (?!.*^rng)/ms, '-object', "memory-backend-ram,$help");
	gives(0, qr/^guest_errors /m, '-d', $help);
	gives(0, qr/^user: .*^tap: /ms, '-netdev', $help);
	gives(0, qr/^user: (?!.*^tap: ).*^  net=/ms, '-netdev', "user,$help");
	gives(0, qr/^socket: (?!.*^stdio: ).*^  server=/ms, '-chardev', "socket,$help");
	gives(0, qr/^virtio-net-pci\ne1000$/m, @$_) for ['-nic', "model=$help"], ['-net', "nic,model=$help"];
	gives(0, qr/^Supported formats: qcow2 raw$/m, '-drive', "format=$help");
	gives(0, qr/^std  /m, '-vga', $help);
	gives(0, qr/^none$/m, '-display', $help);
	gives(0, qr/\A$_->[0] options:\n.*^  $_->[1]=</ms, "-$_->[0]", $help)
		for [qw(smp cores)], [qw(boot once)], [qw(rtc base)], [qw(action panic)], [qw(msg timestamp)], [qw(overcommit cpu-pm)], [qw(memory maxmem)];
}
gives(0, qr/^  accel=<str>/m, qw(-M pc,help));

if (!$kvm) {
	note('no access to /dev/kvm: no guest was started');
	done_testing();
	exit(0);
}

# ---- what the built-in guest sees ----

for (
	['-m 64', qr/memory +63 MiB/], ['--m 64', qr/memory +63 MiB/], ['-m 64M', qr/memory +63 MiB/],
	['-m size=64m', qr/memory +63 MiB/], ['-m 65536k', qr/memory +63 MiB/], ['-m 0.25G', qr/memory +255 MiB/],
	['-memory 64', qr/memory +63 MiB/], ['-m 64,slots=4,maxmem=1G', qr/memory +63 MiB/],
	['-object memory-backend-ram,id=r,size=64M,share=on,prealloc=on -M memory-backend=r', qr/memory +63 MiB/],
	['-object memory-backend-memfd,id=r,size=64M,seal=on -m 64 -machine pc,memory-backend=r', qr/memory +63 MiB/],
	['-object memory-backend-file,id=r,size=16M,share=on,mem-path=ram -M memory-backend=r', qr/memory +15 MiB/],
	['-object memory-backend-file,id=r,size=16M,mem-path=.,dump=on -M memory-backend=r -mem-prealloc', qr/memory +15 MiB/],
	['-m 16 -mem-path . -mem-prealloc -overcommit mem-lock=off,cpu-pm=off', qr/memory +15 MiB/],
	['-m 16 -M mem-merge=off,dump-guest-core=on,graphics=on,nvdimm=off', qr/memory +15 MiB/],
	['-object rng-random,id=g,filename=/dev/urandom -object rng-builtin,id=h -device virtio-rng-pci,rng=g,addr=7', qr/07\.0 +1af4:/],
	['-rtc base=utc,clock=host,driftfix=slew -rtc localtime', qr/host bridge/],
	['-smbios type=1,serial=ds=nocloud;s=http://x/ -smbios type=11,value=a,path=text', qr/host bridge/],
	# What programs give by habit, and what changes nothing here.
	['-no-hpet -no-fd-bootchk -usb -only-migratable -async-teardown -compat deprecated-input=reject -seed 7', qr/host bridge/], ['-smp 1', qr/memory +511 MiB.*CPUs +1\n/s],
	['-smp 2', qr/CPUs +2\n/], ['-smp cpus=2', qr/CPUs +2\n/], ['-smp cores=2,sockets=2', qr/CPUs +4\n/],
	['-smp 4,sockets=2,cores=1,threads=2,maxcpus=4', qr/CPUs +4\n/], ['-smp 1,maxcpus=2', qr/CPUs +1\n/],
	['-smp 2,dies=1', qr/CPUs +2\n/], ['-cpu max', qr/CPU +\S+, /], ['-cpu host', qr/CPU +\S+, /],
	['-cpu qemu64', qr/CPU +\S+, QEMU Virtual CPU/], ['-cpu qemu64,model-id=Mine', qr/CPU +\S+, Mine/],
	['-cpu host,kvm=off', qr/hypervisor *\n/], ['-cpu host,migratable=no,pmu=yes', qr/CPU +\S+, /],
	['-device virtio-rng-pci,addr=7', qr/07\.0 +1af4:/],
	# USB, as people and libvirt write it.
	['-usb -device usb-tablet', qr/01\.2 +1b36:000d/], ['-M usb=on -device usb-kbd', qr/01\.2 +1b36:000d/],
	['-usbdevice tablet -usbdevice mouse -usbdevice keyboard', qr/01\.2 +1b36:000d/],
	['-device piix3-usb-uhci,id=usb,bus=pci.0,addr=0x1.0x2 -device usb-tablet,id=input0,bus=usb.0,port=1', qr/01\.2 +1b36:000d/],
	['-device qemu-xhci,p2=15,p3=15,id=usb,bus=pci.0,addr=0x5 -device usb-mouse,bus=usb.0,port=15', qr/05\.0 +1b36:000d/],
	['-device nec-usb-xhci,msix=off,addr=6', qr/06\.0 +1b36:000d/],
	['-M pc', qr/host bridge/], ['-machine pc-i440fx-7.2,accel=kvm,usb=off,vmport=off', qr/host bridge/],
	['-M type=pc,accel=kvm:tcg,kernel_irqchip=on', qr/host bridge/], ['-accel kvm', qr/host bridge/],
	['-accel kvm,kernel-irqchip=on', qr/host bridge/], ['-enable-kvm', qr/host bridge/], ['--enable-kvm', qr/host bridge/],
	['-name guest=x,debug-threads=on', qr/host bridge/], ['-no-user-config -no-reboot', qr/host bridge/],
	['-monitor none -parallel none -net none -nic none -vga none', qr/host bridge/], ['-nographic', qr/host bridge/],
) {
	my ($line, $pattern) = @$_;

	gives(0, qr/The machine is up.*$pattern.*powering off/s, split(/ /, $line));
}

# ---- graphics cards ----

mkdir('roms');
put_file('roms/own.rom', "\x55\xaa\x02" . "\0" x 1021);
gives(33, qr/^L$/, '-L', 'roms', '-device', 'VGA,romfile=own.rom', @end);
gives(33, qr/^L$/, '-vga', 'none', '-device', 'bochs-display,vgamem=8M', @end);

# ---- disks and serial ports ----

for my $cache (qw(writeback writethrough unsafe)) {
	gives(33, qr/^L$/, "-drive", "file=disk,cache=$cache", @end);
}
gives(33, qr/^L$/, '-drive', "file=disk,discard=$_", @end) for qw(ignore off unmap on);
gives(33, qr/^L$/, '-drive', $_, @end) for 'file=disk,if=virtio,format=raw,id=d', 'file=disk,if=ide,boot=on',
	'disk,serial=x,index=3,media=disk,cache=unsafe,aio=threads', 'disk,media=cdrom', 'if=ide,media=cdrom';
gives(33, qr/^L$/, qw(-cdrom disk -hda disk2 -boot order=cdn,once=d,menu=on,splash=x.jpg,splash-time=1,reboot-timeout=5,strict=on), @end);
gives(33, qr/^L$/, qw(-fw_cfg name=opt/x,string=y -fw_cfg opt/z,file=disk), @end);
gives(33, qr/^L$/, (map { ('-drive', "file=disk,readonly=$_") } qw(on on)), @end);
gives(33, qr/^L$/, qw(-hda disk -hdb disk2), @end);
gives(33, qr/^L$/, qw(-drive file=disk,if=none,id=d -device virtio-blk-pci,drive=d), @end);
gives(33, qr/^L$/, @end, 'disk');
gives(33, qr/^$/, '-serial', $_, @end) for qw(null none);
gives(33, qr/^$/, qw(-nodefaults), @end);
gives(33, qr/^$/, qw(-serial file:port), @end);
is(do { local (@ARGV, $/) = 'port'; <> }, 'L', 'the serial port is in its file');
gives(33, qr/^L$/, qw(-chardev stdio,id=s -serial chardev:s), @end);
gives(33, qr/^L$/, qw(-chardev stdio,id=s -nodefaults -device isa-serial,chardev=s), @end);
# The terminal goes to whoever asks for it; the first serial port, which nobody asked for, has it otherwise.
gives(33, qr/^L$/, qw(-chardev stdio,id=serial0 -device isa-serial,chardev=serial0), @end);
gives(33, qr/^kvmkit vmm [^\n]*\n[^L]*$/, @$_, @end)
	for ([qw(-monitor stdio)], [qw(-chardev stdio,id=mon0 -mon chardev=mon0)]);
gives(33, qr/^\{"QMP": [^\n]*\n$/, qw(-qmp stdio), @end);
gives(33, qr/^L$/, qw(-debugcon null), @end);
gives(33, qr/^L$/, qw(-d boot -D log), @end);
like(do { local (@ARGV, $/) = 'log'; <> }, qr/^vmm: multiboot: entry at 0x100020$/m, '-d writes into the file of -D');

# ---- a machine that goes on until it is told to end ----

# Starts vmm; returns its pid and its output, both streams.
sub start {
	my @args = @_;
	my $pid = open(my $from, '-|') // die "fork: $!\n";

	if (!$pid) {
		open(STDERR, '>&', \*STDOUT);
		exec('timeout', '--foreground', '60', $vmm, @args);
		exit(126);
	}
	return ($pid, $from);
}

# Reads on until the output has the pattern; returns what there was.
sub read_until {
	my ($from, $pattern) = @_;
	my $text = '';

	while ($text !~ $pattern) {
		sysread($from, $text, 1, length($text)) or last;
	}
	return $text;
}

# timeout(1) passes signals on, and its exit status is vmm's.
sub ends {
	my ($what, $pid, $from) = @_;

	kill('TERM', $pid);
	my $rest = do { local $/; <$from> } // '';
	close($from);
	like($rest, qr/vmm: terminating on signal 15/, "$what: it ran until it was told to end");
}

my ($pid, $from) = start(qw(-serial stdio -serial unix:sock,server,nowait -kernel halt));
like(read_until($from, qr/L/), qr/L/, 'a guest with two serial ports runs');
ok(-S 'sock', 'the second is a socket');
ok(IO::Socket::UNIX->new(Peer => 'sock'), 'which takes a client');
ends('unix:,server,nowait', $pid, $from);
ok(!-e 'sock', 'and is gone afterwards');

($pid, $from) = start(qw(-serial unix:sock,server -kernel halt));
like(read_until($from, qr/\n/), qr/waiting for a client on .*sock/, 'unix:,server waits for a client');
my $client = IO::Socket::UNIX->new(Peer => 'sock');
is(read_until($client, qr/L/), 'L', 'which gets everything from the start');
ends('unix:,server', $pid, $from);

($pid, $from) = start(qw(-d kvm -serial pty -kernel halt));
my ($pty) = read_until($from, qr/\n/) =~ m{^char device redirected to (/dev/pts/\d+) \(label serial0\)$}m;
ok($pty && -c $pty, 'pty: its name is printed');
# Until then a signal is not the machine's yet.
like(read_until($from, qr/vCPUs run\n/), qr/vCPUs run\n/, 'pty: the guest runs');
ends('pty', $pid, $from);

($pid, $from) = start(qw(-name x,process=my-guest -serial stdio -kernel halt));
read_until($from, qr/L/);
my ($child) = split(' ', do { local (@ARGV, $/) = "/proc/$pid/task/$pid/children"; <> } // '');
is(do { local @ARGV = "/proc/$child/comm"; <> }, "my-guest\n", '-name process= names the process');
ends('-name', $pid, $from);

($pid, $from) = start(qw(-no-shutdown -d kvm -serial null));
like(read_until($from, qr/ACPI S5\n/), qr/request .*: ACPI S5/, 'a guest powers off under -no-shutdown');
ends('-no-shutdown', $pid, $from);

done_testing();
