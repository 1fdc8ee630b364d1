// parquetjs-lite 0.8.7 has no types; these cover what the encoder uses.

declare module "parquetjs-lite" {
  export interface FieldDefinition {
    type?: string;
    optional?: boolean;
    repeated?: boolean;
    compression?: "GZIP";
    statistics?: boolean;
    fields?: Record<string, FieldDefinition>;
  }
  export class ParquetSchema {
    constructor(fields: Record<string, FieldDefinition>);
  }
  export interface WriterOptions {
    rowGroupSize?: number;
    useDataPageV2?: boolean;
    pageIndex?: boolean;
  }
  export class ParquetEnvelopeWriter {
    constructor(
      schema: ParquetSchema,
      write: (bytes: Buffer) => Promise<void>,
      close: () => Promise<void>,
      offset: number,
      options: WriterOptions,
    );
    rowCount: number;
    rowGroups: unknown[];
    writeSection(bytes: Buffer): Promise<void>;
    writeFooter(): Promise<void>;
  }
  /** Throws strings. */
  export class ParquetWriter {
    constructor(schema: ParquetSchema, envelope: ParquetEnvelopeWriter, options: WriterOptions);
    appendRow(row: object): Promise<void>;
    setRowGroupSize(rows: number): void;
    close(): Promise<void>;
  }
  /** CommonJS: Node gives its exports only as the default one. */
  const exports: {
    readonly ParquetEnvelopeWriter: typeof ParquetEnvelopeWriter;
    readonly ParquetSchema: typeof ParquetSchema;
    readonly ParquetWriter: typeof ParquetWriter;
  };
  export default exports;
}

declare module "parquetjs-lite/gen-nodejs/parquet_types.js" {
  type Struct = new (fields?: object) => object;
  type Enum = Readonly<Record<string, number>>;
  const thrift: {
    readonly ColumnOrder: Struct;
    readonly ConvertedType: Enum;
    readonly FieldRepetitionType: Enum;
    readonly FileMetaData: Struct;
    readonly IntType: Struct;
    readonly ListType: Struct;
    readonly LogicalType: Struct;
    readonly MicroSeconds: Struct;
    readonly SchemaElement: Struct;
    readonly StringType: Struct;
    readonly TimeUnit: Struct;
    readonly TimestampType: Struct;
    readonly Type: Enum;
    readonly TypeDefinedOrder: Struct;
  };
  export default thrift;
}

declare module "parquetjs-lite/lib/util.js" {
  const util: { serializeThrift(value: object): Buffer };
  export default util;
}
