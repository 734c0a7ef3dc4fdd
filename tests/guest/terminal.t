#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm on a terminal, which script(1) provides: raw while a guest runs, and with its old
# settings again whichever way vmm ends; the keys behind Ctrl-A.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use files qw(put_file multiboot);
use vmmtest;
use IPC::Open2;
use Test::More;

plan skip_all => 'no access to /dev/kvm' if !$kvm;
plan skip_all => 'script(1) is not installed' if !`which script 2>/dev/null`;

# Both write 'L' to the first serial port; then the one halts, the other ends with status 33.
my $hello = "\x66\xba\xf8\x03\xb0L\xee";
put_file('halt', multiboot($hello . "\xfa\xf4\xeb\xfd"));
put_file('end', multiboot($hello . "\x66\xba\xf4\x00\xb0\x10\xee\xf4"));
my @small = qw(-m 16 -nodefaults -display none);
my @exit = ('-device', 'isa-debug-exit,iobase=0xf4,iosize=4');

# Between two looks at its settings, a shell runs vmm and reports its status; the file
# "pid" is vmm's, "tty" the terminal's name.
# Ctrl-C reaches the shell as well.
put_file('job', <<'JOB');
trap : INT
tty >tty
stty -a >before
sh -c 'echo $$ >pid; exec "$@"' sh "$@"
echo "status $?"
stty -a >after
JOB

sub slurp {
	my ($path) = @_;

	open(my $in, '<', $path) or die "$path: $!\n";
	local $/;
	my $text = <$in> // '';
	$text =~ s/\n\z//;
	return $text;
}

# Runs vmm on a terminal. At its first 'L' it calls $do with the descriptor that types;
# what it returns is one more pattern to wait for, with what to type then. Returns all that
# was shown.
sub on_terminal {
	my ($do, @args) = @_;
	my $command = join(' ', map { "'$_'" } 'sh', 'job', $vmm, @args);
	my ($shown, $type, $show) = ('');
	my $pid = open2($show, $type, 'timeout', '60', 'script', '-qefc', $command, '/dev/null');
	my @wait = $do ? (qr/L/, $do) : ();

	while (sysread($show, $shown, 4096, length($shown))) {
		@wait = $wait[1]->($type) if @wait && $shown =~ $wait[0];
	}
	close($type);
	waitpid($pid, 0);
	return $shown;
}

sub restored {
	my ($what, $shown, $status) = @_;

	my ($got) = $shown =~ /status (\d+)/;
	ok(defined($got) && $got == $status && slurp('before') eq slurp('after') && slurp('before') =~ / icanon/,
		"$what: exit $status, the terminal is as it was") or diag($shown, slurp('after'));
}

my $raw;
sub type_x {
	my ($type) = @_;

	$raw = `stty -F '@{[slurp('tty')]}' -a`;
	syswrite($type, "\x01x");
	return ();
}

restored('a guest that ends', on_terminal(undef, @small, @exit, qw(-serial stdio -kernel end)), 33);
restored('wrong usage', on_terminal(undef, @small, '-foo'), 2);
restored('an error after the serial port was opened',
	on_terminal(undef, @small, qw(-serial stdio -device nothing)), 2);
restored('Ctrl-A x', on_terminal(\&type_x, qw(-m 16 -nographic -kernel halt)), 0);
like($raw, qr/-icanon.*-echo /s, 'meanwhile it was raw');
like($raw, qr/-isig/, 'and -nographic gives the guest Ctrl-C');
restored('Ctrl-A x with -serial stdio', on_terminal(\&type_x, @small, qw(-serial stdio -kernel halt)), 0);

my $shown = on_terminal(sub {
	my ($type) = @_;

	syswrite($type, "\x01h");
	return (qr/Ctrl-A x/, \&type_x);
}, qw(-m 16 -nographic -kernel halt));
restored('Ctrl-A h, then x', $shown, 0);
like($shown, qr/Ctrl-A h +this help\r+\nCtrl-A x +leave/, 'Ctrl-A h lists the keys');

$shown = on_terminal(sub {
	my ($type) = @_;

	syswrite($type, "\x01c");
	return (qr/\(qemu\) $/, sub {
		syswrite($type, "info status\r");
		return (qr/VM status: running\r+\n\(qemu\) $/, sub {
			syswrite($type, "\x01cx\x01cquit\r");
			return ();
		});
	});
}, qw(-m 16 -nographic -kernel halt));
restored('Ctrl-A c, then quit', $shown, 0);
like($shown, qr/L.*type 'help'.*\(qemu\) info status\r+\nVM status: running/s, 'the monitor is behind the serial port');
unlike($shown, qr/x.*quit/, 'keys for the guest are not the monitor\'s');

for my $signal (qw(TERM INT HUP)) {
	$shown = on_terminal(sub {
		kill($signal, slurp('pid'));
		return ();
	}, qw(-m 16 -nographic -kernel halt));
	restored("SIG$signal", $shown, 0);
	like($shown, qr/vmm: terminating on signal \d+ from pid \d+\r+\n/, 'and says so');
}

$shown = on_terminal(sub {
	my ($type) = @_;

	syswrite($type, "\x03");
	return ();
}, @small, qw(-serial stdio -kernel halt));
restored('Ctrl-C with -serial stdio', $shown, 0);

done_testing();
