#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The VGA's window at 0xa0000, whose writes KVM collects: few exits, and nobody sees the
# difference: not who reads the window, not the registers that change what a write does, not
# the screen.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Test::More;

# Runs until the guest has said as many bytes as are expected at port 0xe9; the machine.
sub machine {
	my ($name, $code, $expected) = @_;
	my $m = { said => "$dir/$name.said" };

	$m->{pid} = start(qw(-m 16 -vga std -serial null -kernel), put_file("$dir/$name", multiboot("$code\xf4\xeb\xfd")),
		'-chardev', "file,id=d,path=$m->{said}", '-device', 'isa-debugcon,chardev=d,iobase=0xe9',
		'-qmp', "unix:$dir/q,server,nowait", '-monitor', "unix:$dir/m,server,nowait");
	$m->{qmp} = qmp_client("$dir/q");
	wait_until(sub { -s $m->{said} && -s _ >= $expected });
	return $m;
}

sub end {
	my ($m) = @_;

	put($m->{qmp}, '{"execute":"quit"}');
	ended($m->{pid});
}

# mov ax, [0xb8000 + 2 * cell]; both bytes to port 0xe9
sub cell {
	my ($cell) = @_;

	return "\x66\xa1" . pack('V', 0xb8000 + 2 * $cell) . "\xe6\xe9\x88\xe0\xe6\xe9";
}

# mov word [0xb8000], word
sub put_word {
	my ($word) = @_;

	return "\x66\xc7\x05" . pack('Vv', 0xb8000, $word);
}

# Three times the screen full of words that count down to 1.
my $words = "\xba\x03\x00\x00\x00\xbf\x00\x80\x0b\x00\xb9\xd0\x07\x00\x00\x89\xc8\x80\xcc\x0f\x66\xab\xe2\xf7\x4a\x75\xea";
my $m = machine('words', $words . cell(0) . cell(1999) . cell(1000), 6);
is(slurp($m->{said}), pack('v3', 0x0fd0, 0x0f01, 0x0fe8), 'who reads it finds what was written');
my ($exits) = map { $_->{value} } grep { $_->{name} eq 'mmio_exits' } map { @{ $_->{stats} } }
	@{ qmp($m->{qmp}, 'query-stats', target => 'vcpu')->{return} };
SKIP: {
	skip('this KVM does not count exits', 1) unless defined($exits);
	cmp_ok($exits, '<', 600, '6000 words take few exits');
}
end($m);

# Between 'A' and 'B' no plane is written: the first is, and the second is not.
my $sequencer = "\x66\xba\xc4\x03\x66\xb8\x02";
$m = machine('mask', put_word(0x0741) . "$sequencer\x00\x66\xef" . put_word(0x0742) . "$sequencer\x03\x66\xef" . cell(0), 2);
is(slurp($m->{said}), "A\x07", 'registers change what comes after them, and nothing before');
end($m);

# The guest is silent behind its last write: only who looks at the screen has it run.
$m = machine('screen', "\xe6\xe9" . put_word(0x0fdb), 1);
my $hmp = connect_to("$dir/m");
expect($hmp, qr/\(qemu\) $/);
my $white;
ok(wait_until(sub {
	hmp($hmp, "screendump $dir/screen");
	$white = () = slurp("$dir/screen") =~ /\xff\xff\xff/g;
	return $white > 50;
}), 'a picture shows the last write') or diag("$white white pixels");
end($m);

done_testing();
