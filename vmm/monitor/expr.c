// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Expressions by recursive descent. Unsigned arithmetic inside, so that nothing
 * overflows; division is signed, as people who write -8/2 expect.
 */
#include "vmm/monitor/expr.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct parser {
	const char *p;
	int (*reg)(void *opaque, const char *name, uint64_t *value);
	void *opaque;
	unsigned depth;
	struct err *err;
};

static int parse_sum(struct parser *s, uint64_t *value);

static void skip_blanks(struct parser *s)
{
	while (isspace((unsigned char)*s->p))
		s->p++;
}

static int parse_register(struct parser *s, uint64_t *value)
{
	size_t len = strspn(s->p, "abcdefghijklmnopqrstuvwxyz0123456789.");
	_cleanup_free_ char *name = strndup(s->p, len);
	int ret;

	if (!name)
		return err_sys(s->err, ENOMEM, "expression");
	s->p += len;
	ret = s->reg ? s->reg(s->opaque, name, value) : -ENOENT;
	return ret < 0 ? err_usage(s->err, "there is no register $%s", name) : 0;
}

static int parse_number(struct parser *s, uint64_t *value)
{
	size_t len = 0;
	_cleanup_free_ char *word = NULL;

	while (isalnum((unsigned char)s->p[len]) || s->p[len] == '_')
		len++;
	word = strndup(s->p, len);
	if (!word)
		return err_sys(s->err, ENOMEM, "expression");
	if (opt_parse_u64(word, value) < 0)
		return err_usage(s->err, "'%s' is not a number", *word ? word : s->p);
	s->p += len;
	return 0;
}

static int parse_character(struct parser *s, uint64_t *value)
{
	if (!s->p[0] || s->p[1] != '\'')
		return err_usage(s->err, "a character stands between two quotes: 'a'");
	*value = (unsigned char)s->p[0];
	s->p += 2;
	return 0;
}

static int parse_primary(struct parser *s, uint64_t *value)
{
	int ret;

	switch (*s->p) {
	case '(':
		s->p++;
		ret = parse_sum(s, value);
		if (ret >= 0 && *s->p != ')')
			return err_usage(s->err, "')' is missing");
		s->p += ret >= 0;
		return ret;
	case '$':
		s->p++;
		return parse_register(s, value);
	case '\'':
		s->p++;
		return parse_character(s, value);
	default:
		return parse_number(s, value);
	}
}

static int parse_unary(struct parser *s, uint64_t *value)
{
	char op;
	int ret;

	skip_blanks(s);
	if (s->depth == EXPR_DEPTH)
		return err_usage(s->err, "the expression is nested too deeply");
	s->depth++;
	op = *s->p;
	if (op == '-' || op == '+' || op == '~') {
		s->p++;
		ret = parse_unary(s, value);
		*value = op == '-' ? -*value : op == '~' ? ~*value : *value;
	} else {
		ret = parse_primary(s, value);
	}
	s->depth--;
	skip_blanks(s);
	return ret;
}

static int parse_product(struct parser *s, uint64_t *value)
{
	int ret = parse_unary(s, value);

	while (ret >= 0 && *s->p && strchr("*/%", *s->p)) {
		char op = *s->p++;
		uint64_t right = 0;

		ret = parse_unary(s, &right);
		if (ret >= 0 && op != '*' && !right)
			return err_usage(s->err, "a division by zero");
		if (op == '*')
			*value *= right;
		else if (right == UINT64_MAX) /* -1: the one quotient that overflows */
			*value = op == '/' ? -*value : 0;
		else if (ret >= 0)
			*value = op == '/' ? (int64_t)*value / (int64_t)right
			                   : (int64_t)*value % (int64_t)right;
	}
	return ret;
}

static int parse_bits(struct parser *s, uint64_t *value)
{
	int ret = parse_product(s, value);

	while (ret >= 0 && *s->p && strchr("&|^", *s->p)) {
		char op = *s->p++;
		uint64_t right = 0;

		ret = parse_product(s, &right);
		if (op == '&')
			*value &= right;
		else if (op == '|')
			*value |= right;
		else
			*value ^= right;
	}
	return ret;
}

static int parse_sum(struct parser *s, uint64_t *value)
{
	int ret = parse_bits(s, value);

	while (ret >= 0 && (*s->p == '+' || *s->p == '-')) {
		char op = *s->p++;
		uint64_t right = 0;

		ret = parse_bits(s, &right);
		*value += op == '+' ? right : -right;
	}
	return ret;
}

int expr_eval(const char *text,
              int (*reg)(void *opaque, const char *name, uint64_t *value), void *opaque,
              int64_t *value, struct err *err)
{
	struct parser s = { .p = text, .reg = reg, .opaque = opaque, .err = err };
	uint64_t result = 0;
	int ret = parse_sum(&s, &result);

	if (ret >= 0 && *s.p)
		ret = err_usage(err, "'%s' is left over", s.p);
	*value = result;
	return ret;
}
