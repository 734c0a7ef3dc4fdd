#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Includes point down the layers; and scripts/check-layers sees those that do not, shown
# on trees of one file.

use strict;
use warnings;
use FindBin;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $top = "$FindBin::Bin/../..";

sub check {
	my ($tree) = @_;
	my $said = `'$top/scripts/check-layers' '$tree' 2>&1`;
	return ($? >> 8, $said);
}

sub check_include {
	my ($file, $header) = @_;
	my $tree = tempdir(CLEANUP => 1);
	(my $folder = "$tree/$file") =~ s{/[^/]*$}{};

	make_path($folder);
	open(my $out, '>', "$tree/$file") or die "$file: $!";
	print $out "/* #include \"vmm/main/nothing.h\" */\n#include $header\n";
	close($out);
	return check($tree);
}

my ($status, $said) = check($top);
is($status, 0, 'every include of the tree is allowed') or diag($said);
like($said, qr/ 0 violations in [1-9]\d+ includes/, 'and includes were looked at');

my @refused = (
	['common/a.c', '"vmm/loop/loop.h"'],
	['vmm/block/a.c', '"vmm/mem/mem.h"'],
	['vmm/block/a.c', '"vmm/chardev/chardev.h"'],
	['vmm/net/a.c', '"vmm/pci/pci.h"'],
	['vmm/mem/a.c', '"vmm/core/vm.h"'],
	['vmm/kvm/a.c', '"vmm/mem/mem.h"'],
	['vmm/core/device.c', '"vmm/pci/pci.h"'],
	['vmm/core/catalog.c', '"vmm/virtio/blk.h"'],
	['vmm/pci/a.c', '"vmm/virtio/queue.h"'],
	['vmm/virtio/a.c', '"vmm/legacy/serial.h"'],
	['vmm/virtio/a.c', '"vmm/machine/pc.h"'],
	['vmm/legacy/a.c', '"vmm/monitor/session.h"'],
	['vmm/machine/a.c', '"vmm/main/cli.h"'],
	['vmm/main/a.c', '"probe/cpu.h"'],
	['vmm/pci/pci.c', '"passthrough/vfio.h"'],
	['vmm/helpers/vnc/a.c', '"vmm/core/vm.h"'],
	['probe/a.c', '"vmm/kvm/kvm.h"'],
	['cpu/a.c', '"vmm/kvm/kvm.h"'],
	['cpu/a.c', '<linux/kvm.h>'],
	['probe/a.c', '"tune/plan.h"'],
	['tune/a.c', '"passthrough/group.h"'],
	['bench/a.c', '"vmm/kvm/kvm.h"'],
	['newfolder/a.c', '"common/err.h"'],
	['vmm/mem/a.c', '"mem.h"'],
	['vmm/mem/a.c', '<linux/kvm.h>'],
	['vmm/virtio/a.c', '<linux/vfio.h>'],
	['vmm/main/a.c', '<libkmod.h>'],
	['vmm/core/a.c', '<liburing.h>'],
	['vmm/pci/a.c', '<pci/pci.h>'],
	['vmm/loop/a.c', '<glib.h>'],
);
for my $row (@refused) {
	my ($status, $said) = check_include(@$row);
	ok($status == 1 && $said =~ /^\Q$row->[0]\E:2: /, "refused: $row->[1] in $row->[0]") or diag($said);
}

my @accepted = (
	['vmm/block/a.c', '"vmm/loop/loop.h"'],
	['vmm/mem/a.c', '"vmm/kvm/irqchip.h"'],
	['vmm/virtio/a.c', '"vmm/block/block.h"'],
	['vmm/pci/vfio-bar.c', '"passthrough/vfio.h"'],
	['vmm/kvm/a.c', '<linux/kvm.h>'],
	['probe/a.c', '<linux/kvm.h>'],
	['passthrough/vfio.c', '<linux/vfio.h>'],
	['tests/dev/a.c', '"vmm/machine/pc.h"'],
	['vmm/main/a.c', '"vmm/monitor/session.h"'],
);
for my $row (@accepted) {
	my ($status, $said) = check_include(@$row);
	is($status, 0, "accepted: $row->[1] in $row->[0]") or diag($said);
}

done_testing();
