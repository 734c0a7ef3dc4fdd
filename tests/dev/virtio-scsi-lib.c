// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest with a virtio-scsi controller and commands to its units, for device tests. */
#include "tests/dev/virtio-scsi-lib.h"

#include "common/bytes.h"
#include "tests/tap.h"
#include "vmm/virtio/scsi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER   offsetof(struct virtio_scsi_cmd_req, cdb) + VIRTIO_SCSI_CDB_DEFAULT_SIZE
#define RESPONSE sizeof(struct virtio_scsi_cmd_resp)

static void die(const char *what)
{
	tap_diag("%s: %s", what, strerror(errno));
	exit(1);
}

static void make_image(const char *path)
{
	uint64_t *image = calloc(1, SCSI_SIZE);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	for (uint64_t i = 0; image && i < SCSI_SIZE / 512; i++)
		image[i * 64] = i;
	if (!image || fd < 0 || write(fd, image, SCSI_SIZE) != SCSI_SIZE)
		die(path);
	close(fd);
	free(image);
}

void scsi_init(struct scsi *k, const char *drive, const char *hd, const char *opts)
{
	char text[400];

	memset(k, 0, sizeof(*k));
	guest_init(&k->g);
	snprintf(k->path, sizeof(k->path), "%s/image", k->g.board.dir);
	snprintf(k->cd_path, sizeof(k->cd_path), "%s/cd", k->g.board.dir);
	make_image(k->path);
	make_image(k->cd_path);
	snprintf(text, sizeof(text), "file=%s,format=raw,id=d0%s%s", k->path,
	         *drive ? "," : "", drive);
	k->node = guest_drive(&k->g, text);
	snprintf(text, sizeof(text), "file=%s,format=raw,id=c0,readonly=on", k->cd_path);
	guest_drive(&k->g, text);
	vdrv_init(&k->d, &k->g, board_add(&k->g.board, &virtio_scsi_pci_class, opts));
	snprintf(text, sizeof(text), "drive=d0%s%s", *hd ? "," : "", hd);
	k->hd = board_add(&k->g.board, &scsi_hd_class, text);
	k->cd = board_add(&k->g.board, &scsi_cd_class, "drive=c0,scsi-id=1");
	k->cd_node = block_find(k->g.board.vm.blocks, "c0");
	k->header = guest_alloc(&k->g, 4096);
	k->response = guest_alloc(&k->g, 4096);
	k->data = guest_alloc(&k->g, SCSI_ROOM);
	k->events = guest_alloc(&k->g, 4096);
}

void scsi_free(struct scsi *k)
{
	unlink(k->path);
	unlink(k->cd_path);
	guest_free(&k->g);
}

void scsi_start(struct scsi *k, uint64_t features)
{
	if (!vdrv_negotiate(&k->d, features))
		die("negotiation");
	vqueue_init(&k->control, &k->d, 0, 0, VIRTIO_MSI_NO_VECTOR);
	vqueue_init(&k->event, &k->d, 1, 0, VIRTIO_MSI_NO_VECTOR);
	vqueue_init(&k->q, &k->d, 2, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(&k->d);
	for (k->target = 1; k->target < 2; k->target--)
		while (scsi_do(k, CDB(0), 0, 0) >> 16 == 6)
			;
	k->target = k->lun = 0;
}

void scsi_header(struct scsi *k, const uint8_t *cdb)
{
	struct virtio_scsi_cmd_req *req = guest_ptr(&k->g, k->header);

	memset(req, 0, sizeof(*req));
	req->lun[0] = 1;
	req->lun[1] = k->target;
	req->lun[2] = k->lun >> 8 | 0x40;
	req->lun[3] = k->lun;
	memcpy(req->cdb, cdb, SCSI_CDB);
}

uint32_t scsi_result(const struct scsi *k)
{
	const struct virtio_scsi_cmd_resp *r = &k->resp;

	if (r->response)
		return SCSI_RESPONSE(r->response);
	if (r->status == SCSI_CHECK_CONDITION && r->sense_len == 18)
		return (uint32_t)r->sense[2] << 16 | r->sense[12] << 8 | r->sense[13];
	return r->status ? SCSI_STATUS(r->status) : 0;
}

uint32_t scsi_segs(struct scsi *k, const struct vseg *segs, unsigned count)
{
	memset(guest_ptr(&k->g, k->response), 0xff, RESPONSE);
	k->used = vqueue_do(&k->q, segs, count);
	memcpy(&k->resp, guest_ptr(&k->g, k->response), sizeof(k->resp));
	return k->used == UINT32_MAX ? SCSI_LOST : scsi_result(k);
}

uint32_t scsi_do(struct scsi *k, const uint8_t *cdb, uint32_t out, uint32_t in)
{
	struct vseg segs[4] = { { k->header, HEADER, false } };
	unsigned n = 1;

	if (out)
		segs[n++] = (struct vseg){ k->data, out, false };
	segs[n++] = (struct vseg){ k->response, RESPONSE, true };
	if (in)
		segs[n++] = (struct vseg){ k->data, in, true };
	scsi_header(k, cdb);
	return scsi_segs(k, segs, n);
}

int scsi_tmf(struct scsi *k, uint32_t subtype, unsigned target, unsigned lun)
{
	struct virtio_scsi_ctrl_tmf_req *req = guest_ptr(&k->g, k->header);
	uint8_t *response = guest_ptr(&k->g, k->response);
	const struct vseg segs[] = { { k->header, sizeof(*req), false },
		                     { k->response, 1, true } };

	*req = (struct virtio_scsi_ctrl_tmf_req){ .type = VIRTIO_SCSI_T_TMF,
		                                  .subtype = subtype,
		                                  .lun = { 1, target, lun >> 8, lun } };
	return vqueue_do(&k->control, segs, 2) == 1 ? *response : -1;
}

void *scsi_data(struct scsi *k)
{
	return guest_ptr(&k->g, k->data);
}

void scsi_image(struct scsi *k, uint64_t offset, void *buf, size_t len)
{
	int fd = open(k->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, buf, len, offset) != (ssize_t)len)
		die(k->path);
	close(fd);
}
