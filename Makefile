# SPDX-License-Identifier: GPL-2.0-or-later
#
# make            build everything into $(BUILD)
# make check      build and run all tests          make bench     measure, beside peers
# make run        boot a Linux guest               make fuzz      fuzz for FUZZ_SECONDS each
# make install    DESTDIR= PREFIX=                 make clean
#
# BUILD=dir  CC=clang  V=1 (show commands)  DEBUG=1 (-O0 -g)  SAN=1 (address and undefined-behaviour checks)

BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
FUZZ_SECONDS ?= 60
export BUILD

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)')

WARN    := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS  := -std=gnu11 $(WARN) $(if $(DEBUG),-O0,-O2) -g -fno-common -fstack-protector-strong \
	   $(if $(DEBUG)$(SAN),,-D_FORTIFY_SOURCE=2) -fPIE \
	   $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer) \
	   $(EXTRA_CFLAGS)
CPPFLAGS := -D_GNU_SOURCE -I. -I$(BUILD)/gen
LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed \
	   $(if $(SAN),-fsanitize=address$(comma)undefined)
comma := ,

VMM_LIBS   := -ljansson -luring -lseccomp -lpthread
CHECK_LIBS := -ljansson -lkmod

# ---- what each program is made of ----

COMMON  := $(wildcard common/*.c)
VMM_DIRS := loop kvm mem core pci virtio legacy block chardev machine main guest
VMM_SRC := $(foreach d,$(VMM_DIRS),$(wildcard vmm/$d/*.c vmm/$d/*.S))
PROBE   := $(wildcard probe/*.c probe/*.S)

obj = $(addprefix $(BUILD)/,$(addsuffix .o,$(basename $(1))))

COMMON_OBJ := $(call obj,$(COMMON))
VMM_OBJ    := $(call obj,$(VMM_SRC))
PROBE_OBJ  := $(call obj,$(PROBE))
VMM_LIB    := $(filter-out $(BUILD)/vmm/main/main.o,$(VMM_OBJ))
PROBE_LIB  := $(filter-out $(BUILD)/probe/main.o,$(PROBE_OBJ))
PROGRAMS   := $(if $(wildcard vmm/main/main.c),$(BUILD)/vmm) \
	      $(if $(wildcard probe/main.c),$(BUILD)/kvm-check)

# Objects shared by the programs go through archives, so that each takes only what it uses.
$(BUILD)/libcommon.a: $(COMMON_OBJ)
$(BUILD)/libvmm.a: $(VMM_LIB)
$(BUILD)/libprobe.a: $(PROBE_LIB)

.DEFAULT_GOAL := all
.PHONY: all check run bench fuzz install clean tests
.SECONDARY:
all: $(PROGRAMS)

$(BUILD)/vmm: $(BUILD)/vmm/main/main.o $(BUILD)/libvmm.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(VMM_LIBS)

$(BUILD)/kvm-check: $(BUILD)/probe/main.o $(BUILD)/libprobe.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS)

%.a:
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.S
	$(call say,AS)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests: one program per file, TAP on standard output ----

TEST_KINDS := unit dev probe
helper_src = $(wildcard tests/$(1)/*-driver.c tests/$(1)/*-lib.c)
test_src   = $(filter-out $(call helper_src,$(1)),$(wildcard tests/$(1)/*.c))
TEST_BIN   := $(foreach k,$(TEST_KINDS),$(patsubst %.c,$(BUILD)/%,$(call test_src,$(k))))
tests: $(TEST_BIN)

define test_rule
$(patsubst %.c,$(BUILD)/%,$(call test_src,$(1))): $(BUILD)/tests/$(1)/%: \
	$(BUILD)/tests/$(1)/%.o $(call obj,$(call helper_src,$(1))) $(BUILD)/tests/tap.o $(2) $(BUILD)/libcommon.a
	$$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $(3)
endef
$(eval $(call test_rule,unit,$(BUILD)/libvmm.a,$(VMM_LIBS)))
$(eval $(call test_rule,dev,$(BUILD)/libvmm.a,$(VMM_LIBS)))
$(eval $(call test_rule,probe,$(BUILD)/libprobe.a,$(CHECK_LIBS)))

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
