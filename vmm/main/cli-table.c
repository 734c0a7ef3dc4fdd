// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The options of vmm. Rows only collect; nothing is opened or created here. Options that
 * QEMU users type and that change nothing on this machine are rows as well, so that
 * command lines carry over.
 */
#include "vmm/main/cli.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/version.h"
#include "vmm/core/catalog.h"
#include "vmm/display/layout.h"
#include "vmm/display/vnc.h"
#include "vmm/machine/pc.h"
#include "vmm/main/cli-file.h"
#include "vmm/main/cli-foreign.h"
#include "vmm/main/cli-help.h"
#include "vmm/main/cli-machine.h"
#include "vmm/main/cli-memory.h"
#include "vmm/main/cli-process.h"
#include "vmm/monitor/monitor.h"

#include <errno.h>
#include <string.h>

/* ---- helpers ---- */

/* The argument must be one of a list of words; more are refused by name. */
static int only(const char *arg, const char *const *words, struct err *err)
{
	char known[256] = "";

	for (; *words; words++) {
		if (!strcmp(arg, *words))
			return 0;
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
		         *known ? ", " : "", *words);
	}
	return err_usage(err, "'%s' is not supported; supported: %s", arg, known);
}

/* ---- direct boot ---- */

static int collect_kernel(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->kernel, arg);
}

static int collect_initrd(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->initrd, arg);
}

static int collect_append(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->append, arg);
}

/* ---- firmware ---- */

static int collect_bios(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->bios, arg);
}

static int collect_firmware_dir(struct vm_config *config, const char *arg,
                                struct err *err)
{
	(void)err;
	return str_list_add(&config->firmware_dirs, arg);
}

static int collect_fw_cfg(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->fw_cfg, arg);
}

static int collect_option_rom(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->option_roms, arg);
}

/* ---- devices ---- */

static int collect_cdrom(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->cdrom, arg);
}

static int collect_drive(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->drives, arg);
}

static int collect_blockdev(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->blockdevs, arg);
}

static int collect_disk(struct vm_config *config, unsigned n, const char *arg,
                        struct err *err)
{
	if (config->disks[n])
		return err_usage(err, "-hd%c is taken by %s; use another letter", 'a' + n,
		                 config->disks[n]);
	return cli_set_string(&config->disks[n], arg);
}

#define COLLECT_DISK(letter, n)                                                  \
	static int collect_hd##letter(struct vm_config *config, const char *arg, \
	                              struct err *err)                           \
	{                                                                        \
		return collect_disk(config, n, arg, err);                        \
	}
COLLECT_DISK(a, 0)
COLLECT_DISK(b, 1)
COLLECT_DISK(c, 2)
COLLECT_DISK(d, 3)

static int collect_device(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->devices, arg);
}

static int collect_usb(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->usb = true;
	return 0;
}

static int collect_usbdevice(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const words[] = { "tablet", "mouse", "keyboard", NULL };
	int ret = only(arg, words, err);
	char name[16];

	if (ret < 0)
		return ret;
	config->usb = true;
	snprintf(name, sizeof(name), "usb-%s", strcmp(arg, "keyboard") ? arg : "kbd");
	return str_list_add(&config->devices, name);
}

/* "help", or "NAME,help". */
static bool answer_device(const char *arg, struct strbuf *out, struct err *err)
{
	const char *comma = strchr(arg, ',');
	const struct device_class *cls;
	char name[64];

	if (cli_is_help(arg)) {
		catalog_help(out);
		return true;
	}
	if (!comma || !cli_is_help(comma + 1))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(comma - arg), arg);
	cls = pc_find_device(name, err);
	if (cls)
		catalog_class_help(cls, out);
	return cls;
}

static int collect_balloon(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const words[] = { "virtio", "none", NULL };
	int ret = only(arg, words, err);

	return ret < 0 || !strcmp(arg, "none")
	               ? ret
	               : str_list_add(&config->devices, "virtio-balloon-pci");
}

static int collect_chardev(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->chardevs, arg);
}

static int collect_serial(struct vm_config *config, const char *arg, struct err *err)
{
	if (config->serials.count == CONFIG_SERIALS)
		return err_usage(err, "more than %d serial ports", CONFIG_SERIALS);
	return str_list_add(&config->serials, arg);
}

static int collect_debugcon(struct vm_config *config, const char *arg, struct err *err)
{
	if (config->debugcons.count)
		return err_usage(err, "-debugcon is there once; use -device isa-debugcon "
		                      "for more");
	return str_list_add(&config->debugcons, arg);
}

static int collect_netdev(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->netdevs, arg);
}

static int collect_nic(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->nics, arg);
}

static int collect_net(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->nets, arg);
}

/* ---- display and behaviour ---- */

static int collect_nographic(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->nographic = true;
	return 0;
}

static int collect_none(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const words[] = { "none", NULL };

	(void)config;
	return only(arg, words, err);
}

static int collect_vnc(struct vm_config *config, const char *arg, struct err *err)
{
	if (!strcmp(arg, "none"))
		return 0;
	if (config->vnc)
		return err_usage(err, "-vnc is given twice");
	return cli_set_string(&config->vnc, arg);
}

static bool answer_vnc(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!cli_is_help(arg))
		return false;
	vnc_help(out);
	return true;
}

static int collect_keyboard(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->keyboard, arg);
}

static bool answer_keyboard(const char *arg, struct strbuf *out, struct err *err)
{
	return cli_is_help(arg) && layout_help(out, err) >= 0;
}

static int collect_display(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const words[] = { "none", "vnc=HOST:D", NULL };
	static const char *const windows[] = { "gtk",         "sdl",       "cocoa",
		                               "curses",      "spice-app", "dbus",
		                               "egl-headless" };
	size_t len = strcspn(arg, ",");

	config->display_given = true;
	if (!strncmp(arg, "vnc=", 4))
		return collect_vnc(config, arg + 4, err);
	for (unsigned i = 0; i < ARRAY_SIZE(windows); i++) {
		if (strlen(windows[i]) == len && !strncmp(windows[i], arg, len)) {
			config->window = windows[i];
			return 0;
		}
	}
	config->window = NULL;
	return only(arg, words, err);
}

static int collect_vga(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const words[] = { "std", "none", NULL };
	int ret = only(arg, words, err);

	return ret < 0 ? ret : cli_set_string(&config->vga, arg);
}

static int collect_monitor(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->monitors, arg);
}

static int collect_qmp(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->qmps, arg);
}

static int collect_qmp_pretty(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->pretty_qmps, arg);
}

static int collect_mon(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->mons, arg);
}

static int collect_incoming(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->incoming, arg);
}

static int collect_loadvm(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->loadvm, arg);
}

static int collect_gdb(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->gdb, arg);
}

static int collect_gdb_here(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	return collect_gdb(config, "tcp::1234", err);
}

static int collect_paused(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->paused = true;
	return 0;
}

static int collect_nodefaults(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->nodefaults = true;
	return 0;
}

static int collect_snapshot(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->snapshot = true;
	return 0;
}

static int collect_no_reboot(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->no_reboot = true;
	return 0;
}

static int collect_no_shutdown(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->no_shutdown = true;
	return 0;
}

/* ---- log and information ---- */

static int collect_log_file(struct vm_config *config, const char *arg, struct err *err)
{
	(void)config;
	return log_open(arg, err);
}

static int collect_log_classes(struct vm_config *config, const char *arg, struct err *err)
{
	(void)config;
	return log_enable(arg, err);
}

static bool answer_log_classes(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!cli_is_help(arg))
		return false;
	log_help(out);
	return true;
}

static int collect_state_dir(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->state_dir, arg);
}

static bool answer_help(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	cli_help(out);
	return true;
}

static bool answer_version(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	cli_version(out);
	return true;
}

static bool answer_dump(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	cli_dump(out);
	return true;
}

static bool answer_commands(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	monitors_dump_commands(out);
	return true;
}

static bool answer_foreign(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	cli_dump_foreign(out);
	return true;
}

const struct cli_row cli_table[] = {
	{ "m", "memory", "[size=]SIZE[,slots=,maxmem=]",
	  "guest memory; k, M, G, T, M if none (default: 512M)", "Machine",
	  cli_collect_ram, cli_answer_memory },
	{ "mem-path", NULL, "PATH", "guest memory in this file or folder (hugetlbfs)",
	  NULL, cli_collect_mem_path, NULL },
	{ "mem-prealloc", NULL, NULL, "all of it is there before the guest starts", NULL,
	  cli_collect_mem_prealloc, NULL },
	{ "overcommit", NULL, "[mem-lock=on|off][,cpu-pm=on|off]",
	  "memory that is not swapped; halted vCPUs keep their host CPU", NULL,
	  cli_collect_overcommit, cli_answer_overcommit },
	{ "object", NULL, "TYPE,id=ID[,KEY=VALUE...]",
	  "memory for -M memory-backend=ID, and others; 'help' lists", NULL,
	  cli_collect_object, cli_answer_object },
	{ "smp", NULL, "[cpus=]N[,sockets=,cores=,threads=,maxcpus=]",
	  "virtual CPUs (default: 1)", NULL, cli_collect_smp, cli_answer_smp },
	{ "cpu", NULL, "MODEL[,+FEATURE][,-FEATURE]...",
	  "CPU model (default: host); 'help' lists them", NULL, cli_collect_cpu,
	  cli_answer_cpu },
	{ "M", "machine", "[type=]pc[,accel=kvm]", "the board; 'help' lists", NULL,
	  cli_collect_machine, cli_answer_machine },
	{ "accel", NULL, "kvm", "the accelerator; there is no other", NULL,
	  cli_collect_accel, cli_answer_accel },
	{ "enable-kvm", NULL, NULL, "accepted; always on", NULL, cli_collect_nothing,
	  NULL },
	{ "name", NULL, "[guest=]NAME[,process=NAME]",
	  "name of the guest, and of the process", NULL, cli_collect_name, NULL },
	{ "uuid", NULL, "UUID", "the machine's UUID", NULL, cli_collect_uuid, NULL },
	{ "rtc", NULL, "[base=]utc|localtime|DATE[,clock=host][,driftfix=]",
	  "what the clock says at the start (default: utc)", NULL, cli_collect_rtc,
	  cli_answer_rtc },
	{ "smbios", NULL, "type=0|1|2|3|4|11|17[,KEY=TEXT...]",
	  "texts of the machine's tables, such as type=1,serial=", NULL,
	  cli_collect_smbios, NULL },
	{ "nodefaults", NULL, NULL, "no default devices", NULL, collect_nodefaults,
	  NULL },

	{ "kernel", NULL, "FILE", "boot this bzImage, ELF (PVH) or multiboot kernel",
	  "Direct boot", collect_kernel, NULL },
	{ "initrd", NULL, "FILE[ ARGS][,FILE...]",
	  "initial RAM disk, or multiboot modules", NULL, collect_initrd, NULL },
	{ "append", NULL, "TEXT", "kernel command line", NULL, collect_append, NULL },

	{ "boot", NULL, "[order=]cdn[,once=d][,menu=on][,splash-time=MS]...",
	  "what the BIOS tries: c disk, d CD, n network (" CONFIG_BOOT_ORDER ")",
	  "Firmware", config_boot, cli_answer_boot },
	{ "bios", NULL, "FILE", "the firmware (default: SeaBIOS, to boot from media)",
	  NULL, collect_bios, NULL },
	{ "L", NULL, "DIR", "look for firmware here first", NULL, collect_firmware_dir,
	  NULL },
	{ "fw_cfg", NULL, "[name=]NAME,file=FILE|string=TEXT",
	  "a file for the guest's firmware", NULL, collect_fw_cfg, NULL },
	{ "option-rom", NULL, "FILE", "an option ROM for the BIOS", NULL,
	  collect_option_rom, NULL },

	{ "drive", NULL, "file=FILE[,if=ide|virtio|pflash|none][,media=disk|cdrom]...",
	  "a disk or CD-ROM; 'help' lists the keys", "Devices", collect_drive,
	  cli_answer_drive },
	{ "blockdev", NULL, "DRIVER,node-name=NAME[,filename=FILE][,file=NODE]...",
	  "an image for a -device: raw, qcow2, file or host_device; as QMP's blockdev-add",
	  NULL, collect_blockdev, NULL },
	{ "snapshot", NULL, NULL,
	  "what is written to a -drive goes to a temporary image, until 'commit'", NULL,
	  collect_snapshot, NULL },
	{ "hda", NULL, "FILE", "a disk; short for -drive file=FILE,index=0", NULL,
	  collect_hda, NULL },
	{ "hdb", NULL, "FILE", "the same, index=1", NULL, collect_hdb, NULL },
	{ "hdc", NULL, "FILE", "the same, index=2", NULL, collect_hdc, NULL },
	{ "hdd", NULL, "FILE", "the same, index=3", NULL, collect_hdd, NULL },
	{ "cdrom", NULL, "FILE", "an ISO image or the host's drive, index=2", NULL,
	  collect_cdrom, NULL },
	{ "device", NULL, "NAME[,KEY=VALUE...]",
	  "a device; 'help' lists, NAME,help explains", NULL, collect_device,
	  answer_device },
	{ "usb", NULL, NULL, "a USB controller: -device qemu-xhci", NULL, collect_usb,
	  NULL },
	{ "usbdevice", NULL, "tablet|mouse|keyboard", "the same, and a device on it",
	  NULL, collect_usbdevice, NULL },
	{ "global", NULL, "DRIVER.PROPERTY=VALUE",
	  "a property of all devices of a kind, unless -device gives it", NULL,
	  cli_collect_global, NULL },
	{ "add-fd", NULL, "fd=N,set=SET",
	  "a descriptor that vmm was started with is /dev/fdset/SET in later options",
	  NULL, cli_collect_add_fd, NULL },
	{ "chardev", NULL, "BACKEND,id=ID[,KEY=VALUE...]",
	  "a character device; 'help' lists", NULL, collect_chardev, cli_answer_chardev },
	{ "serial", NULL, "[mon:]DEV",
	  "a serial port (default: stdio, if nothing else takes it); DEV: stdio, none, null, pty, file:P, pipe:P, "
	  "unix:P,server,nowait, tcp:HOST:PORT, telnet:HOST:PORT, /dev/TTY, chardev:ID; "
	  "mon: shares it with a monitor",
	  NULL, collect_serial, NULL },
	{ "debugcon", NULL, "DEV", "a debug console at port 0xe9; DEV as for -serial",
	  NULL, collect_debugcon, NULL },
	{ "balloon", NULL, "virtio|none", "short for -device virtio-balloon-pci", NULL,
	  collect_balloon, NULL },
	{ "netdev", NULL, "user|tap|stream,id=ID[,KEY=VALUE...]",
	  "a network for a card; 'help' lists the keys", NULL, collect_netdev,
	  cli_answer_netdev },
	{ "nic", NULL, "none|TYPE[,model=virtio|e1000][,mac=][,KEY=VALUE...]",
	  "a network and its card at once", NULL, collect_nic, cli_answer_nic },
	{ "net", NULL, "none|nic[,macaddr=]|TYPE[,KEY=VALUE...]",
	  "the same in two options", NULL, collect_net, cli_answer_nic },

	{ "nographic", NULL, NULL,
	  "no screen; serial port and monitor share the terminal (Ctrl-A h)",
	  "Display and behaviour", collect_nographic, NULL },
	{ "display", NULL, "none|vnc=:D[,KEY=VALUE...]", "no screen, or as -vnc", NULL,
	  collect_display, cli_answer_display },
	{ "vnc", NULL, "HOST:D|:D|unix:PATH[,password]...",
	  "show the screen to VNC clients; :D is for this host only", NULL, collect_vnc,
	  answer_vnc },
	{ "k", NULL, "LAYOUT",
	  "keyboard layout of the guest: pt-br, de, fr...; 'help' lists", NULL,
	  collect_keyboard, answer_keyboard },
	{ "vga", NULL, "std|none",
	  "graphics card (default: std when the guest starts in firmware)", NULL,
	  collect_vga, cli_answer_vga },
	{ "parallel", NULL, "none", "no parallel port", NULL, collect_none, NULL },
	{ "no-reboot", NULL, NULL, "end instead of rebooting", NULL, collect_no_reboot,
	  NULL },
	{ "no-shutdown", NULL, NULL, "stop instead of ending", NULL, collect_no_shutdown,
	  NULL },
	{ "action", NULL,
	  "[reboot=reset|shutdown][,shutdown=poweroff|pause][,panic=WHAT]...",
	  "what ends the machine; WHAT: shutdown, exit-failure (the same), pause, none",
	  NULL, cli_collect_action, cli_answer_action },
	{ "watchdog-action", NULL, "reset|shutdown|poweroff|pause|debug|none",
	  "what follows when a -device i6300esb barks (default: reset); or inject-nmi",
	  NULL, cli_collect_watchdog_action, NULL },
	{ "no-user-config", NULL, NULL, "accepted; there is none", NULL,
	  cli_collect_nothing, NULL },

	{ "monitor", NULL, "DEV", "the monitor for people; DEV as for -serial", "Monitor",
	  collect_monitor, NULL },
	{ "qmp", NULL, "DEV", "QMP, the monitor for programs", NULL, collect_qmp, NULL },
	{ "qmp-pretty", NULL, "DEV", "the same, answers over several lines", NULL,
	  collect_qmp_pretty, NULL },
	{ "mon", NULL, "[chardev=]ID[,mode=readline|control][,pretty=]",
	  "a monitor on a -chardev", NULL, collect_mon, NULL },
	{ "S", NULL, NULL, "do not start the guest; the monitor's 'cont' does", NULL,
	  collect_paused, NULL },
	{ "incoming", NULL, "tcp:HOST:PORT|unix:PATH|fd:N|file:PATH|defer",
	  "wait for a machine that 'migrate' sends, with the same options", NULL,
	  collect_incoming, NULL },
	{ "loadvm", NULL, "TAG", "start from what the monitor's 'savevm' saved", NULL,
	  collect_loadvm, NULL },
	{ "gdb", NULL, "DEV", "let GDB debug the guest; DEV as for -serial, or tcp::PORT",
	  NULL, collect_gdb, NULL },
	{ "s", NULL, NULL, "short for -gdb tcp::1234", NULL, collect_gdb_here, NULL },

	{ "daemonize", NULL, NULL,
	  "go to the background once the guest is set up; errors come before", "Process",
	  cli_collect_daemonize, NULL },
	{ "pidfile", NULL, "FILE", "write the process's number there", NULL,
	  cli_collect_pidfile, NULL },
	{ "runas", NULL, "USER|UID:GID", "become that user before the guest starts", NULL,
	  cli_collect_runas, NULL },
	{ "run-with", NULL, "user=USER|UID:GID", "the same", NULL, cli_collect_run_with,
	  NULL },
	{ "sandbox", NULL, "on|off[,spawn=allow|deny][,elevateprivileges=WHAT]",
	  "confine this process once the guest runs (default: on)", NULL,
	  cli_collect_sandbox, NULL },
	{ "options", NULL, "FILE", "options from a file, one a line", NULL,
	  cli_collect_options, NULL },
	{ "readconfig", NULL, "FILE", "options from sections, as QEMU has them", NULL,
	  cli_collect_readconfig, NULL },

	{ "D", NULL, "FILE", "write the log to a file", "Log and information",
	  collect_log_file, NULL },
	{ "d", NULL, "CLASS[,...]", "log more; 'help' lists the classes", NULL,
	  collect_log_classes, answer_log_classes },
	{ "msg", NULL, "timestamp=on|off", "the time before each message", NULL,
	  cli_collect_msg, cli_answer_msg },
	{ "state-dir", NULL, "DIR", "folder of host.json (default: /run/kvmkit)", NULL,
	  collect_state_dir, NULL },
	{ "h", "help", NULL, "this help", NULL, NULL, answer_help },
	{ "version", NULL, NULL, "the version", NULL, NULL, answer_version },
	{ "dump-options", NULL, NULL, NULL, NULL, NULL, answer_dump },
	{ "dump-foreign", NULL, NULL, NULL, NULL, NULL, answer_foreign },
	{ "dump-commands", NULL, NULL, NULL, NULL, NULL, answer_commands },
	{ .name = NULL },
};
