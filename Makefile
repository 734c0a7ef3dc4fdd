# SPDX-License-Identifier: GPL-2.0-or-later
#
# make            build everything into $(BUILD)
# make check      build and run all tests          make bench     measure, beside peers
# make run        boot a Linux guest               make fuzz      fuzz for FUZZ_SECONDS each
# make install    DESTDIR= PREFIX= (also uninstall) make compare-host   make clean
#
# BUILD=dir  CC=clang  V=1 (show commands)  DEBUG=1 (-O0 -g)  SAN=1 (address and undefined-behaviour checks)

BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
FUZZ_SECONDS ?= 60
export BUILD

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)')

comma := ,
WARN    := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS  := -std=gnu11 $(WARN) $(if $(DEBUG),-O0,-O2) -g -fno-common -fstack-protector-strong \
	   -ffunction-sections -fdata-sections $(if $(SAN),,-fno-asynchronous-unwind-tables) \
	   $(if $(DEBUG)$(SAN),,-D_FORTIFY_SOURCE=2) -fPIE \
	   $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer) \
	   $(EXTRA_CFLAGS)
CPPFLAGS := -D_GNU_SOURCE -I. -I$(BUILD)/gen
# Small programs start fast: no unwind tables, packed relocations (glibc 2.36), nothing unused,
# two segments to map.
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,pack-relative-relocs,-z,noseparate-code -Wl,--as-needed,--gc-sections $(if $(SAN),-fsanitize=address$(comma)undefined)

vmm_LIBS       := -ljansson -luring -lpthread
vmm_vnc_LIBS   := -lvncserver -lxkbcommon -lgnutls
kvm_check_LIBS := -ljansson -lkmod
kvm_tune_LIBS  := -ljansson
kvm_assign_LIBS := -ljansson -lkmod -lpci -ludev
vmm_ctl_LIBS    := -ljansson
vmm_img_LIBS    := -luring -lpthread -lz
vmm_user_net_LIBS := -lslirp

# ---- what each program is made of ----

OBJ := $(BUILD)/obj
obj = $(addprefix $(OBJ)/,$(addsuffix .o,$(basename $(1))))

# All of a folder but the program's own main.
lib = $(filter-out $(OBJ)/$(1)/main.o,$(call obj,$(wildcard $(1)/*.c $(1)/*.S)))
PROGRAMS := $(addprefix $(BUILD)/,vmm vmm-ctl vmm-img kvm-check kvm-tune kvm-assign)
# Started by vmm, found beside it or in libexec.
HELPERS  := $(addprefix $(BUILD)/,vmm-user-net vmm-vnc)

# Objects shared by the programs go through archives, so that each takes only what it uses.
$(BUILD)/libcommon.a: $(call obj,$(wildcard common/*.c cpu/*.c))
$(BUILD)/libvmm.a: $(filter-out $(OBJ)/vmm/main/main.o,$(call obj,$(wildcard vmm/*/*.c vmm/*/*.S))) \
	$(call obj,passthrough/address.c passthrough/vfio.c)
$(BUILD)/libprobe.a: $(call lib,probe)
$(BUILD)/libtune.a: $(call lib,tune)
$(BUILD)/libassign.a: $(call lib,passthrough)

.DEFAULT_GOAL := all
.PHONY: all check run tests bench compare-host fuzz fuzzers clean
.SECONDARY:
all: $(PROGRAMS) $(HELPERS)

$(BUILD)/vmm: $(OBJ)/vmm/main/main.o $(BUILD)/libvmm.a $(BUILD)/libcommon.a
$(BUILD)/vmm-user-net: $(call obj,$(wildcard vmm/helpers/user-net/*.c)) $(BUILD)/libcommon.a
$(BUILD)/kvm-check: $(OBJ)/probe/main.o $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/kvm-tune: $(OBJ)/tune/main.o $(BUILD)/libtune.a $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/kvm-assign: $(OBJ)/passthrough/main.o $(BUILD)/libassign.a $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/vmm-ctl: $(call obj,$(wildcard ctl/*.c)) $(BUILD)/libcommon.a
$(BUILD)/vmm-img: $(call obj,$(wildcard img/*.c)) $(BUILD)/libvmm.a $(BUILD)/libcommon.a
$(BUILD)/vmm-vnc: $(call obj,$(wildcard vmm/helpers/vnc/*.c)) $(BUILD)/libcommon.a
$(PROGRAMS) $(HELPERS):
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $($(subst -,_,$(@F))_LIBS)

%.a:
	$(call say,AR)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(OBJ)/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Programs are made small; what runs for each request, byte or pixel is made fast.
SMALL := common cpu img $(filter-out vmm/helpers,$(patsubst %/,%,$(wildcard vmm/*/)))
FAST  := block/aio block/uring legacy/vga-draw loop/loop mem/ram virtio/blk virtio/queue
GCC   := $(if $(findstring clang,$(CC)),,yes)
# What -Oz of gcc 12 leaves on although it makes code longer. Without it gcc sees variables that
# may be unset where none is; the SAN build, at -O2, still looks for them.
SMALL_FLAGS := -Oz $(if $(GCC),-malign-data=abi -fno-thread-jumps -fno-caller-saves \
	       -fno-move-loop-invariants -fno-jump-tables -Wno-maybe-uninitialized)
FAST_FLAGS := -O2 -falign-functions=1 $(if $(GCC),-falign-jumps=1 -falign-loops=1 -fthread-jumps -fcaller-saves \
	      -fmove-loop-invariants -fjump-tables)
ifeq ($(DEBUG)$(SAN),)
$(addprefix $(OBJ)/,$(addsuffix /%.o,$(SMALL))): CFLAGS += $(SMALL_FLAGS)
$(call obj,passthrough/address.c passthrough/vfio.c): CFLAGS += $(SMALL_FLAGS)
$(FAST:%=$(OBJ)/vmm/%.o): CFLAGS += $(FAST_FLAGS)
endif

$(OBJ)/%.o: %.S
	$(call say,AS)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- ACPI: tables in ASL are compiled, then included by a .S file as bytes ----

$(BUILD)/gen/%.aml: vmm/machine/%.asl
	$(call say,IASL)
	$(Q)mkdir -p $(@D) && iasl -vs -p $(basename $@) $< >$@.log || { cat $@.log; exit 1; }
$(OBJ)/vmm/machine/dsdt.o: $(BUILD)/gen/dsdt.aml $(BUILD)/gen/hotplug.aml

# ---- tests: one program per file, TAP on standard output ----

TEST_KINDS := unit dev state probe tune passthrough
helper_src = $(wildcard tests/$(1)/*-driver.c tests/$(1)/*-lib.c)
test_src   = $(filter-out $(call helper_src,$(1)),$(wildcard tests/$(1)/*.c))
test_bin   = $(patsubst %.c,$(BUILD)/%,$(call test_src,$(1)))
TEST_BIN  := $(foreach k,$(TEST_KINDS),$(call test_bin,$(k)))
FUZZERS   := $(filter-out standalone %-lib,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_BIN  := $(addprefix $(BUILD)/tests/fuzz/,$(FUZZERS))
tests: $(TEST_BIN) $(FUZZ_BIN)

define test_rule
$(call test_bin,$(1)): $(BUILD)/tests/$(1)/%: $(OBJ)/tests/$(1)/%.o \
	$(call obj,$(call helper_src,$(1))) $(OBJ)/tests/tap.o $(2) $(BUILD)/libcommon.a
	$$(call say,LD)
	$(Q)mkdir -p $$(@D) && $(CC) $(LDFLAGS) -o $$@ $$^ $(3)
endef
$(foreach k,unit dev,$(eval $(call test_rule,$(k),$(BUILD)/libvmm.a,$(vmm_LIBS))))
$(addprefix $(BUILD)/tests/,unit/offload fuzz/segment fuzz/segment.fuzz): \
	$(call obj,$(addprefix vmm/helpers/user-net/,offload.c segment.c))
$(eval $(call test_rule,state,$(OBJ)/tests/dev/legacy-lib.o $(BUILD)/libvmm.a,$(vmm_LIBS)))
# What fuzz targets share, and what they borrow from the tests.
$(BUILD)/libtest.a: $(OBJ)/tests/dev/legacy-lib.o $(OBJ)/tests/dev/pci-lib.o \
	$(call obj,$(call helper_src,state) $(call helper_src,fuzz)) $(OBJ)/tests/tap.o
$(eval $(call test_rule,probe,$(BUILD)/libprobe.a,$(kvm_check_LIBS)))
$(eval $(call test_rule,tune,$(call obj,$(call helper_src,probe)) $(BUILD)/libtune.a $(BUILD)/libprobe.a,$(kvm_tune_LIBS)))
$(eval $(call test_rule,passthrough,$(call obj,tests/probe/dir-lib.c tests/probe/schema-lib.c) \
	$(BUILD)/libassign.a $(BUILD)/libprobe.a,$(kvm_assign_LIBS)))

# A fuzz target as a plain program: runs the inputs that it is given.
$(FUZZ_BIN): $(BUILD)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/standalone.o \
	$(BUILD)/libtest.a $(BUILD)/libvmm.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(vmm_LIBS) $($*_FUZZ_LIBS)
# The helper's target contains its main.c.
$(addprefix $(BUILD)/tests/fuzz/,vnc vnc.fuzz): $(call lib,vmm/helpers/vnc)
vnc_FUZZ_LIBS := $(vmm_vnc_LIBS)

# What boots the rig comes first, as it takes longest. `env` runs programs and scripts alike.
RIG_TESTS    := $(sort $(wildcard tests/rig/*.t tests/*/*rig.t))
TEST_SCRIPTS := $(RIG_TESTS) $(filter-out $(RIG_TESTS),$(foreach k,style guest img probe tune passthrough fuzz,\
	$(wildcard tests/$(k)/*.t)))
SAN_BUILD    := $(BUILD)/san
check: all tests man completion
	$(Q)$(MAKE) --no-print-directory BUILD=$(SAN_BUILD) SAN=1 all tests
	$(Q)perl -Iscripts -S prove --harness harness -j 2 $(if $(V),-v) $(TEST_SCRIPTS) $(TEST_BIN) \
		$(patsubst $(BUILD)/%,$(SAN_BUILD)/%,$(TEST_BIN))

# Coverage-guided, with sanitizers, each target for FUZZ_SECONDS; what it finds stays in the
# build folder, the corpus under tests/fuzz/corpus is only read.
fuzz:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang SAN=1 \
		EXTRA_CFLAGS=-fsanitize=fuzzer-no-link fuzzers
	$(Q)for f in $(FUZZERS); do mkdir -p $(BUILD)/fuzz/new/$$f && \
		$(BUILD)/fuzz/tests/fuzz/$$f.fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/new/$$f \
		$(wildcard tests/fuzz/corpus/$$f) || exit 1; done
fuzzers: $(addsuffix .fuzz,$(FUZZ_BIN))
$(BUILD)/tests/fuzz/%.fuzz: $(OBJ)/tests/fuzz/%.o $(BUILD)/libtest.a $(BUILD)/libvmm.a \
	$(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(vmm_LIBS) $($*_FUZZ_LIBS)

# ---- run, measure, install ----

run:
	$(Q)scripts/run $(RUN_ARGS)

# Ours, but no part of the product: they measure it from outside.
BENCH      := $(addprefix $(BUILD)/bench/,bench guest-bench floor blkload first-run.so)
BENCH_LIB  := $(call obj,$(filter-out $(addprefix bench/,bench.c guest-bench.c floor.c first-run.c),$(wildcard bench/*.c)))
$(BUILD)/bench/bench $(BUILD)/bench/guest-bench $(BUILD)/bench/floor: $(BUILD)/bench/%: \
	$(OBJ)/bench/%.o $(BENCH_LIB) $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $< $(if $(filter floor,$*),,$(BENCH_LIB)) \
		$(BUILD)/libcommon.a -ljansson -lm
$(BUILD)/bench/blkload: $(OBJ)/bench/guest/blkload.o
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) -static -o $@ $<
$(BUILD)/bench/first-run.so: bench/first-run.c
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(filter-out -fPIE,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl

# Linked statically or preloaded, they bear no sanitizer.
tests: $(if $(SAN),,$(BENCH))

bench: all $(BENCH)
	$(Q)scripts/bench $(BENCH_ARGS)

compare-host: all
	$(Q)scripts/compare-host $(COMPARE_ARGS)

include install.mk

clean:
	rm -rf $(BUILD)

-include $(shell find $(OBJ) -name '*.d' -type f 2>/dev/null)
