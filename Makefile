# Alcove. `make help` lists what there is; one Makefile, no configure step.
#
# Sources are found by folder. Each folder is a component; DEPS_<component> below is the architecture:
# what it may use, and so what its unit tests are linked with. An upward call does not link.

FLAVOR ?= release
ifeq ($(origin CC),default)
CC     := gcc
endif
V      ?= 0
Q       = $(if $(filter 1,$(V)),,@printf '  %-4s %s\n' "$(1)" "$(2)";)
B      := build/$(FLAVOR)

PKGS   := openssl yaml-0.1 sqlite3 libjwt jansson libcurl
PKGC   := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wno-sign-conversion \
	  -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Werror
HARDEN := -fstack-protector-strong -fPIE -fno-plt -fno-strict-aliasing
CPPFLAGS += -D_GNU_SOURCE -DH2O_USE_LIBUV=0 -Iinclude -Igateway -I. $(PKGC)
LDHARD := -pie -Wl,-z,relro,-z,now,-z,noexecstack

ifeq ($(FLAVOR),release)
CFLAGS += -O2 -g -D_FORTIFY_SOURCE=2
else ifeq ($(FLAVOR),asan)
CFLAGS += -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DALV_PARANOID
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(FLAVOR),tsan)
CFLAGS += -O1 -g -fsanitize=thread -DALV_PARANOID
LDFLAGS += -fsanitize=thread
else ifeq ($(FLAVOR),leak)
CFLAGS += -O2 -g -D_FORTIFY_SOURCE=2 -DALV_LEAK_ON_PURPOSE
else ifeq ($(FLAVOR),clang)
CC     := clang
CFLAGS += -O2 -g -D_FORTIFY_SOURCE=2
else ifeq ($(FLAVOR),fuzz)
CC     := clang
CFLAGS += -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DALV_PARANOID
LDFLAGS += -fsanitize=fuzzer,address,undefined
else ifeq ($(FLAVOR),cover)
CC     := clang
CFLAGS += -O1 -g -fprofile-instr-generate -fcoverage-mapping -DALV_PARANOID
LDFLAGS += -fprofile-instr-generate
FUZZ_LD := -fsanitize=fuzzer
else
$(error FLAVOR is one of release asan tsan leak clang fuzz cover)
endif
# One file is C++ (libre2 knows no C); it is linked by the C compiler all the same. UBSan's vptr would need more than that.
ifeq ($(origin CXX),default)
CXX    := $(patsubst clang,clang++,$(patsubst cc,c++,$(patsubst gcc,g++,$(CC))))
endif
CXXFLAGS := $(CFLAGS) -std=c++17 $(filter-out -Wstrict-prototypes -Wmissing-prototypes,$(WARN)) $(HARDEN) \
	    $(if $(findstring undefined,$(CFLAGS)),-fno-sanitize=vptr)
CFLAGS += -std=c11 $(WARN) $(HARDEN)

# ---- components: folder, and what each may use --------------------------------------------------
COMPONENTS := gateway/base gateway/kafka gateway/tenant gateway/regex policies gateway/authn gateway/quota gateway/tally gateway/meter \
	      gateway/state gateway/net gateway/cluster gateway/upstream gateway/api gateway/control gateway/proxy gateway/life gateway/jwks admin-api

DEPS_gateway/base    :=
DEPS_gateway/kafka   := gateway/base
DEPS_gateway/tenant  := gateway/base
DEPS_gateway/regex   := gateway/base
DEPS_policies        := gateway/tenant gateway/base
DEPS_gateway/authn   := policies gateway/tenant gateway/base
DEPS_gateway/quota   := gateway/base
DEPS_gateway/tally   := policies gateway/tenant gateway/base
DEPS_gateway/meter   := gateway/base
DEPS_gateway/state   := policies gateway/tenant gateway/base
DEPS_gateway/net     := gateway/base
DEPS_gateway/cluster := gateway/kafka gateway/base
DEPS_gateway/upstream := gateway/net gateway/cluster gateway/authn gateway/meter gateway/kafka policies gateway/tenant gateway/base
DEPS_gateway/api     := gateway/regex gateway/cluster gateway/authn gateway/meter gateway/quota gateway/tally gateway/kafka policies \
			gateway/tenant gateway/base
DEPS_gateway/control := gateway/upstream gateway/state gateway/net gateway/cluster gateway/authn gateway/tally gateway/meter gateway/kafka policies \
			gateway/tenant gateway/base
DEPS_gateway/proxy   := gateway/api gateway/regex gateway/upstream gateway/net gateway/cluster gateway/authn gateway/meter gateway/quota gateway/tally \
			gateway/kafka policies gateway/tenant gateway/base
DEPS_gateway/life    := gateway/net gateway/meter gateway/base
DEPS_gateway/jwks    := gateway/authn gateway/meter policies gateway/tenant gateway/base
DEPS_admin-api       := gateway/cluster gateway/authn gateway/meter gateway/quota gateway/kafka policies gateway/tenant gateway/base

LIBS_gateway/base    := -lcrypto
LIBS_gateway/regex   := -lre2 -lstdc++
LIBS_gateway/authn   := -ljwt -ljansson -lcrypto -lm
LIBS_policies	     := -lyaml -lcrypto
LIBS_gateway/state   := -lsqlite3 -lcrypto
LIBS_gateway/jwks    := -lcurl -lcrypto
LIBS_gateway/net     := -lssl -lcrypto
LIBS_admin-api	     := -lh2o-evloop -ljansson -lssl -lcrypto
ALL_LIBS := -lcurl -lh2o-evloop -ljwt -ljansson -lssl -lcrypto -lsqlite3 -lyaml -lre2 -lstdc++ -lm -lpthread

SRCS   = $(wildcard $(1)/*.c) $(wildcard $(1)/*.cc) $(wildcard $(1)/gen/*.c)
OBJS   = $(patsubst %,$(B)/obj/%.o,$(basename $(call SRCS,$(1))))
LIB    = $(B)/lib/$(subst /,-,$(1)).a

.PHONY: all help
all: $(B)/alcove $(B)/alcovectl

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make                 build alcove and alcovectl into build/release
## make demo            set everything up, show two tenants on one Kafka, stop (KEEP=1: leave it running)
## make test            set everything up and run every test
## make test-all        make test, and what takes longer: threads, static analysis, minutes of fuzzing
## make test-clients    one scenario with each client library of tests/clients/clients.tsv
## make test-brokers    the main job on other versions of Kafka than the one that tests run
## make bench           what Alcove costs, beside HAProxy and the broker itself (ROUNDS=5, BENCH=quick)
## make bench-micro     instructions and function calls for each frame
## make pace            how exactly limits of bytes are kept, by several clients on 1 to 200 connections (10 minutes)
## make turns           how long a worker is busy at a stretch, in storms of handshakes, logins and Metadata
## make scale           what lists cost brokers beside 20,000 topics and 5,000 groups of others
## make fuzz            fuzz each parser (FUZZ_SECONDS=60 of CPU time each)
## make fuzz-must-find  is a fault that was built in on purpose found within two minutes?
## make soak            20 minutes of everything coming and going (SOAK_MINUTES=20), then a crowd; nothing may grow
## make coverage        lines that unit tests and fuzz seeds run through, per component
## make fuzz-coverage   the same by fuzz seeds alone; fails below what is wanted
## make schema          import Kafka's message schemas anew; leaves no difference when nothing changed
## make docs            write the generated pages of docs/ anew
## make deps            install the Debian packages that building and testing need
## make install         install below DESTDIR (PREFIX=/usr)
## make clean           remove build/ (the downloaded Kafka stays in .cache/)
## make distclean       remove .cache/ as well

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(call Q,CXX,$<)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

define component_rules
$(call LIB,$(1)): $(call OBJS,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call Q,AR,$$@)ar rcs $$@ $$^

TESTS_$(1) := $(patsubst tests/unit/%.c,$(B)/test/%,$(wildcard tests/unit/$(1)/*_test.c))
$$(TESTS_$(1)): $(B)/test/%: $(B)/obj/tests/unit/%.o $(call LIB,$(1)) $(foreach d,$(DEPS_$(1)),$(call LIB,$(d)))
	@mkdir -p $$(@D)
	$$(call Q,LD,$$@)$(CC) $(CFLAGS) $(LDFLAGS) $(LDHARD) -o $$@ $$^ -lcmocka $(foreach d,$(1) $(DEPS_$(1)),$(LIBS_$(d))) -lpthread

.PHONY: unit-$(subst /,-,$(1))
unit-$(subst /,-,$(1)): $$(TESTS_$(1))
	@set -e; for t in $$^; do case $$$$t in *_test) echo "== $$$$t"; $$$$t;; esac; done
endef
$(foreach c,$(COMPONENTS),$(eval $(call component_rules,$(c))))

LINK_ORDER := admin-api gateway/jwks gateway/life gateway/proxy gateway/control gateway/api gateway/regex gateway/upstream gateway/cluster gateway/net gateway/state gateway/meter \
	      gateway/quota gateway/tally gateway/authn gateway/kafka policies gateway/tenant gateway/base

$(B)/alcove: $(B)/obj/gateway/main.o $(B)/obj/gateway/reload.o $(foreach c,$(LINK_ORDER),$(call LIB,$(c)))
	$(call Q,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(LDHARD) -o $@ $^ $(ALL_LIBS)

CTL_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard admin-api/ctl/*.c))
$(B)/alcovectl: $(CTL_OBJS) $(call LIB,policies) $(call LIB,gateway/tenant) $(call LIB,gateway/base)
	$(call Q,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(LDHARD) -o $@ $^ -lcurl -ljansson -lyaml -lcrypto
$(B)/test/admin-api/ctl_test: | $(B)/alcovectl

.PHONY: unit
UNIT_TESTS := $(foreach c,$(COMPONENTS),$(TESTS_$(c)))
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do $$t >$$t.log 2>&1 || { cat $$t.log; exit 1; }; done; echo "$(words $(UNIT_TESTS)) unit test programs passed ($(FLAVOR))"

.PHONY: schema
schema:
	python3 gateway/kafka/gen/import.py --jar "$$(tests/kit/kafka/fetch schema)"/kafka-clients-[0-9]*.jar

# ---- tests, demonstration, generated files -----------------------------------------------------------
.PHONY: deps test test-all demo fuzz docs
deps:
	@tests/kit/deps

test:
	@tests/run test

test-all:
	@tests/run all

.PHONY: test-brokers
test-brokers:
	@$(MAKE) --no-print-directory -s -j2 FLAVOR=asan build/asan/alcove
	@tests/broker/run other_brokers
	@KAFKA_VERSION=4.4.0 tests/isolation/run

demo: deps
	@$(MAKE) --no-print-directory -s -j2 all
	@tests/demo/demo $(if $(KEEP),--keep)

FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/bin/%,$(wildcard tests/fuzz/*_fuzz.c))
fuzz:
	@$(MAKE) --no-print-directory -j2 FLAVOR=fuzz fuzzers fuzz-corpus
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# A fuzzer has to find the fault that is built into this one mapper (ALV_FAULT_ON_PURPOSE), in two minutes.
.PHONY: fuzz-must-find must-find-fuzzer
fuzz-must-find:
	@$(MAKE) --no-print-directory -j2 FLAVOR=fuzz must-find-fuzzer fuzz-corpus
	@tests/fuzz/must_find build/fuzz/faulty/response_fuzz 120
must-find-fuzzer: build/fuzz/faulty/response_fuzz
build/fuzz/faulty/map_out.o: gateway/api/map_out.c
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -DALV_FAULT_ON_PURPOSE -MMD -MP -c -o $@ $<
build/fuzz/faulty/response_fuzz: build/fuzz/faulty/map_out.o $(patsubst %,$(B)/obj/tests/fuzz/%.o,response_fuzz talk talk_look talk_world) \
		$(foreach c,$(LINK_ORDER),$(call LIB,$(c)))
	$(call Q,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(FUZZ_LD) $(WRAP) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LIBS)

.PHONY: fuzzers fuzz-seeds fuzz-corpus
fuzzers: $(FUZZERS)
fuzz-seeds:
	@$(MAKE) --no-print-directory -j2 FLAVOR=fuzz fuzzers fuzz-corpus
	@tests/fuzz/replay $(FUZZERS)
# What they begin with, beside tests/fuzz/seeds.
fuzz-corpus: build/fuzz-corpus/.stamp
build/fuzz-corpus/.stamp: tests/fuzz/corpus.py tests/kit/kafkawire.py gateway/api/api.def gateway/api/config_policy.def \
		include/alcove/tbl/kafka_api.def gateway/kafka/gen/kinds.tsv tests/wire/GoldenFrames.java
	@tests/wire/golden
	@rm -rf $(@D)
	@python3 tests/fuzz/corpus.py $(@D)
	@touch $@
$(B)/bin/%_fuzz: $(B)/obj/tests/fuzz/%_fuzz.o $(foreach c,$(LINK_ORDER),$(call LIB,$(c)))
	@mkdir -p $(@D)
	$(call Q,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(FUZZ_LD) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LIBS)
# Conversations with the api layer; each target is a few lines.
WRAP  := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
TALKS := $(patsubst %,$(B)/bin/%_fuzz,api request response stream embedded)
$(TALKS): $(patsubst %,$(B)/obj/tests/fuzz/%.o,talk talk_look talk_world)
$(TALKS): LDFLAGS += $(WRAP)
$(B)/bin/rest_fuzz: LDFLAGS += -Wl,--wrap=adm_problem

# Line coverage by unit tests and fuzz seeds, per component; and by fuzz seeds alone, which may not be too little.
.PHONY: coverage fuzz-coverage cover-binaries cover-fuzzers
coverage:
	@$(MAKE) --no-print-directory -s -j2 FLAVOR=cover cover-binaries fuzz-corpus
	@tests/coverage build/cover
fuzz-coverage:
	@$(MAKE) --no-print-directory -s -j2 FLAVOR=cover cover-fuzzers fuzz-corpus
	@tests/coverage build/cover --fuzz gateway/kafka=85 gateway/api=85
cover-fuzzers: $(patsubst tests/fuzz/%.c,$(B)/bin/%,$(wildcard tests/fuzz/*_fuzz.c))
cover-binaries: $(UNIT_TESTS) cover-fuzzers

.PHONY: test-clients
test-clients: deps
	@$(MAKE) --no-print-directory -s -j2 FLAVOR=asan build/asan/alcove
	@tests/clients/run --all

SOAK_MINUTES ?= 20
.PHONY: soak
soak:
	@$(MAKE) --no-print-directory -s -j2 FLAVOR=release build/release/alcove
	@FLAVOR=release SOAK_MINUTES=$(SOAK_MINUTES) python3 -u tests/fault/soak.py

# What tests/fault preloads: failing calls, a clock that jumps.
.PHONY: fault-shims
fault-shims: build/fault/inject.so build/fault/clock.so
build/fault/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(call Q,LD,$@)gcc -D_GNU_SOURCE -std=c11 -O2 -g $(filter-out -Wmissing-prototypes,$(WARN)) -Wno-pedantic -fPIC -shared -o $@ $< -ldl

include tests/bench/make.inc

docs: $(B)/alcove
	@$(B)/alcove options >docs/configuration.md
	@$(B)/alcove apis >docs/api-coverage.md
	@$(B)/alcove limits >docs/limits.md

# ---- installation ------------------------------------------------------------------------------------
PREFIX	?= /usr
BINDIR	?= $(PREFIX)/bin
UNITDIR ?= /usr/lib/systemd/system
.PHONY: install
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)/usr/lib/sysusers.d $(DESTDIR)/usr/lib/tmpfiles.d \
		$(DESTDIR)$(PREFIX)/share/doc/alcove/examples
	install -d -m 0750 $(DESTDIR)/etc/alcove
	install -d -m 0700 $(DESTDIR)/var/lib/alcove
	install -m 0755 $(B)/alcove $(B)/alcovectl $(DESTDIR)$(BINDIR)/
	sed 's,@BINDIR@,$(BINDIR),' gateway/systemd/alcove.service >$(DESTDIR)$(UNITDIR)/alcove.service
	install -m 0644 gateway/systemd/alcove.sysusers $(DESTDIR)/usr/lib/sysusers.d/alcove.conf
	install -m 0644 gateway/systemd/alcove.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/alcove.conf
	install -m 0644 README.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/alcove/
	install -m 0644 policies/examples/*.yaml $(DESTDIR)$(PREFIX)/share/doc/alcove/examples/

.PHONY: clean distclean
clean:
	rm -rf build
distclean: clean
	rm -rf .cache

-include $(shell find build/$(FLAVOR)/obj -name '*.d' 2>/dev/null)
