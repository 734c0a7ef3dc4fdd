#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shell completion: each option of each program's table is offered by bash, where its
# command takes it, and by zsh; values come from the host, whatever is in their names.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $build = abs_path($ENV{BUILD} // "$top/build");
my @programs = qw(kvm-check kvm-tune kvm-assign vmm vmm-ctl vmm-img);
my $dir = tempdir('kvmkit-completion.XXXXXX', TMPDIR => 1, CLEANUP => 1);
# Not the flags and the job server of a make that runs this test.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
$ENV{LC_ALL} = 'C.UTF-8';
$ENV{PATH} = "$build:$ENV{PATH}";
my $said = `make -C '$top' BUILD='$build' completion 2>&1`;
ok($? == 0, 'make completion') or diag($said);

sub write_file {
	my ($path, $text) = @_;

	open(my $out, '>', $path) or die "$path: $!\n";
	print {$out} $text;
	close($out) or die "$path: $!\n";
}

# What bash does when the key is pressed at the end of the line: splits it as
# COMP_WORDBREAKS says, calls the function, replaces what follows the last break.
write_file("$dir/press", <<'END');
. "$1"
COMP_LINE=$2 COMP_POINT=${#2}
run=${2%% *}
function=$(complete -p "$run") || exit 1
function=${function#*-F }
"${function%% *}" "$run" '' ''
printf '%s\n' "${COMPREPLY[@]}"
END

sub bash_offers {
	my ($line) = @_;
	my ($program) = split(' ', $line);

	open(my $out, '-|', 'bash', '--norc', "$dir/press", "$build/bash/$program", $line) or die "bash: $!\n";
	my @offers = grep { $_ ne '' } <$out>;
	close($out) or die "bash: $line: failed\n";
	chomp(@offers);
	return @offers;
}

sub table {
	my ($program) = @_;
	my @rows;

	for (split(/\n/, `$program --dump-options`)) {
		my ($long, $alias, $arg, $section) = split(/\t/, $_, -1);
		my @of = $program =~ /^(?:kvm-tune|vmm-img)$/ && $section ne 'Every command' ? split(/, /, $section) : ('');
		@of = ('list') if $program eq 'kvm-assign';
		for my $name (grep { $_ ne '' } $long, $alias) {
			my $dash = $program eq 'vmm' || length($name) == 1 ? '-' : '--';
			push(@rows, map { { option => "$dash$name", command => $_ } } @of);
		}
	}
	return @rows;
}

for my $program (@programs) {
	my (%of, @missing);

	push(@{$of{$_->{command}}}, $_->{option}) for table($program);
	my $count = map { @$_ } values %of;
	ok($count > 5, "$program: its table has $count options");
	for my $command (keys %of) {
		my $line = "$program " . ($command ? "$command " : '');
		my %offered = map { $_ => 1 } bash_offers("$line-");
		push(@missing, map { "$line$_" } grep { !$offered{$_} } @{$of{$command}});
	}
	ok(!@missing, "$program: bash offers all of them") or diag("missing: @missing");
}

# What a shell must offer, and must not, after a line.
my @ids = map { (split)[0] } split(/\n/, `kvm-check --list all`);
my @values = (
	['kvm-check --explain cpu.v', ['cpu.vendor', 'cpu.virt'], ['kvm.node']],
	['kvm-check --explain ', \@ids, []],
	['kvm-check --modules vhost_net,t', ['vhost_net,tun'], []],
	['kvm-check dense s', ['secure'], ['dense']],
	["kvm-check --diff $dir/one $dir/o", ["$dir/one"], []],
	['kvm-tune a', ['apply'], ['undo']],
	['kvm-tune --root / a', ['apply'], []],
	['kvm-tune apply ', [qw(density latency secure throughput)], []],
	['kvm-tune sysctl vm.swap', ['vm.swappiness='], []],
	['kvm-tune ksm -', ['--interval'], ['--fit']],
	['kvm-tune --state-dir=/us', ['--state-dir=/usr'], []],
	['kvm-assign rel', ['release'], []],
	['kvm-assign bind --force mou', ['mounted'], []],
	['kvm-assign bind --force ssh,mou', ['ssh,mounted'], []],
	['kvm-assign bind --driver=vf', ['--driver=vfio-pci'], []],
	['kvm-assign bind --owner :roo', [':root'], []],
	['vmm -cpu qemu6', ['qemu64'], []],
	['vmm -cpu qemu64,+aes', ['qemu64,+aes'], []],
	['vmm -device virtio-b', ['virtio-blk-pci'], []],
	['vmm -device virtio-blk-pci,dr', ['virtio-blk-pci,drive='], []],
	['vmm -device virtio-blk-pci,discard=', ['virtio-blk-pci,discard=on', 'virtio-blk-pci,discard=off'], []],
	['vmm -chardev socket,se', ['socket,server='], ['socket,signal=']],
	["vmm -drive if=none,file=$dir/o", ["if=none,file=$dir/one"], []],
	['vmm -drive if=none,me', ['if=none,media='], []],
	['vmm -object memory-backend-ram,pre', ['memory-backend-ram,prealloc='], ['memory-backend-ram,seal=']],
	['vmm -netdev us', ['user'], ['none']],
	['vmm -netdev user,hostf', ['user,hostfwd='], ['user,vhost=']],
	['vmm -nic no', ['none'], []],
	['vmm -mon chardev=a,mode=re', ['chardev=a,mode=readline'], []],
	['vmm -M pc,acp', ['pc,acpi='], []],
	["vmm -kernel $dir/o", ["$dir/one"], []],
	['vmm -d gu', ['guest_errors'], []],
	['vmm -display ', ['none', 'vnc='], ['KEY=']],
	['vmm -k pt', ['pt', 'pt-br'], ['de']],
	["vmm-ctl $dir/o", ["$dir/one"], []],
	['vmm-ctl --timeout 5 socket pow', ['powerdown'], ['quit']],
	['vmm-img cr', ['create'], []],
	['vmm-img create -f q', ['qcow2'], ['raw']],
	["vmm-img create -b $dir/o", ["$dir/one"], []],
);
write_file("$dir/one", '');
for (@values) {
	my ($line, $want, $not) = @$_;
	# bash keeps what stands before the last break of the word.
	my ($kept) = $line =~ /([^ ]*[=:])[^ ]*$/;
	my %offered = map { ($kept // '') . $_ => 1 } bash_offers($line);
	my @wrong = ((grep { !$offered{$_} } @$want), grep { $offered{$_} } @$not);
	ok(!@wrong, "bash: $line") or diag("wrong: @wrong; offered: @{[sort keys %offered]}");
}
my @functions = `kvm-assign list` =~ /^([0-9a-f:.]+) /mg;
is_deeply([bash_offers('kvm-assign list ')], \@functions, 'bash: the PCI functions of this host');
SKIP: {
	my @on_bus = map { /^0000:00:(.*)/ } @functions;
	skip('this host has no PCI bus 0', 1) if !@on_bus;
	is_deeply([bash_offers('kvm-assign show 00:')], \@on_bus, 'bash: their short addresses');
}

# zsh, on a terminal of its own; what it would add to the line goes to a file instead.
write_file("$dir/inner", <<'END');
PS1= OUT=$1
fpath=($2 $fpath)
autoload -Uz compinit
compinit -D -u
compadd() {
	local -a hits
	if [[ " ${@[1,(i)(-|--)]}" == *' -'[OAD]' '* ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A hits "$@"
	print -rl -- $hits >>$OUT
	return 1
}
press() {
	zle complete-word
	print >>$OUT END
	BUFFER=
	zle .accept-line
}
# Keys go to the editor only from here on; before, a listing could take one.
zle-line-init() {
	print -u 3 ready
}
unsetopt auto_list
zle -N press
zle -N zle-line-init
bindkey '^I' press
END
write_file("$dir/outer", <<'END');
zmodload zsh/zpty
mkfifo $1/ready
zpty keys "exec zsh -f -i 3<>$1/ready"
exec 3<>$1/ready
zpty -w keys "set -- $1/hits $2; source $1/inner"
read -u 3
for line in ${(f)"$(<$1/lines)"}; do
	print -r -- "LINE $line" >>$1/hits
	zpty -w -n keys "$line"$'\t'
	read -u 3
	while zpty -r -t keys rest; do :; done
done
zpty -d keys
END

SKIP: {
	skip('zsh is not installed', 1) if !`which zsh 2>/dev/null`;
	my %of;
	for my $program (@programs) {
		push(@{$of{"$program " . ($_->{command} ? "$_->{command} " : '') . '-'}}, $_->{option}) for table($program);
	}
	for (@values) {
		my ($line, $want) = @$_;
		push(@{$of{$line}}, map { s/^.*[=,](?=.)//r } @$want) if $line !~ m{/};
	}
	write_file("$dir/lines", join('', map { "$_\n" } sort keys %of));
	ok(system('zsh', '-f', "$dir/outer", $dir, "$build/zsh") == 0, 'zsh answers');
	my (%offered, $line);
	open(my $in, '<', "$dir/hits") or die "$dir/hits: $!\n";
	while (<$in>) {
		chomp;
		if (/^LINE (.*)/) {
			$line = $1;
		} else {
			# bash's function gives what follows "=", zsh's the whole.
			@{$offered{$line}}{$_, s/^\w+=(?=.)//r} = (1, 1);
		}
	}
	for my $line (sort keys %of) {
		my @missing = grep { !$offered{$line}{$_} } @{$of{$line}};
		ok(!@missing, "zsh: $line: " . @{$of{$line}} . ' words') or
			diag("missing: @missing; offered: @{[sort keys %{$offered{$line}}]}");
	}
}

# A name that a shell would run is not offered, and not run.
mkdir("$dir/profiles") or die "$dir/profiles: $!\n";
write_file("$dir/profiles/$_", "vm.swappiness = 1\n") for 'fine', '$(touch hit)', '`touch hit`', 'a;touch hit';
$ENV{KVMKIT_PROFILE_DIR} = "$dir/profiles";
like(`kvm-tune profiles`, qr/touch/, 'a profile has a hostile name');
chdir($dir) or die "$dir: $!\n";
is_deeply([sort(bash_offers('kvm-tune apply '))], [qw(density fine latency secure throughput)], 'bash: it is not offered');
ok(!-e "$dir/hit", 'and not run');

done_testing();
