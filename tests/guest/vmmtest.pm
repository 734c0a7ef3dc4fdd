# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests that call vmm as a user share: a folder that every user may reach, with a
# copy of vmm and small kernels; running it, also with another /dev.

package vmmtest;

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Temp qw(tempdir);

our @EXPORT = qw($top $dir $vmm $kvm $fakes $spaces @nobody say_of in_space
	compile_fake);

our $top = abs_path(dirname(__FILE__) . '/../..');
our $build = $ENV{BUILD} // 'build';
$build = "$top/$build" unless $build =~ m{^/};

our $dir = tempdir('kvmkit-call.XXXXXX', TMPDIR => 1, CLEANUP => 1);
our $vmm = "$dir/vmm";
chmod(0755, $dir);
mkdir("$dir/files");
copy("$build/vmm", $vmm) or die "$build/vmm: $!\n";
chmod(0755, $vmm);
chdir("$dir/files") or die "$dir/files: $!\n";
# The folder goes away with the program.
END {
	chdir('/');
}

# No findings of kvm-check, unless a test has some.
$ENV{KVMKIT_STATE_DIR} = "$dir/no-state";

# This user can run guests.
our $kvm = -r '/dev/kvm' && -w '/dev/kvm';

# A library can come before vmm's own calls: not where a sanitizer has to be first.
our $fakes = `ldd '$vmm'` !~ /libasan/;

# What this user may do to have another /dev; $spaces: it works.
our @space = $> ? qw(unshare --map-root-user --mount) : qw(unshare --mount);
our $spaces = system("@space true 2>/dev/null") == 0;
our @nobody = qw(setpriv --reuid 65534 --regid 65534 --clear-groups);

# Exit status, standard output and error of vmm. @$prefix: a command in front of it;
# %$env: more environment.
sub say_of {
	my ($prefix, $env, @args) = @_;
	my $pid = fork() // die "fork: $!\n";

	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$dir/out") or die "$dir/out: $!\n";
		open(STDERR, '>', "$dir/err") or die "$dir/err: $!\n";
		$ENV{$_} = $env->{$_} for keys %$env;
		exec('timeout', '60', @$prefix, $vmm, @args);
		exit(126);
	}
	waitpid($pid, 0);
	my $status = $? >> 8;
	my @text = map { open(my $in, '<', "$dir/$_") or die; local $/; <$in> // '' } qw(out err);
	return ($status, @text);
}

# For say_of: first a script in a mount namespace, then vmm.
sub in_space {
	my ($script, @as) = @_;
	return [@space, 'sh', '-ec', "$script; exec \"\$@\"", 'sh', @as];
}

# The environment that preloads fake-kvm.c.
sub compile_fake {
	my @compile = (split(' ', $ENV{CC} // 'cc'), qw(-D_GNU_SOURCE -shared -fPIC -o), "$dir/fake.so",
		"$top/tests/guest/fake-kvm.c", '-ldl');

	system(@compile) == 0 or die "fake-kvm.c does not compile\n";
	return (LD_PRELOAD => "$dir/fake.so");
}

1;
