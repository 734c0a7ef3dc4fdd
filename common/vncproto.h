/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vmm and its helper vmm-vnc tell each other: packets on a SOCK_SEQPACKET pair,
 * which the helper finds as VNC_CONTROL_FD. Both come from one build; each checks the
 * length and the numbers of what it gets. The first packet is VNC_START, with
 * descriptors: the surface's memory, the sockets to accept clients on, files for TLS.
 */
#ifndef COMMON_VNCPROTO_H
#define COMMON_VNCPROTO_H

#include <stdint.h>

enum {
	VNC_CONTROL_FD = 3,
	VNC_MAX_LISTEN = 2,
	VNC_MAX_RECTS = 16,
	VNC_MAX_CLIENTS = 16, /* more are turned away */
	VNC_MAX_PASSWORD = 8, /* the protocol uses no more */
	VNC_MAX_SIDE = 4096,
	VNC_MAX_MOVE = 0x8000, /* of a pointer, in pixels */
	VNC_LED_SCROLL = 1,    /* of the guest's keyboard, as RFB has them */
	VNC_LED_NUM = 2,
	VNC_LED_CAPS = 4,
};

enum vnc_tls_kind { VNC_TLS_NONE, VNC_TLS_ANON, VNC_TLS_X509 };

enum vnc_tls_file {
	VNC_TLS_CA,
	VNC_TLS_CRL,
	VNC_TLS_CERT,
	VNC_TLS_KEY,
	VNC_TLS_DH,
	VNC_TLS_FILES,
};

/* Their names in a folder: QEMU's. */
extern const char *const vnc_tls_files[VNC_TLS_FILES];

struct vnc_tls {
	uint32_t kind;     /* enum vnc_tls_kind */
	uint32_t verify;   /* clients need a certificate */
	char priority[64]; /* GnuTLS's, or "" */
};

enum { VNC_MAX_FDS = 1 + VNC_MAX_LISTEN + VNC_TLS_FILES };

enum vnc_share { VNC_SHARE_EXCLUSIVE, VNC_SHARE_FORCE, VNC_SHARE_IGNORE };

/* To the helper. */
enum vnc_command {
	VNC_START,    /* start */
	VNC_PASSWORD, /* password: from now on */
	VNC_SIZE,     /* size: of the surface, from now on, and which one can be wished */
	VNC_DAMAGE,   /* damage: pixels changed */
	VNC_INPUT,    /* input: the guest's keyboard and pointer, from now on */
};

struct vnc_rect {
	uint16_t x, y, width, height;
};

/* Numbers as text; of a UNIX socket "localhost" and "". */
struct vnc_peer {
	char host[64], service[8];
	uint32_t websocket; /* it came through one */
};

struct vnc_wish {
	uint32_t width, height;
};

struct vnc_packet {
	uint32_t type; /* enum vnc_command */
	union {
		struct {
			uint32_t share;
			char name[64];
			char layout[64]; /* of the guest's keyboard; "": en-us */
			/* The last socket is for browsers; who reaches it is on this
			 * host; the folder of pages that they are given, or "". */
			uint32_t browsers, local;
			char pages[256];
			struct vnc_tls tls;
			uint32_t tls_files; /* bits of enum vnc_tls_file: those that came
			                     */
		} start;
		struct {
			uint64_t expires; /* CLOCK_REALTIME seconds, 0: never */
			uint32_t needed;  /* without any set nobody gets in */
			char text[VNC_MAX_PASSWORD + 1];
		} password;
		struct {
			uint32_t width, height;
			struct vnc_wish least, most;
			uint32_t most_pixels; /* 0: nobody to tell wishes */
		} size;
		struct {
			uint32_t count;
			struct vnc_rect rects[VNC_MAX_RECTS];
		} damage;
		struct {
			uint32_t absolute; /* the pointer is where the client's is */
			uint32_t leds;
		} input;
	};
};

/* From the helper. */
enum vnc_event {
	/* clients: who is there. When somebody is again, the surface is drawn, and only
	 * after the VNC_SIZE that follows the helper talks to the new client. */
	VNC_CLIENTS,
	VNC_KEY,     /* key */
	VNC_POINTER, /* pointer */
	VNC_WISH,    /* wish: the size that a client would like, within the limits */
};

struct vnc_report {
	uint32_t type; /* enum vnc_event */
	union {
		struct {
			uint32_t connected, count; /* count: were let in, named below */
			struct vnc_peer peers[VNC_MAX_CLIENTS];
		} clients;
		struct {
			uint16_t code; /* scan code set 1, 0xe000 added for the prefix */
			uint16_t down;
		} key;
		struct {
			int32_t x, y;
			uint32_t relative; /* x and y are movements */
			uint32_t buttons;  /* 1 left, 2 middle, 4 right, 8 up, 16 down */
		} pointer;
		struct vnc_wish wish;
	};
};

#endif
