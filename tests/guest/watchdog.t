#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A guest of some instructions that starts its watchdog and does not feed it: what follows,
# by option and by monitor.

use strict;
use warnings;
no warnings 'qw'; # options have commas
use FindBin;
use lib $FindBin::Bin;
use files;
use montest;
use IPC::Open3;
use Test::More;

plan(skip_all => 'no access to /dev/kvm') unless -r '/dev/kvm' && -w '/dev/kvm';

# The function is at 00:05.0. Its BAR; both counters to 20 ms, each write unlocked; enable.
my $unlock = "\x66\xc7\x43\x0c\x80\0\x66\xc7\x43\x0c\x86\0";
my $code = "\xb8\x10\x28\0\x80\x66\xba\xf8\x0c\xef\x66\xba\xfc\x0c\xed\x83\xe0\xf0\x89\xc3"
	. "$unlock\xc7\x03\x14\0\0\0$unlock\xc7\x43\x04\x14\0\0\0"
	. "\xb8\x68\x28\0\x80\x66\xba\xf8\x0c\xef\x66\xba\xfc\x0c\xb0\x02\xee\xfa\xf4\xeb\xfd";
put_file("$dir/dog", multiboot($code));

my @dog = (qw(-m 16 -display none -serial null -S -device i6300esb,addr=5 -kernel), "$dir/dog",
	'-qmp', "unix:$dir/q,server,nowait");

sub begin {
	my $pid = start(@dog, @_);

	return ($pid, qmp_client("$dir/q"));
}

sub finish {
	my ($pid, $q) = @_;

	put($q, '{"execute":"quit"}');
	ended($pid);
}

# The option, the word of the event, the event that follows, the state afterwards.
for (
	[[], 'reset', 'RESET', undef],
	[[qw(-watchdog-action reset -no-reboot)], 'reset', 'SHUTDOWN', undef],
	[[qw(-watchdog-action shutdown)], 'shutdown', 'POWERDOWN', 'running'],
	[[qw(-watchdog-action pause)], 'pause', 'STOP', 'watchdog'],
	[[qw(-action watchdog=none)], 'none', undef, 'running'],
	[[qw(-watchdog-action debug)], 'debug', undef, 'running'],
	# This guest has no handler for it, and falls over.
	[[qw(-watchdog-action inject-nmi)], 'inject-nmi', 'RESET', undef],
) {
	my ($args, $word, $follows, $state) = @$_;
	my ($pid, $q) = begin(@$args);

	qmp($q, 'cont');
	is(event($q, 'WATCHDOG')->{data}{action}, $word, "@$args: the event says $word");
	ok(event($q, $follows), "@$args: $follows follows") if $follows;
	is(qmp($q, 'query-status')->{return}{status}, $state, "@$args: then it is $state") if $state;
	if ($word eq 'pause') {
		qmp($q, 'cont');
		is(qmp($q, 'query-status')->{return}{status}, 'running', 'and can go on');
	}
	$word eq 'reset' && $follows eq 'SHUTDOWN' ? ended($pid) : finish($pid, $q);
}

# The monitors change it.
my ($pid, $q) = begin(qw(-watchdog-action none));
is(qmp($q, 'watchdog-set-action', action => 'bark')->{error}{class}, 'GenericError',
	'watchdog-set-action: an unknown word');
ok(exists(qmp($q, 'watchdog-set-action', action => 'poweroff')->{return}), 'and a known one');
qmp($q, 'cont');
is(event($q, 'WATCHDOG')->{data}{action}, 'poweroff', 'which counts from then on');
is(event($q, 'SHUTDOWN')->{data}{reason}, 'guest-shutdown', 'poweroff ends the machine');
is((ended($pid))[0], 0, 'with status 0');

# A non-maskable interrupt reaches a CPU that halts with interrupts off.
($pid, $q) = begin(qw(-watchdog-action none));
qmp($q, 'cont');
event($q, 'WATCHDOG');
ok(exists(qmp($q, 'inject-nmi')->{return}), 'inject-nmi');
ok(event($q, 'RESET'), 'reaches a guest that halts');
finish($pid, $q);

($pid, $q) = begin();
is(qmp($q, 'human-monitor-command', 'command-line' => 'watchdog_action pause')->{return}, '',
	'watchdog_action');
qmp($q, 'cont');
is(event($q, 'WATCHDOG')->{data}{action}, 'pause', 'counts too');
finish($pid, $q);

done_testing();
