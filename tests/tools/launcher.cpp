#include "tools/training/launcher.h"

#include <doctest/doctest.h>

#include "nn/base/printable.h"
#include "tests/complaint.h"

namespace training {

namespace {

const Environment torchrun{{"RANK", "4"},
                           {"WORLD_SIZE", "6"},
                           {"LOCAL_RANK", "1"},
                           {"LOCAL_WORLD_SIZE", "3"},
                           {"MASTER_ADDR", "node1"},
                           {"MASTER_PORT", "29500"},
                           {"OMP_NUM_THREADS", "1"},
                           {"TORCHELASTIC_RUN_ID", "a job/1"},
                           {"TORCHELASTIC_RESTART_COUNT", "2"}};
const Environment mpi{{"OMPI_COMM_WORLD_RANK", "4"},
                      {"OMPI_COMM_WORLD_SIZE", "6"},
                      {"OMPI_COMM_WORLD_LOCAL_SIZE", "3"},
                      {"PMIX_NAMESPACE", "1234567"}};
const Environment slurm{{"SLURM_PROCID", "4"}, {"SLURM_STEP_NUM_TASKS", "6"},
                        {"SLURM_NTASKS", "8"}, {"SLURM_STEP_TASKS_PER_NODE", "3,2(x1),1"},
                        {"SLURM_NODEID", "1"}, {"SLURM_JOB_ID", "17"},
                        {"SLURM_STEP_ID", "0"}};
const Environment kubernetes{{"JOB_COMPLETION_INDEX", "4"}, {"JOB_UID", "6f-1"}};

Environment with(Environment environment, const Environment& more) {
  for (const auto& [name, value] : more) environment[name] = value;
  return environment;
}
Environment without(Environment environment, const std::string& name) {
  environment.erase(name);
  return environment;
}

struct Told {
  const char* launcher;
  Environment environment;
  std::optional<int> ranks;
  int ranks_here;
  const char* run;
};
const Told told[]{{"torchrun", torchrun, 6, 3, "torchrun-a_job_1"},
                  {"mpi", mpi, 6, 3, "mpi-1234567"},
                  {"slurm", slurm, 6, 2, "slurm-17-0"},
                  {"kubernetes", kubernetes, std::nullopt, 1, "kubernetes-6f-1"}};

std::string found(const Environment& environment) {
  const std::optional<Launch> launch = find_launch("auto", environment);
  return launch ? launch->launcher : "none";
}

}  // namespace

TEST_CASE("each launcher tells rank, number of ranks and run") {
  CHECK(std::size(told) + 2 == launcher_names().size());
  for (const Told& each : told)
    for (const char* name : {"auto", each.launcher}) {
      CAPTURE(each.launcher);
      const std::optional<Launch> launch = find_launch(name, each.environment);
      REQUIRE(launch);
      CHECK(launch->launcher == each.launcher);
      CHECK(launch->rank == 4);
      CHECK(launch->ranks == each.ranks);
      CHECK(launch->ranks_here == each.ranks_here);
      CHECK(launch->run == each.run);
    }
}

TEST_CASE("without a launcher nothing is found, nor where none is wanted") {
  CHECK(found({}) == "none");
  CHECK(found({{"HOME", "/root"}}) == "none");
  for (const Told& each : told) CHECK_FALSE(find_launch("none", each.environment));
}

TEST_CASE("the innermost launcher counts") {
  CHECK(found(with(slurm, mpi)) == "mpi");
  CHECK(found(with(slurm, torchrun)) == "torchrun");
  CHECK(found(with(with(slurm, kubernetes), mpi)) == "mpi");
  CHECK(found(with(slurm, kubernetes)) == "slurm");
  CHECK(find_launch("slurm", with(slurm, mpi))->launcher == "slurm");
}

TEST_CASE("torchrun and mpirun within a job of Slurm know their ranks on this machine") {
  CHECK(find_launch("auto", with(slurm, torchrun))->ranks_here == 3);
  CHECK(find_launch("auto", with(slurm, mpi))->ranks_here == 3);
}

TEST_CASE("Slurm's batch script and interactive shell are not ranks") {
  const Environment batch{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "6"}, {"SLURM_JOB_ID", "17"}};
  CHECK(found(batch) == "none");
  CHECK(found(without(slurm, "SLURM_STEP_ID")) == "none");
  for (const char* shell : {"4294967290", "4294967291"})
    CHECK(found(with(slurm, {{"SLURM_STEP_ID", shell}})) == "none");
  // mpirun's ranks count in either.
  CHECK(found(with(batch, mpi)) == "mpi");
  CHECK(found(with(with(slurm, {{"SLURM_STEP_ID", "4294967290"}}), mpi)) == "mpi");
}

TEST_CASE("RANK and WORLD_SIZE alone are not torchrun's") {
  CHECK(found(without(torchrun, "TORCHELASTIC_RUN_ID")) == "none");
}

TEST_CASE("a run has a name, which a restart by torchrun does not change") {
  const auto run = [](const Environment& environment) {
    return find_launch("auto", environment)->run;
  };
  CHECK(run(with(torchrun, {{"TORCHELASTIC_RESTART_COUNT", "3"}})) == run(torchrun));
  CHECK(run(with(slurm, {{"SLURM_RESTART_COUNT", "1"}})) != run(slurm));
  CHECK(run(with(slurm, {{"SLURM_STEP_ID", "1"}})) != run(slurm));
  CHECK(run(with(torchrun, {{"TORCHELASTIC_RUN_ID", "../../x"}})) == "torchrun-______x");
}

TEST_CASE("Slurm's list says how many ranks each machine has") {
  const auto ranks_on = [](const char* list, const char* machine) {
    return find_launch("slurm", with(slurm, {{"SLURM_STEP_TASKS_PER_NODE", list},
                                             {"SLURM_NODEID", machine}}))
        ->ranks_here;
  };
  CHECK(ranks_on("6", "0") == 6);
  CHECK(ranks_on("2(x3),1", "0") == 2);
  CHECK(ranks_on("2(x3),1", "2") == 2);
  CHECK(ranks_on("2(x3),1", "3") == 1);
  CHECK(ranks_on("nonsense", "0") == 1);
}

TEST_CASE("a launcher that did not start this process, or says nonsense, is an error") {
  const auto complaint = [](const std::string& name, const Environment& environment) {
    return complaint_of([&] { find_launch(name, environment); });
  };
  CHECK(complaint("mpi", slurm) ==
        "mpi did not start this process: it has set no OMPI_COMM_WORLD_RANK");
  CHECK(complaint("slurm", without(slurm, "SLURM_STEP_ID")) ==
        "slurm did not start this process: it has set no SLURM_PROCID with SLURM_STEP_ID");
  for (const char* number : {"", "x", "-1", "4x", "99999999999999999999"})
    CHECK(complaint("auto", with(slurm, {{"SLURM_PROCID", number}})) ==
          nn::concat("SLURM_PROCID=\"", number, "\" makes no sense"));
  CHECK(complaint("auto", with(slurm, {{"SLURM_PROCID", "1\n\x1b[2J"}})) ==
        nn::concat("SLURM_PROCID=\"", nn::printable("1\n\x1b[2J"), "\" makes no sense"));
  CHECK(complaint("auto", with(slurm, {{"SLURM_PROCID", "6"}})) ==
        "SLURM_PROCID=6, SLURM_STEP_NUM_TASKS=6: there is no such rank");
}

TEST_CASE("the number of processes must be that of stages times pipelines") {
  const Launch six = *find_launch("auto", slurm);
  CHECK(pipelines_of(six, 3, 2) == 2);
  CHECK(pipelines_of(six, 3, {}) == 2);
  CHECK(pipelines_of(six, 6, {}) == 1);
  CHECK(complaint_of([&] { pipelines_of(six, 4, {}); }) ==
        "slurm started 6 processes, which 4 stages do not divide");
  CHECK(complaint_of([&] { pipelines_of(six, 3, 1); }) ==
        "slurm started 6 processes; 3 stages x 1 pipelines need 3");
  const Launch unknown = *find_launch("auto", kubernetes);
  CHECK(pipelines_of(unknown, 3, 2) == 2);
  CHECK(pipelines_of(unknown, 3, {}) == 1);
}

}  // namespace training
