# What Kubernetes tells a process, and the files for it. Sourced by run.sh.
kubernetes_validate=${KUBERNETES_VALIDATE:-kubernetes-validate}
found[kubernetes]='kubernetes (JOB_COMPLETION_INDEX=0)'

# Not Kubernetes itself, but what a process of an Indexed Job finds in its environment. It does not
# say how many there are.
launch_kubernetes() {
  local index status=0 pods=() pod size=(--pipelines $(($1 / 3)))
  case "$*" in *federated*) size=(--ranks "$1") ;; esac
  for ((index = 0; index < $1; ++index)); do
    JOB_COMPLETION_INDEX=$index JOB_UID=$$ timeout 90 "${@:2}" "${size[@]}" &
    pods+=($!)
  done
  for pod in "${pods[@]}"; do wait "$pod" || status=$?; done
  return $status
}
# The manifests users copy must be valid Jobs with as many pods as the options need.
manifests_are_whole() {
  python3 - tools/launch/*.yaml <<'END'
import sys, yaml
def check_job(job):
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    args = container["args"]
    assert all(type(word) is str for word in container["command"] + args), args
    option = lambda name: int(args[args.index(name) + 1])
    ranks = option("--stages") * option("--pipelines")
    assert job["completionMode"] == "Indexed" and job["completions"] == job["parallelism"] == ranks
    assert pod["restartPolicy"] in ("Never", "OnFailure")
    assert container["name"] and container["image"]
    assert "JOB_UID" in [variable["name"] for variable in container["env"]]
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
for name in sys.argv[1:]:
    with open(name) as file: manifest = yaml.safe_load(file)
    kind = manifest["apiVersion"].split("/")[0], manifest["kind"]
    assert manifest["metadata"]["name"]
    if kind == ("batch", "Job"): check_job(manifest["spec"])
    elif kind == ("jobset.x-k8s.io", "JobSet"):
        for jobs in manifest["spec"]["replicatedJobs"]:
            assert jobs["name"]
            check_job(jobs["template"]["spec"])
    else: sys.exit(f"{name}: {kind}")
    print(name, *kind)
END
}
# By the schemas of Kubernetes' API, which know the Jobs of a JobSet but not the JobSet itself.
manifests_fit_the_schemas() {
  python3 - tools/launch/*.yaml >"$work/jobs.yaml" <<'END' &&
import sys, yaml
for name in sys.argv[1:]:
    with open(name) as file: manifest = yaml.safe_load(file)
    jobs = [jobs["template"] for jobs in manifest["spec"].get("replicatedJobs", [])] or [manifest]
    for job in jobs:
        job |= {"apiVersion": "batch/v1", "kind": "Job", "metadata": manifest["metadata"]}
    yaml.safe_dump_all(jobs, sys.stdout, explicit_start=True)
END
    "$kubernetes_validate" --strict "$work/jobs.yaml"
}
test_manifests() {
  if python3 -c 'import yaml' 2>/dev/null; then
    check "the files for Kubernetes are a Job and a JobSet" manifests_are_whole
    if has "$kubernetes_validate"; then
      check "they fit the schemas of Kubernetes" manifests_fit_the_schemas
    else echo "left out: the schemas of Kubernetes (pip install kubernetes-validate)"
    fi
  else echo "left out: the files for Kubernetes (needs python3 with yaml)"
  fi
}
test_kubernetes() {
  tested kubernetes
  test_manifests
}
