// The first bytes of a large file, for what its header tells: one try, because what it tells is not worth waiting for.
import { askSmall, type Exchange, type Wire } from '../transfer/wire.ts'

/** Unverified; undefined when the source does not give a part. */
export const askHead = async (wire: Wire, order: Exchange, bytes: number): Promise<Buffer | undefined> => {
  const once = { ...wire, retry: { ...wire.retry, attempts: 1 } }
  const headers = { range: `bytes=0-${bytes - 1}` }
  try {
    return (await askSmall(once, { ...order, headers }, bytes)).bytes
  } catch {
    return undefined
  }
}
