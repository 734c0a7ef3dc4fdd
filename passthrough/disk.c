// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disks in use. A block device belongs to a function when its path in sysfs leads through
 * it, or through an NVMe controller of the multipath subsystem that holds it. Mounts are
 * compared by device number, and by name for file systems that hide the number (btrfs).
 * Last, an exclusive open asks the kernel itself: it knows users that show nowhere.
 */
#include "passthrough/disk.h"

#include "common/cleanup.h"
#include "passthrough/mounts.h"
#include "passthrough/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct disk {
	const struct sysroot *root;
	struct findings *findings;
	const char *name; /* "nvme0n1p2" */
	char number[24];  /* "259:2" */
	unsigned uses;    /* findings that refuse */
};

static void check_mounts(struct disk *disk)
{
	char source[300];

	snprintf(source, sizeof(source), "/dev/%.250s", disk->name);
	disk->uses += mounts_check(
		disk->root,
		&(struct mount_match){ .number = disk->number, .source = source },
		disk->name, disk->findings);
}

/* ---- swap, holders, what lies on it ---- */

static void check_swap(struct disk *disk)
{
	_cleanup_free_ char *text = NULL;
	char source[300];

	snprintf(source, sizeof(source), "/dev/%.250s", disk->name);
	if (sysroot_read(disk->root, "proc/swaps", 1 << 20, &text) < 0)
		return;
	for (const char *line = text; *line;) {
		size_t len;
		const char *at = line_word(line, 0, &len);

		if (at && strlen(source) == len && !memcmp(at, source, len)) {
			findings_add(disk->findings, REASON_SWAP,
			             "the host swaps to %s; run: swapoff %s", disk->name,
			             source);
			disk->uses++;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

static void note_dm(struct disk *disk, const char *holder)
{
	static const struct {
		const char *prefix, *kind, *undo;
	} kinds[] = {
		{ "LVM-", "the logical volume", "vgchange -an" },
		{ "CRYPT-", "the encrypted device", "cryptsetup close" },
		{ "mpath-", "the multipath device", "multipath -f" },
		{ "", "the mapped device", "dmsetup remove" },
	};
	char path[300], name[128], uuid[128];
	unsigned i = 0;

	snprintf(path, sizeof(path), "sys/class/block/%.200s/dm/name", holder);
	sysroot_line(disk->root, path, name, sizeof(name));
	snprintf(path, sizeof(path), "sys/class/block/%.200s/dm/uuid", holder);
	sysroot_line(disk->root, path, uuid, sizeof(uuid));
	while (strncmp(uuid, kinds[i].prefix, strlen(kinds[i].prefix)))
		i++;
	findings_add(disk->findings, REASON_DM, "%s is part of %s %s; first: %s",
	             disk->name, kinds[i].kind, *name ? name : holder, kinds[i].undo);
}

static void check_users(const struct sysroot *root, const char *name, unsigned depth,
                        struct findings *findings, struct disk *disk);

/* Devices made of this one, and what is made of those in turn. */
static void check_holders(struct disk *disk, unsigned depth)
{
	struct names names;
	char path[300];

	snprintf(path, sizeof(path), "sys/class/block/%.200s/holders", disk->name);
	sysroot_list(disk->root, path, &names);
	for (unsigned i = 0; i < names.count; i++) {
		disk->uses++;
		if (!strncmp(names.name[i], "dm-", 3))
			note_dm(disk, names.name[i]);
		else if (!strncmp(names.name[i], "md", 2))
			findings_add(disk->findings, REASON_MD,
			             "%s is part of the RAID %s; first: mdadm --stop "
			             "/dev/%s",
			             disk->name, names.name[i], names.name[i]);
		else
			findings_add(disk->findings, REASON_CLAIMED, "%s is used by %s",
			             disk->name, names.name[i]);
		if (depth < 8) {
			struct disk holder;

			check_users(disk->root, names.name[i], depth + 1, disk->findings,
			            &holder);
		}
	}
	names_free(&names);
}

/* Every imported pool has a folder there, besides ZFS's own files. */
static bool zfs_pool_imported(const struct sysroot *root)
{
	struct names names;
	bool found = false;

	sysroot_list(root, "proc/spl/kstat/zfs", &names);
	for (unsigned i = 0; i < names.count && !found; i++) {
		char path[300];

		snprintf(path, sizeof(path), "proc/spl/kstat/zfs/%.200s/state",
		         names.name[i]);
		found = sysroot_exists(root, path);
	}
	names_free(&names);
	return found;
}

/* udev's database knows what blkid found on the disk. */
static void check_content(struct disk *disk)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *type;

	snprintf(path, sizeof(path), "run/udev/data/b%s", disk->number);
	if (disk->uses || sysroot_read(disk->root, path, 1 << 20, &text) < 0)
		return;
	type = strstr(text, "E:ID_FS_TYPE=");
	type = type ? type + strlen("E:ID_FS_TYPE=") : "";
	if (!strncmp(type, "zfs_member\n", 11) && zfs_pool_imported(disk->root)) {
		findings_add(disk->findings, REASON_ZFS,
		             "%s belongs to ZFS and a pool is imported; first: zpool "
		             "export",
		             disk->name);
		disk->uses++;
	} else if (strstr(type, "_member\n")) {
		findings_add(disk->findings, REASON_SIGNATURE,
		             "%s is a %.*s, unused now; the guest will own it",
		             disk->name, (int)strcspn(type, "\n"), type);
	}
}

/* ---- the kernel's own word ---- */

static void check_claimed(struct disk *disk)
{
	_cleanup_close_ int fd = -1;
	char path[300];

	if (disk->uses || !disk->root->live || geteuid())
		return;
	snprintf(path, sizeof(path), "dev/%.250s", disk->name);
	fd = sysroot_open_node(disk->root, path, O_RDONLY | O_EXCL | O_NONBLOCK);
	if (fd == -EBUSY)
		findings_add(disk->findings, REASON_CLAIMED,
		             "%s is in use: the kernel refuses an exclusive open",
		             disk->name);
}

/* Fills disk, and adds the uses that files of /proc and /sys tell. */
static void check_users(const struct sysroot *root, const char *name, unsigned depth,
                        struct findings *findings, struct disk *disk)
{
	char path[300];

	*disk = (struct disk){ .root = root, .findings = findings, .name = name };
	snprintf(path, sizeof(path), "sys/class/block/%.250s/dev", name);
	sysroot_line(root, path, disk->number, sizeof(disk->number));
	check_mounts(disk);
	check_swap(disk);
	check_holders(disk, depth);
}

static void check_disk(const struct sysroot *root, const char *name,
                       struct findings *findings)
{
	struct disk disk;

	check_users(root, name, 0, findings, &disk);
	check_content(&disk);
	check_claimed(&disk);
}

/* ---- which disks ---- */

struct search {
	const char *function;
	bool found;
};

static void note_path(void *data, const char *path)
{
	struct search *search = data;

	search->found |= pci_path_through(path, search->function);
}

void disk_check(const struct sysroot *root, const struct pci_function *f,
                struct findings *findings)
{
	struct names names;

	sysroot_list(root, "sys/class/block", &names);
	for (unsigned i = 0; i < names.count; i++) {
		struct search search = { .function = f->name };
		char path[1024];

		if (class_path(root, "block", names.name[i], path, sizeof(path)) < 0)
			continue;
		note_path(&search, path);
		nvme_subsystem_paths(root, path, note_path, &search);
		if (search.found)
			check_disk(root, names.name[i], findings);
	}
	names_free(&names);
}
