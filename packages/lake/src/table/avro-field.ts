/** A field of an Avro record that is always there, with the id by which Iceberg knows it. */
export const required = (name: string, id: number, type: unknown) => ({
  name,
  type,
  "field-id": id,
});

/** A field of an Avro record that may be null, with the id by which Iceberg knows it. */
export const optional = (name: string, id: number, type: unknown) => ({
  name,
  type: ["null", type],
  default: null,
  "field-id": id,
});
