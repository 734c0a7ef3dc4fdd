# SPDX-License-Identifier: GPL-2.0-or-later
#
# Files of the tests: reading and writing them, and kernels of some instructions.

package files;

use strict;
use warnings;
use Exporter qw(import);

our @EXPORT = qw(slurp put_file multiboot);

# What it has; '' where it cannot be read.
sub slurp {
	my ($path) = @_;

	open(my $in, '<:raw', $path) or return '';
	local $/;
	return <$in> // '';
}

# The path, with these bytes in it.
sub put_file {
	my ($path, $bytes) = @_;

	open(my $out, '>:raw', $path) or die "$path: $!\n";
	print $out $bytes;
	close($out) or die "$path: $!\n";
	return $path;
}

# A flat multiboot kernel with this code, which is at 1 MiB.
sub multiboot {
	my ($code) = @_;

	return pack('V8', 0x1badb002, 0x10000, -(0x1badb002 + 0x10000) & 0xffffffff, 0x100000,
		0x100000, 0, 0, 0x100020) . $code;
}

1;
