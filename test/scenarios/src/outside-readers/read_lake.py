"""Reads Iceberg tables as outsiders do: pyiceberg, polars, DuckDB and pyarrow.

Standard input is one JSON object: {"s3": {endpoint, accessKeyId, secretAccessKey, region} | null,
"reads": [{"metadata": uri, "snapshot": id | null, "columns": {name: type}, "filter": [name, text] | null}]}.
Prints one JSON object a line: {"reader", "read" (its number), "rows", "checksum"}.
"""

import json
import sys

import duckdb
import fsspec
import polars
import pyarrow.dataset
import pyarrow.fs
import s3fs
from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.table import StaticTable

import checksum

request = json.load(sys.stdin)
s3 = request["s3"]
catalog = {}
storage = {}
files = fsspec.filesystem("file")
if s3 is not None:
    catalog = {
        "s3.endpoint": s3["endpoint"],
        "s3.access-key-id": s3["accessKeyId"],
        "s3.secret-access-key": s3["secretAccessKey"],
        "s3.region": s3["region"],
        "s3.force-virtual-addressing": "false",
    }
    storage = {
        "aws_endpoint_url": s3["endpoint"],
        "aws_access_key_id": s3["accessKeyId"],
        "aws_secret_access_key": s3["secretAccessKey"],
        "aws_region": s3["region"],
        "aws_allow_http": "true",
        "aws_virtual_hosted_style_request": "false",
    }
    files = s3fs.S3FileSystem(
        key=s3["accessKeyId"],
        secret=s3["secretAccessKey"],
        client_kwargs={"endpoint_url": s3["endpoint"], "region_name": s3["region"]},
    )


def by_pyiceberg(table, read):
    condition = EqualTo(*read["filter"]) if read["filter"] else AlwaysTrue()
    return table.scan(row_filter=condition, snapshot_id=read["snapshot"]).to_arrow()


def by_polars(table, read):
    lazy = polars.scan_iceberg(
        table, snapshot_id=read["snapshot"], storage_options=storage
    )
    if read["filter"]:
        lazy = lazy.filter(polars.col(read["filter"][0]) == read["filter"][1])
    return lazy.collect().to_arrow()


def data_files(table, read):
    """Paths of the files that the snapshot names, without their scheme."""
    paths = [task.file.file_path for task in table.scan(snapshot_id=read["snapshot"]).plan_files()]
    return [path.split("://", 1)[1] for path in paths]


def by_pyarrow(table, read):
    """The snapshot's files as plain Parquet, each with the columns that it has."""
    schema = table.schema().as_arrow()
    source = pyarrow.dataset.dataset(
        data_files(table, read),
        schema=schema,
        format="parquet",
        partitioning=pyarrow.dataset.partitioning(
            pyarrow.schema([(field.name, pyarrow.string()) for field in table.spec().fields]),
            flavor="hive",
        ),
        filesystem=pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(files)),
    )
    condition = None
    if read["filter"]:
        condition = pyarrow.dataset.field(read["filter"][0]) == read["filter"][1]
    return source.to_table(filter=condition)


def by_duckdb(table, read):
    """The snapshot's files as plain Parquet: DuckDB's own Iceberg extension is a download at run time."""
    connection = duckdb.connect()
    connection.register_filesystem(files)
    scheme = "file://" if s3 is None else "s3://"
    paths = [scheme + path for path in data_files(table, read)]
    relation = f"read_parquet({paths}, union_by_name = true, hive_types_autocast = false)"
    condition = ""
    if read["filter"]:
        condition = f""" WHERE "{read['filter'][0]}" = '{read['filter'][1]}'"""
    return connection.execute(f"SELECT * FROM {relation}{condition}").to_arrow_table()


for number, read in enumerate(request["reads"]):
    table = StaticTable.from_metadata(read["metadata"], properties=catalog)
    for reader in (by_pyiceberg, by_polars, by_pyarrow, by_duckdb):
        answer = {"reader": reader.__name__[3:], "read": number}
        try:
            rows, total = checksum.of_table(reader(table, read), read["columns"])
            answer |= {"rows": rows, "checksum": total}
        except Exception as error:  # told to the test, which fails on it
            answer |= {"error": f"{type(error).__name__}: {error} {error.__cause__}"}
        print(json.dumps(answer), flush=True)
