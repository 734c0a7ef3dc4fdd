// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers by name, address translation, machine checks, and KVM's binary statistics
 * (Documentation/virt/kvm/api.rst, 4.133): a descriptor whose header tells where names
 * and values are. The kernel is trusted, but its layout is checked before memory is sized
 * by it.
 */
#include "vmm/kvm/inspect.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/kvm/internal.h"

#include <string.h>

#define STATS_MAX (1 << 20) /* bytes of names */

/* ---- registers ---- */

#define GENERAL(wide, narrow, field)                               \
	{ wide, false, offsetof(struct kvm_regs, field), 8 },      \
	{                                                          \
		narrow, false, offsetof(struct kvm_regs, field), 4 \
	}
#define NUMBERED(name)                                           \
	{                                                        \
#name, false, offsetof(struct kvm_regs, name), 8 \
	}
#define SPECIAL(name)                                            \
	{                                                        \
#name, true, offsetof(struct kvm_sregs, name), 8 \
	}
#define SEGMENT(name)                                                         \
	{ #name, true, offsetof(struct kvm_sregs, name.selector), 2 },        \
	{                                                                     \
#name ".base", true, offsetof(struct kvm_sregs, name.base), 8 \
	}

static const struct {
	char name[11];
	bool special; /* in struct kvm_sregs */
	uint16_t offset;
	uint8_t size;
} registers[] = {
	GENERAL("rax", "eax", rax),
	GENERAL("rbx", "ebx", rbx),
	GENERAL("rcx", "ecx", rcx),
	GENERAL("rdx", "edx", rdx),
	GENERAL("rsi", "esi", rsi),
	GENERAL("rdi", "edi", rdi),
	GENERAL("rbp", "ebp", rbp),
	GENERAL("rsp", "esp", rsp),
	GENERAL("rip", "eip", rip),
	GENERAL("rflags", "eflags", rflags),
	{ "pc", false, offsetof(struct kvm_regs, rip), 8 },
	{ "sp", false, offsetof(struct kvm_regs, rsp), 8 },
	{ "fp", false, offsetof(struct kvm_regs, rbp), 8 },
	NUMBERED(r8),
	NUMBERED(r9),
	NUMBERED(r10),
	NUMBERED(r11),
	NUMBERED(r12),
	NUMBERED(r13),
	NUMBERED(r14),
	NUMBERED(r15),
	SEGMENT(cs),
	SEGMENT(ds),
	SEGMENT(es),
	SEGMENT(fs),
	SEGMENT(gs),
	SEGMENT(ss),
	SPECIAL(cr0),
	SPECIAL(cr2),
	SPECIAL(cr3),
	SPECIAL(cr4),
	SPECIAL(efer),
};

int inspect_register(int fd, const char *name, uint64_t *value)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
		bool special = registers[i].special;

		if (strcmp(registers[i].name, name))
			continue;
		if (ioctl(fd, special ? KVM_GET_SREGS : KVM_GET_REGS,
		          special ? (void *)&sregs : (void *)&regs) < 0)
			return -errno;
		*value = 0;
		memcpy(value,
		       (special ? (char *)&sregs : (char *)&regs) + registers[i].offset,
		       registers[i].size);
		return 0;
	}
	return -ENOENT;
}

int inspect_translate(int fd, uint64_t gva, uint64_t *gpa)
{
	struct kvm_translation tr = { .linear_address = gva };

	if (ioctl(fd, KVM_TRANSLATE, &tr) < 0 || !tr.valid)
		return -EFAULT;
	*gpa = tr.physical_address;
	return 0;
}

int inspect_mce(int fd, const struct machine_check *m)
{
	struct kvm_x86_mce mce = {
		.status = m->status,
		.addr = m->addr,
		.misc = m->misc,
		.mcg_status = m->mcg_status,
		.bank = m->bank,
	};

	return ioctl(fd, KVM_X86_SET_MCE, &mce) < 0 ? -errno : 0;
}

/* ---- statistics ---- */

static int read_part(int fd, uint32_t offset, void *buf, size_t len)
{
	ssize_t n = fd_pread(fd, buf, len, offset);

	return n < 0 ? n : n == (ssize_t)len ? 0 : -EIO;
}

/* NULL: of a kernel that is newer than this. */
static const char *word(const char *const *words, unsigned count, unsigned n)
{
	return n < count ? words[n] : NULL;
}

static void describe(const struct kvm_stats_desc *desc, struct kvm_stat *stat)
{
	static const char *const types[] = { "cumulative", "instant", "peak",
		                             "linear-histogram", "log2-histogram" };
	static const char *const units[] = { NULL, "bytes", "seconds", "cycles",
		                             "boolean" };

	stat->type = word(types, ARRAY_SIZE(types), desc->flags & 15);
	stat->unit = word(units, ARRAY_SIZE(units), desc->flags >> 4 & 15);
	stat->base = desc->flags >> 8 & 15 ? 2 : 10;
	stat->exponent = desc->exponent;
	stat->bucket_size = desc->bucket_size;
	stat->count = desc->size;
}

static int read_stat(int fd, const struct kvm_stats_header *header,
                     const struct kvm_stats_desc *desc, kvm_stat_fn *fn, void *opaque)
{
	_cleanup_free_ uint64_t *values = NULL;
	_cleanup_free_ char *name = strndup(desc->name, header->name_size);
	struct kvm_stat stat = { .name = name };
	int ret;

	if (!desc->size)
		return -EPROTO;
	values = calloc(desc->size, sizeof(*values));
	if (!values || !name)
		return -ENOMEM;
	ret = read_part(fd, header->data_offset + desc->offset, values,
	                desc->size * sizeof(*values));
	describe(desc, &stat);
	stat.values = values;
	if (ret >= 0 && stat.type)
		fn(opaque, &stat);
	return ret;
}

static int read_stats(int fd, kvm_stat_fn *fn, void *opaque)
{
	struct kvm_stats_header header;
	_cleanup_free_ char *descs = NULL;
	size_t size;
	int ret = read_part(fd, 0, &header, sizeof(header));

	if (ret < 0)
		return ret;
	size = sizeof(struct kvm_stats_desc) + header.name_size;
	if (header.name_size > 1024 || header.num_desc > STATS_MAX / size || size % 8)
		return -EPROTO;
	descs = malloc(size * header.num_desc);
	if (!descs)
		return -ENOMEM;
	ret = read_part(fd, header.desc_offset, descs, size * header.num_desc);
	for (uint32_t i = 0; i < header.num_desc && ret >= 0; i++)
		ret = read_stat(fd, &header,
		                (const struct kvm_stats_desc *)(descs + i * size), fn,
		                opaque);
	return ret;
}

int inspect_stats(int fd, kvm_stat_fn *fn, void *opaque, struct err *err)
{
	_cleanup_close_ int stats = ioctl(fd, KVM_GET_STATS_FD, NULL);
	int ret;

	if (stats < 0)
		return err_set(err, ENOTSUP,
		               "this host's kernel does not show KVM's statistics (Linux "
		               "5.14 and later do)");
	ret = read_stats(stats, fn, opaque);
	return ret < 0 ? err_sys(err, -ret, "cannot read KVM's statistics") : 0;
}
