#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Why a PCI function cannot be had, on a /sys made of files: who has it now, the others of
# its group, what kvm-assign and kvm-check left about it where that still fits, and the
# command that helps. With real functions: tests/rig/vfio.t.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use vmmtest;
use File::Path qw(make_path remove_tree);
use JSON::PP;
use Test::More;

plan skip_all => 'no mount namespaces for this user' if !$spaces;
plan skip_all => 'no access to /dev/kvm' if !$kvm;

my ($state, $sys, $dev) = map { "$dir/$_" } qw(state sys dev);
my ($ours, $other) = ('0000:04:00.0', '0000:04:00.1');
my $json = JSON::PP->new->canonical;
my $boot_id = do { local (@ARGV, $/) = '/proc/sys/kernel/random/boot_id'; <> };
chomp($boot_id);
my $sudo = $> ? 'sudo ' : '';
my $bind = qr{; run: ${sudo}kvm-assign bind $ours --driver vfio-pci\n\z};

mkdir($state);
make_path("$dev/vfio");
put_file("$dev/$_", '') for qw(kvm null);
my $mounts = "mount --bind '$sys' /sys && mount --bind /dev/kvm '$dev/kvm' && "
	. "mount --bind /dev/null '$dev/null' && mount --rbind '$dev' /dev";
my $space = in_space($mounts);

# Functions and their drivers ('' none), all in group 12 unless that is ''.
sub host {
	my ($group, %driver) = @_;

	remove_tree($sys);
	make_path("$sys/kernel/iommu_groups/12/devices", "$sys/bus/pci/devices");
	for my $name (keys %driver) {
		my $at = "$sys/bus/pci/devices/$name";

		make_path($at);
		put_file("$at/vendor", "0x1b36\n");
		put_file("$at/device", "0x0010\n");
		symlink("../../drivers/$driver{$name}", "$at/driver") if $driver{$name} ne '';
		next if $group eq '';
		symlink("../../../../kernel/iommu_groups/$group", "$at/iommu_group");
		symlink("../../../../bus/pci/devices/$name", "$sys/kernel/iommu_groups/12/devices/$name");
	}
}

sub leave {
	my ($name, $what) = @_;

	put_file("$state/$name", ref($what) ? $json->encode($what) : $what);
	chmod(0644, "$state/$name");
}

# What kvm-assign writes about our function; the rest replaces members.
sub moved {
	my ($driver, $was, %more) = @_;

	return { address => $ours, vendor => '0x1b36', device => '0x0010', driver => $driver, group => 12,
		node => undef, was => { driver => $was, override => undef }, %more };
}

sub assigned {
	my ($devices, %more) = @_;

	leave('assigned.json', { version => 1, program => 'kvm-assign', program_version => '1',
		boot_id => $boot_id, devices => $devices, %more });
}

sub says {
	my ($want, $what, $as) = @_;
	my ($status, $out, $err) = say_of($as // $space, { KVMKIT_STATE_DIR => $state },
		qw(-display none -device), "vfio-pci,host=$ours");

	ok($status == 1 && $out eq '' && $err =~ qr{\Avmm: -device vfio-pci: $want}, $what)
		or diag("exit $status: $err");
}

# ---- what is so now ----

host(12, $ours => 'nvme');
says(qr{$ours is on the driver nvme, not on vfio-pci$bind}, 'a driver of the host');
host(12, $ours => '');
says(qr{$ours is on no driver, not on vfio-pci$bind}, 'no driver');
host(12, $ours => 'nvme', $other => 'snd_hda_intel');
says(qr{$ours is on the driver nvme, not on vfio-pci; its IOMMU group 12 also holds $other \(driver snd_hda_intel\)}
	. qr{; run: ${sudo}kvm-assign bind --group $ours --driver vfio-pci\n\z}, 'a group that the host uses as well');
host(12, $ours => 'nvme', $other => 'pci-stub');
says(qr{$ours is on [^;]*; [^;]* also holds $other \(driver pci-stub\)$bind}, 'one that it does not');
host(12, $ours => 'pci-stub');
says(qr{$ours is on the driver pci-stub, not on vfio-pci: the host is kept from it, but no guest can have it$bind},
	'pci-stub');
host(12, $ours => 'x' x 200, map { sprintf('0000:%02x:00.0', $_) => 'y' x 200 } 5 .. 60);
says(qr{[^\n]{300,999}\n\z}, 'endless names');

# ---- its node ----

host(12, $ours => 'vfio-pci');
says(qr{cannot open /dev/vfio/vfio of $ours: No such file[^;]*; a container must be given /dev/vfio/vfio and /dev/vfio/12\n\z},
	'nodes that are not there');
put_file("$dev/vfio/vfio", '');
says(qr{this kernel's VFIO has no type 1 IOMMU}, 'VFIO that is something else');

# ---- what kvm-assign left ----

my $plain = qr{$ours is on the driver nvme, not on vfio-pci$bind};
host(12, $ours => 'pci-stub');
assigned([moved('pci-stub', 'nvme')]);
says(qr{$ours is on the driver pci-stub[^;]*; kvm-assign put it there, from nvme$bind}, 'who put it there, and from where');
assigned([moved('pci-stub', undef)]);
says(qr{[^;]*; kvm-assign put it there, from no driver$bind}, 'from nowhere');
host(12, $ours => 'nvme');
assigned([moved('vfio-pci', 'nvme')]);
says(qr{[^;]*; kvm-assign had bound it to vfio-pci, and something else undid that$bind}, 'what is no more so');
assigned([moved('vfio-pci', 'nvme')], boot_id => 'x');
says(qr{[^;]*; kvm-assign had bound it to vfio-pci before this boot; '${sudo}kvm-assign persist $ours' keeps that$bind},
	'what ended with an earlier boot');
says($plain, 'a boot that nobody knows', in_space("$mounts && mount -t tmpfs none /proc/sys/kernel/random"));
for (
	['another device at its address', [moved('vfio-pci', 'nvme', device => '0x0011')]],
	['another address', [moved('vfio-pci', 'nvme', address => $other)]],
	['no list', {}],
	['entries that are none', [1, undef, [], {}]],
	['no vendor', [moved('vfio-pci', 'nvme', vendor => undef)]],
	['a vendor that is a number', [moved('vfio-pci', 'nvme', vendor => 6966)]],
	['a vendor out of range', [moved('vfio-pci', 'nvme', vendor => '0x11b36')]],
	['a driver with a long name', [moved('v' x 32, 'nvme')]],
	['no driver', [moved(undef, 'nvme')]],
	['a former driver that is no name', [moved('vfio-pci', [])]],
	['nothing about the former driver', [moved('vfio-pci', 'nvme', was => 'x')]],
) {
	assigned($_->[1]);
	says($plain, $_->[0]);
}
assigned([moved("a\e[31m\n", 'nvme')]);
says(qr{[^;]*; kvm-assign had bound it to a\?\[31m\?, and something else undid that$bind}, 'control characters');
assigned([moved('vfio-pci', 'nvme')], version => 2);
says($plain, 'another version');
leave('assigned.json', '{"version": 1, ');
says($plain, 'a damaged file');
leave('assigned.json', ' ' x (2 << 20));
says($plain, 'too much');
assigned([moved('vfio-pci', 'nvme')]);
chmod(0666, "$state/assigned.json");
says($plain, 'a file that others may write');

# ---- what kvm-check left ----

sub found {
	my ($id, $status, $boot) = @_;

	leave('host.json', { version => 1, checks => [1, { id => 'iommu.irq', status => 'pass', value => 'x' },
		{ id => $id, status => $status, value => 'VT-d is off', remedy => 'switch it on' }],
		facts => { host => { boot_id => $boot // $boot_id } } });
}

my $none = qr{$ours is in no IOMMU group: this host has no IOMMU, or it is off};
host('', $ours => 'nvme');
says(qr{$none; run kvm-check to see why and what to do\n\z}, 'no IOMMU');
found('iommu.groups', 'fail');
says(qr{$none; kvm-check found: VT-d is off; switch it on\n\z}, 'what kvm-check found about it');
found('iommu.table', 'warn');
says(qr{$none; kvm-check found: VT-d is off; switch it on\n\z}, 'a warning');
for (['what passed', 'iommu.groups', 'pass'], ['another check', 'iommu.irq', 'fail'],
	['another boot', 'iommu.groups', 'fail', 'x']) {
	found(@$_[1 .. $#$_]);
	says(qr{$none; run kvm-check}, $_->[0]);
}

done_testing();
