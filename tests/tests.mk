# SPDX-License-Identifier: GPL-2.0-or-later
#
# Included by the Makefile: what is made to test, and how it is run.

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
