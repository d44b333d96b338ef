# Heed's one Makefile: `make help` lists what it can do. Everything it makes is under $(BUILD).
#
# A target that needs a library which is missing sets it up first (.ci/setup.sh); SETUP=no forbids that.
# The sanitizer builds are this file once more, with another MODE and another BUILD.

VERSION := 0.1.0
SONAME  := libheed.so.0

BUILD   := build
MODE    := release
ARCH    := native
PREFIX  := /usr/local
BINDIR   = $(PREFIX)/bin
LIBDIR   = $(PREFIX)/lib
INCDIR   = $(PREFIX)/include
AR      ?= ar
OBJCOPY ?= objcopy
CXX     ?= g++
JOBS    ?= 1

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:

# Use all cores unless told otherwise by -j; but never run two of several goals at once (`make clean all`, `make test bench`).
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
ifneq ($(word 2,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

# `make` says what it does in a word a file; V=1 shows the commands.
Q   := $(if $(V),,@)
say  = @printf '  %-5s %s\n'

# ---- flags ---------------------------------------------------------------------------------------------------------------
# Contraction is off so that a value does not depend on which compiler fused what; kernels name the FMAs they want.
# Nothing reads errno after sqrt; setting it would keep loops from becoming vectors.
# The user's CPPFLAGS, CFLAGS and LDFLAGS come last and so have the last word.

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wvla $(if $(WERROR),-Werror)

MODE_release := -O3
MODE_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
MODE_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
MODE_mutants := -O1 -w
ifeq ($(MODE_$(MODE)),)
$(error MODE is release, asan, tsan or mutants, not "$(MODE)")
endif

HEED_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L $(MODE_$(MODE)) -march=$(ARCH) -ffp-contract=off -fno-math-errno -fopenmp -pthread -fPIC \
               $(WARNINGS) -I$(BUILD)/include
HEED_LIBS   := -lm
# Libraries of others, and where setup found them; compilers read a file of options at @FILE.
LIBRARIES   := jansson libpcre2-8 zlib
SETUP_DIR   := $(BUILD)/setup
COMPILE      = $(CC) $(HEED_CFLAGS) $(LIBRARIES:%=@$(SETUP_DIR)/%.cflags) $(EXTRA_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK         = $(CC) $(MODE_$(MODE)) -fopenmp -pthread $(CFLAGS) $(LDFLAGS)
LINK_LIBS    = $(LIBRARIES:%=@$(SETUP_DIR)/%.libs) $(HEED_LIBS) $(LDLIBS)

# ---- sources -------------------------------------------------------------------------------------------------------------

LIB_SOURCES     := $(sort $(shell find framework layers optim -name '*.c' 2>/dev/null))
COMMON_SOURCES  := $(wildcard examples/common/*.c)
EXAMPLE_SOURCES := $(wildcard examples/[0-9]*/*.c examples/[0-9]*.c)
# The command that shows recordings: a program on the public headers, as the examples are, but installed.
LENS_SOURCES    := $(wildcard examples/heed_lens/*.c)
HELPER_SOURCES  := $(wildcard tests/helpers/*.c)
CHECK_SOURCES   := $(wildcard tests/gradcheck_*.c)
CHECK_MAIN      := tests/gradcheck_main.c
MUTANTS_SOURCES := $(wildcard tests/mutants/*.c)
PARITY_MAIN     := tests/parity_main.c
RESUME_MAIN     := tests/resume_main.c
OBSERVE_MAIN    := tests/observe_main.c
RECORDED_MAIN   := tests/recorded_main.c
SAME_BITS_MAIN  := tests/same_bits_main.c
# What is promised at the edges, and which tests hold it.
PROMISES        := tests/promises.c
PROMISES_MAIN   := tests/promises_main.c
# A run in which each allocation fails in turn.
ALLOC_MAIN      := tests/alloc_failures_main.c
# Random programs: their oracle, and who makes them up and runs them.
RANDOM_SOURCES  := tests/programs_main.c $(wildcard tests/programs/*.c)
# Every op's twin in numbers of 113 bits.
TWINS_SOURCES   := tests/twins_main.c $(wildcard tests/twins/*.c)
BENCH_SOURCES   := $(wildcard tests/bench/*.c)
TSAN_SOURCES    := $(wildcard tests/tsan_*.c)
PAGES_SOURCES   := $(wildcard tests/browser/*.c)
# What the suites test of the examples' insides, beside running them.
TEST_EXTRA      := $(wildcard $(addprefix examples/01_glass_box/,glass.c curvature.c inside.c planted.c record.c) \
                              $(addprefix examples/05_seq2seq/,exam.c translator.c) \
                              $(addprefix examples/07_sort/,next.c sort.c) examples/08_addition/addition.c \
                              $(addprefix examples/09_induction/,history.c induction.c repeats.c) \
                              $(addprefix examples/10_heads/,places.c scale.c translate.c words.c))
TEST_SOURCES    := $(wildcard tests/test_*.c) $(HELPER_SOURCES) $(filter-out $(CHECK_MAIN),$(CHECK_SOURCES)) $(TEST_EXTRA) \
                   $(COMMON_SOURCES) $(PROMISES)
ALL_SOURCES     := $(sort $(LIB_SOURCES) $(COMMON_SOURCES) $(EXAMPLE_SOURCES) $(LENS_SOURCES) $(TEST_SOURCES) $(CHECK_SOURCES) \
                          $(BENCH_SOURCES) $(TSAN_SOURCES) $(PAGES_SOURCES) $(PARITY_MAIN) $(RESUME_MAIN) $(OBSERVE_MAIN) $(RECORDED_MAIN) \
                          $(SAME_BITS_MAIN) $(PROMISES_MAIN) $(MUTANTS_SOURCES) $(ALLOC_MAIN) $(RANDOM_SOURCES) $(TWINS_SOURCES) \
                          $(wildcard tests/exhaustive.c))

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

EXAMPLES := $(sort $(patsubst examples/%/,$(BUILD)/examples/%,$(dir $(wildcard examples/[0-9]*/*.c))) \
                   $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/[0-9]*.c)))
TSAN_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TSAN_SOURCES))
LENS     := $(BUILD)/heed-lens
PROGRAMS := $(EXAMPLES) $(LENS) $(if $(wildcard tests/test_*.c),$(BUILD)/tests/heed_tests) \
            $(if $(wildcard $(CHECK_MAIN)),$(BUILD)/gradcheck) \
            $(if $(MUTANTS_SOURCES),$(BUILD)/tests/mutants) \
            $(if $(wildcard $(PARITY_MAIN)),$(BUILD)/parity) \
            $(if $(wildcard $(RESUME_MAIN)),$(BUILD)/tests/resume) \
            $(if $(wildcard $(OBSERVE_MAIN)),$(BUILD)/tests/observe) \
            $(if $(wildcard $(RECORDED_MAIN)),$(BUILD)/tests/recorded) \
            $(if $(wildcard $(SAME_BITS_MAIN)),$(BUILD)/tests/same_bits) \
            $(if $(PAGES_SOURCES),$(BUILD)/tests/make_pages) \
            $(BUILD)/programs $(BUILD)/twins $(BUILD)/tests/alloc_failures $(BUILD)/tests/promises \
            $(if $(BENCH_SOURCES),$(BUILD)/bench/heed_bench) $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/exhaustive.c))

# Public headers lie flat under <heed/...>, those of layers and optimizers in a folder of their own.
PUBLIC_DIRS    := framework $(addprefix framework/,core ops gradcheck curvature io data lens)
PUBLIC_HEADERS := $(filter-out %_internal.h %_typed.h,$(wildcard $(addsuffix /*.h,$(PUBLIC_DIRS) layers optim)))
STAGED_NAMES   := $(notdir $(filter framework/%,$(PUBLIC_HEADERS))) $(filter layers/% optim/%,$(PUBLIC_HEADERS))
STAGED         := $(addprefix $(BUILD)/include/heed/,$(STAGED_NAMES))
ifneq ($(words $(STAGED_NAMES)),$(words $(sort $(STAGED_NAMES))))
$(error two public headers share one name, of $(sort $(STAGED_NAMES)))
endif

# A header that left the tree must not live on in its staged copy.
STALE := $(filter-out $(STAGED),$(wildcard $(addprefix $(BUILD)/include/heed/,*.h layers/*.h optim/*.h)))
ifneq ($(STALE),)
$(shell rm -f $(STALE))
endif

# ---- set-up --------------------------------------------------------------------------------------------------------------
# What a goal needs beyond the library's own needs. All of a run's needs are found, and installed, in one go.

NEEDS_test           := criterion
NEEDS_setup          := criterion
NEEDS_everything     := criterion
NEEDS_asan           := criterion
NEEDS_test-installed := pkg-config
NEEDS_check-headers  := cxx
NEEDS_test-browser   := node chromium
NEEDS := $(sort cc openmp $(LIBRARIES) $(if $(filter release,$(MODE)),,sanitizer) $(foreach goal,$(MAKECMDGOALS),$(NEEDS_$(goal))))

empty :=
SETUP_DONE := $(SETUP_DIR)/$(subst $(empty) $(empty),+,$(NEEDS)).done
RUN_SETUP   = sh .ci/setup.sh $(SETUP_DIR) $(NEEDS)
# Handed over in the environment, as they were written, quotes and all.
$(SETUP_DONE) setup: export CC := $(CC)
$(SETUP_DONE) setup: export CXX := $(CXX)
$(SETUP_DONE) setup: export FLAGS = -march=$(ARCH) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(SETUP_DONE) setup: export MODE_FLAGS = $(MODE_$(MODE))
$(SETUP_DONE) setup: export SETUP := $(SETUP)

# ---- stamps: files whose text is what the build depends on beside files; they change only when that text does -------------

FLAGS_STAMP   := $(BUILD)/flags
SOURCES_STAMP := $(BUILD)/sources
$(FLAGS_STAMP):   export TEXT = $(CC) $(CXX) $(HEED_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDLIBS) $(PKG_CONFIG_PATH)
$(SOURCES_STAMP): export TEXT = $(ALL_SOURCES)
$(FLAGS_STAMP) $(SOURCES_STAMP): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$TEXT" | cmp -s - $@ || printf '%s\n' "$$TEXT" >$@

$(SETUP_DONE): .ci/setup.sh $(FLAGS_STAMP)
	@$(RUN_SETUP)
	@touch $@

# ---- library -------------------------------------------------------------------------------------------------------------

# The page of the lens, from its .html, .css and .js, as a C file.
PAGE_SOURCE := $(BUILD)/page/lens_page.c
PAGE_OBJECT := $(BUILD)/obj/lens_page.o
LIB_OBJECTS := $(call objects,$(LIB_SOURCES)) $(PAGE_OBJECT)
STATIC_LIB  := $(BUILD)/libheed.a
SHARED_LIB  := $(BUILD)/libheed.so

vpath %.h $(PUBLIC_DIRS)
$(BUILD)/include/heed/%.h: %.h
	@mkdir -p $(@D)
	@install -m 444 $< $@

$(BUILD)/obj/%.o: %.c $(FLAGS_STAMP) | $(STAGED) $(SETUP_DONE)
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(PAGE_SOURCE): framework/lens/embed.sh $(wildcard framework/lens/viewer/*)
	@mkdir -p $(@D)
	$(say) PAGE $@
	$(Q)sh $< framework/lens/viewer >$@
$(PAGE_OBJECT): $(PAGE_SOURCE) $(FLAGS_STAMP) | $(STAGED) $(SETUP_DONE)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -iquote framework/lens -MMD -MP -c -o $@ $<

# The whole library as one object, in which only names that begin with heed_ are seen from outside: a user's program may
# call its own functions as it likes.
LIB_OBJECT := $(BUILD)/obj/heed.o
$(LIB_OBJECT): $(LIB_OBJECTS) $(SOURCES_STAMP)
	$(Q)$(CC) -r -nostdlib -o $@ $(LIB_OBJECTS)
	$(Q)$(OBJCOPY) --wildcard --keep-global-symbol='heed_*' $@

$(STATIC_LIB): $(LIB_OBJECT)
	$(say) AR $@
	@rm -f $@
	$(Q)$(AR) rcs $@ $(LIB_OBJECT)

$(SHARED_LIB): $(LIB_OBJECT)
	$(say) LD $@
	$(Q)$(LINK) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs -o $@.$(VERSION) $(LIB_OBJECT) $(LINK_LIBS)
	@ln -sf libheed.so.$(VERSION) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $@

# Rewritten at every use, since PREFIX may differ; libraries are named by how they were found, so that they need not have a .pc file.
$(BUILD)/heed.pc: FORCE | $(SETUP_DONE)
	@{ echo 'prefix=$(PREFIX)'; echo 'libdir=$(LIBDIR)'; echo 'includedir=$(INCDIR)'; echo; \
	   echo 'Name: heed'; \
	   echo 'Description: Multithreaded autograd in C, for attention layers trained from scratch'; \
	   echo 'Version: $(VERSION)'; \
	   echo 'Cflags: -I$${includedir}'; \
	   echo 'Libs: -L$${libdir} -lheed -lm'; \
	   echo "Libs.private: $$(cat $(LIBRARIES:%=$(SETUP_DIR)/%.libs) | tr '\n' ' ')-fopenmp -pthread"; } >$@

# ---- programs ------------------------------------------------------------------------------------------------------------

# A library too, so that each program takes of the helpers what it calls.
HELPERS := $(BUILD)/tests/libhelpers.a
$(HELPERS): $(call objects,$(HELPER_SOURCES)) $(SOURCES_STAMP)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

# Any program: its objects, then the libraries.
define link-program
@mkdir -p $(@D)
$(say) LD $@
$(Q)$(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PROGRAM_LIBS) $(LINK_LIBS)
endef

$(EXAMPLES): $(BUILD)/examples/%: $$(call objects,$$(wildcard examples/$$*.c examples/$$*/*.c) $(COMMON_SOURCES)) \
                                  $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)

$(LENS): $(call objects,$(LENS_SOURCES) $(COMMON_SOURCES)) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)

$(BUILD)/tests/heed_tests: $(call objects,$(TEST_SOURCES)) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/tests/heed_tests: PROGRAM_LIBS = @$(SETUP_DIR)/criterion.libs
$(call objects,$(wildcard tests/test_*.c)): EXTRA_CFLAGS = @$(SETUP_DIR)/criterion.cflags

$(BUILD)/gradcheck: $(call objects,$(CHECK_SOURCES)) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/tests/mutants: $(call objects,$(MUTANTS_SOURCES)) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/parity: $(call objects,$(PARITY_MAIN)) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/tests/resume: $(call objects,$(RESUME_MAIN)) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/tests/recorded: $(call objects,$(RECORDED_MAIN)) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
# The library with another parallel loop.
$(BUILD)/tests/same_bits: $(call objects,$(SAME_BITS_MAIN)) $(filter-out %/kernels/parallel.o,$(LIB_OBJECTS)) $(HELPERS) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/tests/make_pages: $(call objects,$(PAGES_SOURCES) examples/01_glass_box/glass.c examples/common/heads.c) \
                           $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/tests/observe: $(call objects,$(OBSERVE_MAIN)) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/bench/heed_bench: $(call objects,$(BENCH_SOURCES)) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/bench/heed_bench: PROGRAM_LIBS = -ldl
# The limit of a machine with FMAs is measured with FMAs, which this file writes as x * y + z.
$(call objects,tests/bench/limits.c): EXTRA_CFLAGS = -ffp-contract=fast
# Its own malloc and the like stand between the library and libc's: see its head.
$(BUILD)/tests/alloc_failures: $(call objects,$(ALLOC_MAIN)) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
WRAPPED := malloc calloc realloc aligned_alloc posix_memalign strdup open_memstream mmap pthread_create
$(BUILD)/tests/alloc_failures: PROGRAM_LIBS = $(WRAPPED:%=-Wl,--wrap=%)
$(BUILD)/programs: $(call objects,$(RANDOM_SOURCES)) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/twins: $(call objects,$(TWINS_SOURCES)) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(BUILD)/exhaustive: $(call objects,tests/exhaustive.c) $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)
$(TSAN_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(HELPERS) $(STATIC_LIB) $(SOURCES_STAMP)
	$(link-program)

$(BUILD)/tests/promises: $(call objects,$(PROMISES_MAIN) $(PROMISES)) $(SOURCES_STAMP)
	$(link-program)

# Sanitizers want their part of the address space, which some kernels' randomisation takes.
STEADY_ADDRESSES = $(if $(filter release,$(MODE)),,$$(setarch $$(uname -m) -R true 2>/dev/null && echo setarch $$(uname -m) -R))

# ---- goals: a line with two hashes is a line of `make help` ----------------------------------------------------------------

.PHONY: FORCE all everything demo test briefly test-browser gradcheck promises parity twins programs programs-run alloc-failures alloc-failures-run check-neon bench bench-torch exhaustive asan tsan tsan-run test-installed \
        check-headers setup install uninstall clean help

all: $(STATIC_LIB) $(SHARED_LIB) $(LENS) $(EXAMPLES) ## the library, static and shared, heed-lens, and the examples (the default)

everything: all $(PROGRAMS) ## all programs, the tests' too, without running them

demo: $(EXAMPLES) ## watch one attention head learn W^Q, W^K, W^V; then train a transformer to read dates
	@$(BUILD)/examples/01_glass_box --report $(BUILD)/glass_box.html
	@$(BUILD)/examples/02_dates --save $(BUILD)/dates.safetensors --report $(BUILD)/dates.html
	@printf '\nnow open in a browser, first how one head learned, then a transformer:\n  %s\n  %s\n' \
	    '$(abspath $(BUILD))/glass_box.html' '$(abspath $(BUILD))/dates.html'

# A pointer to what was on the stack, too, which gcc's does not look for unless it is told.
ASAN_FINDS := detect_stack_use_after_return=1

# Criterion calls it success when no test matched, or when a leak was found after a test had passed; we don't.
TEST_REPORT   := $(BUILD)/tests/report.tap
SANITIZER_LOG := $(abspath $(BUILD)/tests/sanitizer)
# Tests of whole programs, each with the one it is for: of command lines, of what a killed run leaves behind.
# Two at a time, those that take longest first.
PROGRAM_TESTS := lessons_cli=examples/07_sort lessons_cli=examples/10_heads tiny_cli=examples/06_tiny_transformer \
                 lessons_cli=examples/09_induction same_bits=tests/same_bits dates_cli=examples/02_dates lessons_cli=examples/08_addition \
                 seq2seq_cli=examples/05_seq2seq lessons_cli=examples/01_glass_box lessons_cli=examples/03_new_layer \
                 lessons_cli=examples/04_new_op resume_killed=tests/resume \
                 record_killed=tests/observe alloc_failures=tests/alloc_failures lens_cli=heed-lens
test: $(BUILD)/tests/heed_tests $(BUILD)/tests/resume $(BUILD)/tests/observe $(BUILD)/tests/recorded $(BUILD)/tests/same_bits $(BUILD)/tests/alloc_failures $(LENS) $(EXAMPLES) ## the test suites: FILTER='suite/*' picks some, JOBS=N runs N tests at once
	@rm -f $(TEST_REPORT) $(SANITIZER_LOG).*
	@ASAN_OPTIONS=log_path=$(SANITIZER_LOG):$(ASAN_FINDS):$$ASAN_OPTIONS \
	    UBSAN_OPTIONS=log_path=$(SANITIZER_LOG):print_stacktrace=1:$$UBSAN_OPTIONS \
	    $(STEADY_ADDRESSES) $< --jobs $(JOBS) --short-filename --tap=$(TEST_REPORT) $(if $(FILTER),--filter='$(FILTER)'); \
	status=$$?; \
	for report in $(SANITIZER_LOG).*; do [ ! -e "$$report" ] || { cat "$$report"; status=1; }; done; \
	grep -sE '^(not )?ok' $(TEST_REPORT) | grep -qv SKIP || { echo 'no test ran'; status=1; }; \
	printf '%s\n' $(if $(FILTER)$(filter-out release,$(MODE)),,$(PROGRAM_TESTS)) | \
	    xargs -r -n 1 -P 2 sh -c 'sh tests/$${1%=*}.sh $(BUILD)/$${1#*=}' - || status=1; \
	exit $$status

# The driver of the browser and the checker of accessibility come from npm, in the versions that package-lock.json has.
BROWSER      := $(BUILD)/browser
NODE_MODULES := $(BROWSER)/node_modules/.done
$(NODE_MODULES): tests/browser/package.json tests/browser/package-lock.json | $(SETUP_DONE)
	@mkdir -p $(BROWSER)
	@cp $^ $(BROWSER)
	$(say) NPM $(BROWSER)/node_modules
	@[ '$(SETUP)' != no ] || { echo 'heed: missing: playwright-core, axe-core; SETUP=no forbids npm to fetch them' >&2; exit 1; }
	@(cd $(BROWSER) && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || { cat $(BROWSER)/npm.log >&2; \
	    echo 'heed: npm could not fetch playwright-core and axe-core, without which the page cannot be tested' >&2; exit 1; }
	@touch $@

# Screenshots of every stop and view are left in $(BROWSER)/shots.
test-browser: $(BUILD)/tests/make_pages $(NODE_MODULES) ## the lens's page in a real Chromium: FILTER=layout picks tests/browser/test_layout.js
	@rm -rf $(BROWSER)/pages $(BROWSER)/shots
	@mkdir -p $(BROWSER)/pages
	@$< $(BROWSER)/pages
	@status=0; for each in tests/browser/test_*$(FILTER)*.js; do \
	    PAGES=$(BROWSER)/pages SHOTS=$(BROWSER)/shots NODE_PATH=$(BROWSER)/node_modules \
	    CHROMIUM="$$(cat $(SETUP_DIR)/chromium.path)" node --test --test-reporter=spec "$$each" || status=1; done; \
	exit $$status

gradcheck: $(BUILD)/gradcheck ## check every gradient: OP=softmax or LAYER=gru picks one; CASES=N, SEED=N, JSON=FILE, HTML=FILE
	@$< $(if $(OP),--op '$(OP)') $(if $(LAYER),--layer '$(LAYER)') $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) \
	    $(if $(JSON),--json '$(JSON)') $(if $(HTML),--html '$(HTML)')

# A mutant's object comes before the library's, here one of single objects, of which the linker then leaves its original out.
.PHONY: gradcheck-mutants mutants-run
gradcheck-mutants: ## does the gradient check see mistakes? SHARE=10: every 10th, IN=softmax: of one file, ONLY=17, JOBS=2
	@$(MAKE) --no-print-directory MODE=mutants BUILD=$(BUILD)/mutants WERROR= mutants-run

MUTANTS_LIB := $(BUILD)/tests/libobjects.a
$(MUTANTS_LIB): $(LIB_OBJECTS) $(SOURCES_STAMP)
	@rm -f $@
	$(Q)$(AR) qcs $@ $(LIB_OBJECTS)

mutants-run: export MUTANTS_COMPILE = $(COMPILE) -w -Werror=int-conversion -Werror=incompatible-pointer-types
mutants-run: export MUTANTS_LINK = $(LINK)
mutants-run: export MUTANTS_OBJECTS = $(call objects,$(CHECK_SOURCES)) $(HELPERS) $(MUTANTS_LIB) $(LINK_LIBS)
mutants-run: $(BUILD)/tests/mutants $(call objects,$(CHECK_SOURCES)) $(HELPERS) $(MUTANTS_LIB)
	@$< --folder $(BUILD)/work $(if $(SHARE),--share '$(SHARE)') $(if $(IN),--in '$(IN)') $(if $(ONLY),--only '$(ONLY)') \
	    $(if $(filter-out file,$(origin JOBS)),--jobs '$(JOBS)') $(if $(LIST),--list)

promises: $(BUILD)/tests/promises ## what ops promise at the edges, as a table: which tests hold it, where PyTorch differs
	@$<

parity: $(BUILD)/parity ## every layer that PyTorch has against what PyTorch gave: outputs and all gradients, as a table
	@$<

NEON_CC      := aarch64-linux-gnu-gcc
NEON_SOURCES := tests/products_main.c framework/kernels/gemm.c framework/kernels/parallel.c
check-neon: ## the matrix product on aarch64, under an emulator; skipped where that or the compiler is missing
	@if command -v $(NEON_CC) >/dev/null && command -v qemu-aarch64 >/dev/null; then \
	    mkdir -p $(BUILD)/neon && \
	    $(NEON_CC) $(filter-out -march=%,$(HEED_CFLAGS)) -o $(BUILD)/neon/products $(NEON_SOURCES) -lm && \
	    qemu-aarch64 -L /usr/aarch64-linux-gnu $(BUILD)/neon/products; \
	else \
	    echo 'check-neon: skipped: it takes $(NEON_CC) and qemu-aarch64 (sh .ci/setup.sh $(SETUP_DIR) aarch64)'; \
	fi

# Under the sanitizers, as most of what a wrong program may do to memory shows nowhere else; OPTIMISED=1: without them.
programs: ## random programs of ops against an oracle, under ASan and UBSan: COUNT=N, SEED=N, ONLY=N
	@$(MAKE) --no-print-directory $(if $(OPTIMISED),,MODE=asan BUILD=$(BUILD)/asan WERROR=) programs-run

# In `make test` every fourth one does.
alloc-failures: ## a whole run in which each allocation fails in turn, under ASan, UBSan and LeakSanitizer
	@$(MAKE) --no-print-directory MODE=asan BUILD=$(BUILD)/asan WERROR= alloc-failures-run

alloc-failures-run: $(BUILD)/tests/alloc_failures
	@$(STEADY_ADDRESSES) sh tests/alloc_failures.sh $< 1

programs-run: $(BUILD)/programs
	@$(STEADY_ADDRESSES) $< $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

twins: $(BUILD)/twins ## every op against a twin in numbers of 113 bits, values and gradients: OP=softmax, SEED=N, ALL=1
	@$< $(if $(OP),--op '$(OP)') $(if $(SEED),--seed $(SEED)) $(if $(ALL),--all)

bench: $(BUILD)/bench/heed_bench ## measure speed: WORKLOAD=all or gpt-tiny,memory,...; STEPS=N, THREADS=N, JSON=1
	@$< $(if $(WORKLOAD),--workload '$(WORKLOAD)') $(if $(STEPS),--steps '$(STEPS)') $(if $(THREADS),--threads '$(THREADS)') \
	    $(if $(filter-out 0 no,$(JSON)),--json)

# Debian's Python, where python3-torch is.
PYTHON := /usr/bin/python3
bench-torch: $(BUILD)/bench/heed_bench ## the workloads beside PyTorch, by turns: WORKLOAD=quick or all or names; PAIRS=N, STEPS=N, THREADS=N, JSON=1
	@$(PYTHON) tests/bench/torch_pairs.py $< $(if $(WORKLOAD),--workload '$(WORKLOAD)') $(if $(PAIRS),--pairs '$(PAIRS)') \
	    $(if $(STEPS),--steps '$(STEPS)') $(if $(THREADS),--threads '$(THREADS)') $(if $(filter-out 0 no,$(JSON)),--json)

exhaustive: $(BUILD)/exhaustive ## f32 functions over all 2^32 inputs (minutes)
	@$<

# Without the suites in which lessons are learned, unless FILTER names them: they call what the others call, for minutes.
asan: ## the test suites under AddressSanitizer and UBSan, and the examples, briefly
	@$(MAKE) --no-print-directory MODE=asan BUILD=$(BUILD)/asan WERROR= \
	    FILTER='$(or $(FILTER),!(induction|next_larger|sort|addition|heads|same_bits)/*)' test $(if $(FILTER),,briefly)

briefly: $(EXAMPLES)
	@printf '%s\n' $(EXAMPLES) | ASAN_OPTIONS=$(ASAN_FINDS):$$ASAN_OPTIONS xargs -n 1 -P 2 $(STEADY_ADDRESSES) sh tests/briefly.sh

TSAN_CC := $(if $(findstring clang,$(CC)),$(CC),clang)
tsan: ## the thread tests under ThreadSanitizer (clang: its OpenMP runtime is one that TSan can follow)
	@$(MAKE) --no-print-directory MODE=tsan BUILD=$(BUILD)/tsan CC='$(TSAN_CC)' WERROR= tsan-run

tsan-run: $(TSAN_PROGRAMS)
	@for program in $(TSAN_PROGRAMS); do \
	    echo "$$program"; \
	    OMP_TOOL_LIBRARIES=$$($(CC) -print-resource-dir)/../../libarcher.so \
	    TSAN_OPTIONS=halt_on_error=1:ignore_noninstrumented_modules=1:$$TSAN_OPTIONS \
	    $(STEADY_ADDRESSES) $$program || exit 1; done

test-installed: $(STATIC_LIB) $(SHARED_LIB) ## install into a temporary folder, build an example against that copy, uninstall
	@MAKE='$(MAKE)' CC='$(CC)' sh tests/install.sh

check-headers: $(STAGED) $(SHARED_LIB) ## every public header alone, as C11 and as C++; every function it declares, linked
	@CC='$(CC)' CXX='$(CXX)' sh tests/headers.sh $(BUILD)

setup: $(FLAGS_STAMP) ## find what building and testing need; install what is missing (apt-get), or say how
	@$(RUN_SETUP)
	@echo 'heed: all that building and testing need is here'

install: $(STATIC_LIB) $(SHARED_LIB) $(LENS) $(STAGED) $(BUILD)/heed.pc ## copy library, headers, heed.pc and heed-lens to PREFIX (/usr/local), under DESTDIR
	@rm -rf '$(DESTDIR)$(INCDIR)/heed'
	@for header in $(STAGED_NAMES); do \
	    install -D -m 644 "$(BUILD)/include/heed/$$header" "$(DESTDIR)$(INCDIR)/heed/$$header" || exit 1; done
	@install -D -m 644 $(STATIC_LIB) '$(DESTDIR)$(LIBDIR)/libheed.a'
	@install -D -m 755 $(SHARED_LIB).$(VERSION) '$(DESTDIR)$(LIBDIR)/libheed.so.$(VERSION)'
	@ln -sf libheed.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	@ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libheed.so'
	@install -D -m 755 $(LENS) '$(DESTDIR)$(BINDIR)/heed-lens'
	@install -D -m 644 $(BUILD)/heed.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/heed.pc'
	@[ -n '$(DESTDIR)' ] || ldconfig 2>/dev/null || true
	@echo 'heed $(VERSION) is installed under $(DESTDIR)$(PREFIX)'

uninstall: ## remove what install copied
	@rm -rf '$(DESTDIR)$(INCDIR)/heed'
	@rm -f '$(DESTDIR)$(BINDIR)/heed-lens' '$(DESTDIR)$(LIBDIR)/libheed.a' '$(DESTDIR)$(LIBDIR)/libheed.so' '$(DESTDIR)$(LIBDIR)/$(SONAME)' \
	       '$(DESTDIR)$(LIBDIR)/libheed.so.$(VERSION)' '$(DESTDIR)$(LIBDIR)/pkgconfig/heed.pc'

clean: ## remove build/
	@rm -rf $(BUILD)

help: ## this table
	@printf 'make [target] [variable=value ...]\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name text; do \
	    printf '  %-15s %s\n' "$$name" "$$text"; done
	@printf '\n'
	@printf '  %-15s %s\n' \
	    CC=clang        'compiler (gcc and clang are tested)' \
	    ARCH=x86-64-v3  'instruction set for -march; else this machine'"'"'s' \
	    CFLAGS=...      'further flags; they have the last word (CPPFLAGS, LDFLAGS, LDLIBS too)' \
	    BUILD=folder    'build there instead of in build/' \
	    WERROR=1        'warnings are errors' \
	    SETUP=no        'never install anything' \
	    V=1             'show the commands'

-include $(patsubst %.o,%.d,$(call objects,$(ALL_SOURCES)) $(PAGE_OBJECT))
