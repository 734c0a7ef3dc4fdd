/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of commands, one a file. */
#ifndef VMM_MONITOR_TABLES_H
#define VMM_MONITOR_TABLES_H

#include "vmm/monitor/command.h"

#include <stdint.h>

extern const struct mon_command mon_run_commands[];     /* cmd-run.c */
extern const struct mon_command mon_info_commands[];    /* cmd-info.c */
extern const struct mon_command mon_device_commands[];  /* cmd-device.c */
extern const struct mon_command mon_balloon_commands[]; /* cmd-balloon.c */
extern const struct mon_command mon_net_commands[];     /* cmd-net.c */
extern const struct mon_command mon_debug_commands[];   /* cmd-debug.c */
extern const struct mon_command mon_chardev_commands[]; /* cmd-chardev.c */
extern const struct mon_command mon_inspect_commands[]; /* cmd-inspect.c */
extern const struct mon_command mon_display_commands[]; /* cmd-display.c */
extern const struct mon_command mon_input_commands[];   /* cmd-input.c */
extern const struct mon_command mon_meta_commands[];    /* cmd-meta.c */

/* A KeyValue's code (common/keycode.h); 0 with a sentence when it is no key.
 * cmd-display.c */
uint16_t mon_key(const json_t *value, struct err *err);

#endif
