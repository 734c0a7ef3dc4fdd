/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the command line asked for. Options only collect into this; the board is built
 * from it, so that their order does not matter.
 */
#ifndef VMM_MACHINE_CONFIG_H
#define VMM_MACHINE_CONFIG_H

#include "common/opts.h"

#define CONFIG_MAX_CPUS 1024
#define CONFIG_DISKS    4 /* -hda to -hdd */
#define CONFIG_SERIALS  4
#define CONFIG_FDS      64
#define CONFIG_FDSETS   32

/* Strings in the order given. */
struct str_list {
	char **items;
	unsigned count;
};

struct smp_config {
	uint32_t cpus, sockets, cores, threads, maxcpus; /* 0: derived from the others */
};

/* -boot */
struct boot_config {
	char *order, *once; /* letters: a, b floppy, c disk, d CD-ROM, n network */
	bool menu, strict;
	char *splash;                       /* a picture, which the BIOS does not show */
	char *splash_time, *reboot_timeout; /* numbers of milliseconds, or NULL */
};

#define CONFIG_BOOT_ORDER "cad" /* the default */

struct smbios_texts;

/* When the guest's kernel says that it panicked. */
enum panic_action {
	PANIC_SHUTDOWN, /* the process ends, with an error */
	PANIC_PAUSE,
	PANIC_EXIT_FAILURE, /* the same as PANIC_SHUTDOWN */
	PANIC_NONE,         /* only the event */
	PANIC_ACTIONS
};

/* The words of -action and set-action, NULL-terminated: off (0) or on (1) of no_reboot
 * and no_shutdown, enum panic_action. */
extern const char *const reboot_words[], *const shutdown_words[];
extern const char *const panic_words[PANIC_ACTIONS + 1];

/* When the guest's watchdog barks; QEMU's words for it. */
enum watchdog_action {
	WATCHDOG_RESET,
	WATCHDOG_SHUTDOWN, /* the power button */
	WATCHDOG_POWEROFF,
	WATCHDOG_PAUSE,
	WATCHDOG_DEBUG, /* a message */
	WATCHDOG_NONE,  /* only the event */
	WATCHDOG_INJECT_NMI,
	WATCHDOG_ACTIONS
};
extern const char *const watchdog_words[WATCHDOG_ACTIONS + 1]; /* NULL-terminated */

struct vm_config {
	uint64_t ram;                    /* bytes */
	bool ram_given;                  /* by -m */
	char *mem_path, *memory_backend; /* or NULL */
	bool mem_prealloc, no_mem_merge, dump_core, mem_lock, cpu_pm, no_pit;
	struct str_list objects;
	struct smbios_texts *smbios; /* -smbios, or NULL */
	int64_t rtc_offset; /* seconds that the guest's clock is ahead of UTC at the start
	                     */
	struct smp_config smp;
	char *cpu;
	char *kernel, *initrd, *append;
	char *name;      /* of the guest */
	char *process;   /* name that the process shows, or NULL */
	char *state_dir; /* of the hand-off files, or NULL */
	char *disks[CONFIG_DISKS], *cdrom;
	struct str_list blockdevs, drives, devices, chardevs, serials;
	struct str_list netdevs, nics, nets;
	char *gdb; /* where a debugger may come, or NULL */
	struct str_list monitors, qmps, pretty_qmps, mons, debugcons, globals;
	char *bios;
	char *vnc;          /* -vnc, or NULL */
	const char *window; /* -display of a window, which does not exist here; or NULL */
	char *keyboard;     /* -k: the guest's layout, or NULL */
	char *vga;          /* "std", "none", or NULL: as the rest suggests */
	struct boot_config boot;
	struct str_list firmware_dirs, fw_cfg, option_roms;
	bool boot_given; /* some -boot */
	bool no_board;   /* -machine none: it answers monitors, and never runs */
	bool nodefaults, nographic, no_reboot, no_shutdown, usb;
	bool snapshot;      /* -snapshot */
	bool display_given; /* -display */
	bool daemonize;
	char *pidfile, *runas;        /* or NULL */
	bool no_sandbox;              /* -sandbox off */
	bool no_scripts;              /* -sandbox spawn=deny */
	bool no_elevation;            /* -sandbox elevateprivileges=deny */
	int keep_fds[CONFIG_FDS + 1]; /* descriptors that options name, and the log's */
	unsigned keep_count;
	/* -incoming defer: those that no option names, for migrate-incoming fd:N */
	int late_fds[CONFIG_FDS];
	unsigned late_count;
	/* -add-fd: what /dev/fdset/SET is */
	struct fdset {
		uint32_t set;
		int fd;
	} fdsets[CONFIG_FDSETS];
	unsigned fdset_count;
	uint8_t uuid[16]; /* in the text's order; all zero: none */
	enum panic_action panic;
	enum watchdog_action watchdog;
	char *loadvm;   /* -loadvm: a saved state, or NULL */
	char *incoming; /* -incoming: where a machine comes from, "defer", or NULL */
	/* Calls add for each option that takes an argument, with the name that QEMU has
	 * for it among its groups of options, and its keys (NULL: told elsewhere). */
	void (*list_options)(void (*add)(void *opaque, const char *group,
	                                 const struct opt_desc *keys),
	                     void *opaque);
	bool paused;   /* -S: wait for the monitor's "cont" */
	bool anything; /* some option was given */
};

void config_init(struct vm_config *config);
void config_free(struct vm_config *config);
void str_list_free(struct str_list *list);
/* Appends a copy. 0 or -ENOMEM. */
int str_list_add(struct str_list *list, const char *text);

/* An option gives a monitor a place of its own; "mon:" of other options does not count.
 */
bool config_has_monitor(const struct vm_config *config);
/* Some -device is of that model. */
bool config_has_device(const struct vm_config *config, const char *name);
/* DEV of -serial and its like is the terminal. */
bool config_is_stdio(const char *text);
/* Some option other than -serial asks for the terminal. */
bool config_wants_stdio(const struct vm_config *config);
/* Takes one -boot; several of them add up. */
int config_boot(struct vm_config *config, const char *text, struct err *err);
/* Its keys. */
extern const struct opt_desc boot_options[];
/* Letters of -boot order. -EINVAL with a sentence of usage. */
int config_check_order(const char *order, struct err *err);

/* Fills what the user left out, and checks that the numbers agree. */
int config_smp(struct smp_config *smp, struct err *err);

#endif
