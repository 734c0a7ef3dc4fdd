# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of machines that move share: guests that count in their memory, and tell
# every 4096th step, and whether nothing was lost and nothing came twice.

package movetest;

use strict;
use warnings;
no warnings 'qw'; # options have commas
use Exporter qw(import);
use files;
use montest;
use Test::More;

our @EXPORT = qw(@kernel @dirty machine mon quit told is_in_order goes_on);

# l: inc [2M]; each 4096 steps its next 8 bits to port 0xe9.
my $count = "\x31\xc0\xbf\x00\x00\x20\x00\xff\x07\x8b\x07\xa9\xff\x0f\x00\x00\x75\xf5\xc1\xe8\x0c\xe6\xe9\xeb\xee";
# The same, and after each step a page more of 16 MiB from 16 MiB on is written.
my $dirty = "\x31\xc0\xbf\x00\x00\x20\x00\xbb\x00\x00\x00\x01\xff\x07\x89\x3b\x81\xc3\x00\x10\x00\x00\x81\xe3\xff\xff\xff\x01"
	. "\x81\xcb\x00\x00\x00\x01\x8b\x07\xa9\xff\x0f\x00\x00\x75\xe1\xc1\xe8\x0c\xe6\xe9\xeb\xda";
our @kernel = ('-kernel', put_file("$dir/count", multiboot($count)));
our @dirty = ('-kernel', put_file("$dir/dirty", multiboot($dirty)));

# A machine whose guest tells into $dir/$name; its human monitor.
sub machine {
	my ($name, @args) = @_;

	unlink("$dir/$name", "$dir/$name.mon");
	my $pid = start(qw(-nodefaults -serial none), '-chardev', "file,id=d,path=$dir/$name", qw(-device isa-debugcon,chardev=d),
		'-monitor', "unix:$dir/$name.mon,server,nowait", @args);
	return { name => $name, pid => $pid };
}

sub mon {
	my ($m, $line) = @_;

	unless ($m->{mon}) {
		$m->{mon} = connect_to("$dir/$m->{name}.mon");
		expect($m->{mon}, qr/\(qemu\) $/);
	}
	return hmp($m->{mon}, $line);
}

sub quit {
	my ($m) = @_;

	mon($m, 'info status');
	put($m->{mon}, "quit\n");
	return ended($m->{pid});
}

sub told {
	my ($m, $more) = @_;
	my $have = -s "$dir/$m->{name}" // 0;

	return wait_until(sub { (-s "$dir/$m->{name}" // 0) >= $have + $more });
}

sub is_in_order {
	my ($what, @machines) = @_;
	my @bytes = map { unpack('C*', slurp("$dir/$_->{name}")) } @machines;
	my @want = map { $_ & 255 } 1 .. @bytes;

	is_deeply(\@bytes, \@want, "$what: each step once, in order");
}

sub goes_on {
	my ($m, $what) = @_;

	ok(told($m, 2), "$what: the guest goes on");
	like(mon($m, 'info status'), qr/running/, "$what: here");
	is_in_order($what, $m);
}

1;
