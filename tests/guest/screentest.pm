# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of screens share: what a machine shows, as its monitor tells, and typing.
# A screen is read as text, as the cells of VGA memory, or as a picture, which is reduced
# to a coarse grid for the comparison with a golden one.

package screentest;

use strict;
use warnings;
use Exporter qw(import);
use Time::HiRes qw(sleep time);
use files;
use montest;

our @EXPORT = qw(screen see type press text_memory cells picture grid same_grid);

# The text, or '' while the screen shows graphics.
sub screen {
	my ($c) = @_;

	unlink("$dir/screen");
	hmp($c, "screendump $dir/screen text") // return '';
	return slurp("$dir/screen");
}

# Waits for a pattern, and returns the screen with it, or nothing.
sub see {
	my ($c, $pattern, $seconds) = @_;
	my $end = time + ($seconds // $limit);

	while (1) {
		my $text = screen($c);
		return $text if $text =~ $pattern;
		return undef if time > $end;
		sleep(0.2);
	}
}

my %name_of = (
	' ' => 'spc', "\n" => 'ret', '-' => 'minus', '=' => 'equal', '[' => 'bracket_left',
	']' => 'bracket_right', ';' => 'semicolon', "'" => 'apostrophe', '`' => 'grave_accent',
	'\\' => 'backslash', ',' => 'comma', '.' => 'dot', '/' => 'slash',
);
# US keyboard.
my %below;
@below{split(//, '!@#$%^&*()_+{}:"~|<>?')} = split(//, "1234567890-=[];'`\\,./");

sub press {
	my ($c, @keys) = @_;

	hmp($c, "sendkey $_ 20") for @keys;
}

sub key_of {
	my ($char) = @_;
	my $shift = defined($below{$char}) || $char =~ /[A-Z]/ ? 'shift-' : '';
	my $key = lc($below{$char} // $char);

	return $shift . ($name_of{$key} // $key);
}

# Types a line behind a prompt; the guest must have echoed each part before the next one
# comes, for keyboards have small buffers. False when it does not.
sub type {
	my ($c, $line) = @_;
	my ($typed, @chars) = ('', split(//, $line));

	while (my @part = splice(@chars, 0, 4)) {
		press($c, map { key_of($_) } @part);
		$typed .= join('', @part);
		last if $typed =~ /\n/;
		# The text of a row ends with its last letter.
		my $shown = $typed =~ s/ +$//r;
		see($c, qr/\Q$shown\E/) or return 0;
	}
	return 1;
}

# ---- VGA memory ----

# The 16384 cells of text modes from the framebuffer itself, where planes 0 and 1 have
# characters and attributes: these two bytes for each cell.
sub text_memory {
	my ($c) = @_;
	my ($bar) = hmp($c, 'info pci') =~ /VGA controller.*?BAR0: [^\n]* at (0x[0-9a-f]+)/s or return '';

	hmp($c, "pmemsave $bar 65536 \"$dir/vram\"");
	return pack('C*', unpack('(CCxx)*', slurp("$dir/vram")));
}

# A screen that has not been scrolled: [character, attribute] by row and column.
sub cells {
	my @bytes = unpack('C*', text_memory($_[0]));

	return map { my $row = $_; [ map { [ @bytes[2 * ($row * 80 + $_), 2 * ($row * 80 + $_) + 1] ] } 0 .. 79 ] } 0 .. 24;
}

# ---- pictures ----

# { width, height, rgb }
sub picture {
	my ($c) = @_;

	hmp($c, "screendump $dir/screen.ppm") // return;
	slurp("$dir/screen.ppm") =~ /^P6\n(\d+) (\d+)\n255\n/ or return;
	return { width => $1, height => $2, rgb => substr(slurp("$dir/screen.ppm"), $+[0]) };
}

# Means of red, green and blue in 16 by 12 fields, as hexadecimal numbers. Every fourth
# pixel of every eighth line is enough.
sub grid {
	my ($p) = @_;
	my ($w, $h) = (16, 12);
	my $text = "$p->{width}x$p->{height}\n";

	for my $y (0 .. $h - 1) {
		my ($line, $end) = map { int($_ * $p->{height} / $h) } $y, $y + 1;
		my (@sums, @counts);
		for (; $line < $end; $line += 8) {
			for my $x (0 .. $w - 1) {
				my ($from, $to) = map { int($_ * $p->{width} / $w) } $x, $x + 1;
				my $pixels = int(($to - $from) / 4);
				my @bytes = unpack("(CCCx9)$pixels",
					substr($p->{rgb}, 3 * ($line * $p->{width} + $from), 12 * $pixels));
				$sums[3 * $x + $_ % 3] += $bytes[$_] for 0 .. $#bytes;
				$counts[$x] += $pixels;
			}
		}
		$text .= join(' ', map {
			my $x = $_;
			sprintf('%02x%02x%02x', map { $sums[3 * $x + $_] / $counts[$x] } 0 .. 2);
		} 0 .. $w - 1) . "\n";
	}
	return $text;
}

# '' where no field differs by more than a tolerance, else which do.
sub same_grid {
	my ($grid, $golden, $tolerance) = @_;
	my ($size, @have) = split(' ', $grid);
	my ($want_size, @want) = split(' ', $golden);

	return "the screen has $size, not " . ($want_size // "known") if $size ne ($want_size // "");
	my @bad = grep {
		my @a = unpack('C*', pack('H*', $have[$_]));
		my @b = unpack('C*', pack('H*', $want[$_]));
		grep { abs($a[$_] - $b[$_]) > $tolerance } 0 .. 2;
	} 0 .. $#want;
	return join(', ', map { sprintf('field %d,%d: %s not %s', $_ % 16, $_ / 16, $have[$_], $want[$_]) } @bad);
}

1;
