// A blob that was on the volume already: hashed, its header judged, and on the disk before a receipt may vouch for it.
import { HeadCheck } from './inspect/head-check.ts'
import { syncFile } from './layout/share-file.ts'
import type { SourceFile } from './sources/source.ts'
import { hashFile } from './transfer/digest.ts'

export interface Finding {
  readonly signal: AbortSignal
  readonly onHashed: (count: number) => void
}

/** Its SHA-256; undefined when its bytes are others than the source names. Throws when its header cannot be right. */
export const proveFound = async (
  { signal, onHashed }: Finding,
  file: SourceFile,
  path: string,
): Promise<string | undefined> => {
  const { algorithm, hex } = file.digest
  const { named, sha256 } = await hashFile(path, { algorithm, size: file.size, signal, onBytes: onHashed })
  if (named !== hex) return undefined
  await new HeadCheck(file, path).look(file.size)
  await syncFile(path)
  return sha256
}
