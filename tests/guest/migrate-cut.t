#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A move that ends at each of its stages, by something between the two that cuts, holds or
# damages the stream at a record: up to GO the guest goes on at the source by itself, with
# its disk; after GO it stays stopped there until somebody has looked.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use movetest;
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(_exit);
use Test::More;

my @types = qw(? CONFIG ZERO PAGES STATE END OK REFUSED GO SYNC);
my $header = 16; # bytes of the stream, and of a record
my $head = 24;
my $proxy;

open(my $image, '>', "$dir/disk") or die;
truncate($image, 1 << 20);
close($image);
my @disk = ('-drive', "file=$dir/disk,format=raw,if=none,id=d0", qw(-device virtio-blk-pci,drive=d0));

# ---- what is between ----

# Takes the next record off the bytes of a side; its name. An answer's has what it answers.
sub next_record {
	my ($side) = @_;

	if ($side->{header}) {
		return () if length($side->{text}) < $side->{header};
		return ('HEADER', substr($side->{text}, 0, delete($side->{header}), ''));
	}
	return () if length($side->{text}) < $head;
	my ($type, $len) = unpack('C x15 V', $side->{text});
	return () if length($side->{text}) < $head + $len;
	return ($types[$type], substr($side->{text}, 0, $head + $len, ''));
}

sub put_all {
	my ($socket, $bytes) = @_;

	while (length($bytes)) {
		my $n = syswrite($socket, $bytes) or return;
		substr($bytes, 0, $n, '');
	}
}

# Forwards until the record of that name (the source's, or ANSWERED:ANSWER). Then: cut, the
# record is lost and so is the connection; half: the same amid it; hold: nothing passes any
# more; damage: one byte of it is another one.
sub between {
	my ($listener, $there, $name, $do) = @_;
	my $a = { socket => scalar($listener->accept), text => '', header => $header };
	my $b = { socket => IO::Socket::UNIX->new(Peer => $there) // _exit(1), text => '' };
	my $select = IO::Select->new($a->{socket}, $b->{socket});
	my ($last, $held) = ('');

	while (1) {
		for my $socket ($select->can_read) {
			my ($from, $to) = $socket == $a->{socket} ? ($a, $b) : ($b, $a);

			sysread($socket, $from->{text}, 1 << 18, length($from->{text})) or _exit(0);
			$from->{text} = '' if $held;
			while (my ($record, $bytes) = next_record($from)) {
				$record = "$last:$record" if $from == $b;
				$last = $record if $from == $a;
				if ($record eq $name && $do eq 'damage') {
					substr($bytes, -1) ^= "\x40";
					$name = '';
				} elsif ($record eq $name) {
					put_all($to->{socket}, substr($bytes, 0, length($bytes) / 2)) if $do eq 'half';
					_exit(0) if $do ne 'hold';
					put_file("$dir/held", $record);
					$from->{text} = '';
					$held = 1;
					last;
				}
				put_all($to->{socket}, $bytes);
			}
		}
	}
}

sub start_between {
	my ($name, $do) = @_;

	unlink("$dir/p", "$dir/held");
	my $listener = IO::Socket::UNIX->new(Local => "$dir/p", Listen => 1) or die "$dir/p: $!";
	$proxy = fork() // die;
	return if $proxy;
	$SIG{PIPE} = 'IGNORE';
	between($listener, "$dir/s", $name, $do);
}

END {
	kill('KILL', $proxy) if $proxy;
}

# Both machines, and the move that will not end well.
sub begin {
	my ($name, $do) = @_;
	my $b = machine('b', @kernel, @disk, '-incoming', "unix:$dir/s");
	my $a = machine('a', @kernel, @disk);

	mon($b, 'info status');
	told($a, 1);
	start_between($name, $do);
	return ($a, $b);
}

sub finish {
	my ($a, $b, $what) = @_;

	waitpid($proxy, 0);
	$proxy = undef;
	goes_on($a, $what);
	my ($status, $said) = ended($b->{pid});
	ok($status == 1 && $said =~ /^vmm: -incoming: [^\n]*\n\z/, "$what: the destination ends, and says why") or diag("$status: $said");
	quit($a);
}

# ---- the connection breaks ----

for my $row (['CONFIG', 'half'], ['CONFIG:OK', 'cut'], ['ZERO', 'cut'], ['PAGES', 'half'], ['SYNC', 'cut'], ['SYNC:OK', 'cut'],
	['STATE', 'cut'], ['STATE', 'half'], ['END', 'half'], ['END:OK', 'cut'], ['END:OK', 'half']) {
	my ($name, $do) = @$row;
	my ($a, $b) = begin($name, $do);

	like(mon($a, "migrate unix:$dir/p"), qr/^Error: unix:\S+: the other side is gone\n\z|^Error: unix:\S+: cannot (read|write): (Broken pipe|Connection reset by peer)\n\z/,
		"$name, $do: the source says so");
	finish($a, $b, "$name, $do");
}

# ---- the destination refuses ----

for my $name (qw(PAGES STATE END)) {
	my ($a, $b) = begin($name, 'damage');

	like(mon($a, "migrate unix:$dir/p"), qr/^Error: unix:\S+: the stream is damaged \(checksum\)\n\z/, "$name, damaged: the destination's reason");
	finish($a, $b, "$name, damaged");
}

# ---- cancelled ----

for my $name (qw(CONFIG CONFIG:OK ZERO SYNC SYNC:OK STATE END END:OK)) {
	my ($a, $b) = begin($name, 'hold');

	mon($a, "migrate -d unix:$dir/p");
	ok(wait_until(sub { -s "$dir/held" }), "$name is held");
	mon($a, 'migrate_cancel');
	ok(wait_until(sub { mon($a, 'info migrate') =~ /^Migration status: cancelled\n/ }), "$name: cancelled");
	finish($a, $b, "$name, cancelled");
}

# ---- after GO ----

my $look = qr/the destination was told to run the machine, and did not say that it does \([^)]*\): look there; if it does not, end it, and cont lets the machine go on here/;

# It never came there.
my ($a, $b) = begin('GO', 'cut');
like(mon($a, "migrate unix:$dir/p"), qr/^Error: $look\n\z/, 'GO is lost: the source says what to do');
like(mon($a, 'info status'), qr/postmigrate/, 'and does not run');
my ($status, $said) = ended($b->{pid});
is($status, 1, 'nor does the destination');
is(mon($a, 'cont'), '', 'cont');
finish_alone($a);

# It runs there.
($a, $b) = begin('GO:OK', 'cut');
like(mon($a, "migrate unix:$dir/p"), qr/^Error: $look\n\z/, 'the last answer is lost: the source says what to do');
ok(told($b, 2), 'the guest runs there');
is_in_order('the last answer is lost', $a, $b);
like(mon($a, 'cont'), qr/^Error: \S+disk is locked/, 'cont does not start a second one');
like(mon($a, 'info status'), qr/postmigrate/, 'it stays stopped');
quit($b);
waitpid($proxy, 0);
is(mon($a, 'cont'), '', 'cont when the other one is gone');
ok(told($a, 2), 'runs again');
quit($a);

# The other side does not answer any more.
($a, $b) = begin('GO', 'hold');
mon($a, "migrate -d unix:$dir/p");
ok(wait_until(sub { -s "$dir/held" }), 'GO is held');
mon($a, 'migrate_cancel');
ok(wait_until(sub { mon($a, 'info migrate') =~ /^Migration status: failed \($look\)\n/ }), 'migrate_cancel: told that it is too late');
like(mon($a, 'info migrate'), qr/\(cancelled too late\)/, 'for that reason');
is((ended($b->{pid}))[0], 1, 'the destination, which was not told, ends');
is(mon($a, 'cont'), '', 'cont');
finish_alone($a);

sub finish_alone {
	my ($a) = @_;

	waitpid($proxy, 0);
	$proxy = undef;
	goes_on($a, 'cont');
	quit($a);
}

done_testing();
