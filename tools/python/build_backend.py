"""pip install .: builds the package with make, and packs it as PEP 517 and the wheel format ask."""
import base64
import hashlib
import pathlib
import subprocess
import sysconfig
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).parents[2]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Leaves the wheel in the folder and returns its name."""
    subprocess.run(["make", "python"], cwd=ROOT, check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    release = f"{project['name']}-{project['version']}"
    tag = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
    package = ROOT / "build" / "python"
    files = {path.relative_to(package).as_posix(): path.read_bytes()
             for path in sorted(package.rglob("*")) if path.suffix in (".py", ".so", ".sh")}
    info = f"{release}.dist-info"
    files[f"{info}/METADATA"] = _lines(
        "Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}",
        f"Summary: {project['description']}", f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {name}" for name in project["dependencies"]),
        *(line for extra, names in project["optional-dependencies"].items()
          for line in (f"Provides-Extra: {extra}",
                       *(f'Requires-Dist: {name}; extra == "{extra}"' for name in names))))
    files[f"{info}/WHEEL"] = _lines("Wheel-Version: 1.0", "Generator: tributary",
                                    "Root-Is-Purelib: false", f"Tag: {tag}")
    record = f"{info}/RECORD"
    files[record] = _lines(*(f"{name},sha256={_digest(content)},{len(content)}"
                             for name, content in files.items()), f"{record},,")
    name = f"{release}-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
    return name


def _lines(*lines):
    return "".join(line + "\n" for line in lines).encode()


def _digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
