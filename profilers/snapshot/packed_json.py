"""A JSON column in compressed blocks of rows; a block is decoded when one of its rows is read."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import zstandard

from profilers.profile.json_column import JsonColumn, JsonText
from profilers.profile.table import Int64
from profilers.snapshot.columns import LEVEL, BadColumn, decompressed
from profilers.snapshot.section import Stored

BLOCK_ROWS = 2048
_KEPT_BLOCKS = 16
READ_ROWS = 256 * BLOCK_ROWS  # held at once while packing: some 200 MB of text


class PackedJson:
    """Rows of JSON text over the compressed bytes of a snapshot."""

    def __init__(self, lengths: Int64, blocks: Int64, data: Stored) -> None:
        """`lengths` has the text length of each row, `blocks` the compressed size of each block.

        Raises
        ------
        BadColumn
            If the sizes do not fit together.
        """
        if len(lengths) and int(lengths.min()) < 0:
            raise BadColumn("a row has a negative length")
        if len(blocks) != -(-len(lengths) // BLOCK_ROWS) or int(blocks.sum()) != len(data):
            raise BadColumn("its blocks do not fit its rows")
        if len(blocks) and int(blocks.min()) < 0:
            raise BadColumn("a block has a negative size")
        self._lengths = lengths
        self._begin = np.concatenate(([0], np.cumsum(blocks)))
        self._data = data
        self._block = lru_cache(_KEPT_BLOCKS)(self._decoded)

    def __len__(self) -> int:
        return len(self._lengths)

    def text(self, row: int) -> bytes:
        if not self._lengths[row]:
            return b""
        block, at = divmod(row, BLOCK_ROWS)
        return self._block(block).text(at)

    def packed(self) -> tuple[Int64, Int64, Stored]:
        """What it was made from."""
        return self._lengths, np.diff(self._begin), self._data

    @property
    def largest_block_bytes(self) -> int:
        """Bytes of text in the largest block: what one read takes at most."""
        starts = np.arange(0, len(self._lengths), BLOCK_ROWS)
        return int(np.add.reduceat(self._lengths, starts).max()) if len(starts) else 0

    def _decoded(self, block: int) -> JsonText:
        lengths = self._lengths[block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        try:
            packed = self._data[int(self._begin[block]) : int(self._begin[block + 1])]
            return JsonText(offsets, decompressed(packed, int(offsets[-1])))
        except (BadColumn, OSError) as error:
            sentence = b'{"unreadable":"%s"}' % str(error).encode()
            return JsonText.from_texts([sentence] * len(lengths))


def pack(column: JsonColumn) -> tuple[Int64, Int64, Stored]:
    """Row lengths, block sizes and data, as `PackedJson` takes them."""
    if isinstance(column, PackedJson):
        return column.packed()
    lengths = np.zeros(len(column), np.int64)
    blocks: list[bytes] = []
    for begin in range(0, len(column), READ_ROWS):
        texts = texts_between(column, begin, min(begin + READ_ROWS, len(column)))
        lengths[begin : begin + len(texts)] = [len(text) for text in texts]
        blocks += _compressed(texts)
    sizes = np.array([len(block) for block in blocks], np.int64)
    return lengths, sizes, b"".join(blocks)


def texts_between(column: JsonColumn, begin: int, end: int) -> list[bytes]:
    """Rows from `begin` to `end`, read in the order that is quickest for the column."""
    rows = np.arange(begin, end)
    if hasattr(column, "reading_order"):
        rows = column.reading_order(rows)
    texts = [b""] * (end - begin)
    for row in rows.tolist():
        texts[row - begin] = column.text(row)
    return texts


def _compressed(texts: list[bytes]) -> Iterator[bytes]:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    for begin in range(0, len(texts), BLOCK_ROWS):
        joined = b"".join(texts[begin : begin + BLOCK_ROWS])
        yield compressor.compress(joined) if joined else b""
