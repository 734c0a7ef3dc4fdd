#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lists of the sandbox against the source: every ioctl that vmm makes has its number in
# one of them, and none is there that nobody makes.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
chdir $top or die;

sub slurp {
	open(my $in, '<', $_[0]) or die "$_[0]: $!\n";
	local $/;
	return <$in>;
}

# Names of the kernel's header that are numbers of ioctls, not of something else.
my %is_request = map { $_ => 1 } slurp('/usr/include/linux/kvm.h') =~ /^#define\s+(KVM_\w+)[\s\\]+_IO/mg;
my %listed = map { $_ => 1 } slurp('vmm/kvm/requests.c') =~ /\b(KVM_[A-Z0-9_]+)[,)]/g;
# While the machine is built; no guest runs then.
my %early = map { $_ => 1 } qw(KVM_CREATE_VM KVM_CREATE_IRQCHIP KVM_CREATE_PIT2 KVM_GET_API_VERSION
	KVM_SET_IDENTITY_MAP_ADDR KVM_SET_TSS_ADDR);
my %used;
for my $file (grep { $_ ne 'vmm/kvm/requests.c' } glob('vmm/kvm/*.c')) {
	$used{$_} = 1 for grep { $is_request{$_} } slurp($file) =~ /\b(KVM_[A-Z0-9_]+)\b/g;
}
ok(keys %used > 30, 'requests are found');
is(join(' ', grep { !$listed{$_} && !$early{$_} } sort keys %used), '', 'each KVM request is in vmm/kvm/requests.c');
is(join(' ', grep { !$used{$_} } sort keys %listed), '', 'and nothing else is');

my $vfio = slurp('passthrough/vfio.c');
my ($vfio_list) = $vfio =~ s/vfio_requests\[\] = \{(.*?)\};//s ? $1 : '';
my %is_vfio = map { $_ => 1 } slurp('/usr/include/linux/vfio.h') =~ /^#define\s+(VFIO_\w+)\s+_IO/mg;
my %vfio_used = map { $_ => 1 } grep { $is_vfio{$_} } $vfio =~ /\b(VFIO_\w+)\b/g;
is(join(' ', sort $vfio_list =~ /(VFIO_\w+)/g), join(' ', sort keys %vfio_used), 'those of VFIO are in its list');

my $rules = slurp('vmm/main/sandbox.c');
my ($vhost) = slurp('vmm/virtio/vhost.c') =~ /vhost_requests\[\] = \{(.*?)\};/s;
my @missing;
for my $file (split(/\n/, `find vmm -name '*.c' -not -path 'vmm/helpers/*' -not -path 'vmm/kvm/*'`)) {
	for my $request (slurp($file) =~ /\bioctl\([^,;]+,\s*([A-Z]\w+)/g) {
		# At the start only, or by the monitor of a machine without a sandbox.
		next if $request eq 'TUNSETIFF';
		push(@missing, "$file: $request") if ($request =~ /^VHOST_/ ? $vhost : $rules) !~ /\b$request[,)]/;
	}
}
is(join("\n", @missing), '', 'each other ioctl is in vmm/main/sandbox.c');
done_testing();
