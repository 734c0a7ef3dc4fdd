// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Network interfaces in use. Routes come from /proc/net/route (hexadecimal, network byte
 * order printed as a little-endian word) and /proc/net/ipv6_route; both show the main
 * table. Addresses and routes do not come back when the driver does, so any route but a
 * link-local one counts. Masters and uppers are links of the interface in sysfs.
 */
#include "passthrough/nic.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/opts.h"
#include "passthrough/resolve.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { RTF_UP_FLAG = 1, RTF_REJECT_FLAG = 0x200 };

struct route {
	char interface[NIC_NAME_SIZE];
	uint8_t to[16]; /* network byte order */
	unsigned bytes; /* 4 or 16 */
	unsigned prefix;
};

/* ---- the two tables ---- */

static bool hex_word(const char *text, size_t len, uint64_t *value)
{
	char copy[17];

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return !opt_parse_hex(copy, value);
}

/* Splits a line at blanks. */
static unsigned words(const char *line, const char *word[12], size_t len[12])
{
	unsigned n = 0;

	while (n < 12) {
		line += strspn(line, " \t");
		len[n] = strcspn(line, " \t\n");
		if (!len[n])
			break;
		word[n] = line;
		line += len[n++];
	}
	return n;
}

static void take_name(struct route *r, const char *text, size_t len)
{
	snprintf(r->interface, sizeof(r->interface), "%.*s", (int)len, text);
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask ... */
static bool parse4(const char *line, struct route *r)
{
	uint64_t to, flags, mask;
	const char *word[12];
	size_t len[12];

	if (words(line, word, len) < 8 || !hex_word(word[1], len[1], &to) ||
	    !hex_word(word[3], len[3], &flags) || !hex_word(word[7], len[7], &mask) ||
	    !(flags & RTF_UP_FLAG) || flags & RTF_REJECT_FLAG)
		return false;
	*r = (struct route){ .bytes = 4 };
	take_name(r, word[0], len[0]);
	st32(r->to, to);
	r->prefix = __builtin_popcount(mask);
	return true;
}

/* Destination prefix source prefix next-hop metric refcount use flags interface */
static bool parse6(const char *line, struct route *r)
{
	uint64_t prefix, flags, byte;
	const char *word[12];
	size_t len[12];

	if (words(line, word, len) < 10 || len[0] != 32 ||
	    !hex_word(word[1], len[1], &prefix) || !hex_word(word[8], len[8], &flags) ||
	    !(flags & RTF_UP_FLAG) || flags & RTF_REJECT_FLAG || prefix > 128)
		return false;
	*r = (struct route){ .bytes = 16, .prefix = prefix };
	for (unsigned i = 0; i < 16; i++) {
		if (!hex_word(word[0] + 2 * i, 2, &byte))
			return false;
		r->to[i] = byte;
	}
	take_name(r, word[9], len[9]);
	return true;
}

static bool link_local(const struct route *r)
{
	if (r->bytes == 4)
		return r->prefix >= 16 && r->to[0] == 169 && r->to[1] == 254;
	return (r->prefix >= 10 && r->to[0] == 0xfe && (r->to[1] & 0xc0) == 0x80) ||
	       (r->prefix >= 8 && r->to[0] == 0xff);
}

static void each_route(const char *route, const char *route6,
                       void (*visit)(void *data, const struct route *r), void *data)
{
	struct route r;

	for (const char *line = route; *line; line += *line == '\n') {
		if (parse4(line, &r))
			visit(data, &r);
		line += strcspn(line, "\n");
	}
	for (const char *line = route6; *line; line += *line == '\n') {
		if (parse6(line, &r))
			visit(data, &r);
		line += strcspn(line, "\n");
	}
}

struct use_search {
	const char *interface;
	enum nic_route use;
};

static void note_use(void *data, const struct route *r)
{
	struct use_search *search = data;

	if (strcmp(r->interface, search->interface) || link_local(r))
		return;
	if (!r->prefix)
		search->use = NIC_ROUTE_DEFAULT;
	else if (search->use == NIC_ROUTE_NONE)
		search->use = NIC_ROUTE_OTHER;
}

enum nic_route nic_routes(const char *route, const char *route6, const char *interface)
{
	struct use_search search = { .interface = interface };

	each_route(route, route6, note_use, &search);
	return search.use;
}

struct peer_search {
	uint8_t peer[16];
	unsigned bytes;
	int prefix; /* of the best route so far, -1 none */
	char *interface;
};

static void note_way(void *data, const struct route *r)
{
	struct peer_search *search = data;
	unsigned whole = r->prefix / 8, rest = r->prefix % 8;
	uint8_t mask = 0xff << (8 - rest);

	if (r->bytes != search->bytes || (int)r->prefix <= search->prefix ||
	    memcmp(r->to, search->peer, whole) ||
	    (rest && (r->to[whole] ^ search->peer[whole]) & mask))
		return;
	search->prefix = r->prefix;
	memcpy(search->interface, r->interface, NIC_NAME_SIZE);
}

void nic_towards(const char *route, const char *route6, const char *peer,
                 char interface[NIC_NAME_SIZE])
{
	struct peer_search search = { .prefix = -1, .interface = interface };
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	interface[0] = '\0';
	if (inet_pton(AF_INET, peer, search.peer) == 1)
		search.bytes = 4;
	else if (inet_pton(AF_INET6, peer, search.peer) == 1)
		search.bytes = 16;
	else
		return;
	if (search.bytes == 16 && !memcmp(search.peer, mapped, sizeof(mapped))) {
		memmove(search.peer, search.peer + 12, 4);
		search.bytes = 4;
	}
	each_route(route, route6, note_way, &search);
}

/* ---- SSH ---- */

static void first_word(const char *text, char peer[NIC_PEER_SIZE])
{
	size_t len = strcspn(text, " %\n");

	snprintf(peer, NIC_PEER_SIZE, "%.*s", (int)len, text);
}

/* The parent's id in /proc/PID/stat: the second number after the name, which may hold
 * blanks and parentheses. */
static bool parent_of(const struct sysroot *root, char pid[24])
{
	char path[64], stat[600];
	const char *word[12], *after;
	size_t len[12];

	snprintf(path, sizeof(path), "proc/%.20s/stat", pid);
	sysroot_line(root, path, stat, sizeof(stat));
	after = strrchr(stat, ')');
	if (!after || words(after + 1, word, len) < 2 || len[1] > 20)
		return false;
	snprintf(pid, 24, "%.*s", (int)len[1], word[1]);
	return strcmp(pid, "0") && strcmp(pid, "1");
}

/* Variables of /proc/PID/environ end in NUL; text is what stands before the first. */
static bool peer_of_process(const struct sysroot *root, const char *pid,
                            char peer[NIC_PEER_SIZE])
{
	static const char name[] = "SSH_CONNECTION=";
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%.20s/environ", pid);
	fd = sysroot_open_node(root, path, O_RDONLY);
	text = malloc(128 << 10);
	n = fd < 0 || !text ? 0 : fd_read(fd, text, (128 << 10) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	for (char *at = text; at < text + n; at += strlen(at) + 1)
		if (!strncmp(at, name, strlen(name))) {
			first_word(at + strlen(name), peer);
			return true;
		}
	return false;
}

void nic_ssh_peer(const struct sysroot *root, char peer[NIC_PEER_SIZE])
{
	const char *own = getenv("SSH_CONNECTION");
	char pid[24] = "self";

	peer[0] = '\0';
	if (own) {
		first_word(own, peer);
		return;
	}
	for (unsigned depth = 0; root->live && depth < 64; depth++)
		if (peer_of_process(root, pid, peer) || !parent_of(root, pid))
			return;
}

/* ---- interfaces of the function ---- */

struct nic {
	const struct sysroot *root;
	struct findings *findings;
	char *route, *route6;
	char way[NIC_NAME_SIZE]; /* interface towards the SSH peer, "" none */
	const char *peer;
};

static void link_name(const struct sysroot *root, const char *interface, const char *link,
                      char name[64])
{
	char path[300], target[512];
	const char *slash;

	snprintf(path, sizeof(path), "sys/class/net/%.100s/%.100s", interface, link);
	sysroot_link(root, path, target, sizeof(target));
	slash = strrchr(target, '/');
	snprintf(name, 64, "%.63s", slash ? slash + 1 : target);
}

/* True when `upper` is interface, or is built upon it through any number of levels. */
static bool carries(const struct sysroot *root, const char *interface, const char *upper,
                    unsigned depth)
{
	struct names names;
	char path[200];
	bool found = !strcmp(interface, upper);

	if (found || depth > 8)
		return found;
	snprintf(path, sizeof(path), "sys/class/net/%.100s", upper);
	sysroot_list(root, path, &names);
	for (unsigned i = 0; i < names.count && !found; i++)
		if (!strncmp(names.name[i], "lower_", 6))
			found = carries(root, interface, names.name[i] + 6, depth + 1);
	names_free(&names);
	return found;
}

static void check_master(struct nic *nic, const char *name)
{
	char master[64], path[200];
	const char *kind = "team, switch or VRF";

	link_name(nic->root, name, "master", master);
	if (!*master)
		return;
	snprintf(path, sizeof(path), "sys/class/net/%s/bridge", master);
	if (sysroot_exists(nic->root, path))
		kind = "bridge";
	snprintf(path, sizeof(path), "sys/class/net/%s/bonding", master);
	if (sysroot_exists(nic->root, path))
		kind = "bond";
	findings_add(nic->findings, REASON_MASTER,
	             "%s is a port of the %s %s; first: ip link set %s nomaster", name,
	             kind, master, name);
}

static void check_uppers(struct nic *nic, const char *name)
{
	struct names names;
	char path[200], master[64];

	link_name(nic->root, name, "master", master);
	snprintf(path, sizeof(path), "sys/class/net/%.100s", name);
	sysroot_list(nic->root, path, &names);
	for (unsigned i = 0; i < names.count; i++)
		if (!strncmp(names.name[i], "upper_", 6) &&
		    strcmp(names.name[i] + 6, master))
			findings_add(nic->findings, REASON_UPPER,
			             "%s carries the interface %s; first: ip link del %s",
			             name, names.name[i] + 6, names.name[i] + 6);
	names_free(&names);
}

static void check_interface(struct nic *nic, const char *name)
{
	enum nic_route use = nic_routes(nic->route ? nic->route : "",
	                                nic->route6 ? nic->route6 : "", name);

	if (*nic->way && carries(nic->root, name, nic->way, 0))
		findings_add(nic->findings, REASON_SSH,
		             "your SSH connection to %s goes through %s", nic->peer,
		             name);
	if (use == NIC_ROUTE_DEFAULT)
		findings_add(nic->findings, REASON_DEFAULT_ROUTE,
		             "the default route goes through %s, and would not come "
		             "back with its driver",
		             name);
	else if (use == NIC_ROUTE_OTHER)
		findings_add(nic->findings, REASON_ROUTE,
		             "routes go through %s, and would not come back with its "
		             "driver; first: ip addr flush dev %s",
		             name, name);
	check_master(nic, name);
	check_uppers(nic, name);
}

void nic_check(const struct sysroot *root, const struct pci_function *f,
               const char *ssh_peer, struct findings *findings)
{
	_cleanup_free_ char *route = NULL, *route6 = NULL;
	struct nic nic = { .root = root, .findings = findings, .peer = ssh_peer };
	struct names names;

	if (sysroot_read(root, "proc/net/route", 16 << 20, &route) < 0)
		route = NULL;
	if (sysroot_read(root, "proc/net/ipv6_route", 16 << 20, &route6) < 0)
		route6 = NULL;
	nic.route = route;
	nic.route6 = route6;
	nic_towards(route ? route : "", route6 ? route6 : "", ssh_peer, nic.way);
	sysroot_list(root, "sys/class/net", &names);
	for (unsigned i = 0; i < names.count; i++) {
		char path[1024];

		if (!class_path(root, "net", names.name[i], path, sizeof(path)) &&
		    pci_path_through(path, f->name))
			check_interface(&nic, names.name[i]);
	}
	names_free(&names);
}
