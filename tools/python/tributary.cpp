#include "tools/python/tributary.h"

#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "fl/splits/partition.h"
#include "nn/files/checkpoint.h"
#include "tools/python/arrays.h"
#include "tools/python/guarded.h"
#include "tools/python/model.h"
#include "tools/python/trainer.h"

using python::guarded;

namespace {

const data::Examples& part_of(const tributary_data* data, int is_test) {
  return is_test ? *data->test : *data->train;
}

// A single client's, whatever the size of the data.
federated::Experiment experiment_with(const char* model, std::uint64_t seed,
                                      const tributary_data& data) {
  federated::Experiment experiment;
  experiment.model = model;
  experiment.seed = seed;
  experiment.clients = 1;
  federated::validate(experiment, data.task());
  return experiment;
}

}  // namespace

int tributary_open(const char* name, tributary_data** data, tributary_error* error) {
  return guarded(error, [&] {
    federated::DataChoice choice;
    choice.name = name;
    *data = new tributary_data{federated::open_dataset(choice)};
  });
}

int tributary_wrap(const tributary_arrays* train, const tributary_arrays* test,
                   tributary_data** data, tributary_error* error) {
  return guarded(error, [&] { *data = new tributary_data{python::wrap(*train, *test)}; });
}

void tributary_close(tributary_data* data) { delete data; }

void tributary_describe(const tributary_data* data, int is_test, tributary_facts* facts) {
  *facts = python::facts_of(part_of(data, is_test));
}

void tributary_copy(const tributary_data* data, int is_test, float* inputs, int32_t* labels) {
  const data::Examples& part = part_of(data, is_test);
  std::vector<int> all(part.size());
  std::iota(all.begin(), all.end(), 0);
  part.copy_batch(all, inputs, {labels, all.size() * part.labels_per_example()});
}

int tributary_split(const tributary_data* data, int clients, int is_iid, uint64_t seed,
                    int32_t* samples, int32_t* sizes, tributary_error* error) {
  return guarded(error, [&] {
    federated::Experiment experiment = experiment_with("mnist_cnn", seed, *data);
    experiment.clients = clients;
    experiment.partition.split = is_iid ? fl::Split::iid : fl::Split::shards;
    federated::validate(experiment, data->task());
    for (const std::vector<int>& client :
         fl::split_samples(*data->train, clients, experiment.partition, seed)) {
      samples = std::ranges::copy(client, samples).out;
      *sizes++ = static_cast<int>(client.size());
    }
  });
}

int tributary_make_model(const tributary_data* data, const char* name, uint64_t seed,
                         tributary_model** model, tributary_error* error) {
  return guarded(error, [&] {
    *model = new tributary_model(experiment_with(name, seed, *data), *data->train);
  });
}

void tributary_free_model(tributary_model* model) { delete model; }

void tributary_takes(const tributary_model* model, tributary_facts* facts) {
  *facts = model->takes();
}

const char* tributary_tensors(const tributary_model* model) { return model->tensors().c_str(); }

float* tributary_weights(tributary_model* model) { return model->parameters().values().data(); }

float* tributary_buffers(tributary_model* model) { return model->parameters().buffers().data(); }

int tributary_predict(tributary_model* model, const float* inputs, int64_t count, float* result,
                      tributary_error* error) {
  return guarded(error, [&] { model->predict(inputs, count, result); });
}

int tributary_save(const tributary_model* model, const char* file, tributary_error* error) {
  return guarded(error, [&] { nn::write_safetensors(file, model->parameters()); });
}

int tributary_load(tributary_model* model, const char* file, tributary_error* error) {
  return guarded(error, [&] { nn::load_parameters(file, model->parameters()); });
}

int tributary_make_trainer(const tributary_data* data, const char* model, int threads,
                           tributary_trainer** trainer, tributary_error* error) {
  return guarded(error, [&] {
    const fl::Config config = federated::config_of(experiment_with(model, 0, *data), *data->train);
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    *trainer =
        new tributary_trainer(data->task(), config.make_model, threads > 0 ? threads : cores);
  });
}

void tributary_free_trainer(tributary_trainer* trainer) { delete trainer; }

void tributary_start(tributary_trainer* trainer, int32_t round_weight) {
  trainer->start(round_weight);
}

int tributary_train(tributary_trainer* trainer, const tributary_training* training,
                    tributary_client* clients, int count, const float* weights, float* update,
                    tributary_stop stop, tributary_error* error) {
  return guarded(error, [&] {
    trainer->train(*training, {clients, static_cast<std::size_t>(count)}, weights, update, stop);
  });
}

int tributary_add(tributary_trainer* trainer, const float* update, int32_t weight,
                  int32_t* is_excluded, tributary_error* error) {
  return guarded(error, [&] { *is_excluded = !trainer->add({update, trainer->size()}, weight); });
}

int tributary_finish(tributary_trainer* trainer, const tributary_training* training,
                     tributary_model* model, tributary_error* error) {
  return guarded(error, [&] { trainer->finish(*training, model->parameters().values()); });
}

int tributary_test(tributary_trainer* trainer, const tributary_model* model, double* accuracy,
                   tributary_error* error) {
  return guarded(error, [&] { *accuracy = trainer->test(model->parameters()); });
}
