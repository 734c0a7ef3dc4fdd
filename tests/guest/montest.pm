# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of monitors share: machines that run, and clients that talk to them. Skips
# everything where there is no /dev/kvm.

package montest;

use strict;
use warnings;
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use IPC::Open3;
use JSON::PP;
use Test::More;

our @EXPORT = qw($vmm $build $dir $json $limit @tied start ended connect_to expect receive put qmp event
	qmp_client hmp wait_until levels_off);

my $top = dirname(__FILE__) . '/../..';
our $build = $ENV{BUILD} // 'build';
$build = "$top/$build" unless $build =~ m{^/};
our $vmm = "$build/vmm";
our $dir = tempdir(CLEANUP => 1);
our $json = JSON::PP->new->allow_nonref;
our $limit = 120;
# In front of a command: it ends when this program does, however that is.
our @tied = qw(setpriv --pdeathsig KILL);

plan(skip_all => 'no access to /dev/kvm') unless -r '/dev/kvm' && -w '/dev/kvm';

my %machines;

sub start {
	my (@args) = @_;
	my $pid = open3(my $in, my $out, undef, @tied, $vmm, '-m', '64', '-display', 'none', @args);

	close($in);
	$machines{$pid} = $out;
	return $pid;
}

# What it said, and its exit status.
sub ended {
	my ($pid) = @_;
	my $out = delete $machines{$pid};

	local $/;
	my $said = <$out>;
	waitpid($pid, 0);
	return ($? >> 8, $said // '');
}

# A path, or "HOST:PORT". The socket is there once vmm has come that far.
sub connect_to {
	my ($where) = @_;
	my $end = time + $limit;

	while (time < $end) {
		my $s = $where =~ m{/} ? IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $where)
			: IO::Socket::IP->new(PeerAddr => $where, Type => SOCK_STREAM);
		return { socket => $s, text => '' } if $s;
		select(undef, undef, undef, 0.01);
	}
	BAIL_OUT("$where did not appear");
}

# Reads until the pattern matches; returns what came up to its end.
sub expect {
	my ($c, $pattern) = @_;
	my $select = IO::Select->new($c->{socket});

	while ($c->{text} !~ /$pattern/) {
		my $n = $select->can_read($limit) ? sysread($c->{socket}, my $data, 65536) : undef;

		return undef unless $n;
		$c->{text} .= $data;
	}
	$c->{text} =~ s/^(.*?$pattern)//s;
	return $1;
}

sub receive {
	my ($c) = @_;
	my $line = expect($c, qr/\n/);

	return defined($line) ? $json->decode($line) : undef;
}

sub put {
	my ($c, $text) = @_;

	syswrite($c->{socket}, $text);
}

# Sends a command; its answer. Events on the way are kept.
sub qmp {
	my ($c, $name, %args) = @_;

	put($c, $json->encode({ execute => $name, (%args ? (arguments => \%args) : ()) }));
	while (my $answer = receive($c)) {
		return $answer unless $answer->{event};
		push(@{ $c->{events} }, $answer);
	}
	return undef;
}

sub event {
	my ($c, $name) = @_;

	while (1) {
		my $e = @{ $c->{events} // [] } ? shift(@{ $c->{events} }) : receive($c);

		return undef unless $e;
		return $e if ($e->{event} // '') eq $name;
	}
}

sub qmp_client {
	my $c = connect_to($_[0]);

	receive($c);
	qmp($c, 'qmp_capabilities');
	return $c;
}

sub hmp {
	my ($c, $line) = @_;

	put($c, "$line\n");
	my $text = expect($c, qr/\(qemu\) $/);
	return undef unless defined($text);
	$text =~ s/\r//g;
	$text =~ s/^\Q$line\E\n//;
	$text =~ s/\(qemu\) $//;
	return $text;
}

# True once what the code says is true.
sub wait_until {
	my ($code) = @_;

	for (my $end = time + $limit; time < $end; select(undef, undef, undef, 0.01)) {
		return 1 if $code->();
	}
	return 0;
}

# kB of memory of a process's own, counted page by page (its status is an estimate). Without
# guest RAM, its largest mapping, of which it is the kernel's to decide how much is there.
sub memory_of {
	my ($pid) = @_;
	my ($sum, $size, $largest, $of_largest) = (0, 0, 0, 0);

	open(my $in, '<', "/proc/$pid/smaps") or return -1;
	while (<$in>) {
		$size = $1 if /^Size: +(\d+)/;
		next unless /^Anonymous: +(\d+)/;
		$sum += $1;
		($largest, $of_largest) = ($size, $1) if $size > $largest;
	}
	return $sum - $of_largest;
}

# Does something again and again, until four times in a row took no more memory of the
# process than ever before: buffers reach their size sooner or later, a leak grows for ever.
# True if that comes to pass; and what the memory was, in kB.
sub levels_off {
	my ($pid, $do) = @_;
	my ($most, $level, @memory) = (0, 0);

	while ($level < 4 && @memory < 40) {
		$do->();
		push(@memory, memory_of($pid));
		$level = $memory[-1] > $most ? 0 : $level + 1;
		$most = $memory[-1] if $memory[-1] > $most;
	}
	return ($level == 4 && $most > 0, "@memory");
}

1;
