// resolve: which exact bytes a Model means, and what their metadata says they can do.
import type { Resolution } from '../domain/artifact.ts'
import type { WorkerTask } from '../domain/worker-task.ts'
import type { Reporter } from './reporter.ts'
import { toBytes, toListDigest } from './sources/listing-digest.ts'
import { type Network, openSource } from './sources/open-source.ts'

export const resolve = async (
  task: WorkerTask & { readonly command: 'resolve' },
  network: Network,
  reporter: Reporter,
): Promise<Resolution> => {
  reporter.enter('Resolving')
  const onHashed = (done: number, total: number): void => {
    reporter.enter('Resolving', { bytesTotal: total })
    reporter.count(done)
  }
  const source = await openSource(task, { ...network, onHashed })
  const pin = await source.pin()
  const listing = await source.list(pin.revision)
  const capabilities = await source.inspect(listing, pin)
  return {
    sourceHash: task.sourceHash,
    revision: listing.revision,
    files: listing.files.length,
    bytes: toBytes(listing),
    format: listing.format,
    listDigest: toListDigest(listing.files),
    ...(pin.licence ? { licence: pin.licence } : {}),
    ...(pin.gated === undefined ? {} : { gated: pin.gated }),
    capabilities,
  }
}
