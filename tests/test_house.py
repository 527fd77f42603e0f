"""House rules for imports, names and documents."""

import ast
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from musegen import Error, cli
from musegen.models.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("models", "train", "eval", "pretrained")
SYSTEMS = {"musegen.models", "musegen.train"}
DEFINITIONS = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
SOURCES = [
    path
    for folder in ("musegen", "bench", "tests", *ROOMS)
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_are_imported_as_parts_of_musegen(path):
    assert not {name.split(".")[0] for name in imports(path)} & set(ROOMS)


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.parts[len(ROOT.parts)] == "musegen"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_musegen_names_no_system_and_waits_for_tensorflow(path):
    names = imports(path)
    assert not {".".join(name.split(".")[:2]) for name in names} & SYSTEMS
    heavy = {"tensorflow", "keras", "jax", "torch"}
    assert not {name.split(".")[0] for name in imports(path, top_level_only=True)} & heavy


def strings(path: Path) -> list[str]:
    """Returns all strings of a file that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = (node for node in ast.walk(tree) if isinstance(node, ast.Module | DEFINITIONS))
    prose = {id(node.body[0].value) for node in blocks if ast.get_docstring(node) is not None}
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [x.value for x in nodes if isinstance(x.value, str) and id(x) not in prose]


def test_no_string_of_musegen_holds_a_systems_name():
    """So a system can be added or renamed without a change to the commands."""
    name = re.compile(rf"\b({'|'.join(map(re.escape, CATALOGUE))})\b")
    for path in sorted((ROOT / "musegen").rglob("*.py")):
        assert not [text for text in strings(path) if name.search(text)], path


def test_systems_are_asked_for_no_attributes():
    """What a system can do stands in its entry; only a method that it names is looked up."""
    for path in [p for room in ("musegen", "eval", "train") for p in (ROOT / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                of = ast.unparse(node.args[0])
                tested = node.func.id == "hasattr" or (
                    node.func.id == "getattr" and len(node.args) == 3
                )
                assert not (tested and re.search("system|trained|entry", of)), f"{path}: {of}"


# Names of files that each system has.
SAME_SENSE = {"__init__", "settings", "system", "figures"}


def test_no_two_files_have_the_same_name():
    """Training scripts are not checked, as they have the names of the networks that they train."""
    names = [
        path.stem
        for room in ("musegen", "models", "eval")
        for path in (ROOT / room).rglob("*.py")
        if path.stem not in SAME_SENSE
    ]
    assert sorted(names) == sorted(set(names))


def test_the_catalogue_is_read_without_keras():
    code = (
        "import sys, musegen, musegen.models.catalogue\n"
        "assert not {'keras', 'tensorflow', 'jax', 'torch', 'numpy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["keras", "musegen.models"])
def test_layers_are_registered_whichever_is_imported_first(first):
    then = "keras" if first == "musegen.models" else "musegen.models"
    code = (
        f"import {first}, {then}, sys\n"
        "from keras.saving import get_registered_object\n"
        "assert get_registered_object('musegen>Sampling')\n"
        "assert 'musegen.models.midi_sandwich2.bvae' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_there_is_no_pickle():
    for path in SOURCES:
        if path.parts[len(ROOT.parts)] != "tests":
            text = path.read_text(encoding="utf-8")
            assert "import pickle" not in text
            assert "allow_pickle=True" not in text


DOCUMENTS = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_of_documents_exist(path):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


COMMAND = re.compile(r"(?:\$ )?(?:\S*python (?=(?:train|eval)/)|musegen )(\S.*)")
TEXTS = [*DOCUMENTS, *sorted((ROOT / "pretrained").glob("*/card.md")), *(
    path for room in ("train", "eval") for path in sorted((ROOT / room).glob("*.py"))
)]  # fmt: skip


def command_lines(path: Path) -> list[str]:
    """The commands that a document or the docstring of a script shows, without `musegen`."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    joined = re.sub(r"\\\n\s*", " ", text)
    for definition, name, value in re.findall(r'(?m)^((\w+)="(.+)"\n)', joined):
        joined = joined.replace(definition, "").replace(f"${name} ", f"{value} ")
    lines = [part for line in joined.splitlines() if "`" not in line for part in line.split("&&")]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", joined))
    shown = (COMMAND.fullmatch(line.strip()) for line in lines + inline)
    return [re.sub(r"\s+#.*", "", match[1]) for match in shown if match]


def parse(words: list[str]) -> None:
    """Parses a command line as musegen does; an `Error` if it is none."""
    if match := re.fullmatch(r"(train|eval)/(\w+)\.py", words[0]):
        words = [*match.groups(), *words[1:]]
    if words[0] in cli.SCRIPTS:
        name = words[1].replace("-", "_")
        room, rest = import_module(f"musegen.{words[0]}.{name}"), words[2:]
    else:
        n = 2 if " ".join(words[:2]) in cli.COMMANDS else 1
        room, rest = import_module(cli.COMMANDS[" ".join(words[:n])][0]), words[n:]
    parser = cli._Parser(prog="musegen")
    parser.command_line = rest
    room.add_arguments(parser)
    try:
        parser.parse_args(rest)
    except Error as error:  # a text may name a command without all that it needs
        if not re.search("arguments are required|expected .* argument", str(error)):
            raise


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_documents_are_understood(path):
    """Each command exists and takes the options that it is shown with."""
    for script in re.findall(r"python (\S+\.py)", path.read_text(encoding="utf-8")):
        assert (ROOT / script).exists(), script
    for line in command_lines(path):
        if line.split()[0].islower() and "--help" not in line and line not in cli.SCRIPTS:
            parse(shlex.split(re.split(r" [|>]", line.replace("$track", "bass"))[0]))


def members(path: Path) -> set[str]:
    """Returns the names that a module defines, as `name` or `Class.name`."""
    found = set()

    def collect(body: list, prefix: str) -> None:
        for node in body:
            if isinstance(node, DEFINITIONS):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                collect(node.body, f"{node.name}.")
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            found.update(prefix + t.id for t in targets if isinstance(t, ast.Name))

    collect(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_that_documents_cite_exist(path):
    """They are cited as `module.name`, or as `Class.name`."""
    modules: dict[str, set[str]] = {}
    for source in SOURCES:
        if "tests" not in source.relative_to(ROOT).parts:
            modules.setdefault(source.stem, set()).update(members(source))
    classes = {name for names in modules.values() for name in names}
    for cited in re.findall(r"`([A-Za-z_]\w*(?:\.\w+)+)`", path.read_text(encoding="utf-8")):
        first, rest = cited.split(".", 1)
        if first in modules and rest not in ("py", "npz", "keras", "csv", "json", "png", "mid"):
            assert rest in modules[first], cited
        elif first[0].isupper() and first in classes:
            assert cited in classes, cited


CARDS = sorted((ROOT / "pretrained").glob("*/card.md"))
LOAD = re.compile(r"<!-- load -->\n```python\n(.*?)```", re.DOTALL)
SHOWN = [path for path in (*DOCUMENTS, *CARDS) if LOAD.search(path.read_text(encoding="utf-8"))]


def test_how_to_open_weights_is_shown_where_weights_are():
    pages = (ROOT / "docs" / "systems").glob("*.md")
    with_weights = [path for path in pages if "pretrained/" in path.read_text(encoding="utf-8")]
    assert {*CARDS, ROOT / "README.md", *with_weights} == set(SHOWN)


@pytest.mark.parametrize(
    "path",
    [p if p.name == "README.md" else pytest.param(p, marks=pytest.mark.slow) for p in SHOWN],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_weights_open_as_documents_say(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (code,) = LOAD.findall(path.read_text(encoding="utf-8"))
    assert len(ast.parse(code).body) == 3
    exec(compile(code, str(path), "exec"), {})


def test_choices_of_flags_are_those_of_the_models():
    """The flags have separate lists of choices, since `--help` must not wait for Keras."""
    from musegen.commands.choices import CHOICES
    from musegen.models.musegan import system
    from musegen.models.musegan.settings import PRESETS
    from musegen.train import musegan as script

    assert list(script.RECIPES) == list(PRESETS)
    assert CHOICES["binarisation"].facts["choices"] == system.BINARISATIONS
    assert CHOICES["way"].facts["choices"] == tuple(system.WAYS)
