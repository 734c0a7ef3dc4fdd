// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel modules, read from files alone so that a captured host answers like a live one.
 * /sys/module/X exists for a loaded module (with initstate) and for a built-in one that
 * has parameters (without). modprobe.d(5): five directories, a file in an earlier one
 * hides the same name in a later one.
 */
#include "probe/module.h"

#include "common/cleanup.h"
#include "probe/cmdline.h"
#include "probe/modoption.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const module_names[MODULE_COUNT] = {
	[MODULE_KVM] = "kvm",
	[MODULE_KVM_INTEL] = "kvm_intel",
	[MODULE_KVM_AMD] = "kvm_amd",
	[MODULE_KVM_PVM] = "kvm_pvm",
	[MODULE_VBOXDRV] = "vboxdrv",
	[MODULE_VMMON] = "vmmon",
	[MODULE_VHOST_NET] = "vhost_net",
	[MODULE_TUN] = "tun",
	[MODULE_VFIO_PCI] = "vfio_pci",
	[MODULE_VFIO_IOMMU_TYPE1] = "vfio_iommu_type1",
};

static bool same_name(const char *text, size_t len, const char *name)
{
	size_t i;

	for (i = 0; i < len && name[i]; i++) {
		char c = text[i] == '-' ? '_' : text[i];

		if (c != name[i])
			return false;
	}
	return i == len && !name[i];
}

bool module_listed(const char *list, const char *name)
{
	for (const char *line = list; *line;) {
		size_t len = strcspn(line, ":\n"), base = len, end;

		while (base && line[base - 1] != '/')
			base--;
		for (end = base; end < len && line[end] != '.'; end++)
			;
		if (same_name(line + base, end - base, name))
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

/* The next word of a line in [*p, end), or NULL. */
static const char *next_word(const char **p, const char *end, size_t *len)
{
	const char *word = *p;

	while (word < end && isblank((unsigned char)*word))
		word++;
	*p = word;
	while (*p < end && !isblank((unsigned char)**p))
		(*p)++;
	*len = *p - word;
	return *len ? word : NULL;
}

static void scan_line(const char *line, const char *end, const char *path,
                      unsigned number, struct modules_facts *modules)
{
	size_t key_len, len;
	const char *key = next_word(&line, end, &key_len);
	const char *name = key ? next_word(&line, end, &len) : NULL;
	bool install = key && same_name(key, key_len, "install");

	if (!name || !(install || same_name(key, key_len, "blacklist")))
		return;
	for (unsigned i = 0; i < MODULE_COUNT; i++) {
		struct module_facts *m = &modules->module[i];
		char *where = install ? m->install : m->blacklist;

		if (same_name(name, len, module_names[i]) && !*where)
			snprintf(where, sizeof(m->install), "%s:%u", path, number);
	}
}

void module_scan_conf(const char *text, const char *path, struct modules_facts *modules)
{
	unsigned number = 1;

	for (const char *line = text; *line; number++) {
		const char *end = line + strcspn(line, "\n");

		scan_line(line, end, path, number, modules);
		line = end + (*end == '\n');
	}
}

static const char *const conf_dirs[] = {
	"etc/modprobe.d",     "run/modprobe.d", "usr/local/lib/modprobe.d",
	"usr/lib/modprobe.d", "lib/modprobe.d",
};

static bool hidden_by_earlier(const struct sysroot *root, unsigned dir, const char *name)
{
	char path[512];

	for (unsigned i = 0; i < dir; i++) {
		snprintf(path, sizeof(path), "%s/%s", conf_dirs[i], name);
		if (sysroot_exists(root, path))
			return true;
	}
	return false;
}

static void scan_conf_dir(const struct sysroot *root, unsigned dir,
                          struct modules_facts *modules, struct module_options *options)
{
	struct names names;

	/* A missing directory lists no names. */
	sysroot_list(root, conf_dirs[dir], &names);
	for (unsigned i = 0; i < names.count; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len = strlen(names.name[i]);
		char path[512];

		if (len < 6 || strcmp(names.name[i] + len - 5, ".conf") ||
		    hidden_by_earlier(root, dir, names.name[i]))
			continue;
		snprintf(path, sizeof(path), "%s/%s", conf_dirs[dir], names.name[i]);
		if (!sysroot_read(root, path, 1 << 20, &text)) {
			snprintf(path, sizeof(path), "/%s/%s", conf_dirs[dir],
			         names.name[i]);
			module_scan_conf(text, path, modules);
			module_options_scan(text, path, options);
		}
	}
	names_free(&names);
}

/* "Y", "1", "N" or "0". */
static int read_param(const struct sysroot *root, const char *module, const char *param)
{
	char path[128], buf[16];

	snprintf(path, sizeof(path), "sys/module/%s/parameters/%s", module, param);
	if (sysroot_line(root, path, buf, sizeof(buf)) < 0)
		return -1;
	if (strchr("Yy1", buf[0]) && buf[0])
		return 1;
	return buf[0] == 'N' || buf[0] == 'n' || buf[0] == '0' ? 0 : -1;
}

static int either(int a, int b)
{
	return a >= 0 ? a : b;
}

static bool in_proc_modules(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = list; line && *line;) {
		if (!strncmp(line, name, n) && line[n] == ' ')
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

static int state_of(const struct sysroot *root, const char *name, const char *loaded,
                    const char *builtin, const char *files)
{
	char path[96];

	if (loaded && in_proc_modules(loaded, name))
		return MODULE_LOADED;
	snprintf(path, sizeof(path), "sys/module/%s", name);
	if (sysroot_exists(root, path)) {
		snprintf(path, sizeof(path), "sys/module/%s/initstate", name);
		return sysroot_exists(root, path) ? MODULE_LOADED : MODULE_BUILTIN;
	}
	if (builtin && module_listed(builtin, name))
		return MODULE_BUILTIN;
	return files && module_listed(files, name) ? MODULE_AVAILABLE : MODULE_MISSING;
}

/* A list in /lib/modules, which is /usr/lib/modules where the two are not merged. */
static char *read_list(const struct sysroot *root, const char *kernel, const char *file)
{
	static const char *const tops[] = { "lib/modules", "usr/lib/modules" };
	char *text = NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(tops) && !text; i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s/%s/%s", tops[i], kernel, file);
		if (sysroot_read(root, path, 16 << 20, &text) < 0)
			text = NULL;
	}
	return text;
}

static void read_params(const struct sysroot *root, struct modules_facts *modules)
{
	modules->nested = either(read_param(root, "kvm_intel", "nested"),
	                         read_param(root, "kvm_amd", "nested"));
	modules->slat = either(read_param(root, "kvm_intel", "ept"),
	                       read_param(root, "kvm_amd", "npt"));
	modules->unrestricted_guest = read_param(root, "kvm_intel", "unrestricted_guest");
	modules->enable_virt_at_load = read_param(root, "kvm", "enable_virt_at_load");
	modules->sig_enforce = read_param(root, "module", "sig_enforce");
}

void modules_gather(const struct sysroot *root, const char *kernel, const char *cmdline,
                    struct modules_facts *modules)
{
	_cleanup_free_ char *loaded = NULL, *builtin = NULL, *files = NULL;
	struct module_options options = { 0 };
	char buf[16];

	if (!sysroot_read(root, "proc/modules", 1 << 20, &loaded))
		modules->supported = true;
	if (*kernel) {
		builtin = read_list(root, kernel, "modules.builtin");
		files = read_list(root, kernel, "modules.dep");
	}
	modules->directory = builtin || files;
	sysroot_line(root, "proc/sys/kernel/modules_disabled", buf, sizeof(buf));
	modules->disabled = buf[0] == '1' || cmdline_has(cmdline, "nomodule");
	for (unsigned i = 0; i < ARRAY_SIZE(conf_dirs); i++)
		scan_conf_dir(root, i, modules, &options);
	module_options_cmdline(cmdline, &options);
	strcpy(modules->conflict, options.conflict);
	strcpy(modules->vfio_ids, options.vfio_ids);
	for (unsigned i = 0; i < MODULE_COUNT; i++) {
		struct module_facts *m = &modules->module[i];

		m->state = state_of(root, module_names[i], loaded, builtin, files);
		m->refused =
			cmdline_list_has(cmdline, "module_blacklist", module_names[i]);
		if (!*m->blacklist &&
		    cmdline_list_has(cmdline, "modprobe.blacklist", module_names[i]))
			snprintf(m->blacklist, sizeof(m->blacklist),
			         "/proc/cmdline (modprobe.blacklist)");
	}
	read_params(root, modules);
}
