// One digest for a whole file list: what was resolved is what is downloaded, or nothing is.
import { sha256 } from '../transfer/digest.ts'
import type { Listing, SourceFile } from './source.ts'

export const toListDigest = (files: readonly SourceFile[]): string => {
  const lines = files.map(file => `${file.path} ${file.size} ${file.digest.hex}`).sort()
  return sha256(`${lines.join('\n')}\n`)
}

/** Each blob once: two files of the same content are stored, fetched and counted once. */
export const toBlobs = (files: readonly SourceFile[]): readonly SourceFile[] => [
  ...new Map(files.map(file => [file.blob, file])).values(),
]

export const toBytes = (listing: Pick<Listing, 'files'>): number =>
  toBlobs(listing.files).reduce((sum, file) => sum + file.size, 0)
