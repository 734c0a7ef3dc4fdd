#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The samples in docs/ speak of this program, not of an older one: each metric and check of
# the alerts is one that kvm-check prints, each command and option of the Ansible tasks is
# in the tables, each test that a document names is there.

use strict;
use warnings;
use CPAN::Meta::YAML;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $build = abs_path($ENV{BUILD} // "$top/build");

sub document {
	my ($name) = @_;

	return CPAN::Meta::YAML->read("$top/docs/$name")->[0];
}

# ---- alerts ----

my (%printed, %check);
for (`'$build/kvm-check' --prometheus --root '$top/tests/roots/intel-ok'`, `'$build/kvm-check' --prometheus`) {
	$printed{$1} = 1 if /^(kvmkit_\w+)[{ ]/;
	@check{"id=$1", "category=$2"} = (1, 1) if /^kvmkit_check_status\{id="([^"]+)",category="([^"]+)"\}/;
}
# These two exist where a guest could be timed, which this host may not be able to do.
if (!$printed{kvmkit_exit_seconds}) {
	diag('no guest ran here: exit_seconds and guest_instructions_per_second are taken from the source');
	open(my $in, '<', "$top/probe/export.c") or die "probe/export.c: $!\n";
	while (<$in>) {
		$printed{"kvmkit_$1"} = 1 if /gauge\(out, "(\w+)"/;
	}
}
ok(keys(%printed) >= 5, 'kvm-check prints metrics: ' . join(' ', sort keys %printed));

# Of other programs, and the language's own words.
my %known = map { $_ => 1 } qw(node_textfile_mtime_seconds and on instance offset time avg_over_time);
my $rules = document('prometheus-alerts.yml')->{groups}[0]{rules};
ok(@$rules > 5, 'there are ' . @$rules . ' alerts');
for my $rule (@$rules) {
	my $expr = $rule->{expr};
	my @labels = map { /(\w+)(?:=~|=)"([^"]*)"/ ? [$1, $2] : () } map { split(/,/) } $expr =~ /\{([^}]*)\}/g;
	my @values = map { my $label = $_->[0]; map { "$label=$_" } split(/\|/, $_->[1]) } grep { $_->[0] ne 'file' } @labels;
	(my $bare = $expr) =~ s/\{[^}]*\}|\[[^\]]*\]|\b\d[\w.]*//g;
	my @words = $bare =~ /([a-z_]\w*)/g;
	my @unknown = ((grep { !$printed{$_} && !$known{$_} } @words), grep { !$check{$_} } @values);
	ok(@words && !@unknown, "$rule->{alert}: $expr") or diag("kvm-check does not print: @unknown");
	ok($rule->{labels}{severity} && $rule->{annotations}{summary}, "$rule->{alert} says what is wrong");
}

# ---- tasks ----

my %command = (
	'kvm-tune' => { map { (split)[0] => 1 } `'$build/kvm-tune' --list-commands` },
	'kvm-assign' => { map { (split)[0] => 1 } `'$build/kvm-assign' --dump-commands` },
);
open(my $in, '<', "$top/docs/ansible-kvmkit.yml") or die "docs/ansible-kvmkit.yml: $!\n";
my %seen;
while (<$in>) {
	my ($words) = /^ +argv: (.*)/ or next;
	# Words, without what Ansible fills in; of an expression only its quoted ones.
	$words =~ s/"\{\{ \[(.*?)\] \+ .*/$1/;
	my ($program, @words) = map { s/^'|'$//gr } grep { !/\{\{/ } $words =~ /([\w-]+|'[\w-]+'|"\{\{.*?\}\}")/g;
	my %option = map { ("--$_->[0]" => 1, "-$_->[1]" => 1) } map { [split(/\t/)] } `'$build/$program' --dump-options`;
	my @unknown = grep { !$option{$_} } grep { /^-/ } @words;
	my @first = $command{$program} ? grep { !/^-/ } @words : ();
	push(@unknown, grep { !$command{$program}{$_} } @first);
	ok($program =~ /^kvm-/ && !@unknown, "$program @words") or diag("unknown: @unknown");
	$seen{$program} = 1;
}
is_deeply([sort keys %seen], [qw(kvm-assign kvm-check kvm-tune)], 'the tasks use all three programs');
ok(open($in, '<', "$top/docs/ansible-kvmkit.yml") && eval { CPAN::Meta::YAML->read_string(join('', grep { !/argv: \[|argv: "/ } <$in>)) },
	'the tasks are YAML') or diag($@);

# ---- tests that documents name ----

my %case;
for my $file (glob("$top/tests/rig/*-cases $top/tests/rig/*.sh")) {
	open(my $in, '<', $file) or die "$file: $!\n";
	/^(?:sub )?(\w+)(?:\(\))? \{/ and $case{$1} = 1 while <$in>;
}
for my $name (qw(SPECIFICATION.md course.md)) {
	open(my $doc, '<', "$top/docs/$name") or die "$name: $!\n";
	my $text = do { local $/; <$doc> };
	my %seen;
	my @paths = grep { !$seen{$_}++ } $text =~ m{`(tests/[\w/.-]+)`}g;
	my @cases = grep { !m{/} && !$seen{$_}++ } map { /`([\w\/.-]+)`/g } $text =~ /rig: ((?:`[\w\/.-]+`(?:, )?)+)/g;

	ok(@paths > 10 && @cases > 3, "$name names tests: " . @paths . ' files, ' . @cases . ' cases');
	is(join(' ', grep { !-e "$top/$_" } @paths), '', 'each file exists');
	is(join(' ', grep { !$case{$_} } @cases), '', 'each case of the rig exists');
}

done_testing();
