# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the checkers of the source tree share: which files there are, and their lines.

package tree;

use strict;
use warnings;
use File::Find;

# What git knows or would add; nothing in a tree that is not git's, where there is no git,
# and where git does not trust the tree's owner.
sub from_git {
	my ($root) = @_;

	return () if !-e "$root/.git";
	my $pid = open(my $git, '-|') // die "fork: $!\n";
	if (!$pid) {
		no warnings 'exec';
		open(STDERR, '>', '/dev/null');
		exec('git', '-C', $root, qw(ls-files -z --cached --others --exclude-standard));
		exit(127);
	}
	local $/ = "\0";
	my @found = <$git>;
	chomp(@found);
	return close($git) ? @found : ();
}

# Paths below $root of the project's own files, sorted: what git knows or would add, else
# everything outside build folders.
sub files {
	my ($root) = @_;
	my @found = from_git($root);

	if (!@found) {
		my $skip = qr{^\Q$root\E/(build|\.git)[^/]*$};
		find({ no_chdir => 1, wanted => sub {
			$File::Find::prune = 1 if -d && $_ =~ $skip;
			push(@found, substr($_, length($root) + 1)) if -f;
		} }, $root);
	}
	# Deleted but not yet committed: git still lists it.
	return sort grep { -f "$root/$_" && !-l "$root/$_" } @found;
}

sub slurp {
	my ($path) = @_;

	open(my $in, '<', $path) or die "$path: $!\n";
	local $/;
	my $text = <$in>;
	return defined($text) ? $text : '';
}

# C text with comments and the insides of literals blanked; lines keep their numbers. With
# $keep_strings only comments go.
sub code_only {
	my ($text, $keep_strings) = @_;
	my $blank = sub {
		my ($part) = @_;
		$part =~ s/[^\n]/ /g;
		return $part;
	};

	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
		{defined($1) ? $blank->($1) : $keep_strings ? $2 : '"' . $blank->(substr($2, 2)) . '"'}egs;
	return $text;
}

1;
