# make python: the package `tributary` in build/python. Its library is linked from the programs'
# objects.
PACKAGE := build/python/tributary
$(PACKAGE)/libtributary.so: $(call objects,nn nn/ops nn/kernels data fl) \
  $(call objects,$(addprefix tools/,federated program project python report)) $(BUILD)/version.o
	$(call run,link,$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS))
$(PACKAGE)/libtributary.so: private LDFLAGS += -shared -Wl,--as-needed

python: setup
	+@$(PARALLEL) REAL=float $(PACKAGE)/libtributary.so
	@cp -r tools/python/tributary/. data/fetch.sh data/shakespeare.sha256 $(PACKAGE)
.PHONY: python
