// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keeps the rig's QEMU alive (rtld-audit(7); scripts/rig builds and loads it).
 *
 * QEMU 7.2 asserts in tcg_handle_interrupt() that its big lock is held. A guest of a
 * guest that writes CR8 while an interrupt window is requested gets there without it: any
 * UEFI firmware that is interrupted in an interrupt handler. The only thing it would need
 * the lock for is a bit that the same thread sets elsewhere without it, so the
 * assertion's question is answered with yes. Nobody else in that module asks it.
 */
#include <link.h>
#include <stdbool.h>
#include <string.h>

unsigned la_version(unsigned version);
unsigned la_objopen(struct link_map *map, Lmid_t id, uintptr_t *cookie);
uintptr_t la_symbind64(Elf64_Sym *sym, unsigned index, uintptr_t *from, uintptr_t *to,
                       unsigned *flags, const char *name);

unsigned la_version(unsigned version)
{
	(void)version;
	return LAV_CURRENT;
}

unsigned la_objopen(struct link_map *map, Lmid_t id, uintptr_t *cookie)
{
	(void)id;
	*cookie = strstr(map->l_name, "accel-tcg") != NULL;
	return *cookie ? LA_FLG_BINDFROM : LA_FLG_BINDTO;
}

static bool yes(void)
{
	return true;
}

uintptr_t la_symbind64(Elf64_Sym *sym, unsigned index, uintptr_t *from, uintptr_t *to,
                       unsigned *flags, const char *name)
{
	(void)index;
	(void)to;
	*flags |= LA_SYMB_NOPLTENTER | LA_SYMB_NOPLTEXIT;
	return *from && !strcmp(name, "qemu_mutex_iothread_locked") ? (uintptr_t)yes
	                                                            : sym->st_value;
}
