#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# savevm, loadvm, delvm, info snapshots and -loadvm: a guest that counts goes back to where
# it was, with its disk; qemu-img sees the same; what cannot be saved is refused.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

# As in migrate.t: each 4096 steps the next 8 bits to port 0xe9.
my $count = "\x31\xc0\xbf\x00\x00\x20\x00\xff\x07\x8b\x07\xa9\xff\x0f\x00\x00\x75\xf5\xc1\xe8\x0c\xe6\xe9\xeb\xee";
my @kernel = ('-kernel', put_file("$dir/count", multiboot($count)));
my $image = "$dir/a.qcow2";
my @disk = ('-drive', "file=$image,if=none,id=d0,format=qcow2", qw(-device virtio-blk-pci,drive=d0));

sub image_of {
	my ($path, $size) = @_;

	system("$build/vmm-img", qw(create -q -f qcow2), $path, $size) == 0 or die "$path\n";
}

sub machine {
	my (@args) = @_;

	unlink("$dir/out", "$dir/mon");
	my $pid = start(qw(-nodefaults -serial none), '-chardev', "file,id=d,path=$dir/out", qw(-device isa-debugcon,chardev=d),
		'-monitor', "unix:$dir/mon,server,nowait", @args);
	my $c = connect_to("$dir/mon");
	expect($c, qr/\(qemu\) $/);
	return ($pid, $c);
}

sub quit {
	my ($pid, $c) = @_;

	put($c, "quit\n");
	return ended($pid);
}

sub told {
	my ($more) = @_;
	my $have = -s "$dir/out" // 0;

	return wait_until(sub { (-s "$dir/out" // 0) >= $have + $more });
}

sub steps {
	return unpack('C*', slurp("$dir/out"));
}

# ---- back and forth ----

image_of($image, '4M');
my ($pid, $c) = machine(@kernel, @disk);
is(hmp($c, 'info snapshots'), "There is no snapshot available.\n", 'nothing is saved yet');
told(3);
is(hmp($c, 'savevm one'), '', 'savevm');
like(hmp($c, 'info status'), qr/running/, 'the guest goes on');
told(3);
is(hmp($c, 'savevm'), '', 'savevm without a name');
hmp($c, 'stop');
my @first = steps();
my $list = hmp($c, 'info snapshots');
my $row = qr/ +[\d.]+ KiB \d{4}-\d\d-\d\d \d\d:\d\d:\d\d 00:00:\d\d\.\d{3} {11}\n/;
like($list, qr/^List of snapshots present on all disks:\nID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\n--        one$row--        vm-\d{14}$row\z/,
	'info snapshots, as QEMU prints it') or diag($list);
hmp($c, 'cont');
told(2);
is(hmp($c, 'loadvm one'), '', 'loadvm');
like(hmp($c, 'info status'), qr/running/, 'the guest runs');
told(3);
hmp($c, 'stop');
my @all = steps();
my ($back) = grep { $all[$_] <= $all[$_ - 1] } 1 .. $#all;
ok($back && $all[$back] >= 3 && $all[$back] < @first, 'it is back where it was') or diag("@all");
is_deeply([@all[$back .. $#all]], [$all[$back] .. $all[$back] + $#all - $back], 'and counts on from there');
like(hmp($c, 'loadvm nix'), qr/^Error: Snapshot 'nix' does not exist in one or more devices/, 'one that is not there');
like(hmp($c, 'delvm nix'), qr/^Error: Snapshot 'nix' does not exist in one or more devices/, 'nor to be deleted');
is(hmp($c, 'loadvm one'), '', 'a stopped machine goes back');
like(hmp($c, 'info status'), qr/^VM status: paused\n/, 'and stays stopped');
# The same name once more, and a number as a name.
is(hmp($c, 'savevm one'), '', 'a name twice');
is(scalar(() = hmp($c, 'info snapshots') =~ /^-- +one /mg), 1, 'is one');
is(hmp($c, 'savevm 2'), '', 'a number as a name');
is(hmp($c, 'delvm 2'), '', 'is deleted by it');
like(hmp($c, 'info snapshots'), qr/one .*\n|vm-\d/, 'and no other one');
(my $status) = quit($pid, $c);
is($status, 0, 'the end');

SKIP: {
	skip('no qemu-img', 2) if system('which qemu-img >/dev/null 2>&1');
	like(`qemu-img snapshot -l $image`, qr/^\d+ +one +[\d.]+ [KM]iB /m, 'qemu-img snapshot -l lists it, with size and clock');
	is(system("qemu-img check -q $image"), 0, 'the image is whole');
}

# ---- -loadvm ----

($pid, $c) = machine(@kernel, @disk, '-loadvm', 'one');
ok(told(2), '-loadvm: the guest runs');
hmp($c, 'stop');
my ($begin) = steps();
ok($begin >= 3 && $begin < @first, 'from where it was saved');
quit($pid, $c);
for my $row (
	[qr/^vmm: -loadvm: Snapshot 'nix' does not exist in one or more devices\n\z/, @disk, '-loadvm', 'nix'],
	[qr/^vmm: -loadvm: the guest's memory differs: '64 MiB' at the source, '65 MiB' here/, @disk, qw(-loadvm one -m 65)],
	[qr/^vmm: -loadvm: no block device can store vmstate for snapshot\n\z/, qw(-loadvm one)],
) {
	my ($pattern, @args) = @$row;
	my $pid = start(qw(-nodefaults -serial none), '-chardev', "file,id=d,path=$dir/out", qw(-device isa-debugcon,chardev=d), @kernel, @args);
	my ($status, $said) = ended($pid);

	ok($status == 1 && $said =~ $pattern, "-loadvm: $pattern") or diag("$status: $said");
}

# ---- several disks ----

image_of("$dir/b.qcow2", '1M');
open(my $raw, '>', "$dir/raw") or die;
truncate($raw, 1 << 20);
my @second = ('-drive', "file=$dir/b.qcow2,if=none,id=d1", qw(-device virtio-blk-pci,drive=d1));
my @raw = ('-drive', "file=$dir/raw,format=raw,if=none,id=r", qw(-device virtio-blk-pci,drive=r));

($pid, $c) = machine(@kernel, @disk, @second);
like(hmp($c, 'loadvm one'), qr/^Error: Snapshot 'one' does not exist in one or more devices/, 'is none of the machine');
is(hmp($c, 'savevm both'), '', 'two disks');
like(hmp($c, 'info snapshots'), qr/ICOUNT\n-- +both /, 'have both of them');
is(hmp($c, 'loadvm both'), '', 'and go back together');
is(hmp($c, 'delvm both'), '', 'or not');
unlike(hmp($c, 'info snapshots'), qr/both/, 'any more');
quit($pid, $c);
($pid, $c) = machine(@kernel, @disk, @raw);
like(hmp($c, 'savevm x'), qr/^Error: Device 'r' is writable but does not support snapshots/, 'a raw disk has none');
like(hmp($c, 'loadvm one'), qr/^Error: Device 'r' is writable but does not support snapshots/, 'nor goes it back');
ok(told(2), 'the guest goes on');
quit($pid, $c);
($pid, $c) = machine(@kernel);
like(hmp($c, 'savevm x'), qr/^Error: no block device can store vmstate for snapshot/, 'nowhere to save');
is(hmp($c, 'info snapshots'), "no block device can store vmstate for snapshot\n", 'nor to look');
quit($pid, $c);

# ---- a snapshot of the disk only, and a damaged one ----

system("$build/vmm-img snapshot -c disk $image >/dev/null 2>&1");
SKIP: {
	($pid, $c) = machine(@kernel, @disk);
	my $said = hmp($c, 'loadvm disk');

	skip('vmm-img makes no snapshots yet', 1) if $said =~ /does not exist/;
	like($said, qr/^Error: This is a disk-only snapshot/, 'a snapshot of the disk alone is not loaded');
}
quit($pid, $c);

# ---- the memory of a card that may be unplugged: its ROM ----

SKIP: {
	my $rom = '/usr/share/seabios/vgabios-stdvga.bin';

	skip("$rom is missing; run: scripts/deps", 4) if !-e $rom;
	($pid, $c) = machine(@kernel, @disk, qw(-vga std -netdev user,id=n -device), "virtio-net-pci,netdev=n,romfile=$rom");
	is(hmp($c, 'savevm rom'), '', 'savevm with ROMs of cards');
	like(hmp($c, 'info status'), qr/running/, 'the guest goes on');
	is(hmp($c, 'loadvm rom'), '', 'loadvm');
	ok(told(2), 'and goes on from there');
	quit($pid, $c);
}

done_testing();
