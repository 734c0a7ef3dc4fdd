#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What libvirt 9.0 does with an emulator, step by step and without libvirt: it asks one
# without a board what there is, starts machines with sockets that it made, passes
# descriptors over them, saves into a pipe and restores from a file that it opened.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Cwd qw(getcwd);
use files;
use montest;
use Socket;
use Test::More;

# Descriptors stay open in what is started; those of Perl's own are closed there by vmm.
$^F = 255;

my $true = JSON::PP::true;
my $false = JSON::PP::false;

# A socket that listens, as libvirt makes it; its number is for fd=.
sub listening {
	my ($path) = @_;

	return IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $path, Listen => 1) // BAIL_OUT("$path: $!");
}

# A command with a descriptor beside it (SCM_RIGHTS).
sub qmp_with_fd {
	my ($c, $fd, $name, %args) = @_;
	my $text = $json->encode({ execute => $name, arguments => \%args });
	my $rights = pack('Q i i i x4', 20, SOL_SOCKET, 1, $fd);
	my $iov = pack('P Q', $text, length($text));
	my $msg = pack('Q L x4 P Q P Q i x4', 0, 0, $iov, 1, $rights, length($rights), 0);

	syscall(46, fileno($c->{socket}), $msg, 0) == length($text) or BAIL_OUT("sendmsg: $!");
	return receive($c);
}

sub ends {
	my ($pid, $c, $what) = @_;

	put($c, '{"execute":"quit"}');
	my ($status, $said) = ended($pid);
	is($status, 0, "$what: quit") or diag($said);
}

# ---- capabilities ----

my @probe = (qw(-S -no-user-config -nodefaults -nographic -machine), 'none,accel=kvm:tcg', '-qmp', "unix:$dir/p,server=on,wait=off",
	'-pidfile', "$dir/pid", '-daemonize');
is(system(@tied, $vmm, @probe), 0, 'a machine that answers, in the background');
my $q = qmp_client("$dir/p");
is_deeply(qmp($q, 'query-kvm')->{return}, { enabled => $true, present => $true }, 'query-kvm');
my %types = map { $_->{name} => $_->{parent} } @{ qmp($q, 'qom-list-types')->{return} };
is_deeply([@types{qw(virtio-blk-pci memory-backend-file host-x86_64-cpu kvm-accel pc-i440fx-7.2-machine)}],
	[qw(device object x86_64-cpu accel machine)], 'qom-list-types');
ok(!exists($types{'tcg-accel'}), 'there is no emulator');
is_deeply([sort map { $_->{name} } @{ qmp($q, 'qom-list-types', implements => 'machine')->{return} }],
	['none-machine', 'pc-i440fx-7.2-machine'], 'of one kind');
my %has = (
	'virtio-blk-pci' => 'write-cache',
	'memory-backend-memfd' => 'hugetlb',
	'host-x86_64-cpu' => 'avx2',
	'none-machine' => 'memory-backend',
	'PIIX4_PM' => 'disable_s3',
);
for my $type (sort keys %has) {
	ok((grep { $_->{name} eq $has{$type} } @{ qmp($q, 'qom-list-properties', typename => $type)->{return} }), "$type has $has{$type}");
}
is(qmp($q, 'qom-list-properties', typename => 'nix')->{error}{class}, 'DeviceNotFound', 'an unknown type');
my %options = map { $_->{option} => { map { $_->{name} => $_->{type} } @{ $_->{parameters} } } }
	@{ qmp($q, 'query-command-line-options')->{return} };
is($options{sandbox}{spawn}, 'string', 'query-command-line-options: -sandbox');
is($options{'smp-opts'}{dies}, 'number', '-smp');
ok($options{device} && !%{ $options{device} }, '-device, whose keys are told elsewhere');
is_deeply([map { $_->{option} } @{ qmp($q, 'query-command-line-options', option => 'rtc')->{return} }], ['rtc'], 'one of them');
is(qmp($q, 'query-command-line-options', option => 'nix')->{error}{desc}, "invalid option name 'nix'", 'none of that name');
is_deeply([sort map { $_->{name} } @{ qmp($q, 'query-machines')->{return} }], ['none', 'pc-i440fx-7.2'], 'query-machines');
my %models = map { $_->{name} => $_ } @{ qmp($q, 'query-cpu-definitions')->{return} };
is_deeply([map { $models{$_}{'alias-of'} } qw(Haswell Haswell-noTSX Haswell-v1 host)], ['Haswell-v1', 'Haswell-v2', undef, undef],
	'query-cpu-definitions has names with and without versions');

sub expanded {
	my ($type, $name, %props) = @_;

	return qmp($q, 'query-cpu-model-expansion', type => $type, model => { name => $name, (%props ? (props => \%props) : ()) });
}

my $host = expanded('static', 'host')->{return}{model};
is($host->{name}, 'host', 'query-cpu-model-expansion');
ok($host->{props}{fpu} && $host->{props}{family} > 0 && length($host->{props}{vendor}) == 12, 'what the host\'s processor has');
is_deeply(expanded('full', $host->{name}, %{ $host->{props} })->{return}{model}, $host, 'which it has when it is asked again');
is(expanded('full', 'host', fpu => $false)->{return}{model}{props}{fpu}, $false, 'without a feature');
is(expanded('full', '486')->{return}{model}{props}{lm}, $false, 'an old one');
is(expanded('full', 'nix')->{error}{class}, 'GenericError', 'no such model');
is(expanded('full', 'host,lm=on')->{error}{class}, 'GenericError', 'no options in a name');
is(expanded('full', 'host', vendor => 'AuthenticAMD,lm=on')->{error}{class}, 'GenericError', 'nor in a value');
is(qmp($q, 'cont')->{error}{desc}, '-machine none never runs; use -machine pc', 'it never runs');
put($q, '{"execute":"quit"}');
ok(wait_until(sub { !-e "$dir/pid" }), 'quit');

# ---- a machine ----

open(my $image, '>', "$dir/disk") or die;
truncate($image, 1 << 20);
close($image);
# A flat multiboot kernel that waits for ever.
put_file("$dir/wait", multiboot("\xf4\xeb\xfd"));

my $monitor = listening("$dir/m");
my $log;
open($log, '>', "$dir/serial") or die;
my @pci = (qw(-nodefaults -no-user-config -display none -machine), 'pc-i440fx-7.2,usb=off,vmport=off,dump-guest-core=off,memory-backend=pc.ram,hpet=off',
	qw(-accel kvm -cpu), 'host,migratable=on', qw(-m 64 -object), '{"qom-type":"memory-backend-ram","id":"pc.ram","size":67108864}',
	qw(-overcommit mem-lock=off -smp), '2,sockets=2,cores=1,threads=1', '-mon', 'chardev=charmonitor,id=monitor,mode=control',
	'-rtc', 'base=utc,driftfix=slew',
	qw(-global PIIX4_PM.disable_s3=1 -no-shutdown -boot), 'menu=off,strict=on',
	'-blockdev', qq({"driver":"file","filename":"$dir/disk","node-name":"l-1-storage","auto-read-only":true,"discard":"unmap"}),
	'-blockdev', '{"node-name":"l-1-format","read-only":false,"driver":"raw","file":"l-1-storage"}',
	'-device', '{"driver":"virtio-blk-pci","bus":"pci.0","addr":"0x5","drive":"l-1-format","id":"virtio-disk0","bootindex":1,"write-cache":"off"}',
	'-device', 'virtio-balloon-pci,id=balloon0', '-audiodev', '{"id":"audio1","driver":"none"}',
	'-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny', qw(-msg timestamp=on -kernel), "$dir/wait");
my $pid = start(@pci, '-S', '-chardev', 'socket,id=charmonitor,fd=' . fileno($monitor) . ',server=on,wait=off',
	'-add-fd', 'set=1,fd=' . fileno($log) . ',opaque=log', '-serial', 'file:/dev/fdset/1');
close($monitor);
$q = qmp_client("$dir/m");
ok(-d "/proc/$pid/task/$_->{'thread-id'}", 'vCPU ' . $_->{'cpu-index'} . ' of a machine that waits has a thread')
	for @{ qmp($q, 'query-cpus-fast')->{return} };
my ($disk) = @{ qmp($q, 'query-block')->{return} };
is($disk->{qdev}, '/machine/peripheral/virtio-disk0/virtio-backend', 'query-block names the disk as QEMU does');
is($disk->{inserted}{cache}{writeback}, $false, 'write-cache=off: every write is durable');
is_deeply([map { $_->{qdev} } @{ qmp($q, 'query-blockstats')->{return} }], [$disk->{qdev}], 'query-blockstats as well');

my $balloon = '/machine/peripheral/balloon0';
ok((grep { $_->{name} eq 'guest-stats' } @{ qmp($q, 'qom-list', path => $balloon)->{return} }), 'the balloon has statistics');
my @interval = (path => $balloon, property => 'guest-stats-polling-interval');
is_deeply(qmp($q, 'qom-set', @interval, value => 5), { return => {} }, 'they are asked for');
is(qmp($q, 'qom-get', @interval)->{return}, 5, 'as often');
is(qmp($q, 'qom-set', @interval, value => -1)->{error}{class}, 'GenericError', 'but not less than never');
is_deeply([@{ qmp($q, 'qom-get', path => $balloon, property => 'guest-stats')->{return} }{'last-update'}], [0], 'no driver told any');
like(qmp($q, 'qom-set', path => $balloon, property => 'bus', value => 'x')->{error}{desc}, qr/^properties are fixed/, 'all else is fixed');

is(qmp($q, 'getfd', fdname => 'x')->{error}{desc}, 'No file descriptor supplied via SCM_RIGHTS', 'getfd without one');
is_deeply(qmp_with_fd($q, fileno($log), 'getfd', fdname => 'x'), { return => {} }, 'getfd');
is_deeply(qmp($q, 'closefd', fdname => 'x'), { return => {} }, 'closefd');
is(qmp($q, 'closefd', fdname => 'x')->{error}{desc}, "File descriptor named 'x' has not been found", 'once');
like(qmp_with_fd($q, fileno($log), 'getfd', fdname => '5')->{error}{desc}, qr/not starting with a digit/, 'a number is no name');
my @kept = map { qmp_with_fd($q, fileno($log), 'getfd', fdname => "fd$_") } 0 .. 70;
is(scalar(grep { $_->{return} } @kept), 64, 'a client cannot pass as many as it likes');
like($kept[70]{error}{desc}, qr/^64 descriptors are kept/, 'and is told');
qmp($q, 'closefd', fdname => "fd$_") for 0 .. 63;
is_deeply(qmp($q, 'chardev-add', id => 'y', backend => { type => 'socket', data => { addr => { type => 'fd', data => { str => '3' } } } })->{error}{desc},
	'fd= is for the command line', 'a monitor cannot name descriptors of the process');

is_deeply(qmp($q, 'cont'), { return => {} }, 'cont');
ok(event($q, 'RESUME'), 'it runs');

# ---- virsh save and restore ----

qmp($q, 'stop');
pipe(my $reader, my $writer) or die;
is_deeply(qmp_with_fd($q, fileno($writer), 'getfd', fdname => 'migrate'), { return => {} }, 'a pipe');
close($writer);
is(qmp($q, 'migrate', detach => $true, resume => $true, uri => 'fd:migrate')->{error}{desc}, 'Cannot resume if there is no paused migration',
	'nothing is there to go on with');
is_deeply(qmp($q, 'migrate', detach => $true, resume => $false, uri => 'fd:migrate'), { return => {} }, 'the machine goes into it');
alarm($limit);
my $saved = do { local $/; <$reader> };
alarm(0);
ok(length($saved) > 4096, 'all of it, and the pipe ends while the process is there');
close($reader);
is(qmp($q, 'query-migrate')->{return}{status}, 'completed', 'completed');
is(qmp($q, 'migrate', uri => 'fd:migrate')->{error}{desc}, "File descriptor named 'migrate' has not been found", 'its name is gone');
ends($pid, $q, 'saved');

# libvirt's own header is in front.
put_file("$dir/save", 'header' . $saved);
open(my $save, '<:raw', "$dir/save") or die;
sysread($save, my $header, 6);
$monitor = listening("$dir/n");
$pid = start(@pci, '-incoming', 'defer', '-S', '-serial', 'null', '-chardev', 'socket,id=charmonitor,fd=' . fileno($monitor) . ',server=on,wait=off');
close($monitor);
$q = qmp_client("$dir/n");
is(qmp($q, 'migrate-incoming', uri => 'fd:0')->{error}{desc}, "File descriptor named '0' has not been found", 'not any descriptor');
is_deeply(qmp($q, 'migrate-incoming', uri => 'fd:' . fileno($save)), { return => {} }, 'one that it was started with');
ok(wait_until(sub { (qmp($q, 'query-migrate')->{return}{status} // '') eq 'completed' }), 'the machine is back');
is(qmp($q, 'query-status')->{return}{status}, 'paused', 'as it was');
is(scalar(grep { (readlink($_) // '') =~ m{^\Q$dir\E/(save|serial)$} } glob("/proc/$pid/fd/*")), 0, 'the file is closed, and what nobody named');
is_deeply(qmp($q, 'cont'), { return => {} }, 'and goes on');
ends($pid, $q, 'restored');

# ---- what it is refused ----

sub refused {
	my ($what, $pattern, @args) = @_;
	my ($status, $said) = ended(start('-nodefaults', @args));

	is($status, 2, $what);
	like($said, $pattern, 'and why');
}

my $file = fileno($log);
$monitor = listening("$dir/o");
refused('a file is no socket', qr/fd=$file is no stream socket/, '-chardev', "socket,id=c,fd=$file,server=on");
refused('nor is a listening socket a connection', qr/waits for clients/, '-chardev', 'socket,id=c,fd=' . fileno($monitor));
refused('one address is enough', qr/fd= is a socket already/, '-chardev', "socket,id=c,fd=$file,path=$dir/x");
refused('a set of nothing', qr/fd=200 is no descriptor/, '-add-fd', 'set=1,fd=200');
refused('a descriptor without a set', qr/set= is missing/, '-add-fd', "fd=$file");

# ---- what it lets machines write ----

# The answer to a picture that shall go there.
sub picture_in {
	my ($folder, $home) = @_;
	my $here = getcwd();
	local $ENV{HOME} = $home;

	mkdir($folder);
	chdir('/');
	my $vm = start('-kernel', "$dir/wait", '-vga', 'std', '-serial', 'null', '-qmp', "unix:$dir/q,server=on,wait=off");
	chdir($here);
	my $c = qmp_client("$dir/q");
	my $answer = qmp($c, 'screendump', filename => "$folder/shot");
	unlink("$folder/shot");
	rmdir($folder);
	ends($vm, $c, $folder);
	return $answer;
}

my $private = "$build/domain-1-test";
is_deeply(picture_in($private, $private), { return => {} }, 'a picture goes to the folder that libvirt made for the machine');
SKIP: {
	skip('no Landlock in this kernel', 2) unless syscall(444, 0, 0, 1) > 0;
	skip('this build is in /tmp, where all may be written', 2) if $build =~ m{^/(var/)?tmp/};
	like(picture_in("$build/elsewhere", $private)->{error}{desc}, qr/Permission denied/, 'not to others');
	like(picture_in("$build/home", "$build/home")->{error}{desc}, qr/Permission denied/, 'nor to a person\'s home');
}

done_testing();
