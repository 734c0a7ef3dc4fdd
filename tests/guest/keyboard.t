#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# -k: what a VNC client types arrives as the scan codes of the guest's layout, all the way
# from an RFB message through the helper to the bytes that the guest reads from the i8042.
# What is right is read from xkb's data, as text. And the mouse, on the same way.

use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use Test::More;
use lib $FindBin::Bin;
use files;
use vnctest;

my $names = '/usr/include/xkbcommon/xkbcommon-keysyms.h';

plan(skip_all => 'no access to /dev/kvm') unless -r '/dev/kvm' && -w '/dev/kvm';
plan(skip_all => 'libxkbcommon-tools is not installed') if system('xkbcli --version >/dev/null 2>&1');
plan(skip_all => 'libxkbcommon-dev is not installed') unless -r $names;

# ---- what is right: rows of key, modifiers and keysym ----

my %keysym = slurp($names) =~ /^#define XKB_KEY_(\w+)\s+0x(\w+)/mg;
my $sentinel = 0x58; # F12, as a scan code
# Linux' codes of keys that scan code set 1 has elsewhere; the prefix is bit 7.
my %set1 = (89 => 0x73, 96 => 0x9c, 98 => 0xb5, 102 => 0xc7, 103 => 0xc8, 104 => 0xc9, 105 => 0xcb,
	106 => 0xcd, 107 => 0xcf, 108 => 0xd0, 109 => 0xd1, 110 => 0xd2, 111 => 0xd3, 127 => 0xdd);

sub keysym_of {
	my ($name) = @_;

	return 0x1000000 + hex($1) if $name =~ /^U([0-9A-F]{4,})$/;
	return hex($keysym{$name} // 0);
}

# Keys of one to four levels, which none, Shift, AltGr and both of them choose.
sub read_map {
	my (@layout) = @_;
	my $map = `xkbcli compile-keymap @layout`;
	my %code = $map =~ /^\s*<(\w+)>\s*= (\d+);/mg;
	my @rows;

	while ($map =~ /^\s*key <(\w+)>\s*\{\s*(?:type= "(?:TWO_LEVEL|ALPHABETIC|FOUR_LEVEL\w*)",\s*symbols\[\w+\]=)?\s*\[([^]]*)\]\s*\};/mg) {
		my ($name, $linux, $level) = ($1, $code{$1} - 8, 0);
		my $code = $linux <= 83 || $linux == 86 || $linux == 87 ? $linux : $set1{$linux};
		for my $symbol (split(/,/, $2)) {
			my $keysym = keysym_of($symbol =~ s/\s//gr);
			push(@rows, { name => "$name/$level", keysym => $keysym, code => $code, shift => $level & 1,
				altgr => $level >> 1 & 1 }) if $code && $keysym && $level < 4;
			$level++;
		}
	}
	return @rows;
}

# ---- a guest that prints each byte of the keyboard, in scan code set 1, to port 0xe9 ----

put_file("$dir/keys.kernel", multiboot(pack('H*', 'b060' . 'e664' . 'b040' . 'e660'
	. 'e464' . 'a801' . '74fa' . 'e460' . 'e6e9' . 'ebf4')));
# The same with a mouse that was told to report.
put_file("$dir/mouse.kernel", multiboot(pack('H*', 'b060' . 'e664' . 'b040' . 'e660' . 'b0d4' . 'e664'
	. 'b0f4' . 'e660' . 'e464' . 'a801' . '74fa' . 'e460' . 'e6e9' . 'ebf4')));

my ($client, $out);

sub begin {
	my ($name, @args) = @_;
	my $kernel = $name eq 'mouse' ? 'mouse' : 'keys';
	my $m = start($name, '-kernel', "$dir/$kernel.kernel", '-vnc', ':90,to=199',
		'-debugcon', "unix:$dir/$name.keys,server,nowait", @args);
	$out = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$dir/$name.keys") or die "$name: $!\n";
	$client = rfb_open(IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . port_of($name)));
	typed();
	return $m;
}

sub raw_key {
	my ($code, $down) = @_;
	syswrite($client->{socket}, pack('CCnNN', 255, 0, $down, 0, $code));
}

# Everything that the guest read until now, in hexadecimal.
sub typed {
	raw_key($sentinel, 1);
	raw_key($sentinel, 0);
	my $bytes = '';
	$bytes .= get($out, 1) // die while $bytes !~ /\x58\xd8\z/;
	return substr(unpack('H*', $bytes), 0, -4);
}

sub bytes_of {
	my ($code, $down) = @_;
	return ($code & 0x80 ? 'e0' : '') . sprintf('%02x', $code & 0x7f | ($down ? 0 : 0x80));
}

sub tap_key {
	my ($keysym) = @_;
	rfb_key($client, $keysym, $_) for 1, 0;
	return typed();
}

# As a client whose user has the same layout: the modifiers first.
sub type_row {
	my ($row) = @_;
	my @with = (($row->{shift} ? 0xffe1 : ()), ($row->{altgr} ? 0xfe03 : ()));

	rfb_key($client, $_, 1) for @with;
	typed() if @with;
	my $got = tap_key($row->{keysym});
	rfb_key($client, $_, 0) for reverse @with;
	typed() if @with;
	return $got;
}

# Keys that type the same with the same modifiers are all right.
sub check_layout {
	my ($layout, @xkb) = @_;
	my $m = begin($layout, '-k', $layout);
	my (%right, @wrong);
	# Modifiers and locks would change the others, and so does Num Lock the keypad. The US
	# layout has no AltGr.
	my @rows = grep { $_->{name} !~ /^KP/ && !($layout eq 'en-us' && $_->{altgr})
		&& $_->{keysym} != 0xff7f && ($_->{keysym} < 0xffe1 || $_->{keysym} > 0xffee) } read_map(@xkb);

	for my $row (@rows) {
		push(@{ $right{"$row->{keysym} $row->{shift} $row->{altgr}"} },
			bytes_of($row->{code}, 1) . bytes_of($row->{code}, 0));
	}
	for my $row (@rows) {
		my $got = type_row($row);
		push(@wrong, "$row->{name}: $got") unless grep { $got eq $_ } @{ $right{"$row->{keysym} $row->{shift} $row->{altgr}"} };
	}
	is(join(', ', @wrong), '', "$layout: each key types what it should");
	cmp_ok(scalar(@rows), '>=', $layout eq 'en-us' ? 110 : 190, 'of as many as there are');
	return $m;
}

my $m = check_layout('pt-br', '--layout br');
my %key = (slash => '73f3', cedilla => '27a7', tilde => '28a8', backslash => '56d6');
is(tap_key(0x2f), $key{slash}, 'pt-br: / is the key left of the right Shift');
is(tap_key(0xe7), $key{cedilla}, 'pt-br: c with cedilla is a key of its own');
is(tap_key(0xfe53), $key{tilde}, 'pt-br: and the dead tilde');
is(tap_key(0x5c), $key{backslash}, 'pt-br: the key that only ABNT2 and ISO have');
is(tap_key(0xffad), '4aca', 'pt-br: keypad minus');
is(tap_key(0xffff), 'e053e0d3', 'Delete');
is(tap_key(0xff13), 'e11d45e19dc5', 'Pause');

# The client's user has another layout: modifiers that the guest's needs, or must not have.
is(tap_key(0x3f), '2a73f3aa' =~ s/(73)(f3)(aa)/$1$3$2/r, '? without Shift: it is pressed for the moment');
like(tap_key(0xb0), qr/^e038(73e0b8f3|12e0b892)$/, 'degree without AltGr: that too');
rfb_key($client, 0xffe1, 1);
is(typed(), '2a', 'Shift is held');
is(tap_key(0x2f), 'aa732af3', '/ with Shift: it is released for the moment');
rfb_key($client, 0x41, 1);
is(typed(), '1e', 'A');
rfb_key($client, 0xffe1, 0);
rfb_key($client, 0x61, 0);
is(typed(), 'aa9e', 'released as a, after Shift: the same key');
is(tap_key(0x1000416), '', 'a Cyrillic letter: there is no key');
raw_key(0xb8, 1);
is(typed(), 'e038', 'AltGr as a scan code');
like(tap_key(0xb0), qr/^(73f3|1292)$/, 'counts as well');
raw_key(0xb8, 0);
rfb_key($client, 0xffe3, 1);
rfb_key($client, 0xffe9, 1);
typed();
close($client->{socket});
$client = rfb_open(IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . port_of('pt-br')));
like(typed(), qr/^(9db8|b89d)$/, 'keys of a client that goes are released');

is(tap_key(0xe3), '28a81e9e', 'a with tilde, of a client that names only that: the dead key and the letter');
is(tap_key(0xc9), '1a9a' . '2a12aa92', 'E with acute');
is(tap_key(0xe5), '', 'a letter whose accent the layout does not have');

# The lights of the guest's keyboard tell about its locks; this guest shows none.
is(tap_key(0xffb7), '45c547c7', 'keypad 7 presses Num Lock first');
is(tap_key(0xffb8), '48c8', 'once');
is(tap_key(0xff95), '45c547c7', 'keypad Home releases it');
is(finish($m), 0, 'quit');

is(finish(check_layout('de', '--layout de --variant nodeadkeys')), 0, 'quit');
is(finish(check_layout('fr', '--layout fr --variant nodeadkeys')), 0, 'quit');
is(finish(check_layout('en-us', '--layout us')), 0, 'quit');

$m = begin('ru', '-k', 'ru');
is(tap_key(0x6c1), '21a1', 'ru: a Cyrillic letter');
is(tap_key(0x1000430), '21a1', 'ru: its name in Unicode');
is(tap_key(0x61), '1e9e', 'ru: Latin letters are where a US keyboard has them');
is(finish($m), 0, 'quit');

# ---- the mouse: bytes as in a packet of three, y grows upwards ----

sub point {
	my ($x, $y, $buttons) = @_;

	syswrite($client->{socket}, pack('CCnn', 5, $buttons // 0, $x, $y));
}

sub packet {
	return unpack('H*', get($out, 3));
}

sub told {
	return unpack('H*', get($client->{socket}, 16));
}

$m = begin('mouse', '-device', 'virtio-tablet-pci');
is(ask($m, 'info mice'), "* Mouse #1: QEMU PS/2 Mouse\n  Mouse #2: QEMU Virtio Tablet (absolute)\n",
	'info mice: nobody drives the tablet');
point(100, 100);
for (["a viewer's pointer moves: so does the mouse, as far", '080300', 103, 100], ['back and up', '18fd0a', 100, 90],
	['the left button', '090000', 100, 90, 1], ['the right one', '0a0000', 100, 90, 4],
	['the middle one', '0c0000', 100, 90, 2], ['none', '080000', 100, 90]) {
	my ($what, $want, @where) = @$_;
	point(@where);
	is(packet(), $want, $what);
}
point(5000, 5000);
is(typed(), '', 'what is not on the screen is nothing');
told();
# A client that understands movements.
syswrite($client->{socket}, pack('CxnNN', 2, 2, 0, -257 & 0xffffffff));
is(told(), '000000010000000000000000fffffeff', 'a client is told that the mouse moves');
point(0x7fff + 4, 0x7fff - 2);
is(packet(), '080402', 'and says how far');
point(0x7fff - 200, 0x7fff);
is(packet(), '183800', 'beyond any border');
is(ask($m, 'mouse_set 2'), '', 'mouse_set: the tablet');
is(told(), '000000010001000000000000fffffeff', 'the client is told that the pointer has a place');
point(10, 10);
is(typed(), '', 'which no driver takes');
is(ask($m, 'mouse_set 1'), '', 'mouse_set: the mouse again');
told();
is(ask($m, 'mouse_move 3 4'), '', 'mouse_move');
is(packet(), '2803fc', 'moves it');
is(ask($m, 'mouse_button 1'), '', 'mouse_button');
is(packet(), '090000', 'presses it');
like(ask($m, 'mouse_set 7'), qr/^Error: Mouse at index '7' not found$/, 'there is no seventh');
is(finish($m), 0, 'quit');

my $said = `timeout 60 $vmm -k pt-bt -vnc :90,to=199 2>&1 </dev/null`;
is($? >> 8, 2, 'a layout that is none');
like($said, qr/there is no keyboard layout 'pt-bt', did you mean 'pt-br'\?/, 'is refused with the nearest');
like(`$vmm -k help`, qr/^de\n.*^pt-br\n/ms, '-k help lists them');
done_testing();
