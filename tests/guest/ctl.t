#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-ctl against a machine that runs: each command, what it refuses, its exit status; the
# console on a serial port's socket.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use IPC::Open2;
use Test::More;

my $ctl = "$build/vmm-ctl";

# Status, standard output and error.
sub ctl {
	my (@args) = @_;
	my $pid = fork() // die;

	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$dir/out");
		open(STDERR, '>', "$dir/err");
		exec($ctl, @args);
		exit(126);
	}
	waitpid($pid, 0);
	my $status = $? >> 8;
	return ($status, map { open(my $in, '<', "$dir/$_") or die; local $/; <$in> // '' } qw(out err));
}

sub gives {
	my ($want, $out, $err, @args) = @_;
	my ($status, $said, $error) = ctl(@args);

	ok($status == $want && $said =~ $out && $error =~ $err, "exit $want: @args") or diag("$status: $said$error");
}

gives(0, qr/^Usage: vmm-ctl.*^  hmp LINE/ms, qr/^$/, '--help');
gives(0, qr/^status +print/m, qr/^$/, '--list');
gives(2, qr/^$/, qr/^vmm-ctl: unknown option '--nix'/, '--nix', 'x', 'status');
gives(2, qr/^$/, qr/^vmm-ctl: name a socket and a command/, "$dir/q");
gives(2, qr/^$/, qr/^vmm-ctl: unknown command 'statsu', did you mean 'status'\?/, "$dir/q", 'statsu');
gives(2, qr/^$/, qr/^vmm-ctl: usage: vmm-ctl SOCKET hmp LINE/, "$dir/q", 'hmp');
gives(2, qr/^$/, qr/^vmm-ctl: usage: vmm-ctl SOCKET stop$/, "$dir/q", 'stop', 'it');
gives(2, qr/^$/, qr/^vmm-ctl: --timeout x: not a number/, '--timeout', 'x', "$dir/q", 'stop');
gives(1, qr/^$/, qr/^vmm-ctl: cannot connect to \S+: .*; start vmm with -qmp unix:/, "$dir/q", 'status');

# Echoes what its serial port gets.
put_file("$dir/echo", multiboot("\x66\xba\xfd\x03\xec\xa8\x01\x74\xf7\x66\xba\xf8\x03\xec\xee\xeb\xef"));
my $pid = start('-kernel', "$dir/echo", '-qmp', "unix:$dir/q,server,nowait", '-serial', "unix:$dir/s,server,nowait", '-S', '-vga', 'std',
	'-qmp', "unix:$dir/e,server,nowait", '-monitor', "unix:$dir/m,server,nowait");
close(connect_to("$dir/m")->{socket});

gives(0, qr/^prelaunch$/, qr/^$/, "$dir/q", 'status');
my $events = open2(my $from, my $to, $ctl, "$dir/e", 'events');
# It has negotiated once another client of its socket would have to wait; until then events pass it by.
my $stream = { socket => $from, text => '' };
for (my $end = time + $limit; time < $end && !IO::Select->new($from)->can_read(0.05);) {
	gives_quietly("$dir/q", 'cont');
	gives_quietly("$dir/q", 'stop');
}
sub gives_quietly {
	my @got = ctl(@_);

	fail("@_: $got[0] $got[2]") if $got[0];
}
my $seen = expect($stream, qr/\n/) // '';
like($seen, qr/^\{"timestamp":.*"event":"(STOP|RESUME)"|^\{"event":"(STOP|RESUME)"/, 'events: one a line') or diag($seen);
gives(0, qr/^paused$/, qr/^$/, "$dir/q", 'status');
gives(0, qr/^\{"status":"paused",|"status":"paused"/, qr/^$/, '--json', "$dir/q", 'status');
gives(0, qr/^VM status: paused\n\z/, qr/^$/, "$dir/q", 'hmp', 'info', 'status');
gives(1, qr/^Error: .*no register/, qr/^vmm-ctl: the monitor refused it/, "$dir/q", 'hmp', 'print $nix');
gives(0, qr/^\{"enabled":true,"present":true\}$/, qr/^$/, "$dir/q", 'qmp', 'query-kvm');
gives(0, qr/^""$/, qr/^$/, "$dir/q", 'qmp', 'human-monitor-command', '{"command-line": "cpu 0"}');
gives(1, qr/^$/, qr/^vmm-ctl: nix: The command nix has not been found/, "$dir/q", 'qmp', 'nix');
gives(2, qr/^$/, qr/^vmm-ctl: '\{' is no JSON object/, "$dir/q", 'qmp', 'stop', '{');
gives(0, qr/^$/, qr/^$/, "$dir/q", $_) for qw(reset powerdown);

# ---- the screen ----

for my $kind (['ppm', qr/^P6\n/], ['png', qr/^\x89PNG/], ['txt', qr/^\s*\z/]) {
	chdir($dir);
	gives(0, qr/^$/, qr/^$/, "$dir/q", 'screendump', "shot.$kind->[0]");
	chdir("/");
	open(my $in, '<:raw', "$dir/shot.$kind->[0]") or die;
	local $/;
	like(<$in>, $kind->[1], "screendump: $kind->[0], in the folder of the caller");
}
gives(2, qr/^$/, qr/^vmm-ctl: screendump takes one file/, "$dir/q", 'screendump', 'a', 'b');
gives(1, qr/^$/, qr/^vmm-ctl: the socket speaks no QMP/, "$dir/m", 'status');
my $holder = connect_to("$dir/q");
receive($holder);
gives(1, qr/^$/, qr/^vmm-ctl: no answer within 1 s; another client/, '--timeout', '1', "$dir/q", 'status');
close($holder->{socket});

# ---- the console ----

gives(0, qr/^$/, qr/^$/, "$dir/q", 'cont');
my $console = open2(my $shown, my $typed, $ctl, "$dir/s", 'console');
syswrite($typed, "hello\x1d");
is(expect({ socket => $shown, text => '' }, qr/\x1d/), "hello\x1d", 'console: input and output, every byte of a pipe');
close($typed);
waitpid($console, 0);
is($? >> 8, 0, 'console: the end of the input ends it');

SKIP: {
	skip('script(1) is not installed', 2) if !`which script 2>/dev/null`;
	my $job = "stty -a >$dir/before; $ctl $dir/s console; echo status \$?; stty -a >$dir/after";
	my $pid = open2(my $shown, my $typed, 'timeout', '60', 'script', '-qefc', $job, '/dev/null');
	my $screen = { socket => $shown, text => '' };
	expect($screen, qr/leaves/);
	syswrite($typed, "abc");
	expect($screen, qr/abc/);
	syswrite($typed, "\x1d");
	my $text = expect($screen, qr/status \d+/);
	waitpid($pid, 0);
	like($text, qr/status 0/s, 'console: on a terminal Ctrl-] leaves');
	my @settings = map { open(my $in, '<', "$dir/$_") or die; local $/; <$in> } qw(before after);
	is($settings[0], $settings[1], 'console: which is as it was');
}

gives(0, qr/^$/, qr/^$/, '--wait', "$dir/q", 'quit');
my ($status) = ended($pid);
is($status, 0, 'quit');
close($to);
ok(defined(expect($stream, qr/"SHUTDOWN"/)), 'events: until vmm ends');
waitpid($events, 0);
is($? >> 8, 0, 'which is no error');

done_testing();
