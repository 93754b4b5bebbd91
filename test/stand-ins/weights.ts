// The smallest files that are what their names say, around any bytes: for tests that are not about what weights mean.

/** A safetensors file with one tensor of exactly these bytes. */
export const toSafetensors = (data: string | Buffer): Buffer => {
  const bytes = Buffer.from(data)
  const header = { data: { dtype: 'U8', shape: [bytes.length], data_offsets: [0, bytes.length] } }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, bytes])
}
