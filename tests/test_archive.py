"""Files that are there whole or not at all, and states without pickle."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from layergraph import archive
from layergraph.errors import ArgumentError, CorruptModelFileError

OLD = {"a": torch.arange(5.0)}


def same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tolist() == other.tolist()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


# Tensors


def test_tensors_of_every_kind_come_back(path):
    shared = torch.randn(4, 6)
    tensors = {
        "transposed": shared.t(),
        "row": shared[1],
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 3),
        "also empty": torch.zeros(3, 0),
        "bfloat16": torch.ones(3).bfloat16(),
        "float64": torch.ones(2, dtype=torch.float64),
        "bool": torch.tensor([True, False, True]),
        "conjugate": torch.tensor([1 + 2j], dtype=torch.complex64).conj(),
        "expanded": torch.ones(1, 3).expand(4, 3),
        "parameter": nn.Parameter(torch.ones(2)),
        "größe": torch.tensor([1], dtype=torch.uint32),
    }
    archive.write(path, tensors, {"text": "ä", "empty": ""})
    found, text = archive.read(path)
    assert sorted(found) == sorted(tensors)
    assert all(same(found[name], value) for name, value in tensors.items())
    assert text == {"text": "ä", "empty": ""}
    foreign = safetensors.torch.load_file(path)
    assert same(foreign["bfloat16"], tensors["bfloat16"])


def test_tied_weights_are_stored_once_and_are_one_tensor_again(path):
    weight = torch.randn(100, 100)
    archive.write(path, {"a": weight, "b": weight})
    found, _ = archive.read(path)
    assert found["a"] is found["b"]
    assert path.stat().st_size < 41_000


@pytest.mark.parametrize(
    "tensor",
    [torch.eye(2).to_sparse(), torch.ones(2, device="meta"), torch.ones(2, dtype=torch.complex128)],
    ids=["sparse", "meta", "complex128"],
)
def test_tensors_without_a_place(path, tensor):
    with pytest.raises(ArgumentError, match="a file has no place for the tensor 'w'"):
        archive.write(path, {"w": tensor})
    assert not os.listdir(path.parent)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_tensors_on_cuda(path):
    archive.write(path, {"a": torch.ones(3, device="cuda")})
    assert same(archive.read(path)[0]["a"], torch.ones(3))


# Damage


def test_one_flipped_bit_is_told(path):
    archive.write(path, {"a": torch.arange(8.0), "b": torch.ones(3).bool()}, {"text": "some"})
    whole = path.read_bytes()
    numbers = random.Random(0)
    for place in sorted(numbers.sample(range(len(whole)), 150)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << numbers.randrange(8))]) + whole[place + 1 :])
        with pytest.raises(CorruptModelFileError, match=r"file\.safetensors"):
            archive.read(path)


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_file_that_is_cut_short(path, size):
    archive.write(path, OLD)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CorruptModelFileError, match=r"file\.safetensors cannot be read"):
        archive.read(path)


def test_files_of_others(path):
    with pytest.raises(FileNotFoundError):
        archive.read(path)
    with pytest.raises(IsADirectoryError):
        archive.read(path.parent)
    path.write_text("no such format")
    with pytest.raises(CorruptModelFileError):
        archive.read(path)
    safetensors.torch.save_file(OLD, path)
    assert same(archive.read(path)[0]["a"], OLD["a"])


# Faults


def test_the_order_of_what_is_asked_of_the_system(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace", "unlink"):
        real = getattr(os, name)

        def spy(*args, name=name, real=real):
            target = os.readlink(f"/proc/self/fd/{args[0]}") if name == "fsync" else args[0]
            calls.append((name, "folder" if os.path.isdir(target) else "file", os.path.getsize(target)))
            return real(*args)

        monkeypatch.setattr(os, name, spy)
    archive.write(path, OLD)
    size = path.stat().st_size
    assert calls[:2] == [("fsync", "file", size), ("replace", "file", size)]
    assert [call[:2] for call in calls[2:]] == [("fsync", "folder")]


@pytest.mark.parametrize("fails", [1, 2])
def test_a_disk_that_cannot_sync(path, monkeypatch, fails):
    archive.write(path, OLD)
    calls = []

    def fsync(handle):
        calls.append(handle)
        if len(calls) == fails:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=r"file\.safetensors") as caught:
        archive.write(path, {"a": torch.zeros(3)})
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(path))
    assert os.listdir(path.parent) == [path.name]
    assert same(archive.read(path)[0]["a"], OLD["a"] if fails == 1 else torch.zeros(3))


def test_a_disk_that_is_full_at_any_byte(path):
    """In a child: of 20 limits on the size of a file each leaves the old one, no other, and an error that names it."""
    archive.write(path, OLD)
    before = path.read_bytes()
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            big = {"a": torch.zeros(5000)}
            for limit in range(0, 20_000, 1000):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
                try:
                    archive.write(path, big)
                except OSError as error:
                    told = str(path) in str(error) and error.errno == errno.EFBIG
                else:
                    told = False
                assert told, limit
                assert path.read_bytes() == before
                assert os.listdir(path.parent) == [path.name]
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_writer_that_is_killed_at_any_moment(path):
    """40 kills: the file is whole, and newer than at the last one; at most one is left beside it, which the next writer removes."""
    numbers, last = random.Random(0), 0
    writer = subprocess.Popen([sys.executable, "-c", FORKER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(40):
            writer.stdin.write(f"{last}\n")
            writer.stdin.flush()
            pid = int(writer.stdout.readline())
            assert writer.stdout.readline() == "ready\n"
            time.sleep(numbers.uniform(0, 0.03))  # at a moment that nobody chose
            os.kill(pid, signal.SIGKILL)
            assert writer.stdout.readline() == "dead\n"
            found, _ = archive.read(path)
            assert found["b"] > last
            assert bool((found["a"] == found["b"]).all())
            last = int(found["b"])
            assert len(os.listdir(path.parent)) <= 2
        archive.write(path, OLD)
        assert os.listdir(path.parent) == [path.name]
    finally:
        writer.kill()
        writer.communicate(timeout=10)


FORKER = """
import os, sys, torch
from layergraph import archive
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        number = int(line)
        while True:
            number += 1
            archive.write(sys.argv[1], {"a": torch.full((100_000,), float(number)), "b": torch.tensor(number)})
            if number == int(line) + 1:
                print(f"{os.getpid()}\\nready", flush=True)
    os.waitpid(pid, 0)
    print("dead", flush=True)
"""


def test_what_a_living_writer_has_begun_stays(path):
    with archive.replacing(path) as place:
        archive.write(path, OLD)
        assert place.exists()
        place.write_bytes(b"later")
    assert path.read_bytes() == b"later"
    assert os.listdir(path.parent) == [path.name]


def test_an_interrupt_leaves_nothing(path):
    archive.write(path, OLD)

    def interrupted():
        with archive.replacing(path) as place:
            place.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(path.parent) == [path.name]
    assert same(archive.read(path)[0]["a"], OLD["a"])


# Places


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere/file") as caught:
        archive.write(tmp_path / "nowhere" / "file", OLD)
    assert caught.value.filename == str(tmp_path / "nowhere" / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="file"):
            archive.write(tmp_path / "file", OLD)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["größe 模型", "n" * 255, "ü" * 127 + "x"], ids=["unicode", "255 letters", "255 bytes"])
def test_names(tmp_path, name):
    for _ in range(2):
        archive.write(tmp_path / name, OLD)
    assert os.listdir(tmp_path) == [name]
    assert same(archive.read(tmp_path / name)[0]["a"], OLD["a"])


def test_links_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "link").symlink_to(Path("real") / "file")
    archive.write(tmp_path / "folder" / "file", {"a": torch.zeros(1)})
    archive.write(tmp_path / "link", OLD)
    assert (tmp_path / "link").is_symlink()
    assert os.listdir(tmp_path / "real") == ["file"]
    assert same(archive.read(tmp_path / "real" / "file")[0]["a"], OLD["a"])


def test_the_mode_is_that_of_new_files(path):
    before = os.umask(0o027)
    try:
        archive.write(path, OLD)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


# States


def test_states_come_back_as_they_were(path):
    random.seed(3)
    state = {
        "numbers": [0, -1, 2**53, -(2**70), 10**5000, 0.1, -0.0, 1e-320, float("inf"), float("-inf"), True, None, "ä\ud800"[:1]],
        1: ("tuple", [], {}, ()),
        (2, "x"): {"weight": torch.ones(2), "array": np.arange(3, dtype="uint32"), "scalar": np.float64(0.1), "bool": np.bool_(True)},
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
        "a.b": torch.zeros(1),
        "a": {"b": torch.ones(1)},
    }
    tensors, text = archive.flatten_state(state)
    archive.write(path, tensors, {"state": text})
    tensors, header = archive.read(path)
    found = archive.unflatten_state(tensors, header["state"])
    assert list(found) == list(state)
    assert found["numbers"] == state["numbers"]
    assert [type(v) for v in found["numbers"]] == [type(v) for v in state["numbers"]]
    assert str(found["numbers"][6]) == "-0.0"
    assert found[1] == state[1]
    assert found["python"] == state["python"]
    inner = found[2, "x"]
    assert (type(inner["array"]), inner["array"].dtype, type(inner["scalar"]), inner["scalar"]) == (np.ndarray, "uint32", np.float64, 0.1)
    assert (same(found["a.b"], torch.zeros(1)), same(found["a"]["b"], torch.ones(1))) == (True, True)
    random.setstate(found["python"])
    np.random.set_state(found["numpy"])
    nan = archive.unflatten_state(*archive.flatten_state([float("nan")]))
    assert nan[0] != nan[0]


@pytest.mark.parametrize(
    ("value", "told"),
    [(b"bytes", "b'bytes' (bytes)"), (object, "<class 'object'> (type)"), ({1, 2}, "{1, 2} (set)"), (np.array(["a"]), "at x.1")],
)
def test_what_a_state_cannot_hold(value, told):
    with pytest.raises(ArgumentError) as caught:
        archive.flatten_state({"x": [0, value]})
    assert told in str(caught.value)
    assert "x.1" in str(caught.value)
