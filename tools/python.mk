# make python: the package `tributary` in build/python. The code of a shared object must run
# wherever it is loaded, so the library is compiled once more, into a folder of its own.
PACKAGE  := build/python/tributary
ifdef PIC
CXXFLAGS += -fPIC -fvisibility=hidden
LDFLAGS  += -shared -Wl,--as-needed
$(PACKAGE)/libtributary.so: $(call objects,nn nn/ops nn/kernels data fl) \
  $(call objects,$(addprefix tools/,federated program project python report)) $(BUILD)/version.o
	$(call run,link,$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS))
endif

python: setup
	+@$(PARALLEL) REAL=float PIC=1 $(PACKAGE)/libtributary.so
	@cp -r tools/python/tributary/. data/fetch.sh $(PACKAGE)
.PHONY: python
