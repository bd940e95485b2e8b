"""What the tests of wrong uses run, and how what they raise is written down.

python -m tests.errors.catalogue        writes goldens/texts.txt anew; read the difference as prose before you commit it
"""

from __future__ import annotations

import json
import linecache
import pathlib
import re
import warnings

from layergraph.errors import LayergraphError

from .siblings import SIBLINGS, code_of

HERE = pathlib.Path(__file__).parent
ROWS = json.loads((HERE / "wrong_uses.json").read_text())
GOLDEN = HERE / "goldens" / "texts.txt"


def run(code: str, file: str) -> None:
    """Run code as a file of its own, so that its lines can be found."""
    linecache.cache[file] = (len(code), None, code.splitlines(True), file)
    with warnings.catch_warnings(record=True):  # what is wrong may be warned of too
        warnings.simplefilter("always")
        exec(compile(code, file, "exec"), {"__name__": "__main__"})


def code_of_row(row: dict) -> str:
    return re.sub(r"\bPKG\b", "layergraph", row["code"])


def said(error: BaseException) -> str:
    """All that an error says. Of torch's own errors only our notes: their words change between versions of torch."""
    own = str(error) if isinstance(error, LayergraphError) else "..."
    text = "\n".join([f"{type(error).__name__}: {own}", *getattr(error, "__notes__", [])])
    return re.sub(r"0x[0-9a-f]+", "0x...", text)


def raised_by(code: str, file: str) -> BaseException:
    try:
        run(code, file)
    except Exception as error:
        return error
    raise AssertionError(f"silent: {code}")


def uses() -> dict[str, tuple[str, str]]:
    """(code, file) of every wrong use, by the line that heads it in the golden."""
    rows = {f"{row['id']} {row['wrong_use']}": (code_of_row(row), f"<{row['id']}>") for row in ROWS if row["expect"] == "error"}
    return {**rows, **{name: (code_of(name), "<code>") for name in SIBLINGS}}


def golden() -> dict[str, str]:
    """The texts by their heading."""
    parts = re.split(r"^## (.*)\n", GOLDEN.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading: text.strip() for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


if __name__ == "__main__":
    texts = [f"## {name}\n{said(raised_by(*use))}\n" for name, use in uses().items()]
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text("\n".join(texts), encoding="utf-8")
