"""Files that claim more bytes than any machine has memory are refused before they are read."""

import os
import pickle
from pathlib import Path

import pytest

from profilers.errors import DamagedFile
from profilers.opening import open_path

SIZE = 1 << 40  # without content, so that it takes no room on the disk
PLACEHOLDER = b"\x0a\x10\x0a\x01x\x12\x0bPlaceholder"  # a GraphDef's first node
TAGGED = b"\x08\x01\x12\x04\x0a\x02\x08\x01"  # a SavedModel's version and first graph
HEADS = {
    "frozen.pb": (PLACEHOLDER, "2 GiB"),
    "saved_model.pb": (TAGGED, "2 GiB"),
    "plugins.xplane.pb": (b"\x0a\x0c\x08\x01\x12\x08/host:CPU", "2 GiB"),
    "snapshot.pickle": (pickle.dumps({"segments": [], "device_traces": []}, 4), "memory"),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_file_larger_than_any_memory_is_refused_unread(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    head, reason = HEADS[name]
    path.write_bytes(head)
    try:
        os.truncate(path, SIZE)
    except OSError:
        pytest.skip("the file system holds no file of this size")
    with pytest.raises(DamagedFile, match=reason):
        open_path(tmp_path if name == "saved_model.pb" else path)
