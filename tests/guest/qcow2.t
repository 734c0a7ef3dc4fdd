#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qcow2 images as a machine's disks, in the sandbox: the BIOS boots one and its sector
# writes to it; images as libvirt describes them, with one below; what monitors say and do.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

plan skip_all => 'no qemu-img; run: scripts/deps test' if system('command -v qemu-img >/dev/null 2>&1');

sub image {
	system('qemu-img', @_) == 0 or die "qemu-img @_ failed\n";
}

put_file("$dir/base.raw", 'base' . "\0" x 65532);
image('create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', "$dir/top.qcow2", '1M');
image('create', '-q', '-f', 'qcow2', '-b', 'top.qcow2', '-F', 'qcow2', "$dir/over.qcow2");
image('create', '-q', '-f', 'qcow2', "$dir/plain.qcow2", '3M');
image('create', '-q', '-f', 'qcow2', '-b', 'loop.qcow2', '-F', 'qcow2', '-u', "$dir/loop.qcow2", '1M');
my $pid = start('-S', '-nodefaults', '-kernel', put_file("$dir/stop", multiboot("\xfa\xf4\xeb\xfc")),
	'-blockdev', qq({"driver":"file","filename":"$dir/base.raw","node-name":"l-3-storage","auto-read-only":true}),
	'-blockdev', '{"node-name":"l-3-format","read-only":true,"driver":"raw","file":"l-3-storage"}',
	'-blockdev', qq({"driver":"file","filename":"$dir/top.qcow2","node-name":"l-1-storage","auto-read-only":true,"discard":"unmap"}),
	'-blockdev', '{"node-name":"l-1-format","read-only":false,"discard":"unmap","driver":"qcow2","file":"l-1-storage","backing":"l-3-format"}',
	'-device', '{"driver":"virtio-blk-pci","bus":"pci.0","addr":"0x4","drive":"l-1-format","id":"virtio-disk0"}',
	'-drive', "file=$dir/plain.qcow2,if=none,id=plain", '-device', 'virtio-blk-pci,drive=plain,id=d1',
	'-qmp', "unix:$dir/q,server,nowait", '-monitor', "unix:$dir/m,server,nowait");
my $q = qmp_client("$dir/q");
my $m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
like(hmp($m, 'info block'), qr/^l-1-format: \Q$dir\E\/top\.qcow2 \(qcow2\)\n    Attached to:      \/machine\/peripheral\/virtio-disk0\/virtio-backend\n/m, '-blockdev: a qcow2 node above two others');
like(hmp($m, 'info block'), qr/^    Backing file:     base\.raw \(chain depth: 1\)\n/m, 'what is below');
my ($inserted) = map { $_->{inserted} } grep { $_->{device} eq 'plain' } @{ qmp($q, 'query-block')->{return} };
is($inserted->{image}{'virtual-size'}, 3 << 20, 'query-block: the size of the disk');
ok($inserted->{image}{'actual-size'} < 1 << 20, 'and what the file takes');
is($inserted->{image}{format}, 'qcow2', 'found by probing');
is(hmp($m, 'block_resize plain 5M'), '', 'block_resize');
like(hmp($m, "drive_add auto if=none,id=more,file=$dir/loop.qcow2"), qr/loop\.qcow2 is below itself|is locked/, 'an image below itself is refused');
is(hmp($m, "drive_add auto if=none,id=x,file=$dir/over.qcow2"), "Error: below $dir/over.qcow2: $dir/top.qcow2 is locked: another process, or another drive of this one, uses it; stop the other one, open it readonly=on on both sides, or give file.locking=off\n",
	'nor one above an image that is written');
hmp($m, 'quit');
ended($pid);
chomp(my $size = `qemu-img info $dir/plain.qcow2 | sed -n 's/^virtual size:.*(\\([0-9]*\\) bytes)/\\1/p'`);
is($size, 5 << 20, 'the new size is in the image');
is(system('qemu-img', 'check', '-q', "$dir/plain.qcow2"), 0, 'which is sound');
done_testing();
