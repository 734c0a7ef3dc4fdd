# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of screen and keyboard share: machines with a monitor, pictures, and a
# client that speaks RFB.

package vnctest;

use strict;
use warnings;
use Compress::Zlib ();
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;
use files;

our @EXPORT = qw($vmm $build $dir $limit start read_prompt ask text_of see finish still
	read_ppm unfilter read_png difference read_cells get rfb_open rfb_picture rfb_key
	children wait_until port_of);

my $top = dirname(__FILE__) . '/../..';
our $build = $ENV{BUILD} // 'build';
$build = "$top/$build" unless $build =~ m{^/};
our $vmm = "$build/vmm";
our $dir = tempdir(CLEANUP => 1);
our $limit = 300;

# ---- machines and their monitors ----

my @running;
$SIG{PIPE} = 'IGNORE';

sub start {
	my ($name, @args) = @_;
	my $pid = fork() // die "fork: $!\n";

	if (!$pid) {
		open(STDERR, '>', "$dir/$name.err");
		open(STDIN, '<', '/dev/null');
		my @what = "@args" =~ /-kernel/ ? () : ('-boot', 'order=c,menu=on,splash-time=65000');
		exec('setpriv', '--pdeathsig', 'KILL', $vmm, '-m', '64', '-serial', 'null', @what, '-monitor', "unix:$dir/$name,server,nowait", @args);
		exit(126);
	}
	push(@running, $pid);
	my $m = { pid => $pid, name => $name };
	for (my $end = time + $limit; time < $end && !$m->{socket}; select(undef, undef, undef, 0.02)) {
		$m->{socket} = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$dir/$name");
	}
	BAIL_OUT("$name does not start: " . slurp("$dir/$name.err")) unless $m->{socket};
	read_prompt($m);
	return $m;
}

END {
	kill('KILL', $_) for @running;
}

sub read_prompt {
	my ($m) = @_;
	my $text = '';

	while ($text !~ /\(qemu\) \z/) {
		IO::Select->new($m->{socket})->can_read($limit) or return $text;
		sysread($m->{socket}, $text, 65536, length($text)) or return $text;
	}
	return $text;
}

sub ask {
	my ($m, $line) = @_;

	syswrite($m->{socket}, "$line\n");
	my $text = read_prompt($m);
	$text =~ s/^.*?\n//s;
	$text =~ s/\(qemu\) \z//;
	return $text =~ s/\r//gr;
}

sub text_of {
	my ($m) = @_;

	ask($m, "screendump $dir/text text");
	return slurp("$dir/text");
}

# Waits for something on the screen.
sub see {
	my ($m, $pattern) = @_;
	my ($end, $text) = (time + $limit);

	do {
		$text = text_of($m);
		return $text if $text =~ $pattern;
		select(undef, undef, undef, 0.1);
	} while (time < $end);
	return $text;
}

sub finish {
	my ($m) = @_;

	syswrite($m->{socket}, "quit\n");
	waitpid($m->{pid}, 0);
	@running = grep { $_ != $m->{pid} } @running;
	return $? >> 8;
}

# Waits until nothing but the cursor changes, and takes a picture.
sub still {
	my ($m, $path) = @_;
	my ($end, $last) = (time + $limit);

	while (time < $end) {
		ask($m, "screendump $path");
		my $next = read_ppm($path);
		return $next if $last && difference($last, $next) eq '';
		$last = $next;
		select(undef, undef, undef, 0.3);
	}
	return $last;
}

# ---- pictures: { width, height, rows of RGB } ----

sub read_ppm {
	my ($path) = @_;
	my $data = slurp($path);

	$data =~ s/^P6\n(\d+) (\d+)\n255\n// or return;
	my ($w, $h) = ($1, $2);
	return { width => $w, height => $h, rows => [ map { substr($data, $_ * 3 * $w, 3 * $w) } 0 .. $h - 1 ] };
}

sub unfilter {
	my ($type, $line, $above, $bytes) = @_;
	my @up = unpack('C*', $above);
	my @out;

	for my $x (unpack('C*', $line)) {
		my $i = @out;
		my ($a, $b, $c) = ($i >= $bytes ? $out[$i - $bytes] : 0, $up[$i], $i >= $bytes ? $up[$i - $bytes] : 0);
		my ($pa, $pb, $pc) = (abs($b - $c), abs($a - $c), abs($a + $b - 2 * $c));
		my $paeth = $pa <= $pb && $pa <= $pc ? $a : $pb <= $pc ? $b : $c;
		push(@out, ($x + (0, $a, $b, int(($a + $b) / 2), $paeth)[$type]) & 255);
	}
	return pack('C*', @out);
}

# 8 bits, RGB or RGBA, as the clients write it.
sub read_png {
	my ($path) = @_;
	my ($data, $at, %chunk) = (slurp($path), 8);

	return unless $data =~ /^\x89PNG\r\n\x1a\n/;
	while ($at < length($data)) {
		my ($len, $type) = unpack('Na4', substr($data, $at, 8));
		my $body = substr($data, $at + 8, $len);
		return if unpack('N', substr($data, $at + 8 + $len, 4)) != Compress::Zlib::crc32($type . $body);
		$chunk{$type} = ($chunk{$type} // '') . $body;
		$at += 12 + $len;
	}
	my ($w, $h, $depth, $color) = unpack('NNCC', $chunk{IHDR});
	my $bytes = $color == 6 ? 4 : 3;
	my $raw = Compress::Zlib::uncompress($chunk{IDAT});
	my ($above, @rows) = ("\0" x ($bytes * $w));
	for my $y (0 .. $h - 1) {
		my ($type, $line) = unpack("Ca*", substr($raw, $y * (1 + $bytes * $w), 1 + $bytes * $w));
		$line = unfilter($type, $line, $above, $bytes) if $type;
		$above = $line;
		$line =~ s/(...)./$1/gs if $bytes == 4;
		push(@rows, $line);
	}
	return { width => $w, height => $h, rows => \@rows };
}

# The smallest rectangle that holds all differences, as text; the blinking cursor is one.
sub difference {
	my ($p, $q) = @_;

	return 'one is missing' unless $p && $q;
	return "$p->{width}x$p->{height} and $q->{width}x$q->{height}"
		if $p->{width} != $q->{width} || $p->{height} != $q->{height};
	my ($x0, $x1, $y0, $y1) = (1e9, -1, 1e9, -1);
	for my $y (0 .. $p->{height} - 1) {
		my $xor = $p->{rows}[$y] ^ $q->{rows}[$y];
		next unless $xor =~ /[^\0]/;
		$x0 = int($-[0] / 3) if $-[0] / 3 < $x0;
		$xor =~ /[^\0]\0*\z/;
		$x1 = int($-[0] / 3) if $-[0] / 3 > $x1;
		$y0 = $y if $y < $y0;
		$y1 = $y;
	}
	return '' if $x1 < 0 || ($x1 - $x0 < 9 && $y1 - $y0 < 16);
	return "pixels from $x0,$y0 to $x1,$y1 differ";
}

# Holds a picture to the text; the number of different characters, or what is wrong.
sub read_cells {
	my ($p, $text) = @_;
	my (%cell_of, %char_of, $row);

	for my $line (split(/\n/, $text)) {
		my $r = $row++ // 0;
		$row = $r + 1;
		for my $c (0 .. length($line) - 1) {
			my $char = substr($line, $c, 1);
			my $cell = join('', map { substr($p->{rows}[$r * 16 + $_], $c * 27, 27) } 0 .. 15);
			return "two pictures of '$char'" if ($cell_of{$char} //= $cell) ne $cell;
			return "'$char' looks like '$char_of{$cell}'" if ($char_of{$cell} //= $char) ne $char;
		}
	}
	return scalar(keys %cell_of);
}

# ---- a client that speaks RFB (RFC 6143) without a password ----

sub get {
	my ($s, $n) = @_;
	my $data = '';

	while (length($data) < $n) {
		IO::Select->new($s)->can_read($limit) or return $data;
		sysread($s, $data, $n - length($data), length($data)) or return $data;
	}
	return $data;
}

sub rfb_open {
	my ($socket, %how) = @_;

	is(get($socket, 12), "RFB 003.008\n", 'rfb: version');
	syswrite($socket, "RFB 003.008\n");
	is(get($socket, 2), "\1\1", 'rfb: no password is asked');
	syswrite($socket, "\1");
	get($socket, 4);
	syswrite($socket, $how{alone} ? "\0" : "\1");
	my ($w, $h, $format, $len) = unpack('nna16N', get($socket, 24));
	my $name = get($socket, $len);
	# Pixels of 32 bits, big-endian: 00 RR GG BB.
	syswrite($socket, pack('Cx3CCCCnnnCCCx3', 0, 32, 24, 1, 1, 255, 255, 255, 16, 8, 0));
	my @encodings = (0, -258, @{ $how{encodings} // [] });
	syswrite($socket, pack('CxnN*', 2, scalar(@encodings), map { $_ & 0xffffffff } @encodings));
	return { socket => $socket, width => $w, height => $h, name => $name };
}

# A whole picture; counts the announcements of extended key events on the way.
sub rfb_picture {
	my ($c) = @_;
	my @rows = ("\0" x (3 * $c->{width})) x $c->{height};
	my $pixels = 0;

	syswrite($c->{socket}, pack('CCnnnn', 3, 0, 0, 0, $c->{width}, $c->{height}));
	while ($pixels < $c->{width} * $c->{height}) {
		my $update = get($c->{socket}, 4);
		return unless length($update) == 4 && $update =~ /^\0/;
		my $count = unpack('xxn', $update);
		for (1 .. $count) {
			my ($x, $y, $w, $h, $encoding) = unpack('nnnnN', get($c->{socket}, 12));
			$c->{seen}{unpack('l', pack('L', $encoding))}++;
			$c->{extended}++, next if $encoding == (-258 & 0xffffffff);
			# ExtendedDesktopSize, with the screens in it.
			if ($encoding == (-308 & 0xffffffff)) {
				get($c->{socket}, 16 * unpack('C', get($c->{socket}, 4)));
				($c->{width}, $c->{height}) = ($w, $h);
				$c->{answer} = "$x $y";
				@rows = ("\0" x (3 * $w)) x $h;
				$pixels = 0;
				syswrite($c->{socket}, pack('CCnnnn', 3, 1, 0, 0, $w, $h));
				next;
			}
			for my $r ($y .. $y + $h - 1) {
				my $line = get($c->{socket}, 4 * $w) =~ s/.(...)/$1/gsr;
				substr($rows[$r], 3 * $x, 3 * $w) = $line;
			}
			$pixels += $w * $h;
		}
	}
	return { width => $c->{width}, height => $c->{height}, rows => \@rows };
}

# A keysym, pressed or released.
sub rfb_key {
	my ($c, $keysym, $down) = @_;

	syswrite($c->{socket}, pack('CCxxN', 4, $down, $keysym));
}

# ---- processes ----

sub children {
	return grep { slurp("/proc/$_/comm") eq "vmm-vnc\n" } split(' ', slurp("/proc/$_[0]/task/$_[0]/children"));
}

# True once what the code says is true.
sub wait_until {
	my ($code) = @_;

	for (my $end = time + $limit; time < $end; select(undef, undef, undef, 0.02)) {
		return 1 if $code->();
	}
	return 0;
}

# The port of a machine that was started with -vnc :D, as it tells.
sub port_of {
	my ($name) = @_;
	my ($port) = slurp("$dir/$name.err") =~ /VNC on 127\.0\.0\.1:(\d+).*, for this host only/;

	ok($port, 'the port, and whom it is for, is told') or BAIL_OUT(slurp("$dir/$name.err"));
	return $port;
}

1;
