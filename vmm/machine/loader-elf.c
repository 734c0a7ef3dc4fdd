// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program headers of a 32- or 64-bit x86 executable (System V ABI, chapter 5).
 *
 * Only what a boot loader needs: PT_LOAD segments go to p_paddr, PT_NOTE segments are
 * searched for Xen's PHYS32_ENTRY note. Both widths are turned into one form first, so
 * that each check exists once. Called from boot_open().
 */
#include "vmm/machine/loader-elf.h"

#include "common/bytes.h"
#include "common/cleanup.h"

#include <elf.h>
#include <errno.h>

enum {
	NOTE_MAX = 64 << 10,           /* bytes searched in one PT_NOTE segment */
	XEN_ELFNOTE_PHYS32_ENTRY = 18, /* xen/include/public/elfnote.h */
};

bool elf_recognize(const uint8_t *head, size_t len)
{
	return len >= EI_NIDENT && !memcmp(head, ELFMAG, SELFMAG);
}

static int damaged(const struct loader_file *file, const char *why, struct err *err)
{
	return err_set(err, EINVAL, "the kernel %s is not a usable ELF executable: %s",
	               file->path, why);
}

/* The ELF header, widened. */
static int read_ehdr(const struct loader_file *file, struct loader_image *image,
                     Elf64_Ehdr *eh, struct err *err)
{
	uint8_t raw[sizeof(Elf64_Ehdr)] = { 0 };
	Elf32_Ehdr small;
	int ret = loader_pread(file, raw, sizeof(small), 0, err);

	if (ret < 0)
		return ret;
	if (raw[EI_DATA] != ELFDATA2LSB || raw[EI_VERSION] != EV_CURRENT)
		return damaged(file, "it is not little-endian ELF version 1", err);
	image->is64 = raw[EI_CLASS] == ELFCLASS64;
	if (image->is64) {
		ret = loader_pread(file, eh, sizeof(*eh), 0, err);
		if (ret < 0)
			return ret;
	} else if (raw[EI_CLASS] == ELFCLASS32) {
		memcpy(&small, raw, sizeof(small));
		*eh = (Elf64_Ehdr){
			.e_type = small.e_type,
			.e_machine = small.e_machine,
			.e_entry = small.e_entry,
			.e_phoff = small.e_phoff,
			.e_phentsize = small.e_phentsize,
			.e_phnum = small.e_phnum,
		};
	} else {
		return damaged(file, "it is neither 32-bit nor 64-bit", err);
	}
	if (eh->e_machine != EM_X86_64 && eh->e_machine != EM_386)
		return damaged(file, "it is for another kind of CPU, not for x86", err);
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return damaged(file, "it is an object or core file; link it first", err);
	if (eh->e_phentsize != (image->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return damaged(file, "its program headers have an unknown size", err);
	if (!eh->e_phnum || eh->e_phnum > LOADER_MAX_SEGMENTS)
		return damaged(file, "it has no program headers, or more than 64", err);
	image->machine = eh->e_machine;
	return 0;
}

static int read_phdr(const struct loader_file *file, bool is64, const Elf64_Ehdr *eh,
                     unsigned i, Elf64_Phdr *ph, struct err *err)
{
	uint64_t at = eh->e_phoff + (uint64_t)i * eh->e_phentsize;
	Elf32_Phdr small;
	int ret;

	if (eh->e_phoff > file->size)
		return damaged(file, "it is truncated before its program headers", err);
	if (is64)
		return loader_pread(file, ph, sizeof(*ph), at, err);
	ret = loader_pread(file, &small, sizeof(small), at, err);
	if (ret < 0)
		return ret;
	*ph = (Elf64_Phdr){
		.p_type = small.p_type,
		.p_offset = small.p_offset,
		.p_vaddr = small.p_vaddr,
		.p_paddr = small.p_paddr,
		.p_filesz = small.p_filesz,
		.p_memsz = small.p_memsz,
		.p_align = small.p_align,
	};
	return 0;
}

/* Walks one note segment: {namesz, descsz, type, name, desc}, both padded to `align`. */
static void scan_notes(const uint8_t *notes, size_t len, size_t align,
                       struct loader_image *image)
{
	size_t at = 0;

	while (len - at >= sizeof(Elf32_Nhdr)) {
		uint32_t namesz = ld32(notes + at), descsz = ld32(notes + at + 4);
		uint32_t type = ld32(notes + at + 8);
		size_t name = at + sizeof(Elf32_Nhdr), desc, next;

		if (namesz > len - name)
			return;
		desc = align_up(name + namesz, align);
		if (desc > len || descsz > len - desc)
			return;
		if (type == XEN_ELFNOTE_PHYS32_ENTRY && namesz == 4 &&
		    !memcmp(notes + name, "Xen", 4) && (descsz == 4 || descsz == 8)) {
			image->has_pvh = true;
			image->pvh_entry = ldn(notes + desc, descsz);
		}
		next = align_up(desc + descsz, align);
		if (next > len)
			return;
		at = next;
	}
}

static int read_notes(const struct loader_file *file, const Elf64_Phdr *ph,
                      struct loader_image *image, struct err *err)
{
	size_t len = ph->p_filesz < NOTE_MAX ? ph->p_filesz : NOTE_MAX;
	_cleanup_free_ uint8_t *notes = malloc(len + 1);
	int ret;

	if (!notes)
		return err_sys(err, ENOMEM, "notes of the kernel %s", file->path);
	ret = loader_pread(file, notes, len, ph->p_offset, err);
	if (!ret)
		scan_notes(notes, len, ph->p_align == 8 ? 8 : 4, image);
	return ret;
}

int elf_parse(const struct loader_file *file, struct loader_image *image, struct err *err)
{
	Elf64_Ehdr eh;
	int ret;

	*image = (struct loader_image){ 0 };
	ret = read_ehdr(file, image, &eh, err);
	if (ret < 0)
		return ret;
	image->entry = eh.e_entry;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		ret = read_phdr(file, image->is64, &eh, i, &ph, err);
		if (!ret && ph.p_type == PT_NOTE)
			ret = read_notes(file, &ph, image, err);
		if (ret < 0)
			return ret;
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		image->segments[image->count++] = (struct loader_segment){
			.gpa = ph.p_paddr,
			.mem_len = ph.p_memsz,
			.offset = ph.p_offset,
			.file_len = ph.p_filesz,
		};
		/* e_entry is virtual; the CPU starts without paging. */
		if (eh.e_entry - ph.p_vaddr < ph.p_memsz)
			image->entry = eh.e_entry - ph.p_vaddr + ph.p_paddr;
	}
	return loader_check_image(image, file, err);
}
