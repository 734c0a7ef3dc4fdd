/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the IDE controller: channels and drives.
 *
 * ide.c has the controller and the channels' registers, ide-dma.c the bus master,
 * ide-drive.c moves data between the medium, the drive's buffer and the guest, ide-ata.c
 * and ide-atapi.c know the commands. A drive does one command at a time. While a block
 * request is in flight the drive is busy (STATUS_BSY) and accepts nothing but a reset,
 * which waits for the request.
 */
#ifndef VMM_LEGACY_IDE_CORE_H
#define VMM_LEGACY_IDE_CORE_H

#include "vmm/block/block.h"
#include "vmm/legacy/ide.h"
#include "vmm/pci/pci.h"
#include "vmm/scsi/cd.h"

enum {
	IDE_SECTOR = 512,
	IDE_BUF = 64 << 10,
	IDE_IOV = 256, /* segments of one direct transfer */
	IDE_MAX_MULTIPLE = 16,
	IDE_PACKET = 12,

	STATUS_ERR = 0x01, /* ATAPI: CHK */
	STATUS_DRQ = 0x08,
	STATUS_DSC = 0x10,
	STATUS_DF = 0x20,
	STATUS_RDY = 0x40,
	STATUS_BSY = 0x80,
	STATUS_GOOD = STATUS_RDY | STATUS_DSC,

	ERROR_ABRT = 0x04,
	ERROR_IDNF = 0x10,
	ERROR_UNC = 0x40,

	DEVICE_UNIT = 0x10,
	DEVICE_LBA = 0x40,

	/* the sector count register as ATAPI's interrupt reason */
	REASON_COD = 0x01,
	REASON_IO = 0x02,
};

/* What the drive does with its data port, or with the bus master. */
enum ide_phase {
	IDE_IDLE,
	IDE_PACKET_IN, /* waits for the 12 bytes of a packet command */
	IDE_PIO_IN,    /* to the guest */
	IDE_PIO_OUT,
	IDE_DMA_IN,
	IDE_DMA_OUT,
	IDE_PHASES,
};

enum { REG_FEATURE, REG_COUNT, REG_LBA0, REG_LBA1, REG_LBA2, IDE_REGS };

struct ide_drive;

struct ide_ops {
	void (*command)(struct ide_drive *d, uint8_t command);
	/* All 12 bytes of a packet are in buf; NULL: no packet commands. */
	void (*packet)(struct ide_drive *d);
	/* The data of a command has been moved (ret 0), or the medium or the guest's
	 * memory failed. phase: what it was. */
	void (*finish)(struct ide_drive *d, enum ide_phase phase, int ret);
	/* Turns `len` bytes of sectors at the end of buf into what a READ CD wants, at
	 * its start; returns the new length. */
	uint32_t (*expand)(struct ide_drive *d, uint32_t len);
	uint16_t signature; /* registers LBA1 and LBA2 after a reset */
	uint8_t reset_status;
};

struct ide_drive {
	struct device dev;
	/* properties */
	char *drive, *bus, *serial, *model, *version;
	int cache; /* enum opt_tri: write-cache= */
	uint8_t unit;
	uint32_t bootindex;
	/* not state */
	const struct ide_ops *ops;
	struct ide_channel *channel; /* NULL: not connected */
	struct block_node *node;     /* NULL: no medium */
	struct block_info info;
	struct block_req req;
	struct iovec iov[IDE_IOV];
	uint64_t gpas[IDE_IOV]; /* of iov, for direct transfers */
	unsigned iov_count;
	uint32_t chunk; /* bytes of the request in flight */
	bool in_flight, cancelled;
	bool direct; /* the request goes to guest memory, not to buf */
	/* state: registers; [1] is what a 48-bit command wrote before */
	uint8_t regs[IDE_REGS][2];
	uint8_t device, status, error, command;
	/* state: the transfer */
	uint8_t phase;    /* enum ide_phase */
	bool media;       /* data comes from the medium or goes there */
	uint64_t pos;     /* of the next byte on the medium */
	uint32_t left;    /* bytes on the medium still to be moved */
	uint32_t block;   /* bytes of one DRQ block */
	uint32_t drq_end; /* where the current one ends in buf */
	uint32_t buf_pos, buf_len;
	uint8_t buf[IDE_BUF];
	/* state: disk */
	uint8_t multiple; /* sectors of a DRQ block of READ and WRITE MULTIPLE; 0: off */
	uint8_t mode;     /* transfer mode of SET FEATURES */
	uint8_t heads, sectors;
	bool write_cache, smart;
	/* state: CD-ROM */
	struct cd_drive cd;
	bool raw; /* a READ CD of whole sectors */
};

struct ide_channel {
	struct piix3_ide *ide;
	unsigned index;
	struct ide_drive *drives[IDE_UNITS];
	struct region command, control_region;
	bool line; /* the level that the interrupt was set to */
	/* state */
	uint8_t control;
	bool slave;   /* is selected */
	bool pending; /* an interrupt that the guest has not seen */
	uint8_t bm_command, bm_status;
	uint32_t prd_table;
	/* the bus master's place in the table; only while a request is in flight */
	struct ide_cursor {
		uint32_t entry; /* GPA of the next descriptor */
		uint32_t addr, left;
		bool last;
	} cursor;
};

struct piix3_ide {
	struct pci_device pci;
	struct ide_channel channels[IDE_CHANNELS];
	struct region bus_master;
};

/* ---- ide.c ---- */

/* The drive wants the guest's attention. */
void ide_raise(struct ide_drive *d);
struct piix3_ide *ide_controller(struct vm *vm);

/* ---- ide-dma.c: the bus master ---- */

extern const struct region_ops ide_bus_master_ops;
void ide_dma_reset(struct ide_channel *ch);
bool ide_dma_started(const struct ide_channel *ch);
/* Guest memory for at most `want` bytes in whole sectors, into d->iov and d->gpas:
 * returns the bytes; 0: what the guest prepared cannot be used like that, take
 * ide_dma_copy(). */
uint32_t ide_dma_gather(struct ide_drive *d, uint32_t want);
/* Between d->buf and guest memory; returns the bytes, fewer when the table ends, or
 * -EFAULT. */
int64_t ide_dma_copy(struct ide_drive *d, uint32_t len);
void ide_dma_mark_dirty(struct ide_drive *d);
/* The drive is done. failed: memory was not there. */
void ide_dma_end(struct ide_channel *ch, bool failed);

/* ---- ide-drive.c ---- */

/* Moves `len` bytes between the guest and the medium at byte pos, both multiples of 512;
 * block: bytes of a DRQ block. ops->finish() is called at the end. */
void ide_start_media(struct ide_drive *d, enum ide_phase phase, uint64_t pos,
                     uint32_t len, uint32_t block);
/* Gives buf[0, len) to the guest; len is not 0. */
void ide_start_buffer(struct ide_drive *d, enum ide_phase phase, uint32_t len,
                      uint32_t block);
/* Waits for `len` bytes from the guest in buf, or for a packet. */
void ide_start_collect(struct ide_drive *d, enum ide_phase phase, uint32_t len);
/* The bus master was started. */
void ide_dma_go(struct ide_drive *d);
/* Waits for what is in flight and drops the command. */
void ide_cancel(struct ide_drive *d);
/* Flushes the medium; ops->finish() is called at the end. */
void ide_flush(struct ide_drive *d);

/* Up to `count` accesses of `size` bytes to the data port, to the end of a DRQ block at
 * most; returns how many were done. 0: the drive has or wants no data. */
unsigned ide_data(struct ide_drive *d, void *data, unsigned size, unsigned count,
                  bool is_write);

/* Ends a command with an interrupt; error: bits of the error register, or 0. */
void ide_done(struct ide_drive *d, uint8_t error);
/* What a drive shows after a reset. */
void ide_set_signature(struct ide_drive *d);
/* Model, serial number and the like: padded, bytes swapped. */
void ide_put_string(uint8_t *at, unsigned words, const char *text);

int ide_drive_realize(struct ide_drive *d, const struct ide_ops *ops, struct err *err);
int ide_drive_attach(struct ide_drive *d, struct block_node *node, struct err *err);
void ide_drive_detach(struct ide_drive *d);
void ide_drive_reset(struct device *dev);
void ide_drive_quiesce(struct device *dev);
void ide_drive_unrealize(struct device *dev);
/* For the state tables of both classes, which differ in their names only. */
extern const struct state_field ide_drive_fields[];
int ide_drive_validate(const void *obj, struct err *err);
int ide_drive_post_load(void *obj, struct err *err);

#define IDE_DRIVE_PROPS(default_model)                                        \
	{ .name = "drive",                                                    \
	  .type = OPT_STR,                                                    \
	  .offset = offsetof(struct ide_drive, drive),                        \
	  .help = "id of the -drive" },                                       \
		{ .name = "bus",                                              \
		  .type = OPT_STR,                                            \
		  .offset = offsetof(struct ide_drive, bus),                  \
		  .help = "ide.0 or ide.1 (default: the first free place)" }, \
		{ .name = "unit",                                             \
		  .type = OPT_U8,                                             \
		  .offset = offsetof(struct ide_drive, unit),                 \
		  .def = "255",                                               \
		  .help = "0 master, 1 slave, 255 the first that is free" },  \
		{ .name = "write-cache",                                      \
		  .type = OPT_TRI,                                            \
		  .offset = offsetof(struct ide_drive, cache),                \
		  .def = "auto",                                              \
		  .help = "a disk's, after a reset; auto: as cache= of the "  \
		          "drive" },                                          \
		{ .name = "serial",                                           \
		  .type = OPT_STR,                                            \
		  .offset = offsetof(struct ide_drive, serial),               \
		  .help = "serial number, 20 bytes" },                        \
		{ .name = "model",                                            \
		  .type = OPT_STR,                                            \
		  .offset = offsetof(struct ide_drive, model),                \
		  .def = (default_model),                                     \
		  .help = "model, 40 bytes" },                                \
		{ .name = "ver",                                              \
		  .type = OPT_STR,                                            \
		  .offset = offsetof(struct ide_drive, version),              \
		  .def = "1",                                                 \
		  .help = "firmware revision, 8 bytes" },                     \
		BOOTINDEX_PROP(struct ide_drive, bootindex)

#endif
