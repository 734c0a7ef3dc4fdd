// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Direct boot: which files, which format, and the call into the format's loader.
 *
 * A kernel is taken for the first format whose probe claims it; a damaged file of a known
 * format is reported as such, not passed on. The order is that of QEMU's -kernel. All
 * files stay open until boot_free(). Machine lock, or before vCPUs run.
 */
#include "vmm/machine/boot.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/machine/linuxboot.h"
#include "vmm/machine/multiboot.h"
#include "vmm/machine/pvh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct boot_format *const formats[] = {
	&linuxboot_format,
	&multiboot_format,
	&pvh_format,
};

static int open_file(struct loader_file *file, const char *what, const char *path,
                     const char *option, struct err *err)
{
	file->what = what;
	file->path = strdup(path);
	if (!file->path)
		return err_sys(err, ENOMEM, "%s", what);
	file->fd = fd_open_regular(path, what, &file->size, err);
	if (file->fd < 0) {
		err_hint(err, "check the path given to %s", option);
		return file->fd;
	}
	if (!file->size)
		return err_set(err, EINVAL, "the %s %s is empty; copy or build it again",
		               what, path);
	return 0;
}

/* One word of -initrd: a file name, then arguments behind a space. A name with spaces is
 * taken as it is if such a file exists. */
static int add_module(struct boot_source *src, char *text, struct err *err)
{
	struct boot_module *m;
	_cleanup_free_ char *path = NULL;
	size_t len = strcspn(text, " ");

	if (src->module_count == BOOT_MAX_MODULES) {
		free(text);
		return err_set(err, E2BIG, "-initrd has more than %d files",
		               BOOT_MAX_MODULES);
	}
	m = &src->modules[src->module_count++];
	m->file.fd = -1;
	m->text = text;
	if (!access(text, F_OK))
		len = strlen(text);
	m->args = text + len;
	if (*m->args)
		m->args++;
	path = strndup(text, len);
	if (!path)
		return err_sys(err, ENOMEM, "-initrd");
	return open_file(&m->file, "initrd", path, "-initrd", err);
}

static int add_modules(struct boot_source *src, const char *list, struct err *err)
{
	do {
		char *word = malloc(strlen(list) + 1), *out = word;
		int ret;

		if (!word)
			return err_sys(err, ENOMEM, "-initrd");
		for (; *list; list++) {
			if (*list == ',' && *++list != ',')
				break;
			*out++ = *list;
		}
		*out = '\0';
		ret = add_module(src, word, err);
		if (ret < 0)
			return ret;
	} while (*list);
	return 0;
}

static int probe(struct boot_source *src, struct err *err)
{
	uint8_t head[LOADER_HEAD] = { 0 };
	size_t len = src->kernel.size < sizeof(head) ? src->kernel.size : sizeof(head);
	int ret = loader_pread(&src->kernel, head, len, 0, err);

	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		ret = formats[i]->probe(src, head, len, err);
		if (ret < 0)
			return ret;
		if (ret) {
			src->format = formats[i];
			return 0;
		}
	}
	return err_set(err, ENOEXEC,
	               "the kernel %s is no x86 bzImage, PVH ELF or multiboot file; give "
	               "-kernel a vmlinuz or vmlinux file",
	               src->kernel.path);
}

static int open_source(struct boot_source *src, const struct boot_opts *opts,
                       struct err *err)
{
	int ret;

	src->kernel.fd = -1;
	src->cmdline = strdup(opts->append ? opts->append : "");
	if (!src->cmdline)
		return err_sys(err, ENOMEM, "-append");
	if (!opts->kernel) {
		if (opts->initrd || opts->append)
			return err_set(err, EINVAL,
			               "%s needs a kernel; name one with -kernel",
			               opts->initrd ? "-initrd" : "-append");
		src->format = &pvh_demo_format;
		return 0;
	}
	ret = open_file(&src->kernel, "kernel", opts->kernel, "-kernel", err);
	if (!ret)
		ret = probe(src, err);
	if (!ret && opts->initrd)
		ret = add_modules(src, opts->initrd, err);
	return ret;
}

struct boot_source *boot_open(const struct boot_opts *opts, struct err *err)
{
	struct boot_source *src = calloc(1, sizeof(*src));

	if (!src) {
		err_sys(err, ENOMEM, "boot loader");
		return NULL;
	}
	if (open_source(src, opts, err) < 0) {
		boot_free(src);
		return NULL;
	}
	return src;
}

int boot_load(struct boot_source *src, struct mem *mem, const struct boot_env *env,
              struct boot_entry *entry, struct err *err)
{
	/* Its area is cleared as it is used. */
	_cleanup_free_ struct loader *ld = malloc(sizeof(*ld));

	if (!ld)
		return err_sys(err, ENOMEM, "boot loader");
	*entry = (struct boot_entry){ 0 };
	ld->image_end = ld->area_used = 0;
	ld->src = src;
	ld->mem = mem;
	ld->env = env;
	e820_build(&ld->e820, env->low_top, env->high_size);
	return src->format->load(ld, entry, err);
}

static void free_file(struct loader_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
}

void boot_free(struct boot_source *src)
{
	if (!src)
		return;
	for (unsigned i = 0; i < src->module_count; i++) {
		free_file(&src->modules[i].file);
		free(src->modules[i].text);
	}
	free_file(&src->kernel);
	free(src->cmdline);
	free(src);
}

const char *boot_format(const struct boot_source *src)
{
	return src->format->name;
}
