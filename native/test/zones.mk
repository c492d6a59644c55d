# The C++ tests of zones, under the sanitizers: make -C native/test -f zones.mk check-zones (or included by native/Makefile's tests).

ZONES_DIR := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
ZONES_OUT ?= $(ZONES_DIR)../build/test-zones
ZONES_SRC := $(wildcard $(ZONES_DIR)../src/zones/*.cc)
ZONES_HDR := $(wildcard $(ZONES_DIR)../src/zones/*.h $(ZONES_DIR)../src/*.h $(ZONES_DIR)*.h)
ZONES_FLAGS := -std=c++20 -O1 -g -Wall -Wextra -Wconversion -ffp-contract=off
ZONES_ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
ZONES_TSAN := -fsanitize=thread

.PHONY: check-zones
check-zones: $(ZONES_OUT)/zones_test $(ZONES_OUT)/zones_attach_test $(ZONES_OUT)/zones_publisher_test
	$(ZONES_OUT)/zones_test
	$(ZONES_OUT)/zones_attach_test
	$(ZONES_OUT)/zones_publisher_test

ZONES_ASAN_OBJ := $(ZONES_SRC:$(ZONES_DIR)../src/zones/%.cc=$(ZONES_OUT)/asan/%.o)
ZONES_TSAN_OBJ := $(ZONES_SRC:$(ZONES_DIR)../src/zones/%.cc=$(ZONES_OUT)/tsan/%.o)

$(ZONES_OUT)/asan/%.o: $(ZONES_DIR)../src/zones/%.cc $(ZONES_HDR)
	@mkdir -p $(@D)
	$(CXX) $(ZONES_FLAGS) $(ZONES_ASAN) -c $< -o $@

$(ZONES_OUT)/tsan/%.o: $(ZONES_DIR)../src/zones/%.cc $(ZONES_HDR)
	@mkdir -p $(@D)
	$(CXX) $(ZONES_FLAGS) $(ZONES_TSAN) -c $< -o $@

$(ZONES_OUT)/zones_test $(ZONES_OUT)/zones_attach_test: $(ZONES_OUT)/%: $(ZONES_DIR)%.cc $(ZONES_ASAN_OBJ)
	$(CXX) $(ZONES_FLAGS) $(ZONES_ASAN) $^ -o $@

$(ZONES_OUT)/zones_publisher_test: $(ZONES_OUT)/%: $(ZONES_DIR)%.cc $(ZONES_TSAN_OBJ)
	$(CXX) $(ZONES_FLAGS) $(ZONES_TSAN) -pthread $^ -o $@
