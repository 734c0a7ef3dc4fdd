// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keysyms (X Window System Protocol, appendix A; RFC 6143, 7.5.4) to keys, by the data of
 * xkb. At start each key is asked what it types with each set of modifiers and locks;
 * behind the layout stands the US one, so that a guest whose layout has no Latin letters
 * gets them where a US keyboard has them. Of several ways to type a character the one
 * that changes least is taken.
 *
 * The client's own Shift and AltGr are keys like others. Where they differ from what the
 * character needs in the guest's layout they are changed for the moment of the press.
 */
#include "vmm/helpers/vnc/keys.h"

#include "common/cleanup.h"
#include "common/keycode.h"
#include "common/opts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

enum {
	SHIFT = 1,
	ALTGR = 2,
	COMBINATIONS = 16, /* of SHIFT, ALTGR, KEYS_CAPS and KEYS_NUM */

	KEY_SHIFT_L = 0x2a,
	KEY_SHIFT_R = 0x36,
	KEY_ALT_L = 0x38,
	KEY_ALT_R = 0xe038, /* AltGr in most layouts */
	KEY_NUM = 0x45,
	EVDEV = 8, /* xkb's key codes are Linux' and this */

	KEYS = 512,
	MAX_HELD = 32,
	MAX_WAYS = 4096,
};

/* A key that types a keysym. */
struct way {
	uint32_t keysym;
	uint16_t code;
	uint16_t combinations; /* a bit for each in which it does */
	bool us;               /* not in the guest's layout */
};

struct keys {
	struct way *ways;
	unsigned count;
	bool altgr; /* the layout has that key */
	unsigned locks;
	bool pressed[KEYS]; /* by index_of() */
	/* Which key a keysym pressed: with the modifiers released it may be another. */
	struct {
		uint32_t keysym;
		uint16_t code;
	} held[MAX_HELD];
	unsigned held_count;
	void (*send)(void *opaque, uint16_t code, bool down);
	void *opaque;
};

/* QEMU's names. */
static const struct {
	const char *name, *layout, *variant, *model;
} layouts[] = {
	{ "ar", "ara", NULL, NULL },        { "bepo", "fr", "bepo", NULL },
	{ "cz", "cz", NULL, NULL },         { "da", "dk", NULL, NULL },
	{ "de", "de", "nodeadkeys", NULL }, { "de-ch", "ch", NULL, NULL },
	{ "en-gb", "gb", NULL, NULL },      { "en-us", "us", NULL, NULL },
	{ "es", "es", NULL, NULL },         { "et", "ee", NULL, NULL },
	{ "fi", "fi", NULL, NULL },         { "fo", "fo", NULL, NULL },
	{ "fr", "fr", "nodeadkeys", NULL }, { "fr-be", "be", NULL, NULL },
	{ "fr-ca", "ca", "fr", NULL },      { "fr-ch", "ch", "fr", NULL },
	{ "hr", "hr", NULL, NULL },         { "hu", "hu", NULL, NULL },
	{ "is", "is", NULL, NULL },         { "it", "it", NULL, NULL },
	{ "ja", "jp", NULL, "jp106" },      { "lt", "lt", NULL, NULL },
	{ "lv", "lv", NULL, NULL },         { "mk", "mk", NULL, NULL },
	{ "nl", "nl", NULL, NULL },         { "no", "no", NULL, NULL },
	{ "pl", "pl", NULL, NULL },         { "pt", "pt", NULL, NULL },
	{ "pt-br", "br", NULL, NULL },      { "ru", "ru", NULL, NULL },
	{ "sl", "si", NULL, NULL },         { "sv", "se", NULL, NULL },
	{ "th", "th", NULL, NULL },         { "tr", "tr", NULL, NULL },
};

/* Keysyms of clients whose own layout calls the key something else. */
static const struct {
	uint32_t keysym;
	uint16_t code;
} aliases[] = {
	{ XKB_KEY_Meta_L, KEY_ALT_L },
	{ XKB_KEY_Meta_R, KEY_ALT_R },
	{ XKB_KEY_Alt_R, KEY_ALT_R },
	{ XKB_KEY_Mode_switch, KEY_ALT_R },
	{ XKB_KEY_ISO_Level3_Shift, KEY_ALT_R },
	{ XKB_KEY_ISO_Left_Tab, 0x0f },
	{ XKB_KEY_Sys_Req, 0x54 },
	{ XKB_KEY_Break, 0xe11d },
	{ XKB_KEY_KP_Separator, 0x7e },
};

/* What an accent makes of a letter: pairs of result and letter. Up to 0xff keysyms are
 * the characters' numbers. */
static const struct {
	uint16_t dead;
	const uint16_t *pairs;
} accents[] = {
	{ XKB_KEY_dead_grave, u"ÀAÈEÌIÒOÙUàaèeìiòoùu` " },
	{ XKB_KEY_dead_acute, u"ÁAÉEÍIÓOÚUÝYáaéeíióoúuýy´ " },
	{ XKB_KEY_dead_circumflex, u"ÂAÊEÎIÔOÛUâaêeîiôoûu^ " },
	{ XKB_KEY_dead_tilde, u"ÃAÑNÕOãañnõo~ " },
	{ XKB_KEY_dead_diaeresis, u"ÄAËEÏIÖOÜUäaëeïiöoüuÿy¨ " },
	{ XKB_KEY_dead_cedilla, u"ÇCçc¸ " },
	{ XKB_KEY_dead_abovering, u"ÅAåa° " },
};

/* ---- from xkb ---- */

struct reading {
	struct keys *keys;
	struct xkb_state *state;
	xkb_layout_index_t group;
};

static void add_way(struct keys *k, unsigned first, const struct way *way)
{
	for (unsigned i = first; i < k->count; i++)
		if (k->ways[i].keysym == way->keysym) {
			k->ways[i].combinations |= way->combinations;
			return;
		}
	if (k->count < MAX_WAYS)
		k->ways[k->count++] = *way;
}

/* A character may have a keysym of its own besides the one made of its Unicode number. */
static uint32_t usual(uint32_t keysym)
{
	uint32_t own = keysym >> 24 == 1 ? xkb_utf32_to_keysym(keysym & 0xffffff) : 0;

	return own ? own : keysym;
}

static void read_key(struct xkb_keymap *map, xkb_keycode_t key, void *opaque)
{
	const struct reading *r = opaque;
	const xkb_mod_mask_t shift = 1u << xkb_keymap_mod_get_index(map, "Shift"),
			     lock = 1u << xkb_keymap_mod_get_index(map, "Lock"),
			     num = 1u << xkb_keymap_mod_get_index(map, "Mod2"),
			     level3 = 1u << xkb_keymap_mod_get_index(map, "Mod5");
	struct way way = { .us = r->group };
	unsigned first = r->keys->count;

	way.code = key < EVDEV ? 0 : keycode_to_set1(key - EVDEV);
	for (unsigned c = 0; c < COMBINATIONS && way.code; c++) {
		xkb_state_update_mask(
			r->state, (c & SHIFT ? shift : 0) | (c & ALTGR ? level3 : 0), 0,
			(c & KEYS_CAPS ? lock : 0) | (c & KEYS_NUM ? num : 0), 0, 0,
			r->group);
		way.keysym = usual(xkb_state_key_get_one_sym(r->state, key));
		way.combinations = 1u << c;
		if (way.keysym == XKB_KEY_ISO_Level3_Shift && way.code == KEY_ALT_R &&
		    !r->group)
			r->keys->altgr = true;
		if (way.keysym != XKB_KEY_NoSymbol)
			add_way(r->keys, first, &way);
	}
}

static int read_keymap(struct keys *k, struct xkb_keymap *map)
{
	struct reading r = { .keys = k, .state = xkb_state_new(map) };

	k->ways = calloc(MAX_WAYS, sizeof(k->ways[0]));
	for (r.group = 0; r.group < 2 && r.state && k->ways; r.group++)
		xkb_keymap_key_for_each(map, read_key, &r);
	xkb_state_unref(r.state);
	return r.state && k->ways ? 0 : -ENOMEM;
}

static void quiet(struct xkb_context *context, enum xkb_log_level level,
                  const char *format, va_list args)
{
	(void)context;
	(void)level;
	(void)format;
	(void)args;
}

/* "de(neo)" in parts; only what can be a file's name. */
static bool split(const char *name, char *layout, char *variant, size_t size)
{
	size_t n = strcspn(name, "("), len = strlen(name), v = 0;

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_-()", name[i]))
			return false;
	if (n < len)
		v = name[len - 1] == ')' ? len - n - 2 : size;
	if (!n || n >= size || v >= size - 1)
		return false;
	snprintf(layout, size, "%.*s", (int)n, name);
	snprintf(variant, size, "%.*s", (int)v, name + n + 1);
	return true;
}

static struct xkb_keymap *compile(const char *name)
{
	char layout[64] = "", variant[64] = "", both[80], variants[80];
	struct xkb_rule_names rules = { .rules = "evdev", .model = "pc105" };
	struct xkb_context *context;
	struct xkb_keymap *map = NULL;
	unsigned i = 0;

	while (i < ARRAY_SIZE(layouts) && strcmp(layouts[i].name, name))
		i++;
	if (i < ARRAY_SIZE(layouts)) {
		snprintf(layout, sizeof(layout), "%s", layouts[i].layout);
		snprintf(variant, sizeof(variant), "%s",
		         layouts[i].variant ? layouts[i].variant : "");
		rules.model = layouts[i].model ? layouts[i].model : rules.model;
	} else if (!split(name, layout, variant, sizeof(layout))) {
		return NULL;
	}
	snprintf(both, sizeof(both), "%s,us", layout);
	snprintf(variants, sizeof(variants), "%s,", variant);
	rules.layout = both;
	rules.variant = variants;
	context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
	if (!context)
		return NULL;
	xkb_context_set_log_fn(context, quiet);
	map = xkb_keymap_new_from_names(context, &rules, XKB_KEYMAP_COMPILE_NO_FLAGS);
	xkb_context_unref(context);
	return map;
}

static void refuse(const char *name, struct err *err)
{
	const char *names[ARRAY_SIZE(layouts) + 1] = { NULL }, *near;

	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++)
		names[i] = layouts[i].name;
	near = opt_nearest(name, names);
	if (near)
		err_usage(err, "there is no keyboard layout '%s', did you mean '%s'?",
		          name, near);
	else
		err_usage(err, "there is no keyboard layout '%s'; -k help lists them",
		          name);
}

void keys_list(struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++)
		strbuf_addf(out, "%s\n", layouts[i].name);
}

struct keys *keys_new(const char *layout,
                      void (*send)(void *opaque, uint16_t code, bool down), void *opaque,
                      struct err *err)
{
	struct xkb_keymap *map = compile(*layout ? layout : "en-us");
	struct keys *k;

	if (!map) {
		refuse(layout, err);
		return NULL;
	}
	k = calloc(1, sizeof(*k));
	if (!k || read_keymap(k, map) < 0) {
		err_sys(err, ENOMEM, "keyboard layout");
		keys_free(k);
		k = NULL;
	} else {
		k->send = send;
		k->opaque = opaque;
	}
	xkb_keymap_unref(map);
	return k;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	free(k->ways);
	free(k);
}

/* ---- keys ---- */

static unsigned index_of(uint16_t code)
{
	return (code & 0x7f) | (code >> 8 ? 0x80 : 0) | (code >> 8 == 0xe1) << 8;
}

static bool is_pressed(const struct keys *k, uint16_t code)
{
	return k->pressed[index_of(code)];
}

void keys_raw(struct keys *k, uint16_t code, bool down)
{
	k->pressed[index_of(code)] = down;
	if (code == KEY_NUM && down)
		k->locks ^= KEYS_NUM; /* the guest will say so, if it shows them */
	k->send(k->opaque, code, down);
}

void keys_release(struct keys *k)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (k->pressed[i])
			keys_raw(k,
			         (i & 0x7f) | (i & 0x100  ? 0xe100
			                       : i & 0x80 ? 0xe000
			                                  : 0),
			         false);
	k->held_count = 0;
}

void keys_set_locks(struct keys *k, unsigned locks)
{
	k->locks = locks;
}

/* ---- keysyms ---- */

static unsigned modifiers(const struct keys *k)
{
	bool shift = is_pressed(k, KEY_SHIFT_L) || is_pressed(k, KEY_SHIFT_R);

	return (shift ? SHIFT : 0) | (k->altgr && is_pressed(k, KEY_ALT_R) ? ALTGR : 0);
}

/* What it takes to use this way in that combination. */
static unsigned cost(const struct keys *k, const struct way *way, unsigned c)
{
	unsigned change = c ^ modifiers(k);

	return (way->us ? 64 : 0) + (change & ALTGR ? 5 : 0) + (change & SHIFT ? 4 : 0) +
	       ((c ^ k->locks) & KEYS_NUM ? 2 : 0);
}

/* combination: the cheapest in which the way types the keysym. */
static const struct way *find(const struct keys *k, uint32_t keysym,
                              unsigned *combination)
{
	const struct way *best = NULL;
	unsigned least = UINT32_MAX;

	for (unsigned i = 0; i < k->count; i++) {
		const struct way *way = &k->ways[i];

		for (unsigned c = 0; c < COMBINATIONS && way->keysym == keysym; c++) {
			bool locked = (c ^ k->locks) & KEYS_CAPS;

			if (locked || !(way->combinations >> c & 1) ||
			    cost(k, way, c) >= least)
				continue;
			best = way;
			least = cost(k, way, c);
			*combination = c;
		}
	}
	return best;
}

/* Modifiers and function keys are the same key whatever else is pressed. */
static bool is_text(uint32_t keysym)
{
	bool dead = keysym >= XKB_KEY_dead_grave && keysym <= XKB_KEY_dead_greek;

	return keysym < 0xfe00 || keysym > 0xffff || dead;
}

/* The modifier's keys: as the character needs it, or back. */
static void change_modifier(struct keys *k, const uint16_t *codes, unsigned count,
                            unsigned was, bool want, bool back)
{
	if (want && !was)
		keys_raw(k, codes[0], !back);
	for (unsigned i = 0; i < count && !want; i++)
		if (was >> i & 1)
			keys_raw(k, codes[i], back);
}

static void press(struct keys *k, uint16_t code, unsigned want)
{
	static const uint16_t shifts[] = { KEY_SHIFT_L, KEY_SHIFT_R },
			      alt[] = { KEY_ALT_R };
	unsigned shift = is_pressed(k, KEY_SHIFT_L) | is_pressed(k, KEY_SHIFT_R) << 1,
		 altgr = k->altgr && is_pressed(k, KEY_ALT_R);

	if ((want ^ k->locks) & KEYS_NUM) {
		keys_raw(k, KEY_NUM, true);
		keys_raw(k, KEY_NUM, false);
	}
	change_modifier(k, shifts, 2, shift, want & SHIFT, false);
	change_modifier(k, alt, k->altgr, altgr, want & ALTGR, false);
	keys_raw(k, code, true);
	change_modifier(k, alt, k->altgr, altgr, want & ALTGR, true);
	change_modifier(k, shifts, 2, shift, want & SHIFT, true);
}

static uint16_t find_alias(const struct keys *k, uint32_t keysym)
{
	/* Where the right Alt is an Alt it is nothing to type characters with. */
	if (keysym == XKB_KEY_ISO_Level3_Shift && !k->altgr)
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(aliases); i++)
		if (aliases[i].keysym == keysym)
			return aliases[i].code;
	return 0;
}

static void hold(struct keys *k, uint32_t keysym, uint16_t code)
{
	for (unsigned i = 0; i < k->held_count; i++)
		if (k->held[i].keysym == keysym)
			return;
	if (k->held_count == MAX_HELD)
		return;
	k->held[k->held_count].keysym = keysym;
	k->held[k->held_count++].code = code;
}

/* The key that was pressed as this keysym, or as another one that it also types. */
static void release(struct keys *k, uint32_t keysym)
{
	unsigned at = 0;

	while (at < k->held_count && k->held[at].keysym != keysym)
		at++;
	for (unsigned i = 0; i < k->count && at == k->held_count; i++) {
		if (k->ways[i].keysym != keysym)
			continue;
		for (at = 0; at < k->held_count; at++)
			if (k->held[at].code == k->ways[i].code)
				break;
	}
	if (at == k->held_count)
		return;
	keys_raw(k, k->held[at].code, false);
	k->held[at] = k->held[--k->held_count];
}

/* Types the accent of a letter that has no key of its own; the letter. Clients whose user
 * typed both name only the result. */
static uint32_t type_accent(struct keys *k, uint32_t keysym)
{
	unsigned want = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(accents); i++) {
		const struct way *dead = find(k, accents[i].dead, &want);

		for (const uint16_t *p = accents[i].pairs; *p && dead; p += 2) {
			if (*p != keysym)
				continue;
			press(k, dead->code, want);
			keys_raw(k, dead->code, false);
			return p[1];
		}
	}
	return 0;
}

void keys_type(struct keys *k, uint32_t keysym, bool down)
{
	const struct way *way;
	unsigned want = 0;
	uint16_t code;

	keysym = usual(keysym);
	if (!down) {
		release(k, keysym);
		return;
	}
	way = find(k, keysym, &want);
	if (!way || way->us) {
		uint32_t letter = type_accent(k, keysym);

		way = letter ? find(k, letter, &want) : way;
	}
	code = way ? way->code : find_alias(k, keysym);
	if (!code)
		return;
	hold(k, keysym, code);
	if (way && is_text(keysym))
		press(k, code, want);
	else
		press(k, code, modifiers(k) | ((way ? want : k->locks) & KEYS_NUM));
}
