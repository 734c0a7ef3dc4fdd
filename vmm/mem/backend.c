// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest RAM from the host: private anonymous memory, a file (also of hugetlbfs), or a
 * memfd. A mapping starts at a multiple of 2 MiB, or of the file's own larger pages, so
 * that KVM can map huge pages where host and guest addresses agree. The file descriptor
 * is not kept: the mapping holds the memory. Main thread, before vCPUs run.
 */
#include "vmm/mem/backend.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/strbuf.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PAGE      4096
#define HUGE_PAGE (2ull << 20)

/* ---- keys ---- */

static const char *const only_off[] = { "off", NULL };
static const char *const only_default[] = { "default", NULL };

#define ROW(key, kind, field, ...)                                         \
	{                                                                  \
		.name = key, .type = kind,                                 \
		.offset = offsetof(struct mem_backend, field), __VA_ARGS__ \
	}
#define FIXED(key, words, text) ROW(key, OPT_ENUM, unused, .choices = words, .help = text)

#define COMMON_ROWS(share_default)                                                   \
	ROW("id", OPT_STR, id, .help = "a name"),                                    \
		ROW("size", OPT_SIZE, size, .help = "bytes, with a suffix k, M, G"), \
		ROW("share", OPT_BOOL, share, .def = share_default,                  \
	            .help = "other processes may see it"),                           \
		ROW("prealloc", OPT_BOOL, prealloc, .def = "off",                    \
	            .help = "all of it is there before the guest starts"),           \
		ROW("merge", OPT_BOOL, merge, .def = "on",                           \
	            .help = "the host's KSM may merge equal pages"),                 \
		ROW("dump", OPT_BOOL, dump, .def = "off",                            \
	            .help = "it is part of core dumps"),                             \
		FIXED("policy", only_default, "the host's NUMA policy is the process's")

static const struct opt_desc ram_rows[] = { COMMON_ROWS("off"), { .name = NULL } };

static const struct opt_desc file_rows[] = {
	COMMON_ROWS("off"),
	ROW("mem-path", OPT_STR, path,
	    .help = "a file, or a folder for one without a name"),
	ROW("discard-data", OPT_BOOL, discard, .def = "off",
	    .help = "the file's contents go when the machine ends"),
	FIXED("pmem", only_off, "it is no persistent memory"),
	FIXED("readonly", only_off, "guests write to their RAM"),
	{ .name = NULL },
};

static const struct opt_desc memfd_rows[] = {
	COMMON_ROWS("on"),
	ROW("hugetlb", OPT_BOOL, hugetlb, .def = "off", .help = "of huge pages"),
	ROW("hugetlbsize", OPT_SIZE, hugetlb_size,
	    .help = "their size, such as 2M or 1G"),
	ROW("seal", OPT_BOOL, seal, .def = "on", .help = "its size is fixed"),
	{ .name = NULL },
};

const struct opt_desc *const mem_backend_tables[] = {
	[MEM_BACKEND_RAM] = ram_rows,
	[MEM_BACKEND_FILE] = file_rows,
	[MEM_BACKEND_MEMFD] = memfd_rows,
};

static const char *const kind_names[] = {
	[MEM_BACKEND_RAM] = "memory-backend-ram",
	[MEM_BACKEND_FILE] = "memory-backend-file",
	[MEM_BACKEND_MEMFD] = "memory-backend-memfd",
};

int mem_backend_find_kind(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kind_names); i++)
		if (!strcmp(kind_names[i], name))
			return i;
	return -1;
}

const char *mem_backend_kind_name(enum mem_backend_kind kind)
{
	return kind_names[kind];
}

int mem_backend_parse(struct mem_backend *b, enum mem_backend_kind kind,
                      struct opt_list *list, struct err *err)
{
	int ret;

	*b = (struct mem_backend){ .kind = kind };
	ret = opts_apply(mem_backend_tables[kind], list, b, NULL, err);
	if (ret < 0)
		return ret;
	if (!b->size || b->size % PAGE)
		return err_usage(err, "size= is missing, or not a multiple of 4k");
	if (kind == MEM_BACKEND_FILE && !b->path)
		return err_usage(err, "mem-path= is missing: which file?");
	if (b->hugetlb_size & (b->hugetlb_size - 1))
		return err_usage(err, "hugetlbsize= is no power of 2");
	return 0;
}

void mem_backend_free(struct mem_backend *b)
{
	opts_free(mem_backend_tables[b->kind], b);
}

/* ---- mapping ---- */

/* As many bytes, at a multiple of `align`. */
static void *map_aligned(uint64_t size, uint64_t align, int flags, int fd)
{
	uint8_t *map, *at;

	/* The place first, then what belongs there: files of huge pages cannot be cut. */
	map = mmap(NULL, size + align, PROT_NONE,
	           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return MAP_FAILED;
	at = (uint8_t *)align_up((uintptr_t)map, align);
	if (mmap(at, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) ==
	    MAP_FAILED) {
		int code = errno;

		munmap(map, size + align);
		errno = code;
		return MAP_FAILED;
	}
	if (at > map)
		munmap(map, at - map);
	munmap(at + size, align - (at - map));
	return at;
}

static unsigned log2_of(uint64_t size)
{
	return 63 - __builtin_clzll(size);
}

static int open_memfd(const struct mem_backend *b, struct err *err)
{
	unsigned flags = b->seal ? MFD_ALLOW_SEALING : 0;
	int fd;

	if (b->hugetlb)
		flags |= MFD_HUGETLB;
	if (b->hugetlb && b->hugetlb_size)
		flags |= log2_of(b->hugetlb_size) << MAP_HUGE_SHIFT;
	fd = memfd_create("guest RAM", MFD_CLOEXEC | flags);
	return fd < 0 ? err_sys(err, errno, "cannot create a memfd%s",
	                        b->hugetlb ? " of huge pages" : "")
	              : fd;
}

/* A file in a folder that has no name. */
static int open_unnamed(const char *folder, struct err *err)
{
	_cleanup_strbuf_ struct strbuf name = { 0 };
	int fd;

	strbuf_addf(&name, "%s/vmm-ram.XXXXXX", folder);
	if (name.failed)
		return err_sys(err, ENOMEM, "%s", folder);
	fd = mkostemp(name.data, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot create a file in %s", folder);
	unlink(name.data);
	return fd;
}

static int open_file(const struct mem_backend *b, struct err *err)
{
	struct stat st;
	int fd;

	if (!stat(b->path, &st) && S_ISDIR(st.st_mode))
		return open_unnamed(b->path, err);
	fd = open(b->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(err, errno, "cannot open %s", b->path) : fd;
}

/* What the mapping must be a multiple of: the huge pages of the file's file system. */
static uint64_t page_size(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (uint32_t)fs.f_type == HUGETLBFS_MAGIC
	               ? (uint64_t)fs.f_bsize
	               : PAGE;
}

/* A file that is there already has to be large enough: it is not cut, nor extended. */
static int set_size(const struct mem_backend *b, int fd, struct err *err)
{
	uint64_t page = page_size(fd);
	struct stat st;

	if (b->size % page)
		return err_usage(
			err, "%llu MiB are no multiple of the file's pages of %llu kiB",
			(unsigned long long)b->size >> 20,
			(unsigned long long)page >> 10);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", b->path ? b->path : "memfd");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >= b->size)
		return 0;
	if (st.st_size)
		return err_usage(err,
		                 "%s has %lld bytes, fewer than size=; remove it or give "
		                 "its size",
		                 b->path, (long long)st.st_size);
	return ftruncate(fd, b->size) < 0 ? err_sys(err, errno, "cannot reserve %llu MiB",
	                                            (unsigned long long)b->size >> 20)
	                                  : 0;
}

static void *map_fd(const struct mem_backend *b, int fd, struct err *err)
{
	uint64_t page = page_size(fd), align = page > HUGE_PAGE ? page : HUGE_PAGE;
	int flags = b->share ? MAP_SHARED : MAP_PRIVATE;
	void *host;

	/* Huge pages are reserved now: the guest's first write is too late to fail. */
	if (page == PAGE)
		flags |= MAP_NORESERVE;
	host = map_aligned(b->size, align, flags, fd);
	if (host != MAP_FAILED)
		return host;
	err_sys(err, errno, "cannot map %llu MiB", (unsigned long long)b->size >> 20);
	if (page > PAGE)
		err_hint(
			err,
			"give the host more huge pages with: kvm-tune hugepages 2M=SIZE");
	return NULL;
}

static void *map_file(const struct mem_backend *b, struct err *err)
{
	int seals = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	_cleanup_close_ int fd =
		b->kind == MEM_BACKEND_MEMFD ? open_memfd(b, err) : open_file(b, err);

	if (fd < 0 || set_size(b, fd, err) < 0)
		return NULL;
	if (b->kind == MEM_BACKEND_MEMFD && b->seal &&
	    fcntl(fd, F_ADD_SEALS, seals) < 0) {
		err_sys(err, errno, "cannot seal the memfd");
		return NULL;
	}
	return map_fd(b, fd, err);
}

static void *map_shared(const struct mem_backend *b, struct err *err)
{
	void *host = map_aligned(b->size, HUGE_PAGE,
	                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (host != MAP_FAILED)
		return host;
	err_sys(err, errno, "cannot reserve %llu MiB", (unsigned long long)b->size >> 20);
	return NULL;
}

static int populate(void *host, uint64_t size)
{
	if (!madvise(host, size, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* Before Linux 5.14: a write to each page, of what it holds. */
	for (volatile uint8_t *p = host; p < (uint8_t *)host + size; p += PAGE)
		*p = *p;
	return 0;
}

void *mem_backend_map(const struct mem_backend *b, struct err *err)
{
	void *host = b->kind != MEM_BACKEND_RAM ? map_file(b, err)
	             : b->share                 ? map_shared(b, err)
	                                        : mem_alloc(b->size, err);
	int ret;

	if (!host)
		return NULL;
	/* Hints: a kernel without one of these features just ignores it. */
	madvise(host, b->size, b->dump ? MADV_DODUMP : MADV_DONTDUMP);
	if (b->merge && !b->share)
		madvise(host, b->size, MADV_MERGEABLE);
	ret = b->prealloc ? populate(host, b->size) : 0;
	if (ret >= 0)
		return host;
	err_sys(err, -ret, "prealloc: the host cannot give all of the %llu MiB",
	        (unsigned long long)b->size >> 20);
	munmap(host, b->size);
	return NULL;
}

void mem_backend_unmap(const struct mem_backend *b, void *host)
{
	if (b->kind == MEM_BACKEND_FILE && b->share && b->discard)
		madvise(host, b->size, MADV_REMOVE);
	munmap(host, b->size);
}
