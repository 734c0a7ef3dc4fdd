#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The screen of a machine that really runs SeaBIOS and its VGA BIOS, on any /dev/kvm: its
# text, pictures of it, and what VNC clients see and type. The pictures are held to the
# text by a law: cells with the same character have the same pixels, others differ.

use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes ();
use lib $FindBin::Bin;
use files;
use vnctest;

plan(skip_all => 'no access to /dev/kvm') unless -r '/dev/kvm' && -w '/dev/kvm';
plan(skip_all => 'SeaBIOS is not installed') unless -r '/usr/share/seabios/vgabios-stdvga.bin';

# ---- without a password ----

my $m = start('open', '-vnc', ':90,to=199', '-name', 'Fernblick');
my $port = port_of('open');
my $text = see($m, qr/boot menu\.\n/);
my $ppm = still($m, "$dir/a.ppm");
like($text, qr/^SeaBIOS \(version /, 'the text of the screen has the banner');
is(ask($m, "screendump $dir/a.ppm"), '', 'screendump writes a PPM');
is(ask($m, "screendump $dir/a.png"), '', 'and a PNG');
is($ppm && "$ppm->{width}x$ppm->{height}", '720x400', 'of 80 by 25 cells of 9 by 16');
cmp_ok(read_cells($ppm, $text), '>', 15, 'where each character has its picture');
is(difference($ppm, read_png("$dir/a.png")), '', 'the PNG shows the same');
like(ask($m, "screendump $dir/a.gif gif"), qr/there is no format 'gif'/, 'other formats are refused');
like(ask($m, 'screendump /proc/none/a.ppm'), qr{cannot write /proc/none/a.ppm: }, 'and bad paths');
is(ask($m, 'info vnc'), "default:\n  Server: 127.0.0.1:$port (ipv4)\n    Auth: none (Sub: none)\n", 'info vnc: nobody is there');

is(scalar(children($m->{pid})), 0, 'and no helper runs');
my $c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
is($c->{name}, 'Fernblick', 'rfb: the name of the machine');
is("$c->{width}x$c->{height}", '720x400', 'rfb: the size of its screen');
is(difference($ppm, rfb_picture($c)), '', 'rfb: the picture is the screendump');
is($c->{extended}, 1, 'rfb: extended key events are offered');
is(ask($m, 'info vnc'), "default:\n  Server: 127.0.0.1:$port (ipv4)\n    Auth: none (Sub: none)\n"
	. '  Client: 127.0.0.1:' . $c->{socket}->sockport . " (ipv4)\n    x509_dname: none\n    sasl_username: none\n", 'info vnc: a client');
SKIP: {
	skip('gvnccapture is not installed', 2) if system('which gvnccapture >/dev/null 2>&1');
	is(system("timeout 60 gvnccapture -q 127.0.0.1:" . ($port - 5900) . " $dir/g.png >/dev/null 2>&1"), 0, 'gvnccapture gets in');
	is(difference($ppm, read_png("$dir/g.png")), '', 'and sees the screendump');
}
close($c->{socket});
# Neither the library's cursor nor word of its absence, which would hide the client's.
for my $encodings ([], [-239, -240, -232]) {
	$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), encodings => $encodings);
	syswrite($c->{socket}, pack('CCnn', 5, 0, $_, 100)) for 200, 300;
	is(difference($ppm, rfb_picture($c)), '', 'rfb: no pointer is drawn');
	rfb_picture($c);
	is(join(' ', sort(keys(%{ $c->{seen} }))), '-258 0', 'rfb: nor is one sent');
	close($c->{socket});
}
# The BIOS waits 65 seconds for a key, and on a slow machine they can be over by now.
if (text_of($m) =~ /Booting/) {
	ask($m, 'system_reset');
	wait_until(sub { text_of($m) =~ /boot menu\.\n\z/ });
}
# gvnccapture is alone by its own wish. The key of the escape, as a scan code, and its release.
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
syswrite($c->{socket}, pack('CCnNN', 255, 0, $_, 0xff1b, 1)) for 1, 0;
$text = see($m, qr/Select boot device/);
like($text, qr/Select boot device/, 'rfb: a typed key arrives in the guest');
close($c->{socket});

# The helper dies.
my ($helper) = children($m->{pid});
ok($helper, 'a helper runs');
kill('KILL', $helper);
ok(wait_until(sub { !children($m->{pid}) }), 'the helper was killed, and cleaned up after');
ok(wait_until(sub { slurp("$dir/open.err") =~ /vmm-vnc ended; the next client starts it again/ }), 'which is told');
like(ask($m, 'info status'), qr/running/, 'the guest goes on');
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
# The BIOS may still be printing.
my $differ;
wait_until(sub {
	ask($m, "screendump $dir/b.ppm");
	$differ = difference(read_ppm("$dir/b.ppm"), rfb_picture($c));
	return $differ eq '';
});
is($differ, '', 'the next client sees the screen');
# A keysym this time. The BIOS takes no second escape within 1.5 seconds of its own time.
for (my $end = time + $limit; time < $end && $text !~ /Booting from/; $text = text_of($m)) {
	syswrite($c->{socket}, pack('CCxxN', 4, $_, 0xff1b)) for 1, 0;
	select(undef, undef, undef, 0.2);
}
like($text, qr/Booting from/, 'and types keysyms');
close($c->{socket});
is(finish($m), 0, 'quit');

# ---- graphics: what a guest writes into the framebuffer, with KVM's dirty log ----

sub vbe {
	my ($index, $value) = @_;

	# mov ax, index; mov dx, 0x1ce; out dx, ax; mov ax, value; inc edx; out dx, ax
	return pack('H4vH*', '66b8', $index, '66bace0166ef') . pack('H4vH*', '66b8', $value, '4266ef');
}

# BAR 0 of 00:02.0 to ebx; then each byte of port 0x60 becomes the first pixel.
put_file("$dir/pixel.kernel", multiboot(join('', map { vbe(@$_) } [1, 640], [2, 480], [3, 32], [4, 0x41])
	. pack('H*', 'b810100080' . '66baf80c' . 'ef' . '66bafc0c' . 'ed' . '25f0ffffff' . '89c3'
		. 'e464' . 'a801' . '74fa' . 'e460' . '0fb6c0' . '8903' . 'ebf1')));
my $g = start('pixel', '-kernel', "$dir/pixel.kernel", '-vga', 'std', '-vnc', ':90,to=199');
$port = port_of('pixel');
for (my $end = time + $limit; time < $end; select(undef, undef, undef, 0.05)) {
	ask($g, "screendump $dir/p.ppm");
	last if (read_ppm("$dir/p.ppm") // { width => 0 })->{width} == 640;
}
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
is("$c->{width}x$c->{height}", '640x480', 'a VBE mode');
my $black = rfb_picture($c);
is($black && unpack('H6', $black->{rows}[0]), '000000', 'black at first');
# Only what changes from now on.
syswrite($c->{socket}, pack('CCnnnn', 3, 1, 0, 0, 640, 480));
is(ask($g, 'sendkey a 10000'), '', 'a key');
my ($type, $count, $x, $y, $w, $h) = (unpack('Cxnnnnn', get($c->{socket}, 16)), (0) x 6);
my $rest = get($c->{socket}, 4 * $w * $h);
is("$count: $x,$y ${w}x$h " . unpack('H8', $rest), '1: 0,0 1x1 0000001e',
	'the one pixel that the guest wrote, and nothing else, is sent');
close($c->{socket});

# Clients that want to be alone.
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
my $other = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
ok(rfb_picture($c) && rfb_picture($other), 'two clients');
my $alone = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), alone => 1);
ok(rfb_picture($alone), 'one that wants to be alone');
ok(!rfb_picture($c) && !rfb_picture($other), 'turns the others out');

# ---- clients that stop ----

sub new_client {
	return rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), @_);
}

sub first_pixel {
	my $p = rfb_picture($_[0]);
	return $p ? unpack('H6', $p->{rows}[0]) : 'none';
}

# Half a key, which others do not wait for; it becomes a whole one.
close($alone->{socket});
my ($half, $busy) = (new_client(), new_client());
ok(rfb_picture($half), 'a client');
syswrite($half->{socket}, pack('CCnNN', 255, 0, 1, 0x62, 0x30) =~ s/.{5}\z//sr);
rfb_picture($busy) for 1 .. 5;
ok(wait_until(sub { first_pixel($busy) ne '00001e' }), 'stops amid a message');
syswrite($busy->{socket}, pack('CCnNN', 255, 0, 1, 0x61, 0x1e));
ok(wait_until(sub { first_pixel($busy) eq '00001e' }), 'others type');
syswrite($half->{socket}, pack('CCnNN', 255, 0, 1, 0x62, 0x30) =~ s/^.{7}//sr);
ok(wait_until(sub { first_pixel($busy) eq '000030' }), 'and its key arrives when it goes on') or diag(first_pixel($busy));

# One that asks and asks, and reads nothing.
my $deaf = new_client();
ok(rfb_picture($deaf), 'another client');
syswrite($deaf->{socket}, pack('CCnnnn', 3, 0, 0, 0, 640, 480) x 20);
ok(rfb_picture($busy), 'does not read: others are served') for 1 .. 5;
syswrite($deaf->{socket}, pack('CCnNN', 255, 0, 1, 0x64, 0x20));
ok(wait_until(sub { first_pixel($busy) eq '000020' }), 'it can type') or diag(first_pixel($busy));
ok(rfb_picture($deaf), 'and sees the screen in the end');
close($deaf->{socket});

# One that asks for changes, again and again, while there are none.
my $eager = new_client();
ok(rfb_picture($eager), 'one more');
close($busy->{socket});
syswrite($eager->{socket}, pack('CCnnnn', 3, 1, 0, 0, 640, 480) x 3000);
syswrite($eager->{socket}, pack('CCnNN', 255, 0, 1, 0x65, 0x12));
ok(wait_until(sub { ask($g, "screendump $dir/p.ppm"); unpack('H6', (read_ppm("$dir/p.ppm") // { rows => [''] })->{rows}[0]) eq '000012' }),
	'asks 3000 times for what changes, and types');
close($eager->{socket});

# Many who say nothing take no place from one who does.
my @silent = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") } 1 .. 60;
syswrite($_, 'RFB 0') for @silent;
my $late = new_client();
ok(rfb_picture($late), 'sixty who say nothing keep nobody out');
# Perhaps before it was told a version.
like(get($silent[0], 13), qr/\A(RFB 003\.008\n)?\z/, 'the first of them');
ok(IO::Select->new($silent[0])->can_read(0), 'has to go');
close($_) for @silent, map { $_->{socket} } $late, $half;

# More than can be: 16.
my @many = map { my $n = $_; my $x = new_client(); rfb_picture($x) ? $x : die } 1 .. 16;
my $last = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
get($last, 12);
syswrite($last, "RFB 003.008\n\1\1");
is(length(get($last, 30)), 6, 'the seventeenth client is turned away');
close($_) for $last, map { $_->{socket} } @many;
is(finish($g), 0, 'quit');
$g = start('shared', '-kernel', "$dir/pixel.kernel", '-vga', 'std', '-vnc', ':90,to=199,share=ignore');
$port = port_of('shared');
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
$alone = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), alone => 1);
ok(rfb_picture($alone) && rfb_picture($c), 'share=ignore: it does not');

is(finish($g), 0, 'quit');

# ---- the screen changes its size under a client, when a key is pressed ----

put_file("$dir/sizes.kernel", multiboot(join('', map { vbe(@$_) } [1, 640], [2, 480], [3, 32], [4, 0x41])
	. pack('H*', 'e464' . 'a801' . '74fa' . 'e460') . join('', map { vbe(@$_) } [4, 0], [1, 800], [2, 600], [4, 0x41])
	. pack('H*', 'f4ebfd')));
$g = start('sizes', '-kernel', "$dir/sizes.kernel", '-vga', 'std', '-vnc', ':90,to=199');
$port = port_of('sizes');
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), encodings => [-308]);
wait_until(sub { rfb_picture($c) && $c->{height} == 480 });
is("$c->{width}x$c->{height}", '640x480', 'ExtendedDesktopSize: the size as it is');
ask($g, 'sendkey a');
wait_until(sub { rfb_picture($c) && $c->{height} == 600 });
is("$c->{width}x$c->{height}", '800x600', 'and as it becomes');
is(finish($g), 0, 'quit');

# ---- the size that a client would like ----

# BAR 0 to ebx, BAR 2 to esi, by which a mode is set; then, with each key, what the monitor
# prefers becomes the first two pixels.
my $bar = sub { pack('H*', "b8$_[0]100080" . '66baf80c' . 'ef' . '66bafc0c' . 'ed' . '25f0ffffff' . $_[1]) };
put_file("$dir/wish.kernel", multiboot($bar->('10', '89c3') . $bar->('18', '89c6')
	. join('', map { pack('H*Vv', '66c786', 0x500 + 2 * $_->[0], $_->[1]) } [1, 640], [2, 480], [3, 32], [4, 0x41])
	. pack('H*', 'e464' . 'a801' . '74fa' . 'e460' . '8b4638' . '8903' . '8b463b' . '894304' . 'ebeb')));

# SetDesktopSize with one screen, unless there is another; the answer comes with a picture.
sub wish {
	my ($c, $w, $h, @screen) = @_;
	my @s = @screen ? @screen : (0, 0, $w, $h);

	delete($c->{answer});
	syswrite($c->{socket}, pack('CxnnCxNnnnnN', 251, $w, $h, 1, 0, @s, 0));
	rfb_picture($c);
	return $c->{answer} // '';
}

# From the first two pixels; green and blue of the picture are bytes 1 and 0 of the register.
sub preferred {
	my ($c) = @_;
	my @b = map { unpack('C', $_) } split(//, substr(rfb_picture($c)->{rows}[0], 0, 6));

	return ($b[2] | ($b[0] & 0xf0) << 4) . 'x' . ($b[5] | ($b[3] & 0xf0) << 4);
}

for my $card ('VGA', 'bochs-display') {
	$g = start("wish$card", '-kernel', "$dir/wish.kernel", '-device', "$card,addr=2", '-vnc', ':90,to=199');
	$port = port_of("wish$card");
	$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), encodings => [-308]);
	wait_until(sub { rfb_picture($c) && $c->{height} == 480 });
	ask($g, 'sendkey a');
	wait_until(sub { preferred($c) ne '0x0' });
	is(preferred($c), '1280x800', "$card: what the monitor prefers at first");
	is(wish($c, 1366, 768), '1 4', 'SetDesktopSize: the wish is passed on');
	is("$c->{width}x$c->{height}", '640x480', 'the size is as before');
	ask($g, 'sendkey a');
	wait_until(sub { preferred($c) ne '1280x800' });
	is(preferred($c), '1360x768', 'and the guest reads it, in columns of eight');
	is(wish($c, 2568, 1600), '1 2', 'one that is too large is refused');
	is(wish($c, 320, 200), '1 3', 'as is a small one');
	is(wish($c, 1024, 768, 0, 0, 800, 600), '1 3', 'and one whose screen is no whole');
	ask($g, 'sendkey a');
	ask($g, 'sendkey b');
	is(preferred($c), '1360x768', 'of which the guest hears nothing');
	is(finish($g), 0, 'quit');
}
$g = start('deaf', '-kernel', "$dir/wish.kernel", '-device', 'VGA,addr=2,edid=off', '-vnc', ':90,to=199');
$port = port_of('deaf');
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), encodings => [-308]);
wait_until(sub { rfb_picture($c) && $c->{height} == 480 });
is(wish($c, 1024, 768), '1 1', 'edid=off: no wish is possible');
is(finish($g), 0, 'quit');

# ---- a still screen costs nothing, with a client or without ----

# Seconds of CPU that vmm and its helper have used.
sub cpu_of {
	my $ns = 0;

	for my $pid (@_) {
		$ns += (split(' ', slurp($_)))[0] for glob("/proc/$pid/task/*/schedstat");
	}
	return $ns / 1e9;
}

# cli, hlt
put_file("$dir/still.kernel", multiboot(join('', map { vbe(@$_) } [1, 1280], [2, 1024], [3, 32], [4, 0x41]) . pack('H*', 'faf4ebfd')));
$g = start('still', '-kernel', "$dir/still.kernel", '-vga', 'std', '-vnc', ':90,to=199');
$port = port_of('still');
$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), encodings => [-308]);
wait_until(sub { rfb_picture($c); $c->{width} == 1280 });
for my $what ('a client that waits for changes', 'nobody') {
	my @pids = ($g->{pid}, children($g->{pid}), map { children($_) } children($g->{pid}));
	my ($percent, $end) = (100, time + $limit);

	syswrite($c->{socket}, pack('CCnnnn', 3, 1, 0, 0, 1280, 1024)) if $what ne 'nobody';
	# What came before may still be worked on: a second will do in which nothing is.
	while ($percent >= 1 && time < $end) {
		my ($used, $from) = (cpu_of(@pids), Time::HiRes::time());
		select(undef, undef, undef, 1);
		$percent = 100 * (cpu_of(@pids) - $used) / (Time::HiRes::time() - $from);
	}
	cmp_ok($percent, '<', 1, sprintf('an idle guest and %s: %.2f %% of a CPU', $what, $percent));
	close($c->{socket});
	wait_until(sub { ask($g, 'info vnc') !~ /Client/ });
}

# What a viewer asks for between two changes wakes only the process with the network.
sub waits_of {
	return (slurp("/proc/$_[0]/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m)[0];
}

$c = rfb_open(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"));
ok(rfb_picture($c), 'a client again');
my ($painter) = children($g->{pid});
my $waits = waits_of($painter);
for (1 .. 50) {
	syswrite($c->{socket}, pack('CCnnnn', 3, 1, 0, 0, 1280, 1024));
	select(undef, undef, undef, 0.02);
}
cmp_ok(waits_of($painter) - $waits, '<', 15, 'asks 50 times for changes: the painter is left alone');
close($c->{socket});
is(finish($g), 0, 'quit');

# ---- with a password ----

# Files of vncpasswd: DES with a key that everybody knows.
my %file_of = (sesam => '1684190aad9db619', falsch => '4bd337da7084070d');

sub snapshot {
	my ($port, $password, $file) = @_;
	my $display = $port - 5900;

	open(my $out, '>:raw', "$dir/passwd") or die;
	print $out pack('H*', $file_of{$password});
	close($out);
	unlink($file);
	return system("timeout 60 vncsnapshot -quiet -allowblank -passwd $dir/passwd 127.0.0.1:$display $file >$dir/snapshot.out 2>&1");
}

$m = start('closed', '-S', '-vnc', ':90,password=on,to=199');
$port = port_of('closed');
like(ask($m, 'change vnc password much-too-long'), qr/at most 8 characters/, 'long passwords are refused');
SKIP: {
	skip('vncsnapshot is not installed', 11) if system('which vncsnapshot >/dev/null 2>&1');
	isnt(snapshot($port, 'sesam', "$dir/c.jpg"), 0, 'before a password is set nobody gets in');
	is(ask($m, 'set_password vnc sesam'), '', 'a password is set');
	isnt(snapshot($port, 'falsch', "$dir/c.jpg"), 0, 'a wrong one is turned away');
	ok(!-s "$dir/c.jpg", 'and saw nothing');
	is(snapshot($port, 'sesam', "$dir/c.jpg"), 0, 'the right one gets in') or diag(slurp("$dir/snapshot.out"));
	ok(-s "$dir/c.jpg", 'and has a picture');
	is(ask($m, 'expire_password vnc now'), '', 'expire_password');
	isnt(snapshot($port, 'sesam', "$dir/c.jpg"), 0, 'no longer');
	is(ask($m, 'expire_password vnc +1000'), '', 'expire_password, later');
	is(snapshot($port, 'sesam', "$dir/c.jpg"), 0, 'again');
	snapshot($port, 'falsch', "$dir/c.jpg") for 1 .. 3;
	is(get(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), 12), '',
		'after three wrong ones the door is closed');
}

# The question of a person, who sees a prompt and no echo; nothing of it is remembered.
syswrite($m->{socket}, "change vnc password\n");
my $asked = '';
$asked .= get($m->{socket}, 1) while $asked !~ /Password: \z/ && length($asked) < 4096;
like($asked, qr/Password: \z/, 'change vnc password: asks');
is(ask($m, 'falsch'), '', 'and takes what is typed') ;
syswrite($m->{socket}, "\e[A");
$asked = '';
$asked .= get($m->{socket}, 1) while $asked !~ /change vnc password/ && length($asked) < 4096;
like($asked, qr/change vnc password/, 'the history has the command');
is(ask($m, "\x15info name") =~ /falsch/, '', 'and not the answer');
like(ask($m, 'expire_password vnc tomorrow'), qr/time: now, never, \+SECONDS/, 'a time that is none');
like(ask($m, 'set_password vnc sesam connected=fail'), qr/Error/, 'clients that are there are kept');

# A password from the start.
put_file("$dir/secret-file", "sesam\n");
put_file("$dir/secret64", 'c2VzYW0=');
my $sec = start('secret', '-S', '-object', "secret,id=s,file=$dir/secret-file", '-object', "secret,id=t,file=$dir/secret64,format=base64",
	'-vnc', ':90,password-secret=s,to=199');
SKIP: {
	skip('vncsnapshot is not installed', 2) if system('which vncsnapshot >/dev/null 2>&1');
	isnt(snapshot(port_of('secret'), 'falsch', "$dir/c.jpg"), 0, 'password-secret: a wrong one is turned away');
	is(snapshot(port_of('secret'), 'sesam', "$dir/c.jpg"), 0, 'the right one gets in');
}
is(finish($sec), 0, 'quit');

# ---- on a UNIX socket, a machine that does not run yet ----

my $u = start('unix', '-S', '-vnc', "unix:$dir/vnc");
is(ask($u, 'info vnc'), "default:\n  Server: :$dir/vnc (unix)\n    Auth: none (Sub: none)\n", 'info vnc: a UNIX socket');
$c = rfb_open(IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$dir/vnc"));
ok(rfb_picture($c), 'and a picture through it');
like(ask($u, 'info vnc'), qr/^  Client: : \(unix\)$/m, 'info vnc: whose client has no name');
is(finish($u), 0, 'quit');
ok(!-e "$dir/vnc", 'the socket is gone');

# ---- what cannot be ----

sub complaint {
	my (@args) = @_;
	my $out = `timeout 60 $vmm @args 2>&1 </dev/null`;

	return ($? >> 8, $out);
}

my ($status, $said) = complaint('-vnc', ':' . ($port - 5900));
is($status, 1, 'a port in use');
like($said, qr/port $port of 127\.0\.0\.1 is in use; choose another display, or add to=N/, 'is named');
is(finish($m), 0, 'quit');
($status, $said) = complaint('-vnc', 'nowhere');
is($status, 2, 'a display without a number');
like($said, qr/'nowhere' is not HOST:D, :D or unix:PATH/, 'is explained');
($status, $said) = complaint('-vnc', ':90,to=199,password-secret=x');
is($status, 2, 'a secret that is not there');
like($said, qr/there is no secret 'x'; define it with -object secret,id=x,file=/, 'is asked for');
($status, $said) = complaint('-object', 'secret,id=x,data=123456789', '-vnc', ':90,to=199,password-secret=x');
like($said, qr/-vnc password-secret=x: a VNC password has at most 8 characters/, 'one that is too long is refused');
($status, $said) = complaint('-object', 'secret,id=x,data=1,format=base64');
like($said, qr/-object: secret,id=x: the secret is not base64/, 'as is nonsense');
($status, $said) = complaint('-object', "secret,id=x,file=$dir/none");
like($said, qr{-object: secret,id=x: cannot read \Q$dir\E/none: No such file}, 'and no file');
($status, $said) = complaint('-device', 'VGA,romfile=none.bin');
like($said, qr/there is no option ROM none.bin; install the Debian package seabios/, 'a missing VGA BIOS too');
($status, $said) = complaint('-vga', 'std', '-device', 'VGA');
like($said, qr/-device VGA: there is a graphics card already/, 'and a second card');
done_testing();
