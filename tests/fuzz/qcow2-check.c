// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: a qcow2 image that is checked, repaired, checked again, and given another
 * backing file. Beyond "does not crash": where nothing but leaks are found, a repair
 * leaves none, and a check alone repairs nothing.
 */
#include "vmm/block/qcow2-check.h"
#include "common/bytes.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/block/file.h"
#include "vmm/block/qcow2-rename.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct file_node file = { .fd = -1, .node = { .path = "image" } };

static void set_length(void)
{
	struct stat st;

	require(!fstat(file.fd, &st));
	file.node.length = align_up(st.st_size, 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qcow2_check first = { 0 };
	struct qcow2_check repair = { .fix = QCOW2_FIX_LEAKS | QCOW2_FIX_ERRORS };
	struct qcow2_check last = { 0 };
	struct err err = { 0 };

	if (!size || size > 1 << 20)
		return 0;
	if (file.fd < 0)
		file.fd = memfd_create("image", MFD_CLOEXEC);
	require(!ftruncate(file.fd, 0));
	require(pwrite(file.fd, data, size, 0) == (ssize_t)size);
	file.node.request_align = 512;
	set_length();
	if (qcow2_check(&file.node, &first, &err) < 0) {
		require(err.code && err.text[0]);
		return 0;
	}
	require(!first.leaks_fixed && !first.corruptions_fixed);
	if (!qcow2_check(&file.node, &repair, NULL)) {
		set_length();
		require(!qcow2_check(&file.node, &last, NULL));
		require(first.corruptions || first.check_errors || !last.leaks);
	}
	err_clear(&err);
	if (qcow2_set_backing(&file.node, "below.img", "qcow2", &err) < 0)
		require(err.code && err.text[0]);
	return 0;
}
