# SPDX-License-Identifier: GPL-2.0-or-later
#
# prove's harness for `make check`. What a program prints to standard error goes to a file
# below $BUILD/check; what failed says why: once when its program ends, and once more,
# shorter, behind prove's summary, where the end of a long log shows it. Programs end with
# prove, however that ends.

package harness;

use strict;
use warnings;
use parent 'TAP::Harness';
use File::Path qw(make_path);

my $logs = ($ENV{BUILD} // 'build') . '/check';
my %printed; # by program: its failed tests and its comments, in order
my @failed;

sub new {
	my ($class, @args) = @_;
	my $self = $class->SUPER::new(@args);

	make_path($logs);
	unlink(glob("$logs/*"));
	$self->callback(parser_args => sub { command($self->verbosity > 0, @_) });
	$self->callback(made_parser => \&follow);
	$self->callback(after_test => \&judge);
	$self->callback(after_runtests => \&repeat);
	return $self;
}

sub log_of {
	my ($program) = @_;

	return "$logs/" . $program =~ s{/}{+}gr;
}

sub command {
	my ($verbose, $args, $job) = @_;
	my $to = $verbose ? '' : '2>"$0"';

	# Else prove listens to a pipe for errors, too, which is at its end from the start, and
	# waits for the next line of this program alone.
	$args->{merge} = 1;
	$args->{exec} = ['sh', '-c', "exec setpriv --pdeathsig TERM \"\$1\" $to", log_of($job->[1]), $job->[0]];
	delete($args->{source});
}

sub follow {
	my ($parser, $job) = @_;
	my $lines = $printed{$job->[1]} = [];

	$parser->callback(ALL => sub {
		my $line = $_[0]->raw;
		push(@$lines, $line) if $line =~ /^\s*(?:not ok\b|#)/;
	});
	# A program that gives up for all ends the run before it is told to have ended.
	$parser->callback(bailout => sub {
		push(@$lines, $_[0]->raw);
		tell_of($job->[1]);
	});
}

sub judge {
	my ($job, $parser) = @_;

	return if !$parser->has_problems;
	my ($signal, $status) = ($parser->wait & 127, $parser->exit);
	push(@{ $printed{$job->[1]} }, "not ok: killed by signal $signal") if $signal;
	push(@{ $printed{$job->[1]} }, map { "not ok: $_" } $parser->parse_errors);
	push(@{ $printed{$job->[1]} }, "not ok: exit status $status") if $status && !$parser->failed;
	tell_of($job->[1]);
}

# At most so many lines, the first and the last ones.
sub clip {
	my ($most, @lines) = @_;

	return @lines if @lines <= $most;
	my $last = int($most / 3);
	return (@lines[0 .. $most - $last - 2], '...', @lines[-$last .. -1]);
}

# Failed tests with the comments that follow them, then what went to standard error.
sub reasons {
	my ($program, $most) = @_;
	my ($after, @results, @errors) = (0);

	for (@{ $printed{$program} }) {
		$after = /^\s*#/ ? $after - 1 : 3;
		push(@results, $_) if $after >= 0;
	}
	if (open(my $in, '<', log_of($program))) {
		@errors = grep { /\S/ } <$in>;
		chomp(@errors);
	}
	my $half = int($most / 2);
	@results = clip(@errors < $half ? $most - @errors : $half, @results);
	return map { "  $_\n" } @results, clip($most - @results, @errors);
}

sub tell_of {
	my ($program) = @_;

	push(@failed, $program);
	print "\n$program said:\n", reasons($program, 60);
}

sub repeat {
	my $most = @failed > 2 ? 10 : 18;

	print "\n" if @failed;
	print "FAILED $_\n", reasons($_, $most) for @failed;
}

1;
