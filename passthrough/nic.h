/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host does with the network interfaces of a PCI function. */
#ifndef PASSTHROUGH_NIC_H
#define PASSTHROUGH_NIC_H

#include "passthrough/findings.h"
#include "passthrough/pcidev.h"

/* The peer of the SSH connection that this process came through, as text, or "". The
 * environment of its ancestors is searched as well, because sudo drops the variable. */
#define NIC_PEER_SIZE 64
void nic_ssh_peer(const struct sysroot *root, char peer[NIC_PEER_SIZE]);

/* Adds a finding for every use: default route, other routes but link-local ones, a bridge
 * or bond above, VLANs and the like, the way to ssh_peer ("" none). */
void nic_check(const struct sysroot *root, const struct pci_function *f,
               const char *ssh_peer, struct findings *findings);

/* The parts, for tests. route and route6: text of /proc/net/route and ipv6_route. */
#define NIC_NAME_SIZE 16
enum nic_route { NIC_ROUTE_NONE, NIC_ROUTE_OTHER, NIC_ROUTE_DEFAULT };
enum nic_route nic_routes(const char *route, const char *route6, const char *interface);
/* The interface of the most specific route to peer (IPv4 or IPv6 text); "" none. */
void nic_towards(const char *route, const char *route6, const char *peer,
                 char interface[NIC_NAME_SIZE]);

#endif
