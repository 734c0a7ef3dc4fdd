// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Addresses of PCI functions. Domains have four digits or more (a VMD's begin at 10000),
 * all other parts a fixed number of them.
 */
#include "passthrough/address.h"

#include "common/opts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Reads min to max hexadecimal digits at *text and the character after them. */
static bool part(const char **text, unsigned min, unsigned max, char after,
                 uint64_t *value)
{
	char digits[9] = "";
	unsigned n = 0;

	while (n < max && isxdigit((unsigned char)(*text)[n]))
		n++;
	if (n < min || (*text)[n] != after)
		return false;
	memcpy(digits, *text, n);
	*text += n + (after != '\0');
	return !opt_parse_hex(digits, value);
}

static bool parse(const char *text, char separator, char last, bool with_domain,
                  struct pci_address *address)
{
	uint64_t domain = 0, bus, slot, function;

	if (with_domain && !part(&text, 4, 8, separator, &domain))
		return false;
	if (!part(&text, 2, 2, separator, &bus) || !part(&text, 2, 2, last, &slot) ||
	    !part(&text, 1, 1, '\0', &function) || slot > 31 || function > 7)
		return false;
	*address = (struct pci_address){ domain, bus, slot, function };
	return true;
}

bool pci_address_parse(const char *text, struct pci_address *address)
{
	if (!strncmp(text, "pci_", 4))
		return parse(text + 4, '_', '_', true, address);
	return parse(text, ':', '.', true, address) ||
	       parse(text, ':', '.', false, address);
}

void pci_address_text(const struct pci_address *address, char text[PCI_ADDRESS_SIZE])
{
	snprintf(text, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%x", address->domain,
	         address->bus, address->slot, address->function);
}

int pci_address_compare(const struct pci_address *a, const struct pci_address *b)
{
	uint64_t x =
		(uint64_t)a->domain << 24 | a->bus << 16 | a->slot << 8 | a->function;
	uint64_t y =
		(uint64_t)b->domain << 24 | b->bus << 16 | b->slot << 8 | b->function;

	return x < y ? -1 : x > y;
}

bool pci_address_in_path(const char *path, struct pci_address *address)
{
	bool found = false;

	while (*path) {
		size_t len = strcspn(path, "/");
		char name[PCI_ADDRESS_SIZE];

		if (len < sizeof(name)) {
			memcpy(name, path, len);
			name[len] = '\0';
			found |= parse(name, ':', '.', true, address);
		}
		path += len + (path[len] == '/');
	}
	return found;
}

bool pci_path_through(const char *path, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = path; (at = strstr(at, name)); at += len)
		if ((at == path || at[-1] == '/') && (!at[len] || at[len] == '/'))
			return true;
	return false;
}
