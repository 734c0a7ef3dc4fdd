#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The port for browsers: noVNC's page comes from vmm-vnc itself, and in a headless Chromium
# shows what the guest answers to a key that was typed there. Before that, what web pages
# of others and impolite clients get.

use strict;
use warnings;
use FindBin;
use IO::Handle;
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use lib $FindBin::Bin;
use files;
use vnctest;

plan(skip_all => 'no access to /dev/kvm') unless -r '/dev/kvm' && -w '/dev/kvm';

# Debian's package, unpacked without what it depends on; '' if it cannot be had.
sub find_novnc {
	my $folder = "$build/novnc";

	return '/usr/share/novnc' if -r '/usr/share/novnc/vnc.html';
	system("mkdir -p $folder && cd $folder && apt-get -q download novnc && dpkg -x novnc_*.deb . && rm novnc_*.deb")
		unless -r "$folder/usr/share/novnc/vnc.html";
	return -r "$folder/usr/share/novnc/vnc.html" ? "$folder/usr/share/novnc" : '';
}

open(my $stdout, '>&', \*STDOUT);
open(STDOUT, '>&', \*STDERR);
my $novnc = find_novnc();
open(STDOUT, '>&', $stdout);
plan(skip_all => 'the package novnc cannot be had') unless $novnc;

# A VBE mode whose first pixel is the last scan code, as in display.t.
sub vbe {
	my ($index, $value) = @_;

	return pack('H4vH*', '66b8', $index, '66bace0166ef') . pack('H4vH*', '66b8', $value, '4266ef');
}

put_file("$dir/pixel.kernel", multiboot(join('', map { vbe(@$_) } [1, 640], [2, 480], [3, 32], [4, 0x41])
	. pack('H*', 'b810100080' . '66baf80c' . 'ef' . '66bafc0c' . 'ed' . '25f0ffffff' . '89c3'
		. 'e464' . 'a801' . '74fa' . 'e460' . '0fb6c0' . '8903' . 'ebf1')));
my $m = start('web', '-kernel', "$dir/pixel.kernel", '-vga', 'std', '-name', 'Fenster', '-vnc', ":90,to=199,websocket,http=$novnc");
my ($vnc_port, $port) = slurp("$dir/web.err") =~ /VNC on 127\.0\.0\.1:(\d+), WebSocket port (\d+), for this host only/;
is($port - 5700, $vnc_port - 5900, 'the port for browsers goes with the display');
like(slurp("$dir/web.err"), qr{VNC in a browser: http://127\.0\.0\.1:$port/$}m, 'the address for browsers is told');

# ---- HTTP ----

sub connect_to {
	my ($to) = @_;
	return IO::Socket::INET->new(PeerAddr => "127.0.0.1:" . ($to // $port)) // BAIL_OUT("port: $!");
}

sub answer_of {
	my ($s) = @_;
	my $text = '';

	while (IO::Select->new($s)->can_read($limit)) {
		sysread($s, $text, 65536, length($text)) or last;
	}
	return $text;
}

sub request {
	my ($line, @headers) = @_;
	my $s = connect_to();

	syswrite($s, join("\r\n", $line, @headers, '', ''));
	return answer_of($s);
}

my $host = "Host: 127.0.0.1:$port";
my $page = slurp("$novnc/vnc.html");
like(request('GET / HTTP/1.1', $host), qr{^HTTP/1.1 302 Found\r\n.*^Location: /vnc\.html\?autoconnect=true\r$}ms, 'the address leads to the page');
my ($head, $body) = split(/\r\n\r\n/, request('GET /vnc.html?x=1 HTTP/1.1', $host), 2);
like($head, qr{^HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: @{[length $page]}\r$}m, 'which is there');
is($body, $page, 'as it is in the package');
($head, $body) = split(/\r\n\r\n/, request('HEAD /vnc.html HTTP/1.1', $host), 2);
is($body, '', 'HEAD: without its text');
for ('/../../../etc/passwd', '//etc/passwd', '/vnc.html/', '/app', '/%76nc.html', '/vnc.htm') {
	like(request("GET $_ HTTP/1.1", $host), qr{^HTTP/1.1 404 }, "$_ is not there");
}
like(request('POST / HTTP/1.1', $host), qr{^HTTP/1.1 405 }, 'nothing is taken');
is(request("GET / HTTP/1.1\0", $host), '', 'a NUL ends it');
is(request('GET /' . 'x' x 5000 . ' HTTP/1.1', $host), '', 'as does a request without an end');
my $slow = connect_to();
syswrite($slow, 'GET /vnc.html HTTP/1.1');
syswrite(my $idle = connect_to(), 'G');
like(request('GET / HTTP/1.1', $host), qr{^HTTP/1.1 302}, 'others are served while one types');
syswrite($slow, "\r\n$host\r\n\r\n");
like(answer_of($slow), qr{^HTTP/1.1 200 OK}, 'until it is served as well');

# ---- whose page may connect ----

sub websocket {
	my ($to, @headers) = @_;
	my $s = connect_to($to);

	syswrite($s, join("\r\n", 'GET /websockify HTTP/1.1', @headers, 'Upgrade: websocket', 'Connection: Upgrade',
		'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: binary', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''));
	return $s;
}

sub first_line {
	my ($s) = @_;
	my $text = '';

	while ($text !~ /\n/ && IO::Select->new($s)->can_read($limit)) {
		sysread($s, $text, 1, length($text)) or last;
	}
	return $text =~ s/\r\n//r;
}

is(first_line(websocket($port, $host, "Origin: http://127.0.0.1:$port")), 'HTTP/1.1 101 Switching Protocols', 'our page may connect');
is(first_line(websocket($port, $host, 'Origin: https://example.org')), 'HTTP/1.1 403 Forbidden', 'others may not');
is(first_line(websocket($port, $host, 'Origin: null')), 'HTTP/1.1 403 Forbidden', 'nor files');
is(first_line(websocket($port, "Host: example.org:$port", "Origin: http://example.org:$port")), 'HTTP/1.1 403 Forbidden',
	'nor a name that leads here');
my $direct = answer_of(websocket($vnc_port, "Host: 127.0.0.1:$vnc_port", 'Origin: https://example.org'));
like($direct, qr/\A(RFB 003\.008\n)?\z/, 'at the port of VNC');
wait_until(sub { slurp("$dir/web.err") =~ /a browser at the port for VNC/ });
like(slurp("$dir/web.err"), qr/a browser at the port for VNC; use -vnc websocket/, 'it is closed');

# ---- frames ----

# With the mask 01 02 03 04.
sub frame {
	my ($op, $data) = @_;
	my $mask = "\1\2\3\4" x (length($data) / 4 + 1);

	return pack('CC', $op, 0x80 | length($data)) . "\1\2\3\4" . ($data ^ substr($mask, 0, length($data)));
}

# The next frame: its first byte and content.
sub unframe {
	my ($s) = @_;
	my ($op, $len) = unpack('CC', get($s, 2));

	$len = unpack('n', get($s, 2)) if ($len // 0) == 126;
	return sprintf('%02x ', $op // 0) . get($s, $len // 0);
}

# The example of RFC 6455, 1.3.
my $ws = connect_to();
syswrite($ws, join("\r\n", 'GET /chat HTTP/1.1', $host, 'Upgrade: websocket', 'Connection: Upgrade',
	'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: chat, binary', 'Sec-WebSocket-Version: 13', '', ''));
my $accepted = '';
$accepted .= get($ws, 1) while $accepted !~ /\r\n\r\n/ && length($accepted) < 500;
like($accepted, qr{^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$}m, 'the key of the specification is accepted');
like($accepted, qr{^Sec-WebSocket-Protocol: binary\r$}m, 'as is the protocol');
is(unframe($ws), "82 RFB 003.008\n", 'a frame of ours');
# A version in pieces of a message and of the network, with a ping amid them.
my $pieces = frame(0x02, 'RFB 0') . frame(0x89, 'Hallo') . frame(0x80, "03.008\n");
syswrite($ws, $_) for map { my $p = $_; $p } split(//, $pieces);
is(unframe($ws), '8a Hallo', 'a ping is answered');
is(unframe($ws), "82 \1\1", 'fragments are one');
syswrite($ws, frame(0x82, "\1\1"));
is(unframe($ws), "82 \0\0\0\0", 'the client is in');
like(unframe($ws), qr/Fenster\z/, 'and sees the name');
syswrite($ws, pack('CC', 0x82, 6) . 'secret');
is(get($ws, 1), '', 'what is not masked ends it');
# One that does not wait for any answer.
my $early = connect_to();
syswrite($early, join("\r\n", 'GET / HTTP/1.1', $host, 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
	'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '') . frame(0x82, "RFB 003.008\n") . frame(0x82, "\1\1"));
my $head = '';
$head .= get($early, 1) while $head !~ /\r\n\r\n/ && length($head) < 500;
is(join('|', map { unframe($early) } 1 .. 3), "82 RFB 003.008\n|82 \1\1|82 \0\0\0\0", 'frames behind the request are taken');
like(request('GET / HTTP/1.1', $host, 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 8'),
	qr{^HTTP/1.1 426 .*^Sec-WebSocket-Version: 13\r$}ms, 'an old version is told which is needed');

# ---- a browser ----

my ($to, $from, $browser, $id, $session);

sub call {
	my ($method, %params) = @_;
	my $message = { id => ++$id, method => $method, params => \%params };

	$message->{sessionId} = $session if $session;
	syswrite($to, encode_json($message) . "\0");
	local $/ = "\0";
	while (defined(my $line = <$from>)) {
		chop($line);
		my $answer = decode_json($line);
		next unless ($answer->{id} // 0) == $id;
		diag("$method: $answer->{error}{message}") if $answer->{error} && $answer->{error}{message} !~ /context was destroyed/;
		return $answer->{result};
	}
	return;
}

# What the promise becomes.
sub evaluate {
	my ($script) = @_;
	my $result;

	# The page that it was asked for leads to another one.
	for (my $end = time + $limit; time < $end && (!$result || ref($result->{result}{value}));) {
		$result = call('Runtime.evaluate', expression => $script, awaitPromise => JSON::PP::true, returnByValue => JSON::PP::true);
	}
	return $result->{result}{value} // '';
}

sub start_browser {
	pipe(my $in, $to);
	pipe($from, my $out);
	$to->autoflush(1);
	$browser = fork() // die;
	return if $browser;
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>', '/dev/null');
	open(STDERR, '>', "$dir/browser.err");
	# It reads from 3 and writes to 4.
	POSIX::dup2(@$_) for [fileno($in), 50], [fileno($out), 51], [50, 3], [51, 4];
	POSIX::close($_) for 50, 51;
	exec('timeout', '300', 'chromium-headless-shell', '--no-sandbox', '--disable-gpu',
		'--no-first-run', "--user-data-dir=$dir/profile", '--remote-debugging-pipe', 'about:blank');
	exit(126);
}

SKIP: {
	require POSIX;
	skip('chromium-headless-shell is not installed', 4) if system('which chromium-headless-shell >/dev/null 2>&1');
	start_browser();
	my $target = call('Target.createTarget', url => "http://127.0.0.1:$port/") // skip('Chromium does not start here: ' . slurp("$dir/browser.err"), 4);
	$session = call('Target.attachToTarget', targetId => $target->{targetId}, flatten => JSON::PP::true)->{sessionId};
	my $until = 'new Promise((done) => { const end = Date.now() + 120000; const look = () => { const got = (%s); '
		. 'if (got || Date.now() > end) done(got); else setTimeout(look, 20); }; look(); })';
	is(evaluate(sprintf($until, 'document.documentElement.classList.contains("noVNC_connected") && document.title')), 'Fenster - noVNC', 'noVNC connects')
		or diag(evaluate('document.documentElement.className + " " + document.body.innerText'));
	is(evaluate(sprintf($until, '((c) => c && c.width == 640 && c.width + "x" + c.height)(document.querySelector("#noVNC_container canvas"))')),
		'640x480', 'and shows the screen');
	like(ask($m, 'info vnc'), qr/^  Client: 127\.0\.0\.1:\d+ \(ipv4 \(Websocket\)\)$/m, 'info vnc: a client');
	call('Input.dispatchKeyEvent', type => $_, key => 'a', code => 'KeyA', windowsVirtualKeyCode => 65, $_ eq 'keyDown' ? (text => 'a') : ())
		for 'keyDown';
	# 0x1e: the scan code of A. Encodings with losses are allowed.
	my $blue = evaluate(sprintf($until, '((c) => c.getContext("2d").getImageData(0, 0, 1, 1).data[2])(document.querySelector("#noVNC_container canvas"))'));
	cmp_ok(abs($blue - 0x1e), '<', 4, 'a key that is typed there is in the guest, whose answer is seen there') or diag($blue);
	$session = undef;
	call('Browser.close');
	waitpid($browser, 0);
}
is(finish($m), 0, 'quit');

my $said = `timeout 60 $vmm -vnc :90,to=199,http=$dir/none 2>&1 </dev/null`;
like($said, qr{-vnc http: $dir/none/vnc\.html is not there; install the Debian package novnc, or say http=FOLDER}, 'pages that are not there');
$said = `timeout 60 $vmm -vnc unix:$dir/vnc,http=$novnc 2>&1 </dev/null`;
like($said, qr{-vnc websocket and http need a port; use -vnc :D}, 'a page without a port');
$said = `timeout 60 $vmm -vnc :90,to=199,websocket=maybe 2>&1 </dev/null`;
like($said, qr{-vnc websocket=maybe: it is on, off or a port}, 'a port that is none');
done_testing();
