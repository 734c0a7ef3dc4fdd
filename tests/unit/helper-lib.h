/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which helper programs the tests start. */
#ifndef TESTS_UNIT_HELPER_LIB_H
#define TESTS_UNIT_HELPER_LIB_H

/* Those of this test's own build. */
void helper_of_build(void);

#endif
