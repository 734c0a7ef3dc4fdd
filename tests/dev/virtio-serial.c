// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-serial (virtio 1.2, 5.3) with a virtconsole and virtserialports: control
 * messages, data both ways, either side slow, ports that come and go.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/console.h"

#include <errno.h>
#include <linux/virtio_console.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ALL       UINT64_MAX
#define MULTIPORT (1ull << VIRTIO_CONSOLE_F_MULTIPORT)
#define NO_VECTOR VIRTIO_MSI_NO_VECTOR
enum { CTL_RX = 2, CTL_TX = 3, CHUNK = 1 << 17, BULK = 1 << 20, CHAINS = BULK / CHUNK };

struct serial {
	struct guest g;
	struct vdrv d;
	struct vqueue ctl_rx, ctl_tx, rx, tx; /* rx, tx: of the port under test */
	uint64_t ctl, out, in;                /* guest memory */
	uint16_t heads[16];                   /* of posted control buffers, in order */
	unsigned posted, taken;
	int console, named, plain; /* host ends */
};

/* ---- control messages ---- */

static uint64_t ctl_buffer(struct serial *s, unsigned i)
{
	return s->ctl + 64 * (i % ARRAY_SIZE(s->heads));
}

static void post_control(struct serial *s, unsigned count)
{
	while (count--) {
		unsigned i = s->posted++;

		memset(guest_ptr(&s->g, ctl_buffer(s, i)), 0xee, 64);
		s->heads[i % ARRAY_SIZE(s->heads)] = vqueue_add(
			&s->ctl_rx, &(struct vseg){ ctl_buffer(s, i), 64, true }, 1);
	}
	vqueue_notify(&s->ctl_rx);
}

static void control(struct serial *s, uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control msg = { id, event, value };

	memcpy(guest_ptr(&s->g, s->out), &msg, sizeof(msg));
	vqueue_do(&s->ctl_tx, &(struct vseg){ s->out, sizeof(msg), false }, 1);
	board_settle(&s->g.board);
}

/* The next message as text "port event value[ name]", "-" for none; its buffer is posted
 * again. */
static const char *next_control(struct serial *s)
{
	static const char *const events[] = { "ready",   "add",    "remove", "port-ready",
		                              "console", "resize", "open",   "name" };
	static char text[100];
	struct virtio_console_control msg;
	unsigned i = s->taken;
	uint8_t *buf = guest_ptr(&s->g, ctl_buffer(s, i));
	uint16_t head = s->heads[i % ARRAY_SIZE(s->heads)];
	uint32_t len;

	board_settle(&s->g.board);
	vqueue_reap(&s->ctl_rx);
	if (i == s->posted || s->ctl_rx.chains[head].waiting)
		return "-";
	s->taken++;
	len = s->ctl_rx.chains[head].len;
	memcpy(&msg, buf, sizeof(msg));
	snprintf(text, sizeof(text), "%u %s %u%s%.*s", msg.id,
	         msg.event < ARRAY_SIZE(events) ? events[msg.event] : "?", msg.value,
	         len > sizeof(msg) ? " " : "",
	         len > sizeof(msg) ? (int)(len - sizeof(msg)) : 0, buf + sizeof(msg));
	post_control(s, 1);
	return text;
}

/* ---- set-up ---- */

static void serial_init(struct serial *s)
{
	struct board *b = &s->g.board;

	memset(s, 0, sizeof(*s));
	guest_init(&s->g);
	vdrv_init(&s->d, &s->g, board_add(b, &virtio_serial_pci_class, "id=vs"));
	s->console = board_socket(b, "c");
	s->named = board_socket(b, "n");
	s->plain = board_socket(b, "p");
	board_add(b, &virtconsole_class, "chardev=c,id=console");
	board_add(b, &virtserialport_class, "chardev=n,name=org.kvmkit.test,id=named");
	board_add(b, &virtserialport_class, "chardev=p,nr=5,bus=vs.0,id=plain");
	s->ctl = guest_alloc(&s->g, 64 * ARRAY_SIZE(s->heads));
	s->out = guest_alloc(&s->g, BULK);
	s->in = guest_alloc(&s->g, BULK);
}

static void serial_free(struct serial *s)
{
	guest_free(&s->g);
	close(s->console);
	close(s->named);
	close(s->plain);
}

/* Negotiates and sets the control queues and the queues of port nr up; DRIVER_OK. */
static void start(struct serial *s, unsigned nr)
{
	unsigned rx = nr ? 2 * nr + 2 : 0;

	vdrv_negotiate(&s->d, ALL);
	vqueue_init(&s->ctl_rx, &s->d, CTL_RX, 0, NO_VECTOR);
	vqueue_init(&s->ctl_tx, &s->d, CTL_TX, 0, NO_VECTOR);
	vqueue_init(&s->rx, &s->d, rx, 0, NO_VECTOR);
	vqueue_init(&s->tx, &s->d, rx + 1, 0, NO_VECTOR);
	vdrv_ready(&s->d);
	s->posted = s->taken = 0;
}

/* The same, and a program in the guest has the port open. */
static void start_open(struct serial *s, unsigned nr)
{
	start(s, nr);
	post_control(s, ARRAY_SIZE(s->heads));
	control(s, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	control(s, nr, VIRTIO_CONSOLE_PORT_READY, 1);
	control(s, nr, VIRTIO_CONSOLE_PORT_OPEN, 1);
	while (strcmp(next_control(s), "-"))
		;
}

static int reconnect(struct serial *s, const char *id)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", s->g.board.dir, id);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		tap_diag("connect: %s", strerror(errno));
	board_settle(&s->g.board);
	return fd;
}

/* ---- control ---- */

static void test_config(struct serial *s)
{
	tap_eq(vdrv_config(&s->d, 4, 4), 31, "31 ports");
	tap_ok(vdrv_offered(&s->d) & MULTIPORT, "MULTIPORT is offered");
	tap_eq(vdrv_get(&s->d, COMMON(num_queues), 2), 64,
	       "two queues for each, two more");
}

static void test_hello(struct serial *s)
{
	start(s, 0);
	post_control(s, ARRAY_SIZE(s->heads));
	tap_str(next_control(s), "-", "silence before DEVICE_READY");
	control(s, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	tap_str(next_control(s), "0 add 1", "the console is announced");
	tap_str(next_control(s), "1 add 1", "the named port");
	tap_str(next_control(s), "5 add 1", "the port with a number of its own");
	tap_str(next_control(s), "-", "and no other");
	control(s, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	tap_str(next_control(s), "0 console 1", "port 0 is a console");
	tap_str(next_control(s), "0 open 1", "and connected on the host");
	control(s, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	tap_str(next_control(s), "1 name 1 org.kvmkit.test", "port 1 has a name");
	tap_str(next_control(s), "1 open 1", "and is connected");
	control(s, 5, VIRTIO_CONSOLE_PORT_READY, 1);
	tap_str(next_control(s), "5 open 1", "port 5 has none");
	control(s, 5, VIRTIO_CONSOLE_PORT_READY, 0);
	control(s, 2, VIRTIO_CONSOLE_PORT_READY, 1);
	control(s, 31, VIRTIO_CONSOLE_PORT_READY, 1);
	control(s, UINT32_MAX, VIRTIO_CONSOLE_PORT_OPEN, 1);
	control(s, 0, 77, 1);
	vqueue_do(&s->ctl_tx, &(struct vseg){ s->out, 3, false }, 1);
	vqueue_do(&s->ctl_tx, &(struct vseg){ s->out, 64, true }, 1);
	tap_str(next_control(s), "-", "nonsense is not answered");
	tap_ok(!(vdrv_status(&s->d) & VIRTIO_CONFIG_S_NEEDS_RESET), "and breaks nothing");
	close(s->named);
	tap_str(next_control(s), "1 open 0", "the host's end closes");
	s->named = reconnect(s, "n");
	tap_str(next_control(s), "1 open 1", "and opens again");
	tap_str(next_control(s), "-", "which only its own port hears of");
}

/* The driver gives one buffer at a time: nothing is lost, nothing comes twice. */
static void test_no_buffers(struct serial *s)
{
	start(s, 0);
	control(s, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	control(s, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	close(s->named);
	board_settle(&s->g.board);
	s->named = reconnect(s, "n");
	post_control(s, 1);
	tap_str(next_control(s), "0 add 1", "one buffer at a time: first");
	tap_str(next_control(s), "1 add 1", "second");
	tap_str(next_control(s), "1 name 1 org.kvmkit.test", "third");
	tap_str(next_control(s), "1 open 1", "what closed and opened meanwhile is open");
	tap_str(next_control(s), "5 add 1", "fifth");
	tap_str(next_control(s), "-", "and the end");
}

static void test_plug(struct serial *s)
{
	struct board *b = &s->g.board;

	start_open(s, 1);
	device_destroy(device_find(&b->vm, "named"));
	tap_str(next_control(s), "1 remove 1", "a port goes");
	board_add(b, &virtserialport_class, "chardev=n,name=second,id=named");
	tap_str(next_control(s), "1 add 1", "another takes its place");
	control(s, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	tap_str(next_control(s), "1 name 1 second", "with a name of its own");
	tap_str(next_control(s), "1 open 1", "and the same host end");
	tap_str(next_control(s), "-", "that is all");
}

/* ---- data ---- */

static void send_out(struct serial *s, const char *text)
{
	memcpy(guest_ptr(&s->g, s->out), text, strlen(text));
	vqueue_do(&s->tx, &(struct vseg){ s->out, strlen(text), false }, 1);
}

static void test_data(struct serial *s, unsigned nr, int host)
{
	char *in = guest_ptr(&s->g, s->in), buf[32] = "";
	uint16_t head;
	uint32_t len;

	start_open(s, nr);
	send_out(s, "from the guest");
	tap_ok(board_read(&s->g.board, host, buf, 14) == 14 &&
	               !strcmp(buf, "from the guest"),
	       "port %u: guest to host", nr);
	head = vqueue_add(&s->rx, &(struct vseg){ s->in, 64, true }, 1);
	vqueue_notify(&s->rx);
	if (write(host, "from the host", 13) != 13)
		tap_diag("write: %s", strerror(errno));
	tap_ok(vqueue_wait(&s->rx, head, &len) && len == 13 &&
	               !memcmp(in, "from the host", 13),
	       "port %u: host to guest", nr);
	control(s, nr, VIRTIO_CONSOLE_PORT_OPEN, 0);
	head = vqueue_add(&s->rx, &(struct vseg){ s->in, 64, true }, 1);
	vqueue_notify(&s->rx);
	if (write(host, "later", 5) != 5)
		tap_diag("write: %s", strerror(errno));
	board_settle(&s->g.board);
	vqueue_reap(&s->rx);
	tap_ok(s->rx.chains[head].waiting, "port %u: closed in the guest, nothing comes",
	       nr);
	control(s, nr, VIRTIO_CONSOLE_PORT_OPEN, 1);
	tap_ok(vqueue_wait(&s->rx, head, &len) && len == 5 && !memcmp(in, "later", 5),
	       "port %u: until it is opened", nr);
}

/* The host sends and leaves while nobody in the guest listens: that is not lost, and the
 * port counts as connected until it was read. */
static void test_last_words(struct serial *s)
{
	char *in = guest_ptr(&s->g, s->in);
	uint16_t head;
	uint32_t len;

	start(s, 1);
	post_control(s, ARRAY_SIZE(s->heads));
	control(s, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	control(s, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	while (strcmp(next_control(s), "-"))
		;
	if (write(s->named, "last words", 10) != 10)
		tap_diag("write: %s", strerror(errno));
	close(s->named);
	board_settle(&s->g.board);
	tap_eq(board_wakeups(&s->g.board, 20), 0,
	       "a host that left with data: no spinning");
	head = vqueue_add(&s->rx, &(struct vseg){ s->in, 64, true }, 1);
	vqueue_notify(&s->rx);
	control(s, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	tap_ok(vqueue_wait(&s->rx, head, &len) && len == 10 &&
	               !memcmp(in, "last words", 10),
	       "what it sent comes when the guest opens the port");
	vqueue_add(&s->rx, &(struct vseg){ s->in, 64, true }, 1);
	vqueue_notify(&s->rx);
	tap_str(next_control(s), "1 open 0", "then the guest hears that it left");
	s->named = reconnect(s, "n");
}

static uint8_t byte_at(size_t i)
{
	return (i * 7 + (i >> 8) * 3 + 5) & 0xff;
}

/* Makes n chains of CHUNK bytes available to the host. */
static void send_bulk(struct serial *s, unsigned n)
{
	uint8_t *out = guest_ptr(&s->g, s->out);

	for (size_t i = 0; i < n * CHUNK; i++)
		out[i] = byte_at(i);
	for (unsigned i = 0; i < n; i++)
		vqueue_add(&s->tx, &(struct vseg){ s->out + i * CHUNK, CHUNK, false }, 1);
	vqueue_notify(&s->tx);
	board_settle(&s->g.board);
	vqueue_reap(&s->tx);
}

static bool read_bulk(struct serial *s, int host, size_t from, size_t to)
{
	_cleanup_free_ uint8_t *got = malloc(to - from);

	if (board_read(&s->g.board, host, got, to - from) != to - from)
		return false;
	for (size_t i = from; i < to; i++)
		if (got[i - from] != byte_at(i))
			return false;
	return true;
}

/* The host does not read: the ring fills, and each byte comes in the end, once. */
static void test_slow_host(struct serial *s)
{
	unsigned n = CHAINS;

	start_open(s, 1);
	send_bulk(s, n);
	tap_ok(s->tx.waiting > 0 && s->tx.waiting < n,
	       "a host that does not read: %u of %u chains wait", s->tx.waiting, n);
	tap_eq(board_wakeups(&s->g.board, 20), 0, "without spinning");
	tap_ok(read_bulk(s, s->named, 0, 100000), "it reads a part");
	s->d.dev->cls->quiesce(s->d.dev);
	vqueue_reap(&s->tx);
	tap_ok(s->tx.waiting > 0, "the machine stops in the middle of a chain");
	s->d.dev->cls->resume(s->d.dev);
	tap_ok(read_bulk(s, s->named, 100000, n * CHUNK), "and goes on: each byte, once");
	tap_ok(vqueue_wait_all(&s->tx) && !s->tx.wrong, "all chains are back");
	send_bulk(s, n);
	vdrv_set_status(&s->d, 0);
	while (board_read(&s->g.board, s->named, (uint8_t[1]){ 0 }, 1) == 1 &&
	       recv(s->named, (uint8_t[1]){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
		;
	start_open(s, 1);
	send_bulk(s, 1);
	tap_ok(read_bulk(s, s->named, 0, CHUNK),
	       "a reset in the middle of a chain: the next one is whole");
	send_bulk(s, n);
	close(s->named);
	tap_ok(vqueue_wait_all(&s->tx), "a host that leaves: the chains come back");
	s->named = reconnect(s, "n");
}

/* A ring full of buffers without room: they come back, and the next one is used. */
static void test_no_room(struct serial *s)
{
	uint16_t head;
	uint32_t len;

	start_open(s, 1);
	while (s->rx.free_count)
		vqueue_add(&s->rx, &(struct vseg){ s->in, 16, false }, 1);
	vqueue_notify(&s->rx);
	if (write(s->named, "x", 1) != 1)
		tap_diag("write: %s", strerror(errno));
	tap_ok(vqueue_wait_all(&s->rx) && !s->rx.wrong, "buffers without room come back");
	head = vqueue_add(&s->rx, &(struct vseg){ s->in, 16, true }, 1);
	if (vqueue_wants_notify(&s->rx, s->rx.avail_idx - 1))
		vqueue_notify(&s->rx);
	tap_ok(vqueue_wait(&s->rx, head, &len) && len == 1, "and one with room is used");
}

/* The guest gives small buffers, one at a time: each byte comes, once. */
static void test_slow_guest(struct serial *s)
{
	const uint8_t *in = guest_ptr(&s->g, s->in);
	size_t total = 200000, sent = 0, got = 0;
	bool right = true;

	start_open(s, 5);
	while (got < total && right) {
		uint16_t head;
		uint32_t len;
		uint8_t chunk[1000];

		for (size_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = byte_at(sent + i);
		if (sent < total) {
			ssize_t n = write(s->plain, chunk, sizeof(chunk));

			sent += n > 0 ? n : 0;
		}
		head = vqueue_add(&s->rx,
		                  (struct vseg[]){ { s->in, 100, true },
		                                   { s->in + 100, 611, true } },
		                  2);
		vqueue_notify(&s->rx);
		right = vqueue_wait(&s->rx, head, &len) && len <= 711;
		for (uint32_t i = 0; i < len && right; i++)
			right = in[i] == byte_at(got + i);
		got += len;
	}
	tap_ok(right && got == total, "a guest with small buffers: %zu bytes, in order",
	       got);
	tap_eq(s->rx.wrong, 0, "each buffer came back once");
}

/* ---- drivers that know one port ---- */

static void test_one_port(void)
{
	struct serial s = { .named = -1, .plain = -1 };
	struct board *b = &s.g.board;
	char *in, buf[32] = "";
	uint16_t head;
	uint32_t len;

	guest_init(&s.g);
	vdrv_init(&s.d, &s.g, board_add(b, &virtio_serial_pci_class, "max_ports=1"));
	s.console = board_socket(b, "c");
	board_add(b, &virtconsole_class, "chardev=c");
	s.out = guest_alloc(&s.g, BULK);
	s.in = guest_alloc(&s.g, BULK);
	in = guest_ptr(&s.g, s.in);
	tap_ok(!(vdrv_offered(&s.d) & MULTIPORT), "one port: MULTIPORT is not offered");
	vdrv_set_config(&s.d, 8, '!', 4);
	tap_ok(board_read(b, s.console, buf, 1) == 1 && *buf == '!',
	       "emergency write, without queues");
	for (unsigned pass = 0; pass < 2; pass++) {
		s.d.legacy = pass;
		vdrv_negotiate(&s.d, ALL);
		vqueue_init(&s.rx, &s.d, 0, 0, NO_VECTOR);
		vqueue_init(&s.tx, &s.d, 1, 0, NO_VECTOR);
		vdrv_ready(&s.d);
		send_out(&s, "hvc0");
		tap_ok(board_read(b, s.console, buf, 4) == 4 && !memcmp(buf, "hvc0", 4),
		       "one port, %s: out", pass ? "legacy" : "modern");
		head = vqueue_add(&s.rx, &(struct vseg){ s.in, 64, true }, 1);
		vqueue_notify(&s.rx);
		if (write(s.console, "ls\n", 3) != 3)
			tap_diag("write: %s", strerror(errno));
		tap_ok(vqueue_wait(&s.rx, head, &len) && len == 3 &&
		               !memcmp(in, "ls\n", 3),
		       "one port, %s: in", pass ? "legacy" : "modern");
	}
	/* A legacy driver may take a queue away without a reset. */
	send_bulk(&s, CHAINS);
	tap_ok(s.tx.waiting > 0, "a chain is half sent");
	board_out(b, s.d.io + VIRTIO_PCI_QUEUE_SEL, 1, 2);
	board_out(b, s.d.io + VIRTIO_PCI_QUEUE_PFN, 0, 4);
	while (recv(s.console, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		board_settle(b);
	vqueue_init(&s.tx, &s.d, 1, 0, NO_VECTOR);
	send_bulk(&s, 1);
	tap_ok(read_bulk(&s, s.console, 0, CHUNK),
	       "its queue is set up anew: the first chain is whole");
	serial_free(&s);
}

/* ---- what is refused ---- */

static void refused(struct serial *s, const struct device_class *cls, const char *opts,
                    const char *why)
{
	struct err err = { 0 };
	struct device *dev = device_create_simple(&s->g.board.vm, cls, opts, &err);

	tap_ok(!dev, "%s,%s is refused", cls->name, opts);
	tap_has(err.text, why, "because %s", why);
}

static void test_refusals(struct serial *s)
{
	const struct device_class *port = &virtserialport_class;

	refused(s, port, "chardev=x", "there is no chardev 'x'; define it with -chardev");
	refused(s, port, "chardev=n", "chardev 'n' is already in use");
	refused(s, port, "nr=0", "port 0 is kept for a virtconsole; use nr=1 or above");
	refused(s, port, "nr=5", "port 5 is taken; choose another nr=");
	refused(s, port, "nr=31", "nr=31 is no port of this bus (0 to 30)");
	refused(s, port, "bus=other", "there is no bus 'other'");
	for (unsigned i = 0; i < 28; i++)
		board_add(&s->g.board, port, "");
	refused(s, port, "",
	        "every port is taken; add another -device virtio-serial-pci");
}

int main(void)
{
	struct serial s;

	serial_init(&s);
	test_config(&s);
	test_hello(&s);
	test_no_buffers(&s);
	test_data(&s, 0, s.console);
	test_data(&s, 1, s.named);
	test_data(&s, 5, s.plain);
	test_last_words(&s);
	test_slow_host(&s);
	test_no_room(&s);
	test_slow_guest(&s);
	test_plug(&s);
	test_refusals(&s);
	serial_free(&s);
	test_one_port();
	return tap_done();
}
