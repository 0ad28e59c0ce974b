"""Files that are there whole or not at all."""

import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; an older one of that name stays until all is written. Raises OSError."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as out:
        temporary = Path(out.name)
        try:
            out.write(data)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    temporary.chmod(0o644)
    temporary.replace(path)
