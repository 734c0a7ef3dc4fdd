#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Disks below temporary images (-snapshot) and below those of snapshot_blkdev and its QMP
# siblings, in the sandbox, while a guest writes one sector after another: what each file
# holds is what had been written at one moment; commit brings it back.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

# Sector n of the first IDE disk becomes n, 128 times; then the low byte of n goes to port
# 0xe9; n counts from 1 to 2000.
my $write = "\xfa\xfc\xbf\x00\x00\x20\x00\x31\xdb\x43\xbf\x00\x00\x20\x00\x89\xd8\xb9\x80\x00\x00\x00\xf3\xab\x66\xba\xf6\x01"
	. "\xb0\xe0\xee\x66\xba\xf2\x01\xb0\x01\xee\x42\x88\xd8\xee\x42\x88\xf8\xee\x42\x31\xc0\xee\x66\xba\xf7\x01\xb0\x30\xee"
	. "\xec\xa8\x08\x74\xfb\xbe\x00\x00\x20\x00\xb9\x00\x01\x00\x00\x66\xba\xf0\x01\x66\xf3\x6f\x66\xba\xf7\x01\xec\xa8\x80"
	. "\x75\xfb\x88\xd8\xe6\xe9\x81\xfb\xd0\x07\x00\x00\x72\xa5\xf4";
my $sectors = 4096;
my @kernel = ('-kernel', put_file("$dir/write", multiboot($write)));
my $tmp = "$dir/tmp";

mkdir($tmp);
$ENV{TMPDIR} = $tmp;

sub img {
	system("$build/vmm-img", @_) == 0 or die "vmm-img @_\n";
}

# Whole sectors, 1 to the result, of what vmm-img reads from an image and those below it.
sub written {
	my ($path, @format) = @_;
	my $raw = "$dir/seen";
	my ($n, $wrong) = (0, 0);

	img('convert', @format, '-O', 'raw', $path, $raw);
	my $data = slurp($raw);
	$n++ while $n + 1 < $sectors && substr($data, 512 * ($n + 1), 512) eq pack('V', $n + 1) x 128;
	$wrong++ if substr($data, 512 * ($n + 1)) ne "\0" x (512 * ($sectors - 1 - $n));
	unlink($raw);
	return $wrong ? -$n - 1 : $n;
}

sub machine {
	my (@args) = @_;

	unlink("$dir/out", "$dir/mon", "$dir/qmp");
	my $pid = start(qw(-nodefaults -serial none), '-chardev', "file,id=d,path=$dir/out", qw(-device isa-debugcon,chardev=d),
		'-monitor', "unix:$dir/mon,server,nowait", '-qmp', "unix:$dir/qmp,server,nowait", @args);
	my $c = connect_to("$dir/mon");
	expect($c, qr/\(qemu\) $/);
	return ($pid, $c);
}

# Waits until the guest has written that many sectors more.
sub goes_on {
	my ($more) = @_;
	my $have = -s "$dir/out" // 0;

	return wait_until(sub { (-s "$dir/out" // 0) >= $have + $more });
}

# One may be written that the guest did not come to tell.
sub is_last {
	my ($n, $last, $what) = @_;

	ok($n == $last || $n == $last + 1, $what) or diag("$n, told $last");
}

sub quit {
	my ($pid, $c) = @_;

	put($c, "quit\n");
	return (ended($pid))[0];
}

# ---- -snapshot ----

for my $format (qw(raw qcow2)) {
	my $base = "$dir/base.$format";

	img(qw(create -q -f), $format, $base, '2M');
	my $before = slurp($base);
	my ($pid, $c) = machine(@kernel, '-snapshot', '-drive', "file=$base,format=$format,if=ide,index=0");
	is_deeply([glob("$tmp/*")], [], "-snapshot, $format: the temporary image has no name");
	like(hmp($c, 'info block'), qr{^ide0-hd0 \(#block\d+\): \Q$tmp\E/vl\.\w{6} \(qcow2\)\n.*\n    Cache mode:       writeback, ignore flushes\n    Backing file:     \Q$base\E \(chain depth: 1\)\n}m,
		'info block');
	ok(goes_on(20), 'the guest writes');
	ok(slurp($base) eq $before, 'but not to the image');
	is(hmp($c, 'commit ide0-hd0'), '', 'commit');
	ok(goes_on(20), 'the guest writes on');
	hmp($c, 'stop');
	my $last = -s "$dir/out";
	is(quit($pid, $c), 0, 'the end');
	my $n = written($base, '-f', $format);
	ok($n >= 20 && $n + 19 <= $last, 'the image has what was committed, and nothing else') or diag("$n of $last");
	($pid, $c) = machine(@kernel, '-snapshot', '-drive', "file=$base,format=$format,if=ide,index=0,snapshot=off");
	ok(goes_on($n + 5), 'snapshot=off');
	is(hmp($c, 'commit all'), '', 'commit all passes by what has nothing below');
	like(hmp($c, 'commit ide0-hd0'), qr/^Error: 'commit' error for 'ide0-hd0': \Q$base\E has no backing file\n/, 'which has nothing to commit to');
	like(hmp($c, 'commit nix'), qr/^Error: Device 'nix' not found\n/, 'nor has one that is not there');
	hmp($c, 'stop');
	$last = -s "$dir/out";
	quit($pid, $c);
	is_last(written($base, '-f', $format), $last, 'goes to the image');
	unlink($base);
}

# ---- snapshot_blkdev ----

for my $format (qw(raw qcow2)) {
	my @path = ("$dir/base.$format", map { "$dir/s$_.qcow2" } 1 .. 3);

	img(qw(create -q -f), $format, $path[0], '2M');
	my ($pid, $c) = machine(@kernel, '-drive', "file=$path[0],format=$format,if=ide,index=0");
	ok(goes_on(10), "snapshot_blkdev, $format: the guest writes");
	is(hmp($c, "snapshot_blkdev ide0-hd0 $path[1]"), '', 'a snapshot');
	my $base = slurp($path[0]);
	ok(goes_on(10), 'the guest goes on');
	ok(slurp($path[0]) eq $base, 'and writes to the new image');
	my $first = written($path[0], '-f', $format);
	ok($first >= 10 && $first + 9 <= -s "$dir/out", 'the old one has what was before') or diag($first);
	is(hmp($c, "snapshot_blkdev ide0-hd0 $path[2]"), '', 'another one above');
	like(hmp($c, 'info block'), qr/^ide0-hd0 \(#block\d+\): \Q$path[2]\E \(qcow2\)\n.*\n.*\n    Backing file:     \Q$path[1]\E \(chain depth: 2\)\n/m, 'info block');
	ok(goes_on(10), 'the guest goes on');
	img(qw(create -q -f qcow2), $path[3], '2M');
	is(hmp($c, "snapshot_blkdev -n ide0-hd0 $path[3]"), '', '-n: an image that is there');
	ok(goes_on(10), 'the guest goes on');
	is(hmp($c, 'commit ide0-hd0'), '', 'commit, into the one below');
	ok(goes_on(10), 'the guest goes on');
	like(hmp($c, "snapshot_blkdev ide0-hd0"), qr/^Error: Parameter 'snapshot-file' is missing\n/, 'without a file');
	like(hmp($c, "snapshot_blkdev nix $dir/x"), qr/^Error: Cannot find device='nix' nor node-name=''\n/, 'no such disk');
	like(hmp($c, "snapshot_blkdev ide0-hd0 $path[2]"), qr/^Error: '\Q$path[2]\E' is in use by a machine\n/, 'a file that is in use');
	like(hmp($c, "snapshot_blkdev ide0-hd0 $dir/x raw"), qr/^Error: Backing file not supported for file format 'raw'\n/, 'a raw one');
	SKIP: {
		skip('a build with sanitizers has no sandbox', 1) unless slurp("/proc/$pid/status") =~ /^Seccomp:\s+2$/m;
		like(hmp($c, "snapshot_blkdev ide0-hd0 /etc/kvmkit-no-such"), qr{^Error: Could not create '/etc/kvmkit-no-such': Permission denied}, 'where the sandbox lets nothing be made');
	}
	ok(goes_on(1), 'the guest goes on after each');
	hmp($c, 'stop');
	my $last = -s "$dir/out";
	quit($pid, $c);
	is(written($path[0], '-f', $format), $first, 'the image at the bottom stays as it was');
	my $second = written($path[1]);
	ok($second > $first, 'the next one has more') or diag("$second > $first");
	my $third = written($path[2]);
	ok($third > $second && $third < $last, 'the next one more again, what was committed to it') or diag("$third > $second");
	img('rebase', '-q', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', $path[2], $path[3]);
	is_last(written($path[3]), $last, 'the upper one all');
	is(system("$build/vmm-img check -q $_ >/dev/null"), 0, "$_ is in order") for @path[1 .. 3];
	unlink(@path);
}

# ---- QMP ----

my @file = map { "$dir/q$_.qcow2" } 0 .. 4;
img(qw(create -q -f qcow2), $_, '2M') for @file[0, 2];
my ($pid, $c) = machine(@kernel, '-S', '-blockdev', qq({"driver":"file","filename":"$file[0]","node-name":"f0"}),
	'-blockdev', '{"driver":"qcow2","file":"f0","node-name":"n0"}', '-device', 'virtio-blk-pci,drive=n0,id=v');
my $q = qmp_client("$dir/qmp");

sub top {
	my ($entry) = grep { ($_->{qdev} // '') =~ m{/v(/|$)|^v$} } @{ qmp($q, 'query-block')->{return} };
	return $entry->{inserted}{'node-name'};
}

for my $row (
	[{ 'snapshot-file' => $file[1] }, qr/^Cannot find device='' nor node-name=''/],
	[{ 'node-name' => 'n0', 'snapshot-file' => $file[1] }, qr/^New overlay node-name missing/],
	[{ 'node-name' => 'n0', 'snapshot-file' => $file[1], 'snapshot-node-name' => 'f0' }, qr/^New overlay node-name already in use/],
	[{ 'node-name' => 'f0', 'snapshot-file' => $file[1], 'snapshot-node-name' => 'x' }, qr/^drive 'f0' is in use by n0/],
	[{ 'node-name' => 'n0', 'snapshot-file' => $file[1], 'snapshot-node-name' => 'x', mode => 'new' }, qr/^Parameter 'mode' does not accept value 'new'/],
) {
	my ($args, $want) = @$row;
	like(qmp($q, 'blockdev-snapshot-sync', %$args)->{error}{desc}, $want, $want);
}
ok(!-e $file[1], 'no file is made');
is_deeply(qmp($q, 'blockdev-snapshot-sync', 'node-name' => 'n0', 'snapshot-file' => $file[1], 'snapshot-node-name' => 'n1')->{return}, {}, 'blockdev-snapshot-sync');
is(top(), 'n1', 'the device has the new one');
is_deeply(qmp($q, 'blockdev-add', driver => 'qcow2', 'node-name' => 'n2', backing => JSON::PP::null, file => { driver => 'file', filename => $file[2] })->{return}, {}, 'blockdev-add');
like(qmp($q, 'blockdev-snapshot', node => 'n1', overlay => 'nix')->{error}{desc}, qr/^Cannot find device='' nor node-name='nix'/, 'blockdev-snapshot with no image');
like(qmp($q, 'blockdev-snapshot', node => 'n1', overlay => 'n1')->{error}{desc}, qr/^The overlay is already in use/, 'with itself');
is_deeply(qmp($q, 'blockdev-snapshot', node => 'n1', overlay => 'n2')->{return}, {}, 'with one of blockdev-add');
is(top(), 'n2', 'the device has that');
like(qmp($q, 'blockdev-snapshot', node => 'n1', overlay => 'n2')->{error}{desc}, qr/^drive 'n1' is in use by n2/, 'an image below others is not snapshot');
my %nodes = map { $_->{'node-name'} => $_ } @{ qmp($q, 'query-named-block-nodes')->{return} };
my $chain = $nodes{n2}{image};
is($chain->{'backing-image'}{'backing-image'}{filename}, $file[0], 'query-block tells of the whole chain');
is($chain->{'backing-image'}{'backing-filename'}, $file[0], 'with what each says of the next');
is($chain->{'backing-image'}{'backing-filename-format'}, 'qcow2', 'and its format');
ok($nodes{n0}{ro} && $nodes{n1}{ro} && !$nodes{n2}{ro}, 'those below are read-only');
is($nodes{n2}{backing_file_depth}, 2, 'two are below');
is(qmp($q, 'blockdev-del', 'node-name' => 'n0')->{error}{class}, 'GenericError', 'an image that is below cannot be deleted');
# What qemu-img and vmm-img print of each image is what the monitor does.
for my $name (qw(one two)) {
	is_deeply(qmp($q, 'blockdev-snapshot-internal-sync', device => 'n2', name => $name)->{return}, {}, 'blockdev-snapshot-internal-sync');
}
my $said = hmp($c, 'info block -v');
for my $file (@file[2, 1, 0]) {
	my $info = `$build/vmm-img info -U $file`;

	$info =~ s/^disk size:.*\n//m;
	$info =~ s/ \(actual path: .*\)$//m;
	(my $seen = $said) =~ s/^disk size:.*\n//mg;
	ok(index($seen, $info) >= 0, "info block -v prints $file as vmm-img info does") or diag("$said\nnot as\n$info");
}

# ---- all or nothing ----

sub transaction {
	my (@actions) = @_;

	return qmp($q, 'transaction', actions => [map { { type => $_->[0], data => $_->[1] } } @actions]);
}

sub snapshots {
	return join(' ', map { $_->{name} } @{ (grep { $_->{'node-name'} eq 'n2' } @{ qmp($q, 'query-named-block-nodes')->{return} })[0]{image}{snapshots} // [] });
}

my @above = ('blockdev-snapshot-sync', { 'node-name' => 'n2', 'snapshot-file' => $file[3], 'snapshot-node-name' => 'n3' });
my @inside = ('blockdev-snapshot-internal-sync', { device => 'n2', name => 'three' });
for my $row (
	[qr/^Transaction aborted using Abort action/, ['abort', {}]],
	[qr/^Invalid parameter 'drive-backup'/, ['drive-backup', {}]],
	[qr/^Parameter 'name' is missing/, ['blockdev-snapshot-internal-sync', { device => 'n2' }]],
	[qr/^Snapshot with name 'one' already exists on device 'n2'/, ['blockdev-snapshot-internal-sync', { device => 'n2', name => 'one' }]],
	[qr/^New overlay node-name already in use/, [@above]],
) {
	my ($want, @last) = @$row;
	my @all = $want =~ /already in use/ ? ([@inside], [$above[0], { %{ $above[1] }, 'snapshot-node-name' => 'n2' }]) : ([@inside], [@above], @last);

	like(transaction(@all)->{error}{desc}, $want, "transaction: $want");
	is(top(), 'n2', 'nothing is put above');
	is(snapshots(), 'one two', 'and no snapshot is made');
}
is_deeply(transaction([@inside], [@above])->{return}, {}, 'a transaction');
is(top(), 'n3', 'an image above');
is(snapshots(), 'one two three', 'and a snapshot below it');
is(qmp($q, 'blockdev-snapshot-delete-internal-sync', device => 'n3', name => 'one')->{error}{desc}, "Snapshot with id 'NULL' and name 'one' does not exist on device 'n3'", 'what is below is not deleted');
is_deeply(qmp($q, 'blockdev-snapshot-internal-sync', device => 'n3', name => 'four')->{return}, {}, 'a snapshot above');
is(qmp($q, 'blockdev-snapshot-delete-internal-sync', device => 'n3', id => '1')->{return}{name}, 'four', 'is deleted by its number');
is(quit($pid, $c), 0, 'the end');
is(system("$build/vmm-img check -q $_ >/dev/null"), 0, "$_ is in order") for @file[0 .. 3];
done_testing();
