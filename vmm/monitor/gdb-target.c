// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What registers there are, in GDB's words (its manual, "Target Description Format"):
 * made from debug_register()'s rows. The names inside of vec128 and i386_eflags are those
 * that GDB's own descriptions have, so that `p $xmm0.v4_float` and scripts work.
 */
#include "vmm/monitor/gdb-session.h"

#include "common/cleanup.h"

#include <string.h>

static const struct {
	const char *id, *type;
	unsigned count;
} vectors[] = {
	{ "v4_float", "ieee_single", 4 }, { "v2_double", "ieee_double", 2 },
	{ "v16_int8", "int8", 16 },       { "v8_int16", "int16", 8 },
	{ "v4_int32", "int32", 4 },       { "v2_int64", "int64", 2 },
};

static void add_vec128(struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		strbuf_addf(out, "<vector id=\"t_%s\" type=\"%s\" count=\"%u\"/>",
		            vectors[i].id, vectors[i].type, vectors[i].count);
	strbuf_adds(out, "<union id=\"vec128\">");
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		strbuf_addf(out, "<field name=\"%s\" type=\"t_%s\"/>", vectors[i].id,
		            vectors[i].id);
	strbuf_adds(out, "<field name=\"uint128\" type=\"uint128\"/></union>");
}

/* SDM volume 1, 3.4.3 */
static const struct {
	const char *name;
	unsigned bit;
} flags[] = {
	{ "CF", 0 },  { "PF", 2 },   { "AF", 4 },   { "ZF", 6 },
	{ "SF", 7 },  { "TF", 8 },   { "IF", 9 },   { "DF", 10 },
	{ "OF", 11 }, { "NT", 14 },  { "RF", 16 },  { "VM", 17 },
	{ "AC", 18 }, { "VIF", 19 }, { "VIP", 20 }, { "ID", 21 },
};

static void add_eflags(struct strbuf *out)
{
	strbuf_adds(out, "<flags id=\"i386_eflags\" size=\"4\">");
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		strbuf_addf(out, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>",
		            flags[i].name, flags[i].bit, flags[i].bit);
	strbuf_adds(out, "</flags>");
}

void gdb_add_target(struct strbuf *out)
{
	const struct debug_register *r;
	const char *feature = "";

	strbuf_adds(out, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM "
	                 "\"gdb-target.dtd\"><target>"
	                 "<architecture>i386:x86-64</architecture>");
	for (unsigned n = 0; (r = debug_register(n)); n++) {
		if (strcmp(r->feature, feature)) {
			strbuf_addf(out, "%s<feature name=\"org.gnu.gdb.i386.%s\">",
			            n ? "</feature>" : "", r->feature);
			if (!n)
				add_eflags(out);
			if (!strcmp(r->feature, "sse"))
				add_vec128(out);
			feature = r->feature;
		}
		strbuf_addf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", r->name,
		            r->bits, r->type);
	}
	strbuf_adds(out, "</feature></target>");
}
