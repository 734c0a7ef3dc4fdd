// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holders of /dev/vfio nodes, found by the links in /proc/PID/fd: nothing is opened, so
 * that looking never takes a group away from a guest. Processes come and go meanwhile;
 * what vanished holds nothing.
 */
#include "passthrough/holders.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/opts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *next_word(const char *word, const char *end)
{
	word = memchr(word, '\0', end - word);
	return word && word + 1 < end ? word + 1 : NULL;
}

void holder_guest(const char *cmdline, size_t len, char guest[64])
{
	const char *end = cmdline + len, *value = NULL;

	guest[0] = '\0';
	for (const char *word = cmdline; word && word < end; word = next_word(word, end))
		if (!strcmp(word, "-name") || !strcmp(word, "--name"))
			value = next_word(word, end);
	if (!value)
		return;
	if (!strncmp(value, "guest=", 6))
		value += 6;
	snprintf(guest, 64, "%.*s", (int)strcspn(value, ","), value);
}

static void describe(const struct sysroot *root, struct holder *h)
{
	_cleanup_close_ int fd = -1;
	char path[64], *text = NULL;
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%d/comm", h->pid);
	sysroot_line(root, path, h->program, sizeof(h->program));
	snprintf(path, sizeof(path), "proc/%d/cmdline", h->pid);
	/* Words end in NUL, which a string would hide. */
	fd = sysroot_open_node(root, path, O_RDONLY);
	text = malloc(64 << 10);
	n = fd < 0 || !text ? 0 : fd_read(fd, text, (64 << 10) - 1);
	if (n > 0) {
		text[n] = '\0';
		holder_guest(text, n, h->guest);
	}
	free(text);
}

static int add(const struct sysroot *root, struct holders *holders, const char *process,
               const char *node)
{
	struct holder *grown;
	uint64_t pid;

	if (opt_parse_u64(process, &pid) < 0 || pid > INT32_MAX)
		return 0;
	for (unsigned i = 0; i < holders->count; i++)
		if (holders->holder[i].pid == (int)pid &&
		    !strcmp(holders->holder[i].node, node))
			return 0;
	grown = realloc(holders->holder, (holders->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	holders->holder = grown;
	grown += holders->count++;
	*grown = (struct holder){ .pid = pid };
	snprintf(grown->node, sizeof(grown->node), "%s", node);
	describe(root, grown);
	return 0;
}

static int look_at(const struct sysroot *root, struct holders *holders, const char *pid)
{
	char path[80], target[128];
	struct names names;
	int ret = 0;

	snprintf(path, sizeof(path), "proc/%.20s/fd", pid);
	if (sysroot_list(root, path, &names) == -EACCES)
		holders->hidden++;
	for (unsigned i = 0; i < names.count && !ret; i++) {
		snprintf(path, sizeof(path), "proc/%.20s/fd/%.20s", pid, names.name[i]);
		if (!sysroot_link(root, path, target, sizeof(target)) &&
		    !strncmp(target, "/dev/vfio/", 10) &&
		    strlen(target + 10) < VFIO_NODE_SIZE && strcmp(target + 10, "vfio"))
			ret = add(root, holders, pid, target + 10);
	}
	names_free(&names);
	return ret;
}

int holders_read(const struct sysroot *root, struct holders *holders, struct err *err)
{
	struct names names;
	int ret = 0;

	*holders = (struct holders){ 0 };
	sysroot_list(root, "proc", &names);
	for (unsigned i = 0; i < names.count && !ret; i++)
		if (names.name[i][0] >= '0' && names.name[i][0] <= '9')
			ret = look_at(root, holders, names.name[i]);
	names_free(&names);
	return ret ? err_sys(err, -ret, "cannot look for running guests") : 0;
}

void holders_free(struct holders *holders)
{
	free(holders->holder);
	*holders = (struct holders){ 0 };
}

static bool is_node_of(const struct sysroot *root, const struct pci_function *f,
                       const char *node)
{
	char text[VFIO_NODE_SIZE], path[PCI_PATH_SIZE + VFIO_NODE_SIZE];

	if (!strncmp(node, "devices/", 8)) {
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev/%s", f->name,
		         node + 8);
		return sysroot_exists(root, path);
	}
	if (f->group < 0)
		return false;
	snprintf(text, sizeof(text), "%d", f->group);
	if (!strncmp(node, "noiommu-", 8))
		node += 8;
	return !strcmp(node, text);
}

const struct holder *holders_of(const struct holders *holders, const struct sysroot *root,
                                const struct pci_function *f, unsigned *from)
{
	while (*from < holders->count) {
		const struct holder *h = &holders->holder[(*from)++];

		if (is_node_of(root, f, h->node))
			return h;
	}
	return NULL;
}

void holder_text(const struct holder *holder, char text[HOLDER_TEXT_SIZE])
{
	snprintf(text, HOLDER_TEXT_SIZE, "%s (PID %d%s%s)", holder->program, holder->pid,
	         *holder->guest ? ", guest " : "", holder->guest);
}
