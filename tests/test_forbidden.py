"""What lets data run as code is nowhere in the package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import headgate

ROOT = Path(headgate.__file__).parent
MODULES = {
    "pickle": "It runs what it reads.",
    "cPickle": "It runs what it reads.",
    "_pickle": "It runs what it reads.",
    "cloudpickle": "It runs what it reads.",
    "dill": "It runs what it reads.",
    "joblib": "It reads pickles.",
    "marshal": "It reads code.",
    "shelve": "It reads pickles.",
    "code": "It runs text.",
    "codeop": "It compiles text.",
    "multiprocessing": "It sends pickles; the engine's processes are sent JSON over pipes.",
    "concurrent.futures.process": "It sends pickles; the engine's processes are sent JSON over pipes.",
    "arq.jobs.deserialize_job": "It reads pickles by default.",
}
CALLS = {
    "eval": "It runs text.",
    "exec": "It runs text.",
    "compile": "It makes code of text.",
    "__import__": "What is imported stands at the top.",
    "os.system": "It runs a shell.",
    "os.popen": "It runs a shell.",
    "subprocess.getoutput": "It runs a shell.",
    "subprocess.getstatusoutput": "It runs a shell.",
    "asyncio.create_subprocess_shell": "It runs a shell.",
    "ProcessPoolExecutor": "It sends pickles.",
}
METHODS = {
    "deserialize": "Plans and expressions of Polars can hold code.",
    "from_json_plan": "Plans and expressions of Polars can hold code.",
    "meta.serialize": "What is written so would be read so.",
    "eval": "Frames take text for code; what Polars does to lists under this name takes expressions.",
    "read_pickle": "It runs what it reads.",
    "to_pickle": "What is written so would be read so.",
    "unsafe_load": "It makes any object.",
    "full_load": "It makes any object.",
}
SAFE_LOADERS = ("SafeLoader", "CSafeLoader")


def found_in(source: str) -> list[str]:
    """What of it stands in a module, as `line: what`."""
    return [f"{line}: {what}" for line, what in _found(ast.parse(source))]


def _found(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from ((node.lineno, each.name) for each in node.names if _is_named(each.name))
            case ast.ImportFrom(module=str() as module):
                names = (module, *(f"{module}.{each.name}" for each in node.names))
                yield from ((node.lineno, name) for name in names if _is_named(name))
                yield from ((node.lineno, each.name) for each in node.names if each.name in CALLS)
            case ast.Call():
                yield from ((node.lineno, what) for what in _called(node))


def _is_named(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in MODULES)


def _called(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in CALLS:
        yield name
    is_of_lists = name.endswith((".list.eval", ".arr.eval"))
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS and not is_of_lists:
        yield name
    if name.rpartition(".")[2] in ("load", "load_all") and name.startswith("yaml."):
        loaders = [*call.args[1:], *(each.value for each in call.keywords if each.arg == "Loader")]
        if not any(ast.unparse(each).rpartition(".")[2].endswith(SAFE_LOADERS) for each in loaders):
            yield f"{name} without a safe loader"
    if any(each.arg == "shell" and ast.unparse(each.value) != "False" for each in call.keywords):
        yield f"{name} with a shell"
    if any(each.arg == "allow_pickle" and ast.unparse(each.value) != "False" for each in call.keywords):
        yield f"{name} with pickles"


def test_nothing_lets_data_run_as_code() -> None:
    found = {path.relative_to(ROOT).as_posix(): found_in(path.read_text()) for path in ROOT.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import multiprocessing.pool",
        "from concurrent.futures import ProcessPoolExecutor",
        "eval(text)",
        "exec(text, {})",
        "pl.LazyFrame.deserialize(data)",
        "pl.Expr.deserialize(data, format='json')",
        "frame.eval('a + b')",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.unsafe_load(text)",
        "subprocess.run(text, shell=True)",
        "subprocess.run(text, shell=is_needed)",
        "os.system(text)",
        "await_(asyncio.create_subprocess_shell(text))",
        "np.load(file, allow_pickle=True)",
    ],
)
def test_each_of_these_would_be_found(line: str) -> None:
    assert found_in(line)


@pytest.mark.parametrize(
    "line",
    ["yaml.load(text, Loader=yaml.SafeLoader)", "re.compile(text)", "subprocess.run([name], shell=False)"],
)
def test_what_is_harmless_is_not(line: str) -> None:
    assert not found_in(line)
