#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a guest draws through SeaBIOS and its VGA BIOS, on any /dev/kvm: a text screen cell
# by cell from VGA memory, and graphics pixel by pixel.

use strict;
use warnings;
use Encode qw(decode);
use FindBin;
use Test::More;
use lib $FindBin::Bin;
use files;
use montest;
use screentest;

plan(skip_all => 'SeaBIOS is not installed') unless -r '/usr/share/seabios/vgabios-stdvga.bin';
plan(skip_all => 'no ld; run: scripts/deps test') if system('which ld >/dev/null 2>&1');

my $source = "$FindBin::Bin/screen.S";
my $cc = $ENV{CC} // 'cc';
is(system("$cc -m32 -c -o $dir/screen.o $source && ld -m elf_i386 -Ttext 0x7c00 --oformat binary"
	. " -e _start -o $dir/screen $dir/screen.o"), 0, 'the boot sector assembles');
truncate("$dir/screen", 1 << 20);

my $pid = start('-nic', 'none', '-hda', "$dir/screen", '-serial', "unix:$dir/serial,server,nowait",
	'-monitor', "unix:$dir/monitor,server,nowait", '-S');
my $serial = connect_to("$dir/serial");
my $c = connect_to("$dir/monitor");
expect($c, qr/\(qemu\) $/);
hmp($c, 'cont');

# ---- text ----

is(expect($serial, qr/\./), '.', 'with -display the BIOS leaves the serial port to the guest');
my @cells = cells($c);
my @want = map { my $row = $_; [ map { [ ($row * 80 + $_) & 255, ($row * 80 + $_) >> 3 & 255 ] } 0 .. 79 ] } 0 .. 24;
is_deeply(\@cells, \@want, 'every cell has its character and attribute');
my $text = screen($c);
my @rows = split(/\n/, decode('UTF-8', $text));
is(scalar(@rows), 25, 'its text has 25 rows');
my $wrong = 0;
for my $n (0 .. 1999) {
	my $char = $n & 255;
	my $shown = substr($rows[$n / 80], $n % 80, 1);

	# Control characters have glyphs of their own.
	next if $char < 32 || $char == 127;
	$wrong++ if $shown ne decode('cp437', chr($char));
}
is($wrong, 0, 'and is what code page 437 says');

# ---- registers, as the BIOS leaves them ----

sub in {
	my ($m, $port) = @_;

	return hmp($m, "i /b $port") =~ /= 0x([0-9a-f]+)/ ? hex($1) : -1;
}

sub indexed {
	my ($m, $port, $count) = @_;

	return join(' ', map { hmp($m, "o /b $port $_"); sprintf('%02x', in($m, $port + 1)) } 0 .. $count - 1);
}

# The mode of the keyboard controller, while no guest hears of it.
sub keyboard {
	my ($m) = @_;

	hmp($m, 'stop');
	hmp($m, 'o /b 0x64 0x20');
	my $mode = sprintf('%02x', in($m, 0x60));
	hmp($m, 'cont');
	return $mode;
}

# All that software can read of a VGA in text mode but where the cursor is.
sub registers {
	my ($m) = @_;
	my %r = (misc => in($m, 0x3cc), mask => in($m, 0x3c6), sequencer => indexed($m, 0x3c4, 5),
		graphics => indexed($m, 0x3ce, 9), crtc => indexed($m, 0x3d4, 0x19));

	$r{crtc} =~ s/^(.{42}).{5}/$1-- --/;
	$r{attributes} = join(' ', map {
		in($m, 0x3da);
		hmp($m, "o /b 0x3c0 " . ($_ | 0x20));
		sprintf('%02x', in($m, 0x3c1));
	} 0 .. 0x14);
	hmp($m, 'o /b 0x3c7 0');
	$r{palette} = join(' ', map { sprintf('%02x', in($m, 0x3c9)) } 0 .. 767);
	return \%r;
}

# Plane 2 of the memory that was read last.
sub font {
	return pack('C*', unpack('(xxCx)*', slurp("$dir/vram")));
}

my $bios = registers($c);
my $bios_font = font();
my $bios_keyboard = keyboard($c);
like($bios->{crtc}, qr/^5f 4f .* ff$/, 'registers can be read');

# ---- graphics ----

# Gray number n of 256, of which the DAC keeps six bits.
sub gray {
	my ($n) = @_;

	return chr($n & 252 | $n >> 6) x 3;
}

sub pixels {
	my ($width, $height, $value) = @_;
	my $p = picture($c);

	return 'no picture' unless $p;
	return "$p->{width}x$p->{height}" if $p->{width} != $width || $p->{height} != $height;
	my $want = join('', map { gray($value->($_) & 255) } 0 .. $width * $height - 1);
	return $p->{rgb} eq $want ? '' : 'a pixel is wrong';
}

press($c, 'spc');
ok(expect($serial, qr/\./), 'mode 13h');
# Lines are drawn twice, and so are columns.
is(pixels(640, 400, sub { my $n = shift; int($n % 640 / 2) ^ int(int($n / 640) / 2) }), '', 'each pixel has its colour');
press($c, 'spc');
ok(expect($serial, qr/\./), 'a VESA mode, through banks');
is(pixels(640, 480, sub { my $n = shift; $n + ($n >> 16) }), '', 'each pixel has its colour');

# What a coarse comparison of pictures tells.
my $grid = grid(picture($c));
is(same_grid($grid, $grid, 0), '', 'a grid is like itself');
my @fields = split(' ', $grid);
isnt(same_grid(join(' ', $fields[0], map { sprintf('%06x', hex($_) ^ 0x004000) } @fields[1 .. $#fields]), $grid, 24), '',
	'but not like a greener one');
sub quit {
	put($c, "quit\n");
	my ($status, $said) = ended($pid);
	is($status, 0, 'quit') or diag($said);
}

quit();

# ---- the same without a BIOS ----

is(system("$cc -m32 -c -o $dir/cells.o $FindBin::Bin/cells.S && ld -m elf_i386 -T $FindBin::Bin/guest.ld"
	. " -o $dir/cells $dir/cells.o"), 0, 'the kernel assembles');
$pid = start('-nic', 'none', '-kernel', "$dir/cells", '-vga', 'std', '-serial', 'null',
	'-monitor', "unix:$dir/monitor2,server,nowait");
$c = connect_to("$dir/monitor2");
expect($c, qr/\(qemu\) $/);
for my $start ('at the start', 'after a reset') {
	is(text_memory($c), ' ' . "\7" . (" \7" x 16383), "$start: an empty screen");
	is_deeply(registers($c), $bios, 'registers are what a BIOS leaves');
	is(font(), $bios_font, 'and characters look the same');
	is(keyboard($c), $bios_keyboard, 'the keyboard controller is in the same mode');
	press($c, 'spc');
	@cells = cells($c);
	for (my $end = time + $limit; time < $end && $cells[24][79][0] != $want[24][79][0];) {
		@cells = cells($c);
	}
	is_deeply(\@cells, \@want, 'the text that a kernel writes is in its cells');
	is(screen($c), $text, 'and on the screen');
	hmp($c, "o /b 0x3c4 1");
	hmp($c, "o /b 0x3c5 0x20");
	hmp($c, "o /b 0x3c8 7");
	hmp($c, "o /b 0x3c9 $_") for 1 .. 3;
	isnt(registers($c)->{palette}, $bios->{palette}, 'registers are changed');
	hmp($c, 'system_reset');
}
quit();
done_testing();
