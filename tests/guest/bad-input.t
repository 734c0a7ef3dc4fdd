#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a user can get wrong, and what a host can lack: each case is one row with the exact exit
# code, and gives one line that says what, why and what to do, and changes no file.
# Hosts without KVM are mount namespaces with another /dev; a KVM that answers otherwise is
# fake-kvm.c, preloaded.

use strict;
use warnings;
use Digest::SHA;
use File::Find;
use FindBin;
use lib $FindBin::Bin;
use files;
use vmmtest;
use Test::More;

# ---- files ----

# Writes 'L' to the first serial port, then halts for good.
my $halt = multiboot("\x66\xba\xf8\x03\xb0L\xee\xfa\xf4\xeb\xfd");
# A bzImage header: boot protocol 2.12, one setup sector, $paragraphs of protected mode code.
sub bzimage {
	my ($paragraphs, $size) = @_;
	my $image = "\0" x $size;

	substr($image, 0x1f1, 1, "\x01");
	substr($image, 0x1f4, 4, pack('V', $paragraphs));
	substr($image, 0x1fe, 10, pack('v', 0xaa55) . "\xeb\x66" . 'HdrS' . pack('v', 0x020c));
	substr($image, 0x211, 1, "\x01");
	return $image;
}
my $elf = "\x7fELF\x02\x01\x01" . "\0" x 9 . pack('vvVQQQVvvvvvv', 2, 62, 1, 0x100000, 64, 0, 0,
	64, 56, 1, 0, 0, 0);

put_file('halt', $halt);
put_file('empty', '');
put_file('short', 'x');
put_file('text', "no kernel at all\n" x 100);
put_file('bz-cut', bzimage(100_000, 4096));
put_file('elf-cut', $elf);
put_file('multiboot-cut', substr($halt, 0, 16));
put_file('initrd', 'anything');
put_file('disk', "\0" x 65536);
put_file('disk2', "\0" x 65536);
put_file('qcow2', "QFI\xfb\0\0\0\3" . "\0" x 1024);
put_file('log', "what was there\n");
mkdir('folder');
system('mkfifo', 'fifo') == 0 or die "mkfifo failed\n";

sub snapshot {
	my @found;

	find({ no_chdir => 1, wanted => sub {
		my @st = lstat($_);
		# The content shows itself in the modification time too, but not to a mmap.
		my $sum = -f $_ ? Digest::SHA->new(1)->addfile($_)->hexdigest : '';
		push(@found, join(' ', $_, @st[1, 2, 4, 5, 7, 9], $sum));
	} }, '.');
	return join("\n", sort @found);
}

# ---- one case ----

sub refused {
	my ($what, $want, $pattern, $prefix, $env, @args) = @_;
	my $before = snapshot();
	my ($status, $out, $err) = say_of($prefix, $env, @args);
	my @wrong;

	push(@wrong, "exit $status, not $want") if $status != $want;
	push(@wrong, "not '$pattern'") if $err !~ $pattern;
	push(@wrong, 'not one line of vmm') if $err !~ /\Avmm: (?!vmm)[^\n]+\n\z/;
	push(@wrong, 'an option named twice') if $err =~ /(?<!\S)(-\w+)[^:;]*: \1(?![\w-])/;
	push(@wrong, 'output') if $out ne '';
	push(@wrong, 'files changed') if snapshot() ne $before;
	ok(!@wrong, $what) or diag(join(', ', @wrong), "\nsaid: $err$out");
}

# ---- words: exit 2, KVM is not even opened ----

my $host_mb = 0;
open(my $meminfo, '<', '/proc/meminfo') or die "/proc/meminfo: $!\n";
while (<$meminfo>) {
	$host_mb += $1 / 1024 if /^(?:MemTotal|SwapTotal):\s+(\d+)/;
}
close($meminfo);
my $too_much = 1 << 20;
$too_much *= 2 while $too_much < 9 * $host_mb;

for (
	['-kernal x', qr/unknown option -kernal, did you mean -kernel\?/],
	['--kernal x', qr/unknown option --kernal, did you mean -kernel\?/],
	['-smpp 2', qr/did you mean -smp\?/],
	['-machin pc', qr/did you mean -machine\?/],
	['-dump-option', qr/unknown option -dump-option; vmm -h lists/],
	['-foo', qr/unknown option -foo; vmm -h lists the options/],
	['-', qr/unknown option -; vmm -h/],
	['-m', qr/option -m needs an argument: \[size=\]SIZE/],
	['-m 0', qr/-m: 0 is too small; a guest needs at least 1M/],
	['-m -5', qr/-m: '-5' is not a size; write 512, 512M or 2G/],
	['-m 1X', qr/-m: '1X' is not a size/],
	['-m 5P', qr/-m: 5P is more than any CPU can address/],
	['-m siz=1', qr/-m: unknown option 'siz', did you mean 'size'\?/],
	['-m 64,maxmem=32', qr/-m: maxmem=32 is less than the memory/],
	['-M memory-backend=x', qr/-machine memory-backend=x: there is no such object; define it with -object memory-backend-ram/, 1],
	['-m 32 -object memory-backend-ram,id=r,size=64M -M memory-backend=r', qr/-m 32M is not the size of memory-backend=r \(64M\)/, 1],
	['-mem-path . -object memory-backend-ram,id=r,size=64M -M memory-backend=r', qr/-mem-path and -machine memory-backend= are two places/, 1],
	['-object memory-backend-rom,id=r', qr/-object: there is no object 'memory-backend-rom', did you mean 'memory-backend-ram'\?/, 1],
	['-object memory-backend-ram,size=1M', qr/-object: memory-backend-ram: id= is missing/, 1],
	['-object memory-backend-ram,id=r', qr/-object: memory-backend-ram,id=r: size= is missing/, 1],
	['-object memory-backend-file,id=r,size=1M', qr/mem-path= is missing/, 1],
	['-object rng-builtin,id=r -object rng-builtin,id=r', qr/-object: id 'r' is taken by another object/, 1],
	['-object rng-random,id=r,filename=/dev/hwrng', qr/-object: rng-random,id=r: filename=\/dev\/hwrng: random numbers come from the kernel/, 1],
	['-m 32 -object memory-backend-file,id=r,size=32M,mem-path=disk -M memory-backend=r', qr/-object memory-backend-file,id=r: disk has \d+ bytes, fewer than size=/, 1],
	['-device virtio-rng-pci,rng=r', qr/rng=r: there is no such object; define it with -object rng-builtin,id=r/, 1],
	['-device vfio-pci', qr/-device vfio-pci: host=ADDRESS names the function, as in host=04:00.0; kvm-assign list/],
	['-device vfio-pci,host=4:0', qr/-device vfio-pci: '4:0' is no address of a PCI function; one is 04:00.0/],
	['-device pci-assign,hots=ff:1f.7', qr/-device vfio-pci: unknown option 'hots', did you mean 'host'\?/, 1],
	['-smbios type=9', qr/-smbios: type=9 is not supported/], ['-smbios serial=x', qr/-smbios: type= is missing/],
	['-smbios type=1,uuid=x', qr/-smbios: 'x' is no UUID/], ['-rtc base=x', qr/-rtc: base=x is neither utc, localtime nor a date/],
	['-localtime', qr/option -localtime is not supported: use -rtc base=localtime/],
	['-curses', qr/option -curses is not supported: use -nographic, or -vnc/], ['-watchdog i6300esb', qr/use -device i6300esb/],
	['-device virtio-gpu-pci', qr/there is no device 'virtio-gpu-pci'; -device help lists them/],
	['-spice port=1', qr/option -spice is not supported: use -vnc/], ['-seed', qr/option -seed needs an argument/],
	['-smp 0', qr/-smp: cpus=0 is not valid; expected a number from 1 to \d+/],
	['-smp 99999', qr/-smp: cpus=99999 is not valid; expected a number from 1 to/],
	['-smp two', qr/-smp: cpus=two is not valid/],
	['-smp 2,core=2', qr/-smp: unknown option 'core', did you mean 'cores'\?/],
	['-smp 2,sockets=2,cores=2', qr/-smp: 2 sockets \S+ 2 cores \S+ 1 threads are 4 CPUs, not 2/, 1],
	['-smp 4,maxcpus=2', qr/-smp: 4 CPUs are more than maxcpus=2/, 1],
	['-M q35', qr/-M: there is no board 'q35'; the only one is pc/],
	['-M pc,usb=maybe', qr/-M: usb=maybe is not valid; expected on\|off/],
	['-usbdevice braille', qr/-usbdevice: 'braille' is not supported; supported: tablet, mouse, keyboard/],
	['-device usb-tablet', qr/-device usb-tablet: it needs a bus; put -usb or -device qemu-xhci before it/, 1],
	['-usb -device usb-kbd,port=5', qr/there is no port '5'; the bus has ports 1 to 4/, 1],
	['-device ich9-usb-ehci1', qr/there is no device 'ich9-usb-ehci1'; USB has the controller qemu-xhci/],
	['-device usb-storage,drive=x', qr/there is no device 'usb-storage'; USB has/],
	['-device qemu-xhci,p2=0', qr/p2=0 is not valid; expected a number from 1 to 15/, 1],
	['-machine pc,acel=kvm', qr/did you mean 'accel'\?/],
	['-M pc,accel=tcg', qr/accelerator 'tcg' is not supported; vmm runs guests on KVM only/],
	['-accel tcg', qr/-accel: accelerator 'tcg' is not supported/],
	['-cpu Haswel', qr/-cpu: unknown model 'Haswel', did you mean 'Haswell'\?/, 1],
	['-cpu host,+avx22', qr/-cpu: unknown feature or property 'avx22', did you mean 'avx2'\?/, 1],
	['-name x,proces=y', qr/-name: unknown option 'proces', did you mean 'process'\?/],
	['-initrd initrd', qr/-initrd needs a -kernel/],
	['-append x', qr/-append needs a -kernel/],
	['-boot x', qr/-boot: 'x' is no boot device; a and b are floppies/],
	['-boot cdnc', qr/-boot: 'c' is given twice/],
	['-boot order=c,mnu=on', qr/-boot: unknown option 'mnu', did you mean 'menu'\?/],
	['-boot splash-time=1s', qr/-boot: splash-time=1s is not a number of milliseconds/],
	['-fw_cfg opt/a', qr/-fw_cfg opt\/a: it takes name=NAME and either file=FILE or string=TEXT/, 1],
	['-fw_cfg opt/a,string=b -fw_cfg opt/a,string=b', qr/-fw_cfg opt\/a,string=b: there are two of that name/, 1],
	['-fw_cfg etc/e820,string=b', qr/-fw_cfg: the name 'etc\/e820' is the machine's own; yours start with opt/, 1],
	['-hda disk -drive file=disk2,index=0', qr/-drive: another disk has index=0 already/, 1],
	['-hdc disk -cdrom disk2', qr/-cdrom: another disk has index=2 already/, 1],
	['-drive file=disk,index=4', qr/-drive: index=4 is no place; IDE has 0 to 3/, 1],
	['-drive file=disk,if=virtio,media=cdrom', qr/-drive: media=cdrom needs if=ide or if=scsi/, 1],
	['-device ide-hd', qr/-device ide-hd: it needs a disk; add drive=ID/, 1],
	['-drive file=disk,if=none,id=a -device ide-hd,drive=a,bus=ide.2', qr/-device ide-hd: .*IDE has the buses ide.0 and ide.1/, 1],
	['disk disk2', qr/-hda is taken by disk; use another letter/],
	['-drive fil=disk', qr/-drive: unknown option 'fil', did you mean 'file'\?/, 1],
	['-drive file=disk,meda=disk', qr/-drive: unknown option 'meda', did you mean 'media'\?/, 1],
	['-drive file=disk,if=sd', qr/-drive: if=sd is not valid; expected ide\|scsi\|virtio\|pflash\|none/, 1],
	['-drive file=disk,if=scsi,index=112', qr/-drive: index=112 is no place; SCSI has 0 to 111/, 1],
	['-drive file=disk,if=scsi,unit=7', qr/-drive: unit=7 is not valid; expected a number from 0 to 6/, 1],
	['-drive file=disk,if=scsi,unit=1,index=1', qr/-drive: give index=, or bus= and unit=, not both/, 1],
	['-drive file=disk,unit=2', qr/-drive: index=4 is no place; IDE .* units 0 to 1 of each bus/, 1],
	['-drive file=disk,bus=2', qr/-drive: index=4 is no place; IDE has 0 to 3/, 1],
	['-drive file=disk,if=scsi -drive file=disk2,if=scsi,unit=0', qr/-drive: id 'scsi0-hd0' is taken by another drive/, 1],
	['-device lsi53c895a', qr/there is no device 'lsi53c895a'; the SCSI controller is virtio-scsi-pci/, 1],
	['-device scsi-hd', qr/-device scsi-hd: it needs a bus; put -device virtio-scsi-pci before it/, 1],
	['-device virtio-scsi-pci,id=s -device scsi-cd,bus=t.0', qr/-device scsi-cd: there is no bus 't.0'; -device virtio-scsi-pci,id=ID has ID.0/, 1],
	['-device virtio-scsi-pci -device scsi-hd', qr/-device scsi-hd: it needs a disk; add drive=ID/, 1],
	['-device virtio-scsi-pci -device scsi-cd,scsi-id=256', qr/-device scsi-cd: there is no place channel=0,scsi-id=256,.*; there are 0,255,16383 and below/, 1],
	['-drive file=disk,if=pflash,unit=1', qr/-drive if=pflash: variables alone start nothing; add .*unit=0/, 1],
	['-drive file=disk,if=pflash,unit=2', qr/-drive if=pflash: if=pflash has the units 0, .* and 1/, 1],
	['-drive file=disk,if=pflash,index=1 -drive file=disk2,if=pflash,unit=1', qr/-drive if=pflash: two drives are flash unit 1; give one/, 1],
	['-drive file=disk,if=pflash,media=cdrom', qr/-drive if=pflash: unknown option 'media'/, 1],
	['-drive file=disk,if=pflash -bios bios-256k.bin', qr/-bios and -drive if=pflash both bring firmware; give one/],
	['-drive if=virtio', qr/-drive: no image is named; add file=PATH/, 1],
	['-drive file=disk,cache=nine', qr/-drive: cache=nine is not valid; expected writeback\|/, 1],
	['-drive file=disk,id=a -drive file=disk2,id=a', qr/-drive: id 'a' is taken by another drive/, 1],
	['-device virtio-blk-pc', qr/there is no device 'virtio-blk-pc', did you mean 'virtio-blk-pci'\?/, 1],
	['-device virtio-blk-pc,help', qr/did you mean 'virtio-blk-pci'\?/],
	['-device virtio-rng-pci,buss=x', qr/-device virtio-rng-pci: unknown option 'buss', did you mean 'bus'\?/, 1],
	['-device virtio-blk-pci', qr/-device virtio-blk-pci: it needs a disk; add drive=ID/, 1],
	['-chardev sdtio,id=a', qr/-chardev: unknown back end 'sdtio', did you mean 'stdio'\?/, 1],
	['-chardev null', qr/-chardev: null needs a name; add id=NAME/, 1],
	['-serial foo', qr/-serial: 'foo' is no character device; expected stdio/, 1],
	['-serial chardev:x', qr/-serial: there is no chardev 'x'; define it with -chardev/, 1],
	['-serial unix:s,servr', qr/-serial: socket: unknown option 'servr', did you mean 'server'\?/, 1],
	['-serial null -serial null -serial null -serial null -serial null', qr/-serial: more than 4 serial ports/],
	['-display gtk', qr/-display gtk: there is no window; show the screen with -vnc :0/],
	['-d nonsense', qr/-d: unknown log class 'nonsense'; known classes: guest_errors/],
) {
	my ($line, $pattern, $needs_kvm) = @$_;

	SKIP: {
		skip("$line: no access to /dev/kvm", 1) if $needs_kvm && !$kvm;
		refused("exit 2: $line", 2, $pattern, [], {}, split(/ /, $line));
	}
}

# ---- files: exit 1 ----

my $log = '-serial file:log';
for (
	['-kernel nowhere', qr/could not open kernel nowhere: No such file.*; check the path given to -kernel/],
	['-kernel folder', qr/the kernel folder is a directory, not a file; check the path/],
	['-kernel fifo', qr/the kernel fifo is not a regular file; check the path/],
	['-kernel empty', qr/the kernel empty is empty; copy or build it again/],
	['-kernel short', qr/the kernel short is no x86 bzImage, .*; give -kernel a vmlinuz/],
	['-kernel text', qr/the kernel text is no x86 bzImage/],
	['-kernel bz-cut', qr/the kernel bz-cut is truncated: its header promises \d+ bytes, the file has 4096; copy it again/],
	['-kernel elf-cut', qr/the kernel elf-cut is truncated: .*; copy or build it again/],
	['-kernel multiboot-cut', qr/the multiboot header of the kernel multiboot-cut is truncated; copy/],
	['-kernel halt -initrd nowhere', qr/could not open initrd nowhere: No such file.*; check the path given to -initrd/],
	['-kernel halt -initrd folder', qr/the initrd folder is a directory, not a file; check/],
	['-kernel halt -initrd empty', qr/the initrd empty is empty; copy or build it again/],
	['-kernel halt -initrd initrd,nowhere', qr/could not open initrd nowhere/],
	["-m ${too_much}M", qr/-m ${too_much}M is more than \d+ times this host's memory and swap \(\d+M\); choose a smaller size/, 1],
	["$log -drive file=nowhere", qr/-drive: cannot open the disk image nowhere: No such file.*; check the path, or make an empty disk/, 1],
	["$log -drive file=nbd:localhost:10809", qr/cannot open the disk image nbd:localhost:10809: .*; images are files .* have it attach what nbd: reaches$/, 1],
	["$log -cdrom http://nowhere/x.iso", qr/have it attach what http: reaches$/, 1],
	["$log -hda ./no:where", qr/check the path, or make an empty disk/, 1],
	["$log -drive file=nowhere,if=pflash", qr/-drive if=pflash: there is no flash image nowhere; .*Debian package ovmf/, 1],
	["$log -drive file=text,if=pflash", qr/-drive if=pflash: text has not the size of a flash image: .*; copy it again/, 1],
	["$log -drive file=disk,if=pflash -drive file=disk,if=pflash", qr/-drive if=pflash: disk is locked/, 1],
	["-L folder -device VGA,romfile=nowhere.rom", qr/-device VGA: there is no option ROM nowhere.rom; install/, 1],
	["-device bochs-display,vgamem=3M", qr/-device bochs-display: a framebuffer of 3072 KiB is not possible; it has a power of 2/, 1],
	["$log -bios nowhere", qr/there is no firmware nowhere, .*Debian package ovmf/],
	["$log -drive file=folder", qr/-drive: folder is a directory, not a disk image; name a file/, 1],
	["$log -drive file=fifo", qr/-drive: fifo is neither a regular file nor a block device; name one/, 1],
	["$log -drive file=empty", qr/-drive: empty is empty; give it a size, for example: truncate/, 1],
	["$log -drive file=qcow2", qr/-drive: qcow2: the length of the header cannot be; the qcow2 image is damaged/, 1],
	["$log -drive file=disk -drive file=disk", qr/-drive: disk is locked: .*; stop the other one/, 1],
	['-bios nowhere', qr/there is no firmware nowhere, neither here nor in .*; check the name given to -bios/],
	['-bios text', qr/the firmware text has \d+ bytes; an image has a multiple of 64 KiB/],
	['-bios folder', qr/the firmware folder is a directory/],
	["$log -cdrom nowhere", qr/-cdrom: cannot open the disk image nowhere/, 1],
	["$log -fw_cfg opt/a,file=nowhere", qr/-fw_cfg opt\/a,file=nowhere: cannot read nowhere: No such file/, 1],
	["$log -option-rom nowhere -boot c", qr/there is no option ROM nowhere, .*; check the name given to -option-rom/, 1],
	["$log -kernel halt -hdb nowhere", qr/-hdb: cannot open the disk image nowhere/, 1],
	['-serial file:nowhere/log', qr{-serial: cannot open nowhere/log for writing: No such file.*; check its folder}, 1],
	['-serial unix:nowhere/s,server,nowait', qr{-serial: cannot bind nowhere/s: No such file.*; check its folder}, 1],
	['-serial unix:log,server,nowait', qr/-serial: log exists and is not a socket; remove it/, 1],
	['-D nowhere/log', qr{-D: cannot open the log file nowhere/log: No such file.*; check the path given to -D}],
) {
	my ($line, $pattern, $needs_kvm) = @$_;

	SKIP: {
		skip("$line: no access to /dev/kvm", 1) if $needs_kvm && !$kvm;
		refused("exit 1: $line", 1, $pattern, [], {}, split(/ /, $line));
	}
}

# ---- a disk that another vmm uses ----

SKIP: {
	skip('no access to /dev/kvm', 2) if !$kvm;
	my $pid = open(my $holder, '-|', $vmm, qw(-m 16 -nodefaults -display none -serial stdio -kernel
		halt -drive file=disk)) // die "$vmm: $!\n";
	my $byte = '';
	read($holder, $byte, 1);
	is($byte, 'L', 'a guest runs with the disk');
	refused('exit 1: its disk for another one', 1, qr/-drive: disk is locked: another process, .*; stop the other one, open it readonly=on/,
		[], {}, qw(-drive file=disk));
	kill('TERM', $pid);
	close($holder);
}

# ---- hosts ----

my $no_node = 'mount -t tmpfs none /dev';
my $node = "$no_node && mknod -m 660 /dev/kvm c 10 232 && chgrp tty /dev/kvm";

SKIP: {
	skip('no mount namespaces for this user', 3) if !$spaces;
	refused('exit 1: no /dev/kvm', 1, qr{there is no /dev/kvm: KVM is not loaded, or not shown to this container; run kvm-check},
		in_space($no_node), {});
	refused('exit 1: a /dev/kvm that is something else', 1, qr{/dev/kvm is not a KVM device: .*; run kvm-check},
		in_space("touch $dir/zero; mount --bind /dev/zero $dir/zero; $no_node; touch /dev/kvm; mount --bind $dir/zero /dev/kvm"),
		{});
	skip('no access to /dev/kvm', 1) if !$kvm;
	refused('exit 1: a readonly file as flash', 1, qr/-drive if=pflash: disk cannot be opened for writing \(Read-only file system\); give readonly=on/,
		in_space('mount --bind disk disk && mount -o remount,bind,ro disk'), {}, '-drive', 'file=disk,if=pflash');
	refused('exit 1: a readonly file opened for writing', 1, qr/-drive: disk cannot be opened for writing \(Read-only file system\); give readonly=on/,
		in_space('mount --bind disk disk && mount -o remount,bind,ro disk'), {}, qw(-drive file=disk));
}

SKIP: {
	skip('only root can make device nodes', 4) if $> || !$spaces;
	refused('exit 1: a node without a driver', 1, qr{/dev/kvm has no driver: KVM is not loaded; run kvm-check},
		in_space("$no_node && mknod -m 666 /dev/kvm c 10 250"), {});
	refused('exit 1: no permission, the group has it', 1, qr{no permission to open /dev/kvm; it is open to the group tty: sudo usermod -aG tty USER, then log in again},
		in_space($node, @nobody), {});
	refused('exit 1: no permission, nobody has it', 1, qr{no permission to open /dev/kvm; run kvm-check},
		in_space("$node && chgrp root /dev/kvm", @nobody), {});
	skip('no access to /dev/kvm', 1) if !$kvm;
	chmod(0444, 'disk2');
	refused('exit 1: a file without write permission', 1, qr/-drive: disk2 cannot be opened for writing \(Permission denied\); give readonly=on/,
		in_space("$no_node && mknod -m 666 /dev/kvm c 10 232", @nobody), {}, qw(-drive file=disk2));
}

SKIP: {
	skip('no access to /dev/kvm', 3) if !$kvm;
	skip('vmm is built with a sanitizer, which must be loaded first', 3) if !$fakes;
	my %fake = compile_fake();
	refused('exit 1: another API', 1, qr{/dev/kvm has KVM API version 11, not 12: another kernel is needed; run kvm-check},
		[], { %fake, FAKE_API => 11 });
	refused('exit 1: another hypervisor', 1, qr/KVM is busy: another hypervisor .*; stop it first; run kvm-check/,
		[], { %fake, FAKE_CREATE => 16 });
	refused('exit 1: more vCPUs than KVM has', 1, qr/-smp 4: this host's KVM allows at most 2 vCPUs; choose fewer/,
		[], { %fake, FAKE_VCPUS => 2 }, qw(-smp 4));
}

done_testing();
