#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# TLS for VNC (VeNCrypt) with clients of others: gvnccapture sees the screen with
# certificates, passwords and without either, openssl s_client speaks to the port for
# browsers. Nothing is shown without TLS, or to whom has no certificate where one is asked.

use strict;
use warnings;
use FindBin;
use IO::Handle;
use IO::Socket::INET;
use IPC::Open2;
use Test::More;
use lib $FindBin::Bin;
use files;
use vnctest;

plan(skip_all => 'no access to /dev/kvm') unless -r '/dev/kvm' && -w '/dev/kvm';
plan(skip_all => 'SeaBIOS is not installed') unless -r '/usr/share/seabios/vgabios-stdvga.bin';
for ('openssl', 'gvnccapture', 'socat') {
	plan(skip_all => "$_ is not installed") if system("which $_ >/dev/null 2>&1");
}

# gvnccapture looks into the home that the system knows of: root's, of a space of its own.
put_file("$dir/in-home", "#!/bin/sh\nmount --bind \"\$1\" /root && shift && exec \"\$@\"\n");
chmod(0755, "$dir/in-home");
my $in_home = 'unshare ' . ($> ? '--map-root-user ' : '') . "--mount $dir/in-home";
plan(skip_all => 'there can be no mount name space') if system("$in_home $dir true 2>/dev/null");

# ---- certificates ----

my $pki = "$dir/pki";
mkdir($pki);
put_file("$dir/openssl.cnf", <<'CNF');
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
subjectAltName = IP:127.0.0.1
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
CNF

sub certify {
	my ($name, $kind, $issuer) = @_;
	my $by = $issuer ? "-CA $issuer-cert.pem -CAkey $issuer-key.pem" : '';

	mkdir($1) if $name =~ m{(.*)/};
	system("openssl req -config $dir/openssl.cnf -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$kind"
		. " -extensions $kind $by -keyout $name-key.pem -out $name-cert.pem >$dir/openssl.out 2>&1") == 0
		or BAIL_OUT(slurp("$dir/openssl.out"));
}

certify("$pki/ca", 'ca');
certify("$pki/server", 'server', "$pki/ca");
certify("$dir/client", 'client', "$pki/ca");
certify("$dir/other-ca", 'ca');
certify("$dir/stranger", 'client', "$dir/other-ca");

# What gvnccapture finds in its home.
sub home {
	my ($name, $ca, $client) = @_;
	my $home = "$dir/home-$name";

	system("mkdir -p $home/.pki/CA $home/.pki/gvnccapture/private $home/.pki/libvnc/private");
	system("cp $ca $home/.pki/CA/cacert.pem") if $ca;
	for my $who ($client ? ('gvnccapture', 'libvnc') : ()) {
		system("cp $client-cert.pem $home/.pki/$who/clientcert.pem");
		system("cp $client-key.pem $home/.pki/$who/private/clientkey.pem");
	}
	return $home;
}

my $plain = home('plain', "$pki/ca-cert.pem");
my $known = home('known', "$pki/ca-cert.pem", "$dir/client");
my $strange = home('strange', "$pki/ca-cert.pem", "$dir/stranger");
my $wary = home('wary', "$dir/other-ca-cert.pem");

# Whether it has a picture, which is in g.png then. It reads the password from a terminal.
sub capture {
	my ($home, $port, $password) = @_;
	my $command = "timeout --foreground 100 $in_home $home gvnccapture -q 127.0.0.1:" . ($port - 5900) . " $dir/g.png";
	my $said = '';

	unlink("$dir/g.png");
	if (!defined($password)) {
		system("$command >$dir/g.out 2>&1");
		return -s "$dir/g.png";
	}
	put_file("$dir/capture", "#!/bin/sh\nexec $command\n");
	chmod(0755, "$dir/capture");
	my $pid = open2(my $out, my $in, 'socat', '-', "EXEC:$dir/capture,pty,setsid,ctty,stderr");
	for (my $c = 'x'; $c ne '' && $said !~ /Password: /; $said .= $c) {
		$c = get($out, 1);
	}
	# What is typed before it has turned off the echo is thrown away.
	local $SIG{PIPE} = 'IGNORE';
	my $select = IO::Select->new($out);
	for (my $c = 'x'; $c ne '';) {
		print $in "$password\n";
		$in->flush();
		$c = get($out, 1) while $c ne '' && $select->can_read(3);
	}
	waitpid($pid, 0);
	return -s "$dir/g.png";
}

sub sees {
	my ($m, $home, $port, $password) = @_;

	ok(capture($home, $port, $password), "$m->{name}: gvnccapture gets in") or diag(slurp("$dir/g.out"));
	ask($m, "screendump $dir/a.ppm");
	is(difference(read_ppm("$dir/a.ppm"), read_png("$dir/g.png")), '', 'and sees the screendump');
}

sub connect_to {
	return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$_[0]") // BAIL_OUT("port: $!");
}

# ---- certificates of the server ----

my $creds = "tls-creds-x509,id=tls0,dir=$pki,endpoint=server";
my $m = start('x509', '-S', '-object', "$creds,verify-peer=off", '-vnc', ':90,to=199,websocket,tls-creds=tls0');
my $port = port_of('x509');
my ($web) = slurp("$dir/x509.err") =~ /WebSocket port (\d+)/;
like(ask($m, 'info vnc'), qr/^    Auth: vencrypt \(Sub: x509-none\)$/m, 'info vnc: TLS');
# They were opened at the start: whoever starts the helper later needs not be able to.
rename("$pki/server-key.pem", "$pki/away");
sees($m, $plain, $port);
rename("$pki/away", "$pki/server-key.pem");
ok(!capture($wary, $port), 'a client that does not know the server goes away');

my $s = connect_to($port);
is(get($s, 12), "RFB 003.008\n", 'a version');
syswrite($s, "RFB 003.008\n");
is(get($s, 2), "\1\x13", 'VeNCrypt, and nothing else');
syswrite($s, "\1\1");
is(get($s, 1), '', 'who wants none gets none');
$s = connect_to($port);
get($s, 12);
syswrite($s, "RFB 003.003\n");
like(get($s, 100), qr/^\0\0\0\0\0\0\0.only clients with TLS/s, 'an old client is told why not');

# As far as its choice of a subtype.
sub vencrypt {
	my ($subtype, $version, $more) = @_;
	my $socket = connect_to($port);

	get($socket, 12);
	syswrite($socket, "RFB 003.008\n");
	get($socket, 2);
	syswrite($socket, "\x13");
	is(get($socket, 2), "\0\2", 'VeNCrypt 0.2');
	syswrite($socket, $version // "\0\2");
	return $socket if $version;
	is(get($socket, 6), pack('CCN', 0, 1, 260), 'with X509None');
	syswrite($socket, pack('N', $subtype) . ($more // ''));
	return $socket;
}

is(get(vencrypt(0, "\0\1"), 9), "\1", 'another version is refused');
is(get(vencrypt($_), 9), "\0", "subtype $_ is refused") for 257, 256, 261;
is(get(vencrypt(260, undef, 'RFB'), 9), '', 'what comes in the clear after it ends the connection');
my $garbage = vencrypt(260);
is(get($garbage, 1), "\1", 'X509None is taken');
syswrite($garbage, 'GET / HTTP/1.1' . "\r\n" x 20);
my $answer = get($garbage, 200);
unlike($answer, qr/RFB|\0\0\0\0$/, 'no TLS is an end');
my $stopped = vencrypt(260);
is(get($stopped, 1), "\1", 'a client');
syswrite($stopped, "\x16\x03\x01\x02\x00\x01");
sees($m, $plain, $port);

# ---- the port for browsers ----

# What comes back for a request through TLS.
sub through_tls {
	my ($request, @args) = @_;
	my $pid = open(my $out, '-|', "timeout 100 openssl s_client -quiet -no_ign_eof -connect 127.0.0.1:$web -CAfile $pki/ca-cert.pem"
		. " -verify_return_error @args <$dir/fifo 2>$dir/s_client.err");
	open(my $in, '>', "$dir/fifo") or die;
	syswrite($in, $request);
	my ($text, $byte) = ('', '');
	do {
		$byte = get($out, 1);
		$text .= $byte;
	} while ($byte ne '' && $text !~ /\r\n\r\n.*RFB 003/s);
	close($in);
	kill('TERM', $pid);
	close($out);
	return $text;
}

system("mkfifo $dir/fifo");
my $upgrade = join("\r\n", 'GET / HTTP/1.1', "Host: 127.0.0.1:$web", "Origin: https://127.0.0.1:$web", 'Upgrade: websocket',
	'Connection: Upgrade', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', '', '');
like(through_tls($upgrade), qr{^HTTP/1\.1 101 .*\r\n\r\n\x82.RFB 003}s, 'wss: a WebSocket in TLS') or diag(slurp("$dir/s_client.err"));
is(through_tls($upgrade, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), '', 'not in an old version of it');
$s = connect_to($web);
syswrite($s, $upgrade);
unlike(get($s, 200), qr/HTTP|RFB/, 'nor without');
is(finish($m), 0, 'quit');

# ---- certificates of clients ----

$m = start('verify', '-S', '-object', $creds, '-vnc', ':90,to=199,tls-creds=tls0');
$port = port_of('verify');
ok(!capture($plain, $port), 'a client without a certificate is turned away');
ok(!capture($strange, $port), 'as is one of another authority');
sees($m, $known, $port);
is(finish($m), 0, 'quit');

# ---- a password ----

put_file("$dir/secret", "sesam\n");
$m = start('password', '-S', '-object', "$creds,verify-peer=off", '-object', "secret,id=s,file=$dir/secret",
	'-vnc', ':90,to=199,tls-creds=tls0,password-secret=s');
$port = port_of('password');
like(ask($m, 'info vnc'), qr/^    Auth: vencrypt \(Sub: x509-vnc\)$/m, 'info vnc: TLS and a password');
ok(!capture($plain, $port, 'falsch'), 'a wrong password is turned away');
sees($m, $plain, $port, 'sesam');
is(finish($m), 0, 'quit');

# ---- nobody's ----

$m = start('anon', '-S', '-object', 'tls-creds-anon,id=tls0,endpoint=server', '-vnc', ':90,to=199,tls-creds=tls0');
$port = port_of('anon');
like(ask($m, 'info vnc'), qr/^    Auth: vencrypt \(Sub: tls-none\)$/m, 'info vnc: TLS without certificates');
sees($m, $plain, $port);
is(finish($m), 0, 'quit');

# ---- what cannot be ----

sub complaint {
	return scalar(`timeout 60 $vmm @_ -vnc :90,to=199,tls-creds=tls0 2>&1 </dev/null`);
}

like(complaint(), qr/-vnc tls-creds=tls0: there are no credentials 'tls0'; define them with -object tls-creds-x509,id=tls0/, 'no such object');
like(complaint('-object', "tls-creds-x509,id=tls0,dir=$pki"), qr/endpoint=server is missing/, 'those of a client');
like(complaint('-object', 'tls-creds-x509,id=tls0,endpoint=server'), qr/dir= is missing/, 'no folder');
like(complaint('-object', "tls-creds-x509,id=tls0,endpoint=server,dir=$dir/none"), qr{cannot read $dir/none/ca-cert\.pem: No such file}, 'a folder that is not there');
system("cp -r $pki $dir/bad; cp $dir/client-key.pem $dir/bad/server-key.pem");
like(complaint('-object', "tls-creds-x509,id=tls0,endpoint=server,dir=$dir/bad"), qr{-vnc tls-creds=tls0: $dir/bad: server-cert\.pem with server-key\.pem: }, 'a key of another certificate');
put_file("$dir/bad/ca-cert.pem", 'nothing');
like(complaint('-object', "tls-creds-x509,id=tls0,endpoint=server,dir=$dir/bad"), qr{-vnc tls-creds=tls0: $dir/bad: ca-cert\.pem: }, 'a file that is no certificate');
like(complaint('-object', 'tls-creds-anon,id=tls0,endpoint=server,priority=NOTHING'), qr{-vnc tls-creds=tls0: priority: }, 'a priority that is none');
done_testing();
