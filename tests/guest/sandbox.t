#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A running vmm in its sandbox, looked at from outside: every thread is confined, monitor
# commands reach what they may, descriptors that were passed on are closed, and the process
# that starts helpers is not the one with the guest.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use Fcntl qw(F_SETFD);
use File::Temp qw(tempdir);
use Test::More;

plan skip_all => 'sanitizers need what the sandbox refuses' if `ldd '$vmm'` =~ /libasan/;

sub field {
	my ($path, $name) = @_;
	return slurp($path) =~ /^$name:\t(\S+)/m ? $1 : undef;
}

# The guest that runs without any other powers its machine off after a moment.
my @small = (qw(-m 32 -display none -serial null -no-shutdown));
mkdir("$dir/$_") for qw(here disks);
open(my $disk, '>', "$dir/disks/a.raw") or die;
truncate($disk, 1 << 20) or die;
close($disk);

# ---- inherited descriptors ----

open(my $secret, '<', '/etc/passwd') or die;
open(my $named, '+<', "$dir/disks/a.raw") or die;
fcntl($_, F_SETFD, 0) for $secret, $named;
my $fd = fileno($named);
my $pid = start(@small, '-drive', "file=/dev/fd/$fd,format=raw,if=virtio", '-S', '-smp', 2, '-qmp', "unix:$dir/q,server,nowait",
	'-monitor', "unix:$dir/m,server,nowait");
my $q = qmp_client("$dir/q");
my %open = map { (readlink($_) // '') => 1 } glob("/proc/$pid/fd/*");
ok(!$open{'/etc/passwd'}, 'a descriptor that nobody named is closed');
ok($open{"$dir/disks/a.raw"}, 'one that an option names is not');
close($_) for $secret, $named;

# ---- every thread ----

qmp($q, 'cont');
my @threads = glob("/proc/$pid/task/*");
cmp_ok(scalar(@threads), '>=', 3, 'vCPUs run');
is(scalar(grep { field("$_/status", 'Seccomp') ne '2' || field("$_/status", 'NoNewPrivs') ne '1' } @threads), 0,
	'every thread is behind the filter');

# ---- what the monitor reaches ----

my $m = connect_to("$dir/m");
expect($m, qr/\(qemu\) $/);
is(hmp($m, "pmemsave 0 4096 $dir/disks/ram"), '', 'a file beside a disk');
like(hmp($m, 'pmemsave 0 4096 /etc/kvmkit-sandbox-test'), qr/Permission denied.*-sandbox/s, '/etc is closed, and the reason is told');
ok(!-e '/etc/kvmkit-sandbox-test', 'and nothing is there');
unlink('/etc/kvmkit-sandbox-test');
like(hmp($m, 'pmemsave 0 4096 /proc/self/comm'), qr/Permission denied/, 'so is /proc');
for my $folder ('/etc', '/proc/self', '/run') {
	like(hmp($m, "netdev_add user,id=u,tftp=$folder"), qr/tftp=\Q$folder\E: Permission denied.*-sandbox/s, "nor has a network $folder to show");
}
is(hmp($m, "netdev_add user,id=u,tftp=$dir/here"), '', 'but another folder');
put($q, '{"execute":"quit"}');
is((ended($pid))[0], 0, 'it ends as ever');
ok(!-e "$dir/q" && !-e "$dir/m", 'and removes its sockets');

# ---- without a monitor ----

my $ring = -e '/proc/sys/kernel/io_uring_disabled' && slurp('/proc/sys/kernel/io_uring_disabled') eq "0\n";
# Peers that listen before it starts, and after it is confined.
my $peer = IO::Socket::UNIX->new(Local => "$dir/peer", Listen => 1) or die;
# In a folder of its own: that of a socket would do for all below it.
my $elsewhere = tempdir(CLEANUP => 1);
$pid = start(@small, '-pidfile', "$elsewhere/pid", '-chardev', "socket,id=r,path=$dir/peer,reconnect=1", '-device', 'isa-debugcon,chardev=r,iobase=0x402', '-drive', "file=$dir/disks/a.raw,format=raw,if=virtio", '-chardev', "socket,id=s,path=$dir/s,server=on,wait=off", '-device', 'isa-debugcon,chardev=s',
	'-kernel', put_file("$dir/k", multiboot("\xfa\xf4\xeb\xfd")));
my $end = time + $limit;
select(undef, undef, undef, 0.01) while (field("/proc/$pid/status", 'Seccomp') // '') ne '2' && time < $end;
is(field("/proc/$pid/status", 'Seccomp'), '2', 'confined');
ok((grep { (readlink($_) // '') =~ /io_uring/ } glob("/proc/$pid/fd/*")), 'with the ring for its disk') if $ring;
close($peer->accept);
ok(IO::Select->new($peer)->can_read($limit), 'it connects again');
kill('TERM', $pid);
is((ended($pid))[0], 0, 'SIGTERM ends it in good order');
ok(!-e "$elsewhere/pid" && !-e "$dir/s", 'without the right to open anything it removes its files');

# ---- off ----

$pid = start(@small, qw(-sandbox off), '-qmp', "unix:$dir/q,server,nowait");
$q = qmp_client("$dir/q");
is(field("/proc/$pid/status", 'Seccomp'), '0', '-sandbox off');
put($q, '{"execute":"quit"}');
ended($pid);
for my $words ('on', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny', 'enable=on,elevateprivileges=children') {
	$pid = start(@small, '-sandbox', $words, '-qmp', "unix:$dir/q,server,nowait");
	$q = qmp_client("$dir/q");
	is(field("/proc/$pid/status", 'Seccomp'), '2', "-sandbox $words");
	my ($spawner) = grep { slurp("/proc/$_/comm") eq "vmm-spawn\n" } split(' ', slurp("/proc/$pid/task/$pid/children"));
	my ($want, $until) = ($words =~ /elevateprivileges=deny/ ? 1 : 0, time + $limit);
	SKIP: {
		skip('no spawner: vmm-user-net is not here', 1) unless $spawner;
		select(undef, undef, undef, 0.01) while field("/proc/$spawner/status", 'NoNewPrivs') != $want && time < $until;
		is(field("/proc/$spawner/status", 'NoNewPrivs'), $want, 'what it starts may gain privileges, or not');
	}
	put($q, '{"execute":"quit"}');
	ended($pid);
}

# ---- scripts ----

SKIP: {
	skip('a network namespace with a tap needs root and /dev/net/tun', 2)
		if $> || !-w '/dev/net/tun' || system('unshare -n true 2>/dev/null');
	put_file("$dir/down", "#!/bin/sh\n: >$dir/ran\n");
	chmod(0755, "$dir/down");
	for my $spawn (qw(deny allow)) {
		system("echo quit | unshare -n '$vmm' @small -S -monitor stdio -sandbox on,spawn=$spawn"
			. " -netdev tap,id=t,ifname=kvmt0,script=no,downscript=$dir/down >$dir/said 2>&1");
		is(-e "$dir/ran" ? 'allow' : 'deny', $spawn, "spawn=$spawn: a network's script at the end") or diag(slurp("$dir/said"));
	}
}

done_testing();
