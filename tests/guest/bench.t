#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The measuring programs: what they report of programs whose behaviour is known, what they
# do with programs that fail, and the promises that are counts. No time decides here.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
chdir $top or die "$top: $!";
my $build = abs_path($ENV{BUILD} || 'build');
my $bin   = "$build/bench";
my $dir   = tempdir(CLEANUP => 1);

# Standard output, standard error and exit code of a command.
sub run {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN,  '<', '/dev/null' or die;
		open STDOUT, '>', "$dir/out"  or die;
		open STDERR, '>', "$dir/err"  or die;
		exec @_ or die "$_[0]: $!";
	}
	waitpid $pid, 0;
	return (slurp("$dir/out"), slurp("$dir/err"), $? >> 8);
}

sub slurp {
	open my $in, '<', $_[0] or die "$_[0]: $!";
	local $/;
	my $text = <$in>;
	return $text // '';
}

# A program that behaves like a VMM as far as guest-bench looks.
sub fake_vmm {
	my ($name, $text) = @_;
	open my $out, '>', "$dir/$name" or die;
	print $out "#!/usr/bin/perl\n\$| = 1;\n$text";
	close $out;
	chmod 0755, "$dir/$name";
	return "$dir/$name";
}

sub rows {
	return map { $_->{name} => $_ } @{ $_[0]{rows} };
}

sub in_order {
	my ($stats) = @_;
	return $stats->{min} > 0
		&& $stats->{min} <= $stats->{q1}
		&& $stats->{q1} <= $stats->{median}
		&& $stats->{median} <= $stats->{q3}
		&& $stats->{q3} <= $stats->{max};
}

subtest 'starting a VM' => sub {
	plan skip_all => 'no access to /dev/kvm' unless -r '/dev/kvm' && -w _;
	my @start = ("$bin/bench", '--preload', "$bin/first-run.so", '--only', 'start', '--json');
	my ($out, $err, $rc) =
		run(@start, '--rounds', 3, '--floor', "$bin/floor", '--vmm', "$build/vmm");
	is($rc, 0, 'vmm is measured') or diag $err;
	my ($case) = @{ decode_json($out) };
	my %row = rows($case);
	for my $name (qw(floor vmm)) {
		ok(in_order($row{$name}{$_}), "$name: $_ has quartiles") for qw(wall_ms cpu_ms);
	}
	like($row{'qemu-pc'}{reason}, qr/no \{qemu\} was given/, 'a missing program has a reason');
	my ($floor, $vmm) = ($row{floor}{syscalls}, $row{vmm}{syscalls});
	# The floor makes 17 calls for its VM itself; the rest is the dynamic linker's.
	cmp_ok($floor, '>', 17, 'the floor makes its system calls');
	# A third of vmm's are the sandbox and the process that starts helpers: 30 microseconds.
	cmp_ok($vmm, '<=', 4.5 * $floor, "vmm starts with at most 4.5 times as many ($vmm, $floor)");
	my ($ratio) = grep { $_->{vmm_to} eq 'floor' } @{ $case->{ratios} };
	ok(in_order($ratio->{$_}), "the ratio of $_ has quartiles") for qw(wall cpu);

	# Of one round the ratio is that of its two times.
	($out, $err, $rc) = run(@start, '--rounds', 1, '--floor', "$bin/floor", '--vmm', "$build/vmm");
	($case) = @{ decode_json($out) };
	%row = rows($case);
	($ratio) = grep { $_->{vmm_to} eq 'floor' } @{ $case->{ratios} };
	for my $clock (qw(wall cpu)) {
		my ($ours, $theirs) = map { $_->{"${clock}_ms"}{median} } @row{qw(vmm floor)};
		my $is = $ratio->{$clock}{median};
		cmp_ok(abs($is - $ours / $theirs), '<', 0.01 * $is, "the ratio of $clock is vmm's to the floor's")
			or diag("$ours / $theirs, $is");
	}

	($out, $err, $rc) = run(@start, '--rounds', 1, '--vmm', '/bin/false');
	is($rc, 1, 'a program that never enters a guest fails');
	%row = rows(decode_json($out)->[0]);
	like($row{vmm}{reason}, qr/ended before its first KVM_RUN.*printed nothing/, 'and says so');
};

my @guest = ("$bin/guest-bench", '--kernel', '/dev/null', '--initrd', '/dev/null', '--disk', 'none');

subtest 'a guest at work' => sub {
	# RAM, 8 MiB of its own, and another speed each time.
	my $vmm = fake_vmm('works', <<'PERL' =~ s/DIR/$dir/r);
my $ram = 'x' x (64 << 20);
my @own = map { 'y' x 1000 } 1 .. 8000;
open my $runs, '+>>', 'DIR/runs' or die;
syswrite $runs, "$$\n";
seek $runs, 0, 0;
my $iops = (700, 100, 400, 200)[(() = <$runs>) - 1];
print "noise\n\e[H@ userspace\r\n@ idle\r\n@ idled\r\n";
print "@ read-4096 iops=$iops mbps=0.4\r\n@ write-1048576 iops=3 mbps=3.1\r\n@ done\r\n";
select undef, undef, undef, undef;
PERL
	my ($out, $err, $rc) = run(@guest, qw(--ram 64 --rounds 4 --json --vmm), $vmm);
	is($rc, 0, 'it is measured') or diag $err;
	my ($case) = @{ decode_json($out) };
	my %row = rows($case);
	my $r   = $row{vmm};
	is($r->{rounds}, 4, 'in every round');
	ok(in_order($r->{$_}), "$_ has quartiles") for qw(cpu_s wall_s pss_kb dirty_kb);
	is_deeply([map { $r->{read_4k_iops}{$_} + 0 } qw(min q1 median q3 max)], [100, 175, 300, 475, 700],
		'requests per second are those of the guest');
	is($r->{write_1m_mbps}{median}, 3.1, 'so is the throughput');
	is($r->{read_1m_mbps}, undef, 'what the guest did not say is no number');
	cmp_ok($r->{dirty_kb}{min}, '>', 8 << 10, 'memory of the VMM counts');
	cmp_ok($r->{dirty_kb}{max}, '<', 32 << 10, 'guest RAM does not');
	my @runs = split(' ', slurp("$dir/runs"));
	is(scalar(@runs), 4, 'it was run in every round');
	is(kill(0, @runs), 0, 'and is gone');
	is($row{'qemu-pc'}{rounds}, 0, 'a missing program has no rounds');
};

subtest 'firmware' => sub {
	my $vmm = fake_vmm('boots', <<'PERL');
print "\e[2J@ boot\n";
select undef, undef, undef, 1;
print "@ bios-disk 4000000\n@ bios-cd 4000000\n@ done\n";
select undef, undef, undef, undef;
PERL
	my ($out, $err, $rc) = run("$bin/guest-bench", '--case', 'firmware', '--boot', 'x', '--cd', 'x',
		qw(--rounds 1 --json --vmm), $vmm);
	is($rc, 0, 'it is measured') or diag $err;
	my %row = rows(decode_json($out)->[0]);
	my $r   = $row{vmm};
	cmp_ok($r->{boot_wall_s}{median}, '>', 0, 'the time to the boot sector');
	# 4 MB took a second, of which a busy machine may have missed most.
	cmp_ok($r->{bios_disk_mbps}{median}, '<=', 40, 'the disk is as fast as its mark says');
	cmp_ok($r->{bios_disk_mbps}{median}, '>',  0,  'and not faster');
	cmp_ok($r->{bios_cd_mbps}{median}, '>', $r->{bios_disk_mbps}{median}, 'the CD had no time at all, from the mark before');
	ok(!exists $r->{exits}, 'what is of another case is left out');
};

subtest 'a guest with a VNC client' => sub {
	plan skip_all => 'no access to /dev/kvm' unless -r '/dev/kvm' && -w _;
	# The machine behind the socket is a real one.
	my $vmm = fake_vmm('shows', <<"PERL");
exec '$build/vmm', qw(-S -vga std -display none -serial null -vnc unix:$dir/vnc) if !fork;
select undef, undef, undef, 0.05 until -S '$dir/vnc';
print "@ idle\\n";
select undef, undef, undef, 1;
print "@ idled\\n@ cd-1048576 iops=3 mbps=3.1\\n@ done\\n";
select undef, undef, undef, undef;
PERL
	my ($out, $err, $rc) = run("$bin/guest-bench", '--case', 'media', '--kernel', 'x', '--initrd', 'x',
		'--disk', 'x', '--cd', 'x', '--vnc', "$dir/vnc", qw(--rounds 1 --json --vmm), $vmm);
	is($rc, 0, 'it is measured') or diag $err;
	my %row = rows(decode_json($out)->[0]);
	my $viewed = $row{vmm}{viewed_cpu_percent};
	ok($viewed && $viewed->{median} >= 0, 'a client looked while it was idle') or diag $err;
	is($row{vmm}{cd_read_mbps}{median}, 3.1, 'the CD is as fast as the guest says');
};

subtest 'a guest that fails' => sub {
	my $hangs = fake_vmm('hangs', qq{print "@ userspace\\n"; select undef, undef, undef, undef;\n});
	my ($out, $err, $rc) = run(@guest, qw(--rounds 1 --limit 1 --vmm), $hangs);
	is($rc, 1, 'one that hangs fails');
	like($err, qr/not done after 1 s/, 'and says so');
	like($out, qr/vmm: 1 rounds failed/, 'the report says it too');
	my $dies = fake_vmm('dies', qq{print STDERR "no such disk\\n"; exit 1;\n});
	($out, $err, $rc) = run(@guest, qw(--rounds 1 --vmm), $dies);
	is($rc, 1, 'one that ends fails');
	like($err, qr/ended before its guest was done.*no such disk/, 'with its last words');
};

subtest 'usage' => sub {
	my @wrong = (
		['scripts/bench', '--only', 'nothing'],
		["$bin/bench", '--preload', 'x', '--rounds', '0'],
		["$bin/bench", '--preload', 'x', '--only', 'nothing'],
		[@guest, '--rounds', '101'],
		["$bin/guest-bench"],
	);
	for my $command (@wrong) {
		my ($out, $err, $rc) = run(@$command);
		is($rc, 2, "@$command");
	}
};

subtest 'the size of the program' => sub {
	my ($out, $err, $rc) = run('scripts/bench', '--only', 'size', '--json');
	is($rc, 0, 'it is measured') or diag $err;
	my $size = decode_json($out)->{size}{vmm};
	cmp_ok($size->{bytes},     '<=', 700 << 10, "stripped: at most 700 KiB ($size->{bytes})");
	cmp_ok($size->{libraries}, '<=', 6,         "at most 6 shared objects ($size->{libraries})");
};

done_testing;
