"""Reads Iceberg tables by Spark through a HadoopCatalog: tables are found by their folder, the newest version by `version-hint.text`.

Standard input is one JSON object: {"jars": folder, "lake": uri of the lake, "s3": {endpoint, accessKeyId,
secretAccessKey, region} | null, "reads": [{"table": name, "snapshot": id | null, "columns": {name: type},
"filter": [name, text] | null}]}. Prints one JSON object a line: {"reader", "read" (its number), "rows", "checksum"}.
"""

import glob
import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

import checksum

request = json.load(sys.stdin)
s3 = request["s3"]
settings = {
    "spark.jars": ",".join(glob.glob(request["jars"] + "/*.jar")),
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.lake.type": "hadoop",
    "spark.sql.catalog.lake.warehouse": request["lake"],
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
if s3 is not None:
    settings |= {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": s3["endpoint"],
        "spark.hadoop.fs.s3a.endpoint.region": s3["region"],
        "spark.hadoop.fs.s3a.access.key": s3["accessKeyId"],
        "spark.hadoop.fs.s3a.secret.key": s3["secretAccessKey"],
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
builder = SparkSession.builder.master("local[2]").appName("read-lake")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")

for number, read in enumerate(request["reads"]):
    answer = {"reader": "spark", "read": number}
    try:
        reader = spark.read.format("iceberg")
        if read["snapshot"] is not None:
            reader = reader.option("versionAsOf", read["snapshot"])
        frame = reader.load("lake.tables." + read["table"])
        if read["filter"]:
            frame = frame.where(col(read["filter"][0]) == read["filter"][1])
        rows, total = checksum.of_table(frame.toArrow(), read["columns"])
        answer |= {"rows": rows, "checksum": total}
    except Exception as error:  # told to the test, which fails on it
        answer |= {"error": f"{type(error).__name__}: {error} {error.__cause__}"}
    print(json.dumps(answer), flush=True)
spark.stop()
