#pragma once

#include <stdint.h>

// The engine for programs in other languages: objects that only the library looks into, numbers as
// arrays of the caller. A function that can fail returns what a program would exit with, as below,
// and then says why in `error`.
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
  tributary_ok = 0,
  tributary_failure = 1,
  tributary_wrong_input = 2,
  tributary_stopped = 130
};
typedef struct tributary_error {
  char what[2000], hint[1000];
} tributary_error;

// Whether to stop. Called now and then in the caller's thread.
typedef int (*tributary_stop)(void);

// ---- data: training and test examples

typedef struct tributary_data tributary_data;
typedef struct tributary_arrays {
  const float* inputs;
  const int64_t* labels;
  int64_t size;
  int64_t channels, height, width;  // of an image; a row has 0 channels and `width` numbers
} tributary_arrays;
typedef struct tributary_facts {
  int64_t size, labels_per_example, classes, rank, shape[3];  // of an example
} tributary_facts;

// A data set by its name, whose files are present.
int tributary_open(const char* name, tributary_data** data, tributary_error* error);
// The caller's arrays, which must stay; they are not copied.
int tributary_wrap(const tributary_arrays* train, const tributary_arrays* test,
                   tributary_data** data, tributary_error* error);
void tributary_close(tributary_data* data);
void tributary_describe(const tributary_data* data, int is_test, tributary_facts* facts);
// All examples, as a model gets them.
void tributary_copy(const tributary_data* data, int is_test, float* inputs, int32_t* labels);
// The training samples of each client, one client after the other, and how many it has.
int tributary_split(const tributary_data* data, int clients, int is_iid, uint64_t seed,
                    int32_t* samples, int32_t* sizes, tributary_error* error);

// ---- models

typedef struct tributary_model tributary_model;
// By its name, for such data, with the weights that the seed draws. The data may be closed.
int tributary_make_model(const tributary_data* data, const char* name, uint64_t seed,
                         tributary_model** model, tributary_error* error);
void tributary_free_model(tributary_model* model);
void tributary_takes(const tributary_model* model, tributary_facts* facts);  // of its data
// A line for each tensor: "weight" or "buffer", its name, its extents.
const char* tributary_tensors(const tributary_model* model);
float* tributary_weights(tributary_model* model);  // the weights' numbers, one after the other
float* tributary_buffers(tributary_model* model);
// Log-probabilities of `count` examples, each as the data describes it: a row for each label.
int tributary_predict(tributary_model* model, const float* inputs, int64_t count, float* result,
                      tributary_error* error);
int tributary_save(const tributary_model* model, const char* file, tributary_error* error);
int tributary_load(tributary_model* model, const char* file, tributary_error* error);

// ---- a server's rounds, one call after the other: start, train or add, finish

typedef struct tributary_trainer tributary_trainer;
typedef struct tributary_training {
  const char* algorithm;
  double learning_rate;
  int32_t batch, epochs;  // batch 0: all samples of a client
  int32_t is_shuffled;
} tributary_training;
typedef struct tributary_client {
  const int32_t* samples;
  int32_t size, weight;  // its share in the mean is weight / round_weight
  int32_t is_excluded;   // set here: its update is not finite, or it has no samples
  uint64_t seed;         // of this round
  double seconds;        // set here: of computing
} tributary_client;

// Clients of such a model. The data must stay. threads 0: one per core.
int tributary_make_trainer(const tributary_data* data, const char* model, int threads,
                           tributary_trainer** trainer, tributary_error* error);
void tributary_free_trainer(tributary_trainer* trainer);
// `round_weight`: of all clients of the round.
void tributary_start(tributary_trainer* trainer, int32_t round_weight);
// Trains clients from these weights, and adds their updates to the round's mean in their order. A
// single client's update can go to `update` instead.
int tributary_train(tributary_trainer* trainer, const tributary_training* training,
                    tributary_client* clients, int count, const float* weights, float* update,
                    tributary_stop stop, tributary_error* error);
// An update that was computed elsewhere.
int tributary_add(tributary_trainer* trainer, const float* update, int32_t weight,
                  int32_t* is_excluded, tributary_error* error);
// Moves the model as the algorithm says. Without a usable update it stays.
int tributary_finish(tributary_trainer* trainer, const tributary_training* training,
                     tributary_model* model, tributary_error* error);
// Percent of the test examples.
int tributary_test(tributary_trainer* trainer, const tributary_model* model, double* accuracy,
                   tributary_error* error);

// ---- bin/federated run

typedef struct tributary_watcher {
  int (*played)(int rounds, int of, double accuracy, const char* log);  // whether to stop
  void (*ended)(const char* table);                                     // CSV: a row for each round
} tributary_watcher;
// With the program's options, and with the caller's data unless that is null.
int tributary_federated(const tributary_data* data, const char* const* options, int count,
                        const tributary_watcher* watcher, tributary_model** model,
                        tributary_error* error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
