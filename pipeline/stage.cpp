#include "pipeline/stage.h"

#include <algorithm>
#include <cstddef>

#include "nn/base/error.h"
#include "nn/kernels/bf16.h"

namespace pipeline {

namespace {

// The rows of a split head are the block after its norm.
std::vector<int> joined(const std::vector<std::vector<int>>& chunks, int head, bool has_rows) {
  std::vector<int> blocks;
  for (const auto& chunk : chunks) blocks.insert(blocks.end(), chunk.begin(), chunk.end());
  if (has_rows) blocks.push_back(head + 1);
  return blocks;
}

void round_all(nn::ConstView numbers, nn::real* to) {
  std::ranges::transform(numbers, to, [](nn::real x) {
    return nn::kernels::value_of_bf16(nn::kernels::bf16_of(static_cast<float>(x)));
  });
}

}  // namespace

Stage::Stage(const nn::LanguageModelConfig& config, const std::vector<std::vector<int>>& chunks,
             nn::index length, std::uint64_t seed, int threads, bool recomputes,
             std::optional<nn::HeadRows> rows)
    : chunks_(chunks),
      model_(config, joined(chunks, static_cast<int>(config.layers) + 1, rows.has_value()), seed,
             rows),
      team_(threads),
      length_(length),
      recomputes_(recomputes),
      bytes_of_microbatch_(chunks.size()) {
  shared_.tape.set_team(team_);
  evaluation_.set_team(team_);
  evaluation_.set_recording(false);
  if (rows) head_share_ = std::make_unique<HeadShare>(model_, team_);
}

void Stage::set_precision(nn::Precision precision) {
  shared_.tape.set_precision(precision);
  evaluation_.set_precision(precision);
  if (head_share_) head_share_->set_precision(precision);
}

std::vector<int> Stage::all_blocks() const {
  return joined(chunks_, model_.head_block(), model_.rows().has_value());
}

std::span<nn::real> Stage::weights_of(int block) {
  const auto [offset, size] = model_.range(block);
  return model_.parameters().values().subspan(offset, size);
}

std::span<nn::real> Stage::gradients_of(int block) {
  const auto [offset, size] = model_.range(block);
  return model_.parameters().gradients().subspan(offset, size);
}

Stage::Flight& Stage::start_flight(int chunk, int microbatch) {
  give_back_tapes();
  // Without a second look at the lease, which may have become free since.
  auto found =
      std::ranges::find_if(flights_, [](const auto& flight) { return flight->tapes.empty(); });
  if (found == flights_.end()) found = flights_.insert(found, std::make_unique<Flight>());
  Flight& flight = **found;
  flight.chunk = chunk;
  flight.microbatch = microbatch;
  flight.is_free = false;
  const std::size_t blocks = chunks_[chunk].size();
  for (std::size_t i = 0; i < std::max<std::size_t>(blocks, 1); ++i)
    flight.tapes.push_back(take_tape(kind_of(chunk, i)));
  flight.in.assign(blocks, {});
  flight.out.assign(blocks, {});
  flight.kept.assign(blocks, {});
  return flight;
}

void Stage::give_back_tapes() {
  for (const auto& flight : flights_) {
    if (!flight->is_free || !flight->lease.is_free()) continue;
    for (std::size_t i = 0; i < flight->tapes.size(); ++i)
      spare_tapes(kind_of(flight->chunk, i)).push_back(std::move(flight->tapes[i]));
    flight->tapes.clear();
  }
}

Stage::TapeKind Stage::kind_of(int chunk, std::size_t index) const {
  if (chunks_[chunk].empty()) return TapeKind::empty_chunk;
  const int block = chunks_[chunk][index];
  return block == 0                     ? TapeKind::embedding
         : block == model_.head_block() ? TapeKind::head
                                        : TapeKind::layer;
}

std::unique_ptr<nn::Tape> Stage::take_tape(TapeKind kind) {
  auto& spare = spare_tapes(kind);
  auto tape = spare.empty() ? std::make_unique<nn::Tape>() : std::move(spare.back());
  if (!spare.empty()) spare.pop_back();
  tape->set_team(team_);
  tape->set_precision(evaluation_.precision());
  tape->reset();
  return tape;
}

Stage::Flight& Stage::flight(int chunk, int microbatch) {
  for (const auto& flight : flights_)
    if (!flight->is_free && flight->chunk == chunk && flight->microbatch == microbatch)
      return *flight;
  throw nn::Error(
      nn::concat("stage: microbatch ", microbatch, " is not in flight in chunk ", chunk));
}

nn::ConstView Stage::forward(int chunk, int microbatch, const Batch& batch,
                             std::span<const nn::real> input) {
  Flight& flight = start_flight(chunk, microbatch);
  if (recomputes_ && has_loss(chunk))
    flight.targets.assign(batch.targets.begin(), batch.targets.end());
  flight.shape = shape_of(chunk, batch, input);
  nn::ConstView value;
  if (!is_first(chunk)) value = {flight.tapes[0]->keep(input).data(), flight.shape};
  for (std::size_t i = 0; i < chunks_[chunk].size(); ++i) {
    const int block = chunks_[chunk][i];
    nn::Tape& tape = *flight.tapes[i];
    if (is_recomputed(block)) {
      flight.kept[i] = value;
      value = output_of(block, run_on_shared_tape(flight, i));
      value.data = tape.keep(value.span()).data();
      continue;
    }
    if (block == 0) {
      flight.out[i] = model_.embed(tape, batch.ids, length_);
    } else {
      flight.in[i] = tape.input(value);
      flight.out[i] = run(block, flight.in[i], batch.targets);
    }
    value = output_of(block, flight.out[i]);
  }
  return value;
}

// Of a microbatch's activations.
nn::Shape Stage::shape_of(int chunk, const Batch& batch, std::span<const nn::real> input) const {
  const nn::index width = model_.config().hidden_size;
  const auto size =
      static_cast<nn::index>(is_first(chunk) ? batch.ids.size() * width : input.size());
  nn::require(size > 0 && size % (length_ * width) == 0, "stage: got ", size,
              " numbers for sequences of ", length_, " tokens of ", width);
  return {size / width, width};
}

nn::ConstView Stage::evaluate(int chunk, const Batch& batch, std::span<const nn::real> input) {
  evaluation_.reset();
  nn::Var value;
  if (!is_first(chunk)) value = evaluation_.constant({input.data(), shape_of(chunk, batch, input)});
  for (const int block : chunks_[chunk])
    value = block == 0 ? model_.embed(evaluation_, batch.ids, length_)
                       : run(block, value, batch.targets);
  return value.value();
}

nn::ConstView Stage::backward(int chunk, int microbatch, std::span<const nn::real> gradient) {
  Flight& flight = this->flight(chunk, microbatch);
  nn::ConstView dy{gradient.data(), has_loss(chunk) ? nn::Shape{1} : flight.shape};
  nn::require(dy.size() == static_cast<nn::index>(gradient.size()), "stage: got ", gradient.size(),
              " numbers for the gradient of ", dy.shape);
  if (chunks_[chunk].empty()) return {flight.tapes[0]->keep(gradient).data(), dy.shape};
  for (std::size_t i = chunks_[chunk].size(); i-- > 0;) {
    if (is_recomputed(chunks_[chunk][i])) {
      dy = recompute(flight, i, dy);
      continue;
    }
    flight.tapes[i]->backward_data(flight.out[i], dy);
    dy = flight.in[i].has_value() ? gradient_of(flight.in[i]) : nn::ConstView{};
  }
  return dy;
}

void Stage::update(int, nn::Optimizer& optimizer, std::span<nn::real> weights,
                   std::span<const nn::real> gradients) {
  optimizer.step(weights, gradients, team_);
}

double Stage::Flight::bytes() const {
  std::size_t bytes = gradient.capacity() * sizeof(nn::real) + targets.capacity() * sizeof(int);
  for (const auto& tape : tapes) bytes += tape->arena().touched();
  return static_cast<double>(bytes);
}

double Stage::bytes_of_flights() const {
  double bytes = 0;
  for (const auto& flight : flights_) bytes += flight->bytes();
  for (const auto& tapes : spare_tapes_)
    for (const auto& tape : tapes) bytes += static_cast<double>(tape->arena().touched());
  return bytes;
}

void Stage::abandon() {
  for (const auto& flight : flights_) flight->is_free = true;
  shared_.flight = nullptr;
}

nn::ConstView Stage::output_of(int block, nn::Var y) const {
  if (rounds_ && block != model_.head_block()) round_all(y.value(), y.tape().writable(y).data);
  return y.value();
}

nn::ConstView Stage::gradient_of(nn::Var input) {
  const nn::ConstView gradient = input.gradient();
  if (!rounds_) return gradient;
  rounded_gradient_.resize(gradient.size());
  round_all(gradient, rounded_gradient_.data());
  return {rounded_gradient_.data(), gradient.shape};
}

// A layer, the head, or its norm.
nn::Var Stage::run(int block, nn::Var in, std::span<const int> targets) {
  if (block != model_.head_block()) return model_.layer(block, in, length_);
  return model_.rows() ? model_.norm(in) : model_.loss(in, targets);
}

nn::Var Stage::run_on_shared_tape(Flight& flight, std::size_t index) {
  shared_.tape.reset();
  shared_.flight = &flight;
  shared_.index = index;
  shared_.in = shared_.tape.input(flight.kept[index]);
  shared_.out = run(chunks_[flight.chunk][index], shared_.in, flight.targets);
  return shared_.out;
}

// Returns the gradient of the block's input, in the flight's memory: the next block uses the tape.
nn::ConstView Stage::recompute(Flight& flight, std::size_t index, nn::ConstView dy) {
  if (shared_.flight != &flight || shared_.index != index) run_on_shared_tape(flight, index);
  shared_.tape.backward_data(shared_.out, dy);
  shared_.tape.backward_weights();
  on_gradients(chunks_[flight.chunk][index]);
  shared_.flight = nullptr;
  const nn::ConstView dx = gradient_of(shared_.in);
  flight.gradient.assign(dx.begin(), dx.end());
  return {flight.gradient.data(), dx.shape};
}

void Stage::weights(int chunk, int microbatch,
                    const std::function<void(int block)>& block_is_done) {
  Flight& flight = this->flight(chunk, microbatch);
  for (std::size_t i = chunks_[chunk].size(); i-- > 0;) {
    const int block = chunks_[chunk][i];
    if (!is_recomputed(block)) {
      flight.tapes[i]->backward_weights();
      on_gradients(block);
    }
    block_is_done(block);
  }
  flight.is_free = true;
  bytes_of_microbatch_[chunk] = std::max(bytes_of_microbatch_[chunk], flight.bytes());
}

}  // namespace pipeline
