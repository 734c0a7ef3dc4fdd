// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From kernel files to guest RAM.
 *
 * Files are read with pread() straight into the guest's memory: one copy, no buffer, and
 * a file that is cut while it is read gives a short count instead of a signal, which a
 * mapping would. Nothing from a file is used as an address or a length before it was
 * compared with the memory map that the guest will be told. Runs under the machine lock.
 */
#include "vmm/machine/loader.h"

#include "common/bytes.h"
#include "common/fdio.h"
#include "common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB(bytes) ((unsigned long long)(bytes) >> 20)

static int report_short(const struct loader_file *file, uint64_t want, uint64_t have,
                        struct err *err)
{
	return err_set(err, EINVAL,
	               "the %s %s is truncated: %llu bytes are needed, it has %llu; copy "
	               "or build it again",
	               file->what, file->path, (unsigned long long)want,
	               (unsigned long long)have);
}

int loader_pread(const struct loader_file *file, void *buf, size_t len, uint64_t offset,
                 struct err *err)
{
	ssize_t n;

	if (offset > file->size || len > file->size - offset)
		return report_short(file, offset + len, file->size, err);
	n = fd_pread(file->fd, buf, len, offset);
	if (n < 0)
		return err_sys(err, -n, "cannot read the %s %s", file->what, file->path);
	if ((size_t)n < len)
		return report_short(file, offset + len, offset + n, err);
	return 0;
}

int loader_read(struct loader *ld, const struct loader_file *file, uint64_t offset,
                uint64_t gpa, uint64_t len, struct err *err)
{
	void *host;
	int ret;

	if (!len)
		return 0;
	host = dma_map(ld->mem, gpa, len, true);
	if (!host)
		return err_set(err, EFAULT,
		               "the %s %s does not fit: 0x%llx-0x%llx is not RAM",
		               file->what, file->path, (unsigned long long)gpa,
		               (unsigned long long)(gpa + len - 1));
	ret = loader_pread(file, host, len, offset, err);
	dma_dirty(ld->mem, gpa, len);
	log_debug(LOG_C_BOOT, "%s %s: 0x%llx bytes at 0x%llx", file->what, file->path,
	          (unsigned long long)len, (unsigned long long)gpa);
	return ret;
}

int loader_claim(struct loader *ld, uint64_t gpa, uint64_t len, struct err *err)
{
	const char *path = ld->src->kernel.path ? ld->src->kernel.path : "(built-in)";

	if (!len)
		return 0;
	if (gpa >= LAYOUT_1M && gpa < ld->env->low_top && len > ld->env->low_top - gpa)
		return err_set(err, ENOMEM,
		               "the kernel %s needs RAM from %llu MiB to %llu MiB, the "
		               "guest's ends at %llu MiB; give it more with -m",
		               path, MIB(gpa), MIB(gpa + len + (1 << 20) - 1),
		               MIB(ld->env->low_top));
	/* Guests start in 32-bit mode, or with the first 4 GiB mapped. */
	if (!e820_is_ram(&ld->e820, gpa, len) || gpa >= LAYOUT_4G)
		return err_set(
			err, EFAULT,
			"the kernel %s wants to be at 0x%llx (0x%llx bytes), where "
			"the guest has no free RAM; give it more with -m, or link it "
			"to another address",
			path, (unsigned long long)gpa, (unsigned long long)len);
	if (gpa < LAYOUT_BOOT_END && LAYOUT_BOOT < gpa + len)
		return err_set(
			err, EFAULT,
			"the kernel %s covers 0x%llx-0x%llx, which the loader needs "
			"for boot information; link it to another address",
			path, LAYOUT_BOOT, LAYOUT_BOOT_END - 1);
	if (gpa + len > ld->image_end)
		ld->image_end = gpa + len;
	return 0;
}

int loader_check_image(const struct loader_image *image, const struct loader_file *file,
                       struct err *err)
{
	for (unsigned i = 0; i < image->count; i++) {
		const struct loader_segment *s = &image->segments[i];

		if (s->file_len > s->mem_len || s->gpa + s->mem_len < s->gpa)
			return err_set(err, EINVAL,
			               "the kernel %s is damaged: the sizes of segment "
			               "%u make no sense; build it again",
			               file->path, i);
		if (s->offset > file->size || s->file_len > file->size - s->offset)
			return report_short(file, s->offset + s->file_len, file->size,
			                    err);
		for (unsigned j = 0; j < i; j++) {
			const struct loader_segment *o = &image->segments[j];

			if (s->gpa < o->gpa + o->mem_len && o->gpa < s->gpa + s->mem_len)
				return err_set(err, EINVAL,
				               "the kernel %s is damaged: its segments "
				               "%u and %u overlap at 0x%llx; build it "
				               "again",
				               file->path, j, i,
				               (unsigned long long)s->gpa);
		}
	}
	if (!image->count)
		return err_set(err, EINVAL,
		               "the kernel %s has nothing to load (no PT_LOAD segment)",
		               file->path);
	return 0;
}

int loader_load_image(struct loader *ld, struct err *err)
{
	const struct loader_image *image = &ld->src->image;

	for (unsigned i = 0; i < image->count; i++) {
		const struct loader_segment *s = &image->segments[i];
		uint64_t rest = s->mem_len - s->file_len;
		int ret = loader_claim(ld, s->gpa, s->mem_len, err);

		if (!ret)
			ret = loader_read(ld, &ld->src->kernel, s->offset, s->gpa,
			                  s->file_len, err);
		if (ret < 0)
			return ret;
		/* Untouched RAM is zero: do not make the host allocate it. */
		if (!ld->env->fresh && rest)
			dma_set(ld->mem, s->gpa + s->file_len, 0, rest);
	}
	return 0;
}

int loader_place_modules(struct loader *ld, uint64_t limit, uint64_t *base, uint64_t *len,
                         struct err *err)
{
	struct boot_source *src = ld->src;
	uint64_t first = align_up(ld->image_end, LAYOUT_PAGE), total = 0, at;
	uint64_t top = limit && limit < ld->env->low_top ? limit : ld->env->low_top;

	*base = *len = 0;
	if (!src->module_count)
		return 0;
	if (first < LAYOUT_1M)
		first = LAYOUT_1M;
	top = align_down(top, LAYOUT_PAGE);
	for (unsigned i = 0; i < src->module_count; i++) {
		const struct loader_file *file = &src->modules[i].file;

		if (first > top || file->size > top - first - total ||
		    align_up(file->size, LAYOUT_PAGE) > top - first - total)
			return err_set(err, ENOMEM,
			               "the initrd %s (%llu MiB) does not fit into the "
			               "%llu MiB of RAM beside the kernel; give the "
			               "guest more with -m",
			               file->path, MIB(file->size + (1 << 20) - 1),
			               MIB(ld->env->low_top));
		total += align_up(file->size, LAYOUT_PAGE);
	}
	*base = at = limit ? top - total : first;
	for (unsigned i = 0; i < src->module_count; i++) {
		struct boot_module *m = &src->modules[i];
		uint64_t end = at + m->file.size;
		int ret = loader_read(ld, &m->file, 0, at, m->file.size, err);

		if (ret < 0)
			return ret;
		m->gpa = at;
		at = align_up(end, LAYOUT_PAGE);
		if (!ld->env->fresh)
			dma_set(ld->mem, end, 0, at - end);
		*len = end - *base;
	}
	return 0;
}

void *loader_area(struct loader *ld, size_t len, size_t align, uint32_t *gpa)
{
	size_t at = align_up(ld->area_used, align);

	if (at > sizeof(ld->area) || len > sizeof(ld->area) - at)
		return NULL;
	memset(ld->area + ld->area_used, 0, at + len - ld->area_used);
	ld->area_used = at + len;
	*gpa = LAYOUT_BOOT + at;
	return ld->area + at;
}

uint32_t loader_string(struct loader *ld, const char *text)
{
	size_t len = strlen(text) + 1;
	uint32_t gpa;
	char *copy = loader_area(ld, len, 1, &gpa);

	if (!copy)
		return 0;
	memcpy(copy, text, len);
	return gpa;
}

int loader_area_full(const struct loader *ld, struct err *err)
{
	return err_set(
		err, E2BIG,
		"the boot information does not fit into %zu bytes (the command line "
		"has %zu); shorten -append or the arguments of -initrd",
		sizeof(ld->area), strlen(ld->src->cmdline));
}

/* Identity map of 4 GiB with 2 MiB pages, which every 64-bit CPU has. */
static int add_page_tables(struct loader *ld, struct boot_entry *entry, struct err *err)
{
	enum { PRESENT_WRITABLE = 3, LARGE = 0x80, TABLE = 4096, GIBS = 4 };
	uint32_t gpa;
	uint8_t *p = loader_area(ld, TABLE * (2 + GIBS), TABLE, &gpa);

	if (!p)
		return loader_area_full(ld, err);
	st64(p, (gpa + TABLE) | PRESENT_WRITABLE);
	for (unsigned i = 0; i < GIBS; i++)
		st64(p + TABLE + i * 8, (gpa + TABLE * (2 + i)) | PRESENT_WRITABLE);
	for (uint64_t i = 0; i < GIBS * 512; i++)
		st64(p + 2 * TABLE + i * 8, i << 21 | LARGE | PRESENT_WRITABLE);
	entry->cr3 = gpa;
	return 0;
}

int loader_finish(struct loader *ld, struct boot_entry *entry, struct err *err)
{
	/* Flat 4 GiB segments, accessed bit set; the code segment's L or D bit by mode.
	 */
	enum { CODE32 = 0xcf9b, CODE64 = 0xaf9b, DATA = 0xcf93, TSS = 0x008b };
	uint32_t gdt;
	uint8_t *p;
	int ret;

	if (entry->mode == BOOT_LONG64) {
		ret = add_page_tables(ld, entry, err);
		if (ret < 0)
			return ret;
	}
	p = loader_area(ld, 6 * 8, 8, &gdt);
	if (!p)
		return loader_area_full(ld, err);
	st64(p + BOOT_CS, 0xffff);
	st64(p + BOOT_DS, 0xffff);
	st16(p + BOOT_CS + 5, entry->mode == BOOT_LONG64 ? CODE64 : CODE32);
	st16(p + BOOT_DS + 5, DATA);
	st16(p + BOOT_TR, 0x67);
	st16(p + BOOT_TR + 5, TSS);
	entry->gdt_base = gdt;
	entry->gdt_limit = 6 * 8 - 1;
	entry->rsp = LAYOUT_BOOT;
	ret = dma_write(ld->mem, LAYOUT_BOOT, ld->area, ld->area_used);
	if (ret < 0)
		return err_set(err, -ret,
		               "no RAM at 0x%llx for boot information; give the guest at "
		               "least 1 MiB with -m",
		               LAYOUT_BOOT);
	log_debug(LOG_C_BOOT, "entry at 0x%llx", (unsigned long long)entry->rip);
	return 0;
}
