# For work on Tributary itself: sanitizers, tests, fuzzers, measurements and what editors need.
ifdef SANITIZE
CXXFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=$(SANITIZE)
endif

BENCH    := $(call objects,tools/bench)
# In double, only the arithmetic is built and tested.
ifeq ($(REAL),double)
ROOMS    := tests/nn tests/fl
TESTED   := $(call objects,nn nn/ops nn/kernels data fl tools/program) $(BUILD)/version.o
else
ROOMS    := $(addprefix tests/,nn data fl pipeline tools)
TESTED   := $(BENCH) $(LIBRARY)
STRANGER := $(BUILD)/tests/stranger
endif
FOLDERS  += $(ROOMS)
FUZZERS  := $(patsubst tests/fuzz/%.cpp,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.cpp))

$(BIN)/bench: $(BENCH)
$(BUILD)/tests/run: $(BUILD)/tests/main.o $(call objects,$(ROOMS)) $(TESTED)
$(STRANGER): $(BUILD)/tests/strangers/stranger.o $(LIBRARY)
$(FUZZERS): LDFLAGS += -fsanitize=fuzzer
$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIBRARY)
$(BUILD)/tests/run $(STRANGER) $(FUZZERS):
	$(link)

# clang 16 never ends optimising these.
ifneq ($(findstring fuzzer,$(SANITIZE)),)
$(BUILD)/nn/kernels/bf16_%.o: private CXXFLAGS += -O0
endif

unit: $(BUILD)/tests/run $(STRANGER)
fuzzers: $(FUZZERS)
# The tests run make as a user does, whatever this one was told.
test: all
	+@$(PARALLEL) $(BIN)/bench
	@MAKEFLAGS= BIN=$(BIN) BUILD_SUFFIX=$(BUILD:build/$(REAL)%=%) tests/run.sh
bench: all
	+@$(PARALLEL) $(BIN)/bench
	$(BIN)/bench
fuzz soak:
	@tests/$@/run.sh
test-launchers: all
	@BIN=$(BIN) tests/launchers/run.sh
parity: all
	$(BIN)/hw1 compare tests/golden/hfl-seed10.csv
papers: all  # after a stop, continues where it was
	for sweep in fl/papers/*.toml; do \
	  $(BIN)/federated sweep $$sweep --out out/papers/$$(basename $$sweep .toml) || exit; done
help:
	@sed -n 's/^# //p; /^MAKEFLAGS/q' Makefile
format:
	clang-format -i $$(git ls-files '*.h' '*.cpp')
SINGLE   := $(wildcard nn/ops/*.cpp nn/kernels/*.cpp tools/*.cpp tests/*.cpp tests/fuzz/*.cpp \
              tests/strangers/*.cpp)
tidy: $(FOLDERS:%=$(BUILD)/%/folder.cpp)
	printf '%s\n' $^ $(SINGLE) | xargs -P $$(nproc) -I{} clang-tidy --quiet \
	  --checks=-bugprone-suspicious-include {} -- $(CPPFLAGS) $(CXXFLAGS)
compile_commands.json: always  # for clangd
	@{ echo '['; git ls-files '*.cpp' | sed -e 's|.*|{"directory": "$(CURDIR)", "file": "&",|' \
	  -e 's|"file": "\(.*\)",|& "command": "$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c \1"}|' \
	  -e '$$!s/$$/,/'; echo ']'; } $(replace)
.PHONY: unit fuzzers test test-launchers bench fuzz soak parity papers help format tidy
