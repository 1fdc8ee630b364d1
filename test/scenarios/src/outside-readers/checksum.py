"""A checksum over rows that does not depend on their order, nor on who read them.

Each row is written as JSON: its columns in the given order, integers as text, instants as text of
microseconds since 1970, nested values likewise. The checksum is the sum of the first eight bytes of
each row's SHA-256, modulo 2^64.
"""

import hashlib
import json

import pyarrow as pa


def of_table(table, columns):
    """(rows, checksum) of an Arrow table."""
    values = [plain(table.column(name).combine_chunks(), columns[name]) for name in columns]
    total = 0
    for row in zip(*values):
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        total += int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return table.num_rows, str(total % 2**64)


def plain(array, kind):
    """Python values of an Arrow array; `kind` is the column's type as the table declares it."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if kind == "instant":
        micros = array.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        return [None if value is None else str(value) for value in micros.to_pylist()]
    if kind == "integer":
        return [None if value is None else str(value) for value in array.to_pylist()]
    if isinstance(kind, str):
        return array.to_pylist()
    if "fields" in kind:
        parts = [plain(array.field(name), inner) for name, inner in kind["fields"].items()]
        return [list(row) if array[at].is_valid else None for at, row in enumerate(zip(*parts))]
    if pa.types.is_large_list(array.type) or pa.types.is_list(array.type):
        values, offsets = plain(array.values, kind["element"]), array.offsets.to_pylist()
        return [
            values[offsets[at] : offsets[at + 1]] if array[at].is_valid else None
            for at in range(len(array))
        ]
    raise TypeError(f"{array.type} for {kind}")
