// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Persistence. The rule of a device runs at its "add" event, before the rule that loads
 * drivers by modalias: it reserves the device, loads the driver and lets it look, so the
 * host's driver finds the device taken whichever was loaded first. The softdep covers a
 * host's driver that is loaded by name. Both also have to be in the initramfs.
 */
#include "passthrough/persist.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MARK "# Written by kvm-assign persist; it is replaced as a whole.\n"

/* ---- the list ---- */

struct persisted *persist_find(const struct persist_list *list, const char *name)
{
	for (unsigned i = 0; i < list->count; i++)
		if (!strcmp(list->entry[i].name, name))
			return &list->entry[i];
	return NULL;
}

int persist_put(struct persist_list *list, const struct persisted *entry)
{
	struct persisted *old = persist_find(list, entry->name), *grown;

	if (old) {
		*old = *entry;
		return 0;
	}
	grown = realloc(list->entry, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->entry = grown;
	grown[list->count++] = *entry;
	return 0;
}

void persist_remove(struct persist_list *list, const char *name)
{
	struct persisted *old = persist_find(list, name);

	if (!old)
		return;
	list->count--;
	memmove(old, old + 1, (char *)(list->entry + list->count) - (char *)old);
}

void persist_free(struct persist_list *list)
{
	free(list->entry);
	*list = (struct persist_list){ 0 };
}

/* ---- reading the store ---- */

/* "-" stands for nothing. */
static bool take_word(const char *text, char word[DRIVER_SIZE])
{
	word[0] = '\0';
	if (!strcmp(text, "-"))
		return true;
	if (!driver_name_valid(text) || strpbrk(text, " \"\\$%"))
		return false;
	snprintf(word, DRIVER_SIZE, "%s", text);
	return true;
}

static bool take_hex16(const char *text, uint16_t *value)
{
	uint64_t v;

	if (opt_parse_hex(text, &v) < 0 || v > UINT16_MAX)
		return false;
	*value = v;
	return true;
}

/* ADDRESS VENDOR DEVICE DRIVER MODULE COUNT */
static bool parse_entry(char *line, struct persisted *e)
{
	struct pci_address address;
	char *word[6];
	uint64_t vfs;

	for (unsigned i = 0; i < 6; i++)
		if (!(word[i] = strsep(&line, " ")))
			return false;
	if (line || !pci_address_parse(word[0], &address) ||
	    !take_hex16(word[1], &e->vendor) || !take_hex16(word[2], &e->device) ||
	    !take_word(word[3], e->driver) || !take_word(word[4], e->module) ||
	    opt_parse_u64(word[5], &vfs) < 0 || vfs > UINT16_MAX)
		return false;
	pci_address_text(&address, e->name);
	e->vfs = vfs;
	return *e->driver || e->vfs;
}

static int parse_line(char *line, struct persist_list *list)
{
	struct persisted entry = { 0 };

	if (!strncmp(line, "#owner ", 7)) {
		snprintf(list->owner, sizeof(list->owner), "%s", line + 7);
		return strpbrk(list->owner, " \"\\$%") ? -EINVAL : 0;
	}
	if (strncmp(line, "#assign ", 8))
		return 0;
	return parse_entry(line + 8, &entry) ? persist_put(list, &entry) : -EINVAL;
}

int persist_parse(const char *text, struct persist_list *list, struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	int ret = copy ? 0 : -ENOMEM;

	if (!ret && strncmp(text, MARK, strlen(MARK)))
		ret = -EINVAL;
	while (!ret && (line = strsep(&rest, "\n")))
		ret = parse_line(line, list);
	if (ret == -EINVAL)
		return err_set(err, EINVAL,
		               "/" PERSIST_RULES
		               " is not as kvm-assign wrote it; move it "
		               "away, and persist the devices again");
	return ret < 0 ? err_sys(err, -ret, "cannot read /" PERSIST_RULES) : 0;
}

int persist_read(const struct sysroot *root, struct persist_list *list, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int ret;

	*list = (struct persist_list){ 0 };
	ret = sysroot_read(root, PERSIST_RULES, 1 << 20, &text);
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return err_sys(err, -ret, "cannot read /" PERSIST_RULES);
	return persist_parse(text, list, err);
}

/* ---- making the files ---- */

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void add_rules(const struct persist_list *list, struct strbuf *out)
{
	const char *owner = list->owner;

	strbuf_adds(out, MARK);
	if (*owner)
		strbuf_addf(out,
		            "#owner %s\nSUBSYSTEM==\"vfio\", %s:=\"%s\", MODE:=\"%s\"\n",
		            owner, *owner == ':' ? "GROUP" : "OWNER",
		            owner + (*owner == ':'), *owner == ':' ? "0660" : "0600");
	for (unsigned i = 0; i < list->count; i++) {
		const struct persisted *e = &list->entry[i];

		strbuf_addf(out, "#assign %s %04x %04x %s %s %u\n", e->name, e->vendor,
		            e->device, or_dash(e->driver), or_dash(e->module), e->vfs);
		strbuf_addf(out,
		            "ACTION==\"%s\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", "
		            "ATTR{vendor}==\"0x%04x\", ATTR{device}==\"0x%04x\", ",
		            e->vfs ? "bind" : "add", e->name, e->vendor, e->device);
		if (e->vfs)
			strbuf_addf(out,
			            "ATTR{sriov_drivers_autoprobe}=\"0\", "
			            "ATTR{sriov_numvfs}=\"%u\"\n",
			            e->vfs);
		else
			strbuf_addf(out,
			            "ATTR{driver_override}=\"%s\", RUN{builtin}+=\"kmod "
			            "load %s\", RUN+=\"/bin/sh -c 'echo %%k "
			            ">/sys/bus/pci/drivers_probe'\"\n",
			            e->driver, e->driver);
	}
}

/* One softdep for each module of the host. */
static void add_softdeps(const struct persist_list *list, struct strbuf *out)
{
	strbuf_adds(out, MARK);
	for (unsigned i = 0; i < list->count; i++) {
		const struct persisted *e = &list->entry[i];
		bool seen = false;

		for (unsigned k = 0; k < i; k++)
			seen |= !strcmp(list->entry[k].module, e->module) &&
			        !strcmp(list->entry[k].driver, e->driver);
		if (*e->module && *e->driver && !seen)
			strbuf_addf(out, "softdep %s pre: %s\n", e->module, e->driver);
	}
}

/* The drivers, each once, between separators. */
static void add_drivers(const struct persist_list *list, struct strbuf *out)
{
	for (unsigned i = 0; i < list->count; i++) {
		bool seen = !*list->entry[i].driver;

		for (unsigned k = 0; k < i; k++)
			seen |= !strcmp(list->entry[k].driver, list->entry[i].driver);
		if (!seen)
			strbuf_addf(out, " %s", list->entry[i].driver);
	}
}

static void add_hook(const struct persist_list *list, struct strbuf *out)
{
	strbuf_adds(out, "#!/bin/sh\n" MARK "[ \"$1\" != prereqs ] || exit 0\n"
	                 ". /usr/share/initramfs-tools/hook-functions\n"
	                 "manual_add_modules");
	add_drivers(list, out);
	strbuf_adds(out, "\nmkdir -p \"$DESTDIR/etc/udev/rules.d\"\n"
	                 "cp /" PERSIST_RULES " \"$DESTDIR/etc/udev/rules.d/\"\n");
}

static void add_dracut(const struct persist_list *list, struct strbuf *out)
{
	strbuf_adds(out, MARK "add_drivers+=\"");
	add_drivers(list, out);
	strbuf_adds(out, " \"\ninstall_items+=\" /" PERSIST_RULES " \"\n");
}

static void add_mkinitcpio(const struct persist_list *list, struct strbuf *out)
{
	strbuf_adds(out, MARK "MODULES+=(");
	add_drivers(list, out);
	strbuf_adds(out, " )\nFILES+=(/" PERSIST_RULES ")\n");
}

/* The first two are for every system; a file of the others where its mark exists. */
static const struct {
	const char *path, *mark, *rebuild;
	unsigned mode;
	void (*add)(const struct persist_list *list, struct strbuf *out);
} makers[PERSIST_FILES] = {
	{ PERSIST_RULES, NULL, NULL, 0644, add_rules },
	{ "etc/modprobe.d/kvm-assign.conf", NULL, NULL, 0644, add_softdeps },
	{ "etc/initramfs-tools/hooks/kvm-assign", "etc/initramfs-tools",
	  "update-initramfs -u -k all", 0755, add_hook },
	{ "etc/dracut.conf.d/kvm-assign.conf", "usr/lib/dracut",
	  "dracut --force --regenerate-all", 0644, add_dracut },
	{ "etc/mkinitcpio.conf.d/kvm-assign.conf", "etc/mkinitcpio.conf", "mkinitcpio -P",
	  0644, add_mkinitcpio },
};

int persist_files(const struct sysroot *root, const struct persist_list *list,
                  struct persist_file files[PERSIST_FILES], const char **rebuild,
                  struct err *err)
{
	*rebuild = NULL;
	for (unsigned i = 0; i < PERSIST_FILES; i++) {
		struct strbuf text = { 0 };

		files[i] = (struct persist_file){ makers[i].path, makers[i].mode, NULL };
		if (makers[i].mark && !sysroot_exists(root, makers[i].mark))
			continue;
		if (makers[i].mark && !*rebuild)
			*rebuild = makers[i].rebuild;
		if (!list->count)
			continue;
		makers[i].add(list, &text);
		files[i].text = strbuf_take(&text);
		if (!files[i].text)
			return err_sys(err, ENOMEM, "cannot make /%s", makers[i].path);
	}
	return 0;
}

static bool is_ours(const struct sysroot *root, const char *path)
{
	_cleanup_free_ char *text = NULL;
	int ret = sysroot_read_head(root, path, 4096, &text);

	return ret == -ENOENT || (!ret && strstr(text, MARK));
}

int persist_write(const struct sysroot *root,
                  const struct persist_file files[PERSIST_FILES], struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < PERSIST_FILES; i++)
		if (!is_ours(root, files[i].path))
			return err_set(err, EEXIST,
			               "/%s was not written by kvm-assign; move it away "
			               "first",
			               files[i].path);
	/* The store first: what is missing after a failure is made from it. */
	for (unsigned i = 0; i < PERSIST_FILES && !ret; i++) {
		ret = files[i].text ? sysroot_replace(root, files[i].path, files[i].text,
		                                      files[i].mode)
		                    : sysroot_remove(root, files[i].path);
		if (ret == -ENOENT && !files[i].text)
			ret = 0;
		if (ret < 0)
			err_sys(err, -ret, "cannot write /%s", files[i].path);
	}
	return ret;
}
